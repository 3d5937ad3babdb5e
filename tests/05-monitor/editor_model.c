/* usage: editor_model SEED KEYS
 * The line editor against a model; the screen it draws on must always show the model's line. */
#include "kernel/monitor/editor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSIST(condition) \
    do { \
        if (!(condition)) { \
            printf("editor_model.c:%d: %s, after key %lu\n", __LINE__, #condition, keys_typed); \
            exit(1); \
        } \
    } while (0)

static uint64_t random_state, keys_typed;
static char screen[4 * LINE_SIZE];
static size_t screen_cursor;
static struct history history;
static struct editor editor;

static const char *const words[] = { "mem", "memory", "halt", "help", "tasks", NULL };

static const char *word_at(size_t index)
{
    return words[index];
}

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

static void show(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\b') {
            INSIST(screen_cursor > 0);
            screen_cursor--;
        } else if (text[i] == '\n') {
            memset(screen, ' ', sizeof screen);
            screen_cursor = 0;
        } else if (text[i] != '\a') {
            INSIST(screen_cursor < LINE_SIZE + 2);
            screen[screen_cursor++] = text[i];
        }
    }
}

/* --- The model: what each key does, said as plainly as possible -------------------------------- */

static char line[LINE_SIZE];
static size_t cursor;

static void erase(size_t from, size_t to)
{
    memmove(line + from, line + to, strlen(line + to) + 1);
    cursor = from;
}

static void insert(char c)
{
    if (strlen(line) == LINE_SIZE - 1)
        return;
    memmove(line + cursor + 1, line + cursor, strlen(line + cursor) + 1);
    line[cursor++] = c;
}

static size_t word_start(void)
{
    size_t start = cursor;

    while (start > 0 && line[start - 1] == ' ')
        start--;
    while (start > 0 && line[start - 1] != ' ')
        start--;
    return start;
}

static void model_key(int key)
{
    size_t length = strlen(line);

    switch (key) {
    case 'A' & 31: cursor = 0; break;
    case 'E' & 31: cursor = length; break;
    case 'B' & 31: cursor -= cursor > 0; break;
    case 'F' & 31: cursor += cursor < length; break;
    case 'K' & 31: erase(cursor, length); break;
    case 'U' & 31: erase(0, cursor); break;
    case 'W' & 31: erase(word_start(), cursor); break;
    case 127: if (cursor > 0) erase(cursor - 1, cursor); break;
    case 'D' & 31: if (cursor < length) erase(cursor, cursor + 1); break;
    default: insert(key);
    }
}

/* Each key of the model with the bytes that a terminal sends for it. */
static const struct {
    int key;
    const char *bytes;
} named_keys[] = {
    { 'A' & 31, "\001" }, { 'A' & 31, "\033[H" }, { 'A' & 31, "\033[1~" }, { 'A' & 31, "\033OH" },
    { 'E' & 31, "\005" }, { 'E' & 31, "\033[F" }, { 'E' & 31, "\033[4~" }, { 'E' & 31, "\033OF" },
    { 'B' & 31, "\002" }, { 'B' & 31, "\033[D" }, { 'F' & 31, "\006" }, { 'F' & 31, "\033[C" },
    { 'K' & 31, "\013" }, { 'U' & 31, "\025" }, { 'W' & 31, "\027" }, { 127, "\177" }, { 127, "\b" },
    { 'D' & 31, "\033[3~" },
};

static enum editor_result feed(const char *bytes)
{
    enum editor_result result = EDITOR_MORE;

    for (; *bytes != '\0'; bytes++) {
        result = editor_feed(&editor, (unsigned char)*bytes);
        keys_typed++;
    }
    return result;
}

static void check(void)
{
    INSIST(strcmp(editor.text, line) == 0 && editor.length == strlen(line));
    INSIST(editor.cursor == cursor && screen_cursor == cursor);
    INSIST(memcmp(screen, line, strlen(line)) == 0);
    for (size_t i = strlen(line); i < LINE_SIZE; i++)
        INSIST(screen[i] == ' ');
}

static void begin(void)
{
    memset(screen, ' ', sizeof screen);
    screen_cursor = cursor = 0;
    line[0] = '\0';
    editor_begin(&editor);
}

static void step(void)
{
    uint64_t choice = random_below(100);

    if (choice < 60) {
        char text[2] = { 32 + random_below(95), 0 };
        feed(text);
        model_key(text[0]);
    } else {
        size_t key = random_below(ARRAY_SIZE(named_keys));
        /* Killing keys are rare, so that lines grow to their limit. */
        if (strchr("\013\025\027", named_keys[key].key) && random_below(20) != 0)
            return;
        feed(named_keys[key].bytes);
        model_key(named_keys[key].key);
    }
    check();
    if (random_below(1000) == 0) {
        INSIST(feed("\r") == EDITOR_LINE);
        INSIST(strcmp(editor.text, line) == 0);
        if (line[0] != '\0')
            INSIST(strcmp(history.lines[(history.count - 1) % HISTORY_SIZE], line) == 0);
        begin();
        /* The line before comes back unharmed, and goes again. */
        if (history.count > 0) {
            const char *last = history.lines[(history.count - 1) % HISTORY_SIZE];
            feed("\033[A");
            INSIST(strcmp(editor.text, last) == 0);
            INSIST(memcmp(screen, last, strlen(last)) == 0);
            feed("\033[B");
        }
        check();
    }
}

/* Any bytes at all: whatever they are, the screen agrees with the editor's own line. */
static void noise(void)
{
    static const char likely[] = "\033\033\033[[[O;?0139~ABCDHFmhe\t\t\001\002\005\006\020\016\013\b ";
    int c = random_below(2) ? likely[random_below(sizeof likely - 1)] : (int)random_below(256);

    keys_typed++;
    if (editor_feed(&editor, c & 255) != EDITOR_MORE)
        begin();
    INSIST(editor.length < LINE_SIZE && editor.text[editor.length] == '\0');
    INSIST(editor.cursor <= editor.length && screen_cursor == editor.cursor);
    INSIST(memcmp(screen, editor.text, editor.length) == 0);
    for (size_t i = editor.length; i < LINE_SIZE; i++)
        INSIST(screen[i] == ' ');
}

int main(int argc, char **argv)
{
    uint64_t keys = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;

    random_state = argc > 1 ? strtoull(argv[1], NULL, 0) * 2 + 1 : 1;
    editor.show = show;
    editor.history = &history;
    editor.word = word_at;
    editor.prompt = "";
    begin();
    while (keys_typed < keys)
        step();
    begin();
    while (keys_typed < 2 * keys)
        noise();
    printf("%lu keys: line and screen agree with the model\n", keys_typed);
    return 0;
}
