/* A fuzzer of mounting, mending, reading and writing. The input is a byte of switches, the number of the transfer that
 * fails, and then what is done to a small and sound volume: links, entries, pieces of names and bytes that are changed
 * before it is mounted, and operations for afterwards. */
#include <string.h>

#include "fuzz_disk.h"
#include "host/cache.h"
#include "host/host.h"

#define WRITABLE 1
#define LARGE_SECTORS 2
#define CLEAN 4
#define OPERATIONS 12
#define FILE_BYTES 4096
#define END 0x0fffffff
#define FOLDER 0x10

static const char *const names[] = {
    "A", "b.txt", "HELLO.TXT", "FRAG.BIN", "a long name of a file.txt", "FOLDER", "INNER.TXT", "DEEP", "\u65e5\u8a18",
    "Mixed.Case", "no*star", "", "..",
    "a name that needs eighteen entries, and so it does not fit into a sector of the disk, which is what makes it "
    "interesting for those who write it, and for those who lose their power, or read what is left of it afterwards",
    "a long name of a file too.txt", "HELLO.TXT.TXT",
};
#define NAMES (sizeof names / sizeof names[0])

static struct { uint8_t kind, folder, name, other; uint16_t size; } operations[OPERATIONS];
static unsigned operation_count;
static struct node *root;

static void piece(uint8_t *entry, unsigned order, uint8_t sum, const char *text, unsigned length)
{
    static const uint8_t places[] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    memset(entry, 0, 32);
    entry[0] = order;
    entry[11] = 0x0f;
    entry[13] = sum;
    for (unsigned i = 0, at = ((order & 31) - 1) * 13; i < 13; i++, at++) {
        entry[places[i]] = at < length ? text[at] : at == length ? 0 : 0xff;
        entry[places[i] + 1] = at > length ? 0xff : 0;
    }
}

static uint8_t sum_of(const uint8_t *entry)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < 11; i++)
        sum = (sum >> 1 | sum << 7) + entry[i];
    return sum;
}

static void folder_make(uint32_t cluster, uint32_t parent)
{
    disk_link(cluster, END, 3);
    disk_set_entry(disk_entry(cluster, 0), ".          ", FOLDER, cluster, 0);
    disk_set_entry(disk_entry(cluster, 1), "..         ", FOLDER, parent, 0);
}

static void volume_make(void)
{
    static const char name[] = "a long name of a file.txt";
    disk_set_entry(disk_entry(ROOT, 0), "NIKKI      ", 0x08, 0, 0);
    disk_set_entry(disk_entry(ROOT, 1), "HELLO   TXT", 0x20, 3, 300);
    disk_set_entry(disk_entry(ROOT, 2), "FRAG    BIN", 0x20, 4, 1700);
    disk_set_entry(disk_entry(ROOT, 5), "ALONGN~1TXT", 0x20, 9, 512);
    for (unsigned i = 0; i < 2; i++)
        piece(disk_entry(ROOT, 4 - i), i == 1 ? 0x42 : 1, sum_of(disk_entry(ROOT, 5)), name, sizeof name - 1);
    disk_set_entry(disk_entry(ROOT, 6), "FOLDER     ", FOLDER, 10, 0);
    disk_set_entry(disk_entry(ROOT, 7), "EMPTY      ", 0x20, 0, 0);
    disk_link(3, END, 3);
    disk_link(4, 6, 3);
    disk_link(6, 7, 3);
    disk_link(7, 5, 3);
    disk_link(5, END, 3);
    disk_link(9, END, 3);
    folder_make(10, 0);
    disk_link(10, 12, 3);
    disk_link(12, END, 3);
    disk_set_entry(disk_entry(10, 2), "INNER   TXT", 0x20, 11, 1);
    disk_set_entry(disk_entry(10, 3), "DEEP       ", FOLDER, 13, 0);
    disk_link(11, END, 3);
    folder_make(13, 10);
    disk_set_entry(disk_entry(13, 2), "FILE       ", 0x20, 14, 600);
    disk_link(14, 15, 3);
    disk_link(15, END, 3);
    for (unsigned i = 0; i < 7 * 512; i++)
        disk_cluster(i < 512 ? 3 : i < 5 * 512 ? 4 : 11)[i % 512] = i * 7;
}

static void entry_change(struct input *input)
{
    char name[12] = "           ";
    uint8_t cluster = take8(input), index = take8(input), attributes = take8(input);
    uint8_t *entry = disk_entry(cluster, index);
    for (unsigned i = take8(input) % 12, at = 0; at < i; at++)
        name[at] = take8(input);
    uint16_t first = take16(input);
    uint16_t size = take16(input);
    disk_set_entry(entry, name, attributes, first, size);
    entry[13] = take8(input);
}

static void piece_change(struct input *input)
{
    uint8_t cluster = take8(input), index = take8(input), order = take8(input), length = take8(input);
    char text[256];
    memset(text, 'a' + length % 26, sizeof text);
    const uint8_t *short_entry = disk_entry(cluster, index + (order & 31));
    piece(disk_entry(cluster, index), order, sum_of(short_entry) + take8(input), text, length);
}

static void bytes_change(struct input *input, unsigned count)
{
    unsigned place = take16(input);
    for (unsigned i = 0; i < count && place + i < sizeof disk_bytes; i++)
        disk_bytes[place + i] = take8(input);
}

static void operation_take(struct input *input)
{
    if (operation_count == OPERATIONS)
        return;
    uint8_t what = take8(input), names_of = take8(input);
    operations[operation_count].kind = what % 8;
    operations[operation_count].folder = what / 8 % 3;
    operations[operation_count].name = names_of % NAMES;
    operations[operation_count].other = names_of / 16 % NAMES;
    operations[operation_count++].size = take16(input);
}

static unsigned volume_change(struct input *input)
{
    operation_count = 0;
    unsigned switches = take8(input), fails_at = take8(input);
    disk_format((switches & WRITABLE) != 0);
    volume_make();
    while (input->at < input->end) {
        uint8_t what = take8(input);
        switch (what % 5) {
        case 0: {
            uint8_t cluster = take8(input);
            disk_link(cluster, (uint32_t)(int16_t)take16(input), what / 5 % 3 + 1);
            break;
        }
        case 1: entry_change(input); break;
        case 2: piece_change(input); break;
        case 3: bytes_change(input, what / 5 % 32 + 1); break;
        default: operation_take(input);
        }
    }
    if ((switches & LARGE_SECTORS) != 0) {
        disk.sector_size = 4096;
        disk.sector_count = SECTORS / 8;
    }
    disk_fails_at = fails_at;
    if ((switches & CLEAN) != 0)
        disk_set_clean(1);
    return switches;
}

/* What can be seen of the volume: a sum over all names and bytes, and how often something was refused. */
struct view {
    uint64_t hash;
    unsigned nodes, errors;
    int may_hide; /* nobody has looked it through, and it was changed: a file's bytes may be a folder's, too */
};

static void view_add(struct view *view, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        view->hash = (view->hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}

static void file_view(struct view *view, struct node *node)
{
    static uint8_t buffer[FILE_BYTES];
    struct file_stat stat;
    int64_t count;
    uint64_t offset = 0;
    if (node->operations->stat(node, &stat) != OK)
        host_fail("no stat");
    view_add(view, &stat.size, sizeof stat.size);
    while ((count = node->operations->read(node, offset, buffer, sizeof buffer)) > 0) {
        asked_at_most(40 * CLUSTERS, "read");
        view_add(view, buffer, count);
        offset += count;
        if (offset > CLUSTERS * 512)
            host_fail("a file larger than its disk");
    }
    if (count == 0 && offset != stat.size)
        host_fail("fewer bytes than the file has");
    view->errors += count < 0;
}

static void folder_view(struct view *view, struct node *folder, unsigned depth)
{
    struct file_entry entry;
    struct node *node;
    uint64_t position = 0;
    int64_t more;
    while (asked_at_most(40 * CLUSTERS, "enumerate"),
           (more = folder->operations->enumerate(folder, &position, &entry)) > 0 && view->nodes++ < 200) {
        view_add(view, entry.name, entry.name_length);
        if (entry.name_length == 0 || strlen(entry.name) != entry.name_length || strchr(entry.name, '/') != NULL)
            host_fail("a name that can't be");
        enum status status = node_lookup(folder, entry.name, entry.name_length, &node);
        asked_at_most(40 * CLUSTERS, "lookup");
        if (status == ERR_NOT_FOUND && !view->may_hide)
            host_fail("%s is in its folder, and is not found", entry.name);
        view->errors += status != OK;
        if (status != OK)
            continue;
        if (node->kind == FILE_KIND_FILE)
            file_view(view, node);
        else if (depth < 6)
            folder_view(view, node, depth + 1);
        node_release(node);
    }
    view->errors += more < 0;
}

static struct view view_of(int may_hide)
{
    struct view view = { .hash = 0xcbf29ce484222325, .may_hide = may_hide };
    folder_view(&view, root, 0);
    return view;
}

/* Mounts, and holds the mount to its bound. */
static enum status mount(void)
{
    report.made = 0;
    host_cache_asked = 0;
    enum status status = fat32_mount(&disk, &root);
    asked_at_most(225 * CLUSTERS, "mount");
    if (status != OK)
        settle();
    return status;
}

static enum status unmount(void)
{
    enum status status = root->file_system->finish(root->file_system);
    node_release(root);
    settle();
    return status;
}

/* On a volume with errors that were left, or that nobody has looked through, a file's own entry may lie in its cluster. */
static void write_somewhere(struct node *node, uint16_t size, uint8_t first)
{
    uint8_t bytes[700], seen[700];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = first + i * 3;
    int64_t count = node->operations->write(node, size % 5000, bytes, size % sizeof bytes);
    if (count <= 0 || disk_fails_at != 0 || !report.made || report.damaged != 0)
        return;
    if (node->operations->read(node, size % 5000, seen, count) != count || memcmp(bytes, seen, count) != 0)
        host_fail("what was written is not there");
}

static void operate(unsigned number)
{
    const char *name = names[operations[number].name], *other = names[operations[number].other];
    unsigned kind = operations[number].kind, size = operations[number].size;
    struct node *folder = root, *node = NULL;
    node_hold(folder);
    if (operations[number].folder > 0) {
        enum status status = node_lookup(root, "FOLDER", 6, &node);
        if (status == OK) {
            node_release(folder);
            folder = node;
        }
    }
    enum status status = OK;
    if (kind >= 5)
        status = node_lookup(folder, name, strlen(name), &node);
    switch (kind) {
    case 0:
    case 1: status = folder->operations->create(folder, name, strlen(name), kind + 1, &node); break;
    case 2: status = folder->operations->remove(folder, name, strlen(name), size % 2 + 1); break;
    case 3: status = folder->operations->rename(folder, name, strlen(name), root, other, strlen(other)); break;
    case 4:
        status = size % 2 == 0 ? root->operations->sync(root) : folder->operations->stamp(folder, size * 100000);
        break;
    case 5:
        if (status == OK)
            write_somewhere(node, size, number);
        break;
    case 6:
        if (status == OK)
            (void)!node->operations->resize(node, size % 6000);
        break;
    default: /* open while its name goes */
        if (status == OK && folder->operations->remove(folder, name, strlen(name), node->kind) == OK &&
            node->kind == FILE_KIND_FILE)
            write_somewhere(node, size, number);
    }
    asked_at_most(4000 * CLUSTERS, "an operation");
    if (status == OK && (kind < 2 || kind > 4))
        node_release(node);
    node_release(folder);
}

/* How much is free when nothing waits any more. */
static uint64_t free_space(void)
{
    struct file_space space;
    if (root->operations->sync(root) != OK || root->file_system->space(root->file_system, &space) != OK)
        host_fail("a volume that was mended can't be synced, or counted");
    return space.free;
}

/* What was mended stays so: the same is seen, as much is free, and if the volume is looked through once more, there is
 * nothing to do. */
static void mount_again(struct view before, uint64_t free)
{
    for (int clean = 1; clean >= 0; clean--) {
        if (!clean)
            disk_bytes[65] |= 1; /* as others say it; our own mark may be anywhere, if the boot sector was changed */
        if (mount() != OK)
            host_fail("a volume that was mended is refused");
        if (report.made == clean)
            host_fail(clean ? "a volume that was finished is looked through" : "nobody looks through a volume");
        if (report.made && report.lost + report.cut + report.doubles + report.orphans + report.damaged != 0)
            host_fail("mended, and then: %u lost, %u cut, %u double, %u orphans, %u damaged", report.lost, report.cut,
                      report.doubles, report.orphans, report.damaged);
        struct view view = view_of(0);
        if (view.hash != before.hash || view.errors != 0)
            host_fail("mended, and something else is seen, with %u errors", view.errors);
        if (free_space() != free)
            host_fail("%lu bytes were free, and now there are %lu", free, free_space());
        if (unmount() != OK)
            host_fail("a volume that was mended can't be finished");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, data + size };
    volume_change(&input);
    if (mount() != OK)
        return 0;
    int mended = report.made && report.damaged == 0 && disk_fails_at == 0;
    struct view view = view_of(0);
    if (mended && view.errors != 0)
        host_fail("mended, and %u things can't be read", view.errors);
    for (unsigned i = 0; i < operation_count; i++)
        operate(i);
    host_cache_asked = 0;
    if (operation_count > 0)
        view = view_of(!report.made);
    uint64_t free = mended ? free_space() : 0;
    enum status status = unmount();
    if (mended && status != OK)
        host_fail("finish: %d", status);
    if (mended)
        mount_again(view, free);
    return 0;
}
