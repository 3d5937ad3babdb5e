/* A fuzzer of a folder's entries and names. The input is the length of a name, the name, and the entries of the root.
 * What a listing shows is compared with a model, which reads long names from their short entries backwards; then a file
 * of this name is made among them. */
#include <stdbool.h>
#include <string.h>

#include "fuzz_disk.h"
#include "host/cache.h"
#include "host/host.h"

#define ENTRIES 128
#define UNITS 260

static struct node *root;

/* One character of UTF-8 as the standard has it: 0 if there is none, or a control character. */
static unsigned utf8_length(const uint8_t *at, const uint8_t *end)
{
    uint32_t c = *at;
    unsigned length = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : c >> 4 == 0xe ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (length > (size_t)(end - at) || c < ' ')
        return 0;
    for (unsigned i = 1; i < length; i++)
        if (at[i] >> 6 != 2)
            return 0;
    bool overlong = (c == 0xe0 && at[1] < 0xa0) || (c == 0xf0 && at[1] < 0x90);
    bool nobody = (c == 0xed && at[1] > 0x9f) || (c == 0xf4 && at[1] > 0x8f);
    return overlong || nobody ? 0 : length;
}

static void check_name(const char *name, size_t length)
{
    const uint8_t *at = (const uint8_t *)name, *end = at + length;
    if (length == 0 || length >= FILE_NAME_SIZE || strlen(name) != length || strchr(name, '/') != NULL ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        host_fail("a name that can't be: '%s'", name);
    for (unsigned count; at < end; at += count)
        if ((count = utf8_length(at, end)) == 0)
            host_fail("a name that is not UTF-8: '%s'", name);
}

static bool is_piece(const uint8_t *entry)
{
    return entry[0] != 0xe5 && (entry[11] & 0x3f) == 0x0f;
}

/* The units in front of a short entry; 0 if it has no long name. */
static unsigned model_units(const uint8_t *entry, const uint8_t *first, uint16_t *units)
{
    static const uint8_t places[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    unsigned order = 0, count = 0, sum = 0;
    bool last = false, ended = false;
    for (unsigned i = 0; i < 11; i++)
        sum = ((sum >> 1 | sum << 7) + entry[i]) & 0xff;
    const uint8_t *piece = entry;
    while (!last) {
        if (piece == first || ++order > 20)
            return 0;
        piece -= 32;
        last = (piece[0] & 0x40) != 0;
        if (!is_piece(piece) || (piece[0] & 0x1f) != order || piece[13] != sum)
            return 0;
        for (unsigned i = 0; i < 13 && !ended; i++) {
            units[count] = piece[places[i]] | piece[places[i] + 1] << 8;
            ended = units[count] == 0;
            count += !ended;
        }
    }
    return count <= 255 ? count : 0;
}

/* The name in UTF-8, or an empty one. */
static void model_long(const uint8_t *entry, const uint8_t *first, char *text)
{
    uint16_t units[UNITS];
    unsigned count = model_units(entry, first, units);
    uint8_t *to = (uint8_t *)text;
    for (unsigned i = 0; i < count; i++) {
        uint32_t c = units[i];
        if (c < ' ' || c == '/') {
            to = (uint8_t *)text;
            break;
        }
        if (c >> 10 == 0x36 && i + 1 < count && units[i + 1] >> 10 == 0x37)
            c = 0x10000 + ((c & 0x3ff) << 10) + (units[++i] & 0x3ff);
        else if (c >> 11 == 0x1b)
            c = 0xfffd;
        if (c < 0x80) {
            *to++ = c;
        } else if (c < 0x800) {
            *to++ = 0xc0 | c >> 6;
            *to++ = 0x80 | (c & 0x3f);
        } else {
            *to = c < 0x10000 ? 0xe0 | c >> 12 : 0xf0 | c >> 18;
            to++;
            if (c >= 0x10000)
                *to++ = 0x80 | (c >> 12 & 0x3f);
            *to++ = 0x80 | (c >> 6 & 0x3f);
            *to++ = 0x80 | (c & 0x3f);
        }
    }
    *to = '\0';
    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        *text = '\0';
}

/* Whether text is the short name, whose upper half may be any letters. */
static bool is_short(const uint8_t *entry, const char *text)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
    for (unsigned part = 0; part < 2; part++) {
        unsigned from = part * 8, to = part == 0 ? 8 : 11;
        if (part == 1 && entry[8] == ' ')
            break;
        if (part == 1 && *at++ != '.')
            return false;
        while (to > from && entry[to - 1] == ' ')
            to--;
        for (unsigned i = from; i < to || (i == 0 && to == 0); i++) {
            uint8_t byte = i == 0 && entry[0] == ' ' ? '_' : entry[i] < ' ' || entry[i] == '/' ? '_' : entry[i];
            if (i == 0 && entry[0] == 5)
                byte = 0xe5;
            if ((entry[12] >> (3 + part) & 1) != 0 && byte >= 'A' && byte <= 'Z')
                byte += 32;
            unsigned length = at < end ? utf8_length(at, end) : 0;
            if (length == 0 || (byte < 0x80 ? *at != byte : length == 1))
                return false;
            at += length;
        }
    }
    return at == end;
}

/* The short name, if it is plain ASCII; else an empty text. */
static void model_alias(const uint8_t *entry, char *text)
{
    char *to = text;
    for (unsigned i = 0; i < 11; i++) {
        if (entry[i] >= 0x80 || (i == 0 && entry[i] <= 5)) {
            *text = '\0';
            return;
        }
        unsigned rest = i, end = i < 8 ? 8 : 11;
        while (rest < end && entry[rest] == ' ')
            rest++;
        if (i == 8 && entry[8] != ' ')
            *to++ = '.';
        if (i == 0 || (rest < end && (i < 8 || entry[8] != ' ')))
            *to++ = entry[i] < ' ' || entry[i] == '/' || (i == 0 && entry[i] == ' ') ? '_' : entry[i];
    }
    *to = '\0';
}

/* A name is found as it is, and with large letters for small ones and the other way round. */
static void look_up(char *name)
{
    struct node *node;
    for (unsigned i = 0; i < 2; i++) {
        enum status status = node_lookup(root, name, strlen(name), &node);
        if (status == ERR_NOT_FOUND)
            host_fail("'%s' is there, and not found", name);
        if (status == OK)
            node_release(node);
        for (char *at = name; *at != '\0'; at++)
            if ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z'))
                *at ^= 32;
    }
}

/* A listing shows what the model has, in its order, and each of it is found. */
static void compare(const uint8_t *entries, unsigned count)
{
    struct file_entry shown;
    uint64_t position = 0;
    char text[4 * UNITS];
    for (unsigned i = 0; i < count && entries[i * 32] != 0; i++) {
        const uint8_t *entry = entries + i * 32;
        if (entry[0] == 0xe5 || entry[0] == '.' || (entry[11] & 8) != 0)
            continue;
        if (root->operations->enumerate(root, &position, &shown) != 1)
            host_fail("entry %u is not listed", i);
        check_name(shown.name, shown.name_length);
        model_long(entry, entries, text);
        if (*text != '\0' ? strcmp(text, shown.name) != 0 : !is_short(entry, shown.name))
            host_fail("entry %u is called '%s', wanted '%s'", i, shown.name, text);
        if ((shown.kind == FILE_KIND_FOLDER) != ((entry[11] & 16) != 0))
            host_fail("entry %u is of another kind", i);
        look_up(shown.name);
        model_alias(entry, text);
        if (*text != '\0')
            look_up(text);
    }
    if (root->operations->enumerate(root, &position, &shown) != 0)
        host_fail("'%s' is listed, and is not there", shown.name);
}

static bool may_be_made(const char *name, unsigned length)
{
    unsigned units = 0, count;
    for (unsigned i = 0; i < length; i += count, units += count == 4 ? 2 : 1) {
        count = utf8_length((const uint8_t *)name + i, (const uint8_t *)name + length);
        if (count == 0 || strchr("\"*/:<>?\\|", name[i]) != NULL)
            return false;
    }
    return units > 0 && units <= 255 && name[length - 1] != '.' && name[length - 1] != ' ';
}

static unsigned times_listed(const char *name, unsigned length)
{
    struct file_entry shown;
    uint64_t position = 0;
    unsigned times = 0;
    while (root->operations->enumerate(root, &position, &shown) > 0) {
        check_name(shown.name, shown.name_length);
        times += shown.name_length == length && memcmp(shown.name, name, length) == 0;
    }
    return times;
}

static void mount(void)
{
    if (fat32_mount(&disk, &root) != OK)
        host_fail("a folder can't be mounted");
}

static void unmount(void)
{
    (void)!root->file_system->finish(root->file_system);
    node_release(root);
    settle();
}

static void make_file(const char *name, unsigned length)
{
    struct node *node;
    enum status made = root->operations->create(root, name, length, FILE_KIND_FILE, &node);
    bool may = may_be_made(name, length);
    if (may != (made != ERR_INVALID_ARGUMENT) || (made != OK && made != ERR_INVALID_ARGUMENT && made != ERR_EXISTS))
        host_fail("a file '%.*s' is made: %d", (int)length, name, made);
    if (made == OK)
        node_release(node);
    if (made == OK && times_listed(name, length) != 1)
        host_fail("'%.*s' is not listed once", (int)length, name);
    unmount();
    disk_set_clean(0);
    mount();
    enum status found = may ? node_lookup(root, name, length, &node) : OK;
    bool was_double = made == ERR_EXISTS && report.doubles > 0; /* the mount took the older name of a file away */
    if ((found == ERR_NOT_FOUND && !was_double) || (made == OK && (found != OK || times_listed(name, length) != 1)))
        host_fail("'%.*s' is not found: %d", (int)length, name, found);
    if (made != OK) {
        if (may && found == OK)
            node_release(node);
        return;
    }
    node_release(node);
    if (root->operations->remove(root, name, length, FILE_KIND_FILE) != OK ||
        node_lookup(root, name, length, &node) != ERR_NOT_FOUND)
        host_fail("'%.*s' does not go", (int)length, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t entries[ENTRIES * 32];
    struct input input = { data, data + size };
    unsigned length = take8(&input) * 4, count = 0;
    if (length > (size_t)(input.end - input.at))
        length = input.end - input.at;
    const char *name = (const char *)input.at;
    input.at += length;
    disk_format(0);
    for (; input.at < input.end && count < ENTRIES; count++) {
        for (unsigned i = 0; i < 32; i++)
            entries[count * 32 + i] = take8(&input);
        memcpy(disk_entry(ROOT + count / 16, count), entries + count * 32, 32);
        disk_link(ROOT + count / 16, 0x0fffffff, 3);
        if (count >= 16 && count % 16 == 0)
            disk_link(ROOT + count / 16 - 1, ROOT + count / 16, 3);
    }
    mount();
    compare(entries, count);
    unmount();
    disk_be_writable();
    mount();
    make_file(name, length);
    unmount();
    return 0;
}
