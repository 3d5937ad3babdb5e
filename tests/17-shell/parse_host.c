/* The shell's parser on the host. usage: parse_host cases | parse_host fuzz COUNT SEED */
#include "userland/shell/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long state;

static unsigned next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33);
}

/* Writes each command's words as [a][b], commands with / between them, or ! and the place of what is wrong. */
static void describe(const char *line, char *out)
{
    struct words words;
    const char *cursor = line;
    *out = '\0';
    memset(&words, 0xa5, sizeof words); /* as the stack may leave it */
    while (*cursor != '\0') {
        if (cursor != line)
            strcat(out, "/");
        if (parse_command(&cursor, 7, &words) != NULL) {
            sprintf(out + strlen(out), "!%d", (int)(cursor - line));
            return;
        }
        for (int i = 0; i < words.count; i++)
            sprintf(out + strlen(out), "[%s]", words.word[i]);
        if (words.input != NULL)
            sprintf(out + strlen(out), "<%s", words.input);
        if (words.output != NULL)
            sprintf(out + strlen(out), ">%s%s", words.append ? ">" : "", words.output);
        if (words.word[words.count] != NULL)
            exit(3);
    }
}

static const struct {
    const char *line, *wanted;
} table[] = {
    { "", "" },                          { "   ", "" },
    { "ls", "[ls]" },                    { "  ls\t /bin ", "[ls][/bin]" },
    { "a;b", "[a]/[b]" },                { "a ; ; b", "[a]//[b]" },
    { "echo 'a b' \"c d\"", "[echo][a b][c d]" }, { "x'y'z", "[xyz]" },
    { "echo \"\" ''", "[echo][][]" },    { "a\\ b", "[a b]" },
    { "'a\\b' \"a\\\"b\"", "[a\\b][a\"b]" }, { "\"a'b\" 'a\"b'", "[a'b][a\"b]" },
    { "echo $? '$?' \"$?\"", "[echo][7][$?][7]" }, { "echo a # b; c", "[echo][a]" },
    { "echo a#b", "[echo][a#b]" },       { "\"open", "!5" },
    { "back\\", "!4" },                  { "a | b", "!2" },
    { "a > b", "[a]>b" },                { "a '|' b", "[a][|][b]" },
    { "a>b c>>'d e'", "[a][c]>>d e" },   { "<a b>c<d; e", "[b]<d>c/[e]" },
    { ">a", ">a" },                      { "a >", "!2" },
    { "a > ; b", "!2" },                 { "a >> # b", "!2" },
    { "a '>' \\> b", "[a][>][>][b]" },   { "a >>> b", "!2" },
};

static int cases(void)
{
    static char out[8192], line[LINE_SIZE];
    int failures = 0;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        describe(table[i].line, out);
        if (strcmp(out, table[i].wanted) != 0) {
            printf("%s: got %s, wanted %s\n", table[i].line, out, table[i].wanted);
            failures++;
        }
    }
    memset(line, 'a', sizeof line - 1);
    describe(line, out);
    failures += out[0] != '!';
    for (unsigned i = 0; i < sizeof line - 1; i += 2)
        line[i] = ' ';
    describe(line, out);
    failures += out[0] != '!';
    return failures;
}

int main(int argc, char **argv)
{
    static const char alphabet[] = "ab  \t;#'\"\\$?|<>&/.\x80\xff";
    static char out[1 << 16];
    if (argc < 4)
        return cases();
    state = strtoull(argv[3], NULL, 0);
    for (int i = 0; i < atoi(argv[2]); i++) {
        size_t length = next_random() % (i % 10 ? 40 : LINE_SIZE);
        char *line = malloc(length + 1);
        for (size_t j = 0; j < length; j++)
            line[j] = alphabet[next_random() % (sizeof alphabet - 1)];
        line[length] = '\0';
        describe(line, out);
        free(line);
    }
    return 0;
}
