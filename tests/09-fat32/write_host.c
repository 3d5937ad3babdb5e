/* Writes FAT32 images on the host, through the kernel's own code, beside a model in memory.
 *
 * usage: write_host model IMAGE SEED OPERATIONS   random operations; the tree is compared, and the image written back
 *        write_host cut IMAGE SCRATCH FIRST STEP  pairs of operations, the power cut after each write, and reorderings;
 *                                                 each image is mounted, compared, and checked by fsck.fat in SCRATCH
 *        write_host fail IMAGE                    each read, write and flush of a workload fails once, and is retried
 *        write_host full IMAGE                    each operation with few clusters left
 *        write_host mend IMAGE...                 mounts each, which repairs it, prints its tree and all bytes in
 *                                                 hexadecimal, and writes it back
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/cache.h"
#include "host/host.h"
#include "kernel/fat32/fat32.h"
#include "kernel/fat32/name.h"
#include "kernel/memory/critical.h"
#include "kernel/virtio/block.h"

#define ENTRIES 400

/* The disk: an image in memory, which can note what is written, and fail. */
struct event {
    uint64_t sector; /* UINT64_MAX: a flush; UINT64_MAX - 1: a call begins; - 2: a sync has returned */
    uint8_t *data;
};

static uint8_t *image;
static size_t image_size;
static struct event *events;
static unsigned event_count, recording;
static uint64_t transfers, fail_at;
static unsigned fail_run = 1;
extern char **environ;

#define FLUSH UINT64_MAX
#define CALL (UINT64_MAX - 1)
#define SYNCED (UINT64_MAX - 2)

static void note(uint64_t sector, const void *data, size_t size)
{
    if (!recording)
        return;
    events = realloc(events, (event_count + 1) * sizeof *events);
    events[event_count].sector = sector;
    events[event_count].data = size == 0 ? NULL : memcpy(malloc(size), data, size);
    event_count++;
}

static int fails(void)
{
    transfers++;
    return fail_at != 0 && transfers >= fail_at && transfers < fail_at + fail_run;
}

static enum status disk_read(struct block_device *disk, uint64_t sector, uint32_t count, void *buffer)
{
    if (host_critical_depth != 0)
        host_fail("the disk is read in a critical section");
    if (fails())
        return ERR_IO;
    memcpy(buffer, image + sector * disk->sector_size, (size_t)count * disk->sector_size);
    return OK;
}

static enum status disk_write(struct block_device *disk, uint64_t sector, uint32_t count, const void *buffer)
{
    if (fails())
        return ERR_IO;
    for (uint32_t i = 0; i < count; i++)
        note(sector + i, (const uint8_t *)buffer + i * disk->sector_size, disk->sector_size);
    memcpy(image + sector * disk->sector_size, buffer, (size_t)count * disk->sector_size);
    return OK;
}

static enum status disk_flush(struct block_device *disk)
{
    (void)disk;
    if (fails())
        return ERR_IO;
    note(FLUSH, NULL, 0);
    return OK;
}

static struct block_device device = {
    .name = "vda", .sector_size = 512, .read = disk_read, .write = disk_write, .flush = disk_flush
};

static void image_read(const char *path)
{
    struct stat stat;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &stat) != 0)
        host_fail("can't open %s", path);
    image_size = stat.st_size;
    image = malloc(image_size);
    for (size_t done = 0; done < image_size;)
        done += read(file, image + done, image_size - done);
    close(file);
    device.sector_count = image_size / device.sector_size;
}

static void image_write(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, image, image_size) != (ssize_t)image_size)
        host_fail("can't write %s", path);
    close(file);
}

/* What the tree should be. */
struct thing {
    int used, parent; /* 0 is the root */
    char name[800];
    uint32_t kind, size;
    uint8_t *data;
};

struct model {
    struct thing things[ENTRIES];
    int count;
};

static struct model model;
static struct node *root;
static int retrying; /* a failed call is tried again */

static int same_name(const char *a, const char *b)
{
    struct wanted_name left, right;
    return wanted_take(&left, a, strlen(a)) && wanted_take(&right, b, strlen(b)) && left.count == right.count &&
           memcmp(left.characters, right.characters, left.count * sizeof left.characters[0]) == 0;
}

static int model_find(const struct model *m, int parent, const char *name)
{
    for (int i = 1; i < m->count; i++)
        if (m->things[i].used && m->things[i].parent == parent &&
            same_name(m->things[i].name, name))
            return i;
    return -1;
}

static int model_add(int parent, const char *name, uint32_t kind)
{
    int i = 1;
    while (i < model.count && model.things[i].used)
        i++;
    if (i == ENTRIES)
        host_fail("the model is full");
    if (i == model.count)
        model.count++;
    model.things[i] = (struct thing){ .used = 1, .parent = parent, .kind = kind };
    snprintf(model.things[i].name, sizeof model.things[i].name, "%s", name);
    return i;
}

static void model_drop(int i)
{
    free(model.things[i].data);
    model.things[i].data = NULL;
    model.things[i].used = 0;
}

static int model_is_empty(int folder)
{
    for (int i = 1; i < model.count; i++)
        if (model.things[i].used && model.things[i].parent == folder)
            return 0;
    return 1;
}

static struct model *model_copy(const struct model *from)
{
    struct model *copy = malloc(sizeof *copy);
    *copy = *from;
    for (int i = 1; i < copy->count; i++)
        if (copy->things[i].used && copy->things[i].data != NULL)
            copy->things[i].data = memcpy(malloc(copy->things[i].size + 1), from->things[i].data, copy->things[i].size);
    return copy;
}

static void model_free(struct model *m)
{
    for (int i = 1; i < m->count; i++)
        if (m->things[i].used)
            free(m->things[i].data);
    free(m);
}

/* States of the model after each call, for cuts. */
static struct model *states[200];
static struct { char old[1000], new[1000]; } renames[200]; /* what the call that led to a state renamed */
static unsigned state_count;

static void call_begins(void)
{
    note(CALL, NULL, 0);
}

static void state_push(void)
{
    if (recording)
        states[state_count++] = model_copy(&model);
}

static struct node *open_thing(int i)
{
    struct node *node, *parent;
    if (i == 0) {
        node_hold(root);
        return root;
    }
    parent = open_thing(model.things[i].parent);
    enum status status;
    do
        status = node_lookup(parent, model.things[i].name, strlen(model.things[i].name), &node);
    while (status == ERR_IO && retrying);
    node_release(parent);
    if (status != OK)
        host_fail("%s is not found: %d", model.things[i].name, status);
    return node;
}

static unsigned no_space, io_errors;

static int64_t told(int64_t status)
{
    no_space += status == ERR_NO_SPACE;
    io_errors += status == ERR_IO;
    return status;
}

static void expect(const char *what, int64_t status, int64_t wanted)
{
    if (status != wanted && status != ERR_NO_SPACE)
        host_fail("%s: %ld, wanted %ld", what, status, wanted);
}

static int do_create(int parent, const char *name, uint32_t kind)
{
    struct node *folder = open_thing(parent), *node = NULL;
    int exists = model_find(&model, parent, name);
    int64_t status;
    call_begins();
    do
        status = told(folder->operations->create(folder, name, strlen(name), kind, &node));
    while (status == ERR_IO && retrying);
    expect("create", status, exists > 0 ? ERR_EXISTS : OK);
    node_release(folder);
    if (status == OK)
        node_release(node);
    int made = status == OK ? model_add(parent, name, kind) : -1;
    state_push();
    return made;
}

static void do_write(int i, uint32_t offset, uint32_t size, uint8_t first)
{
    struct node *node = open_thing(i);
    struct thing *thing = &model.things[i];
    uint8_t *buffer = malloc(size + 1);
    for (uint32_t at = 0; at < size; at++)
        buffer[at] = (uint8_t)(first + at * 7 + (at >> 8));
    int64_t count;
    call_begins();
    do
        count = told(node->operations->write(node, offset, buffer, size));
    while (count == ERR_IO && retrying);
    if (count < 0)
        expect("write", count, size);
    node_release(node);
    if (count > 0) {
        uint32_t end = offset + count;
        if (end > thing->size) {
            thing->data = realloc(thing->data, end + 1);
            memset(thing->data + thing->size, 0, end - thing->size);
            thing->size = end;
        }
        memcpy(thing->data + offset, buffer, count);
    }
    free(buffer);
    state_push();
}

static void do_resize(int i, uint32_t size)
{
    struct node *node = open_thing(i);
    struct thing *thing = &model.things[i];
    int64_t status;
    call_begins();
    do
        status = told(node->operations->resize(node, size));
    while (status == ERR_IO && retrying);
    expect("resize", status, OK);
    node_release(node);
    if (status == OK) {
        thing->data = realloc(thing->data, size + 1);
        if (size > thing->size)
            memset(thing->data + thing->size, 0, size - thing->size);
        thing->size = size;
    }
    state_push();
}

static void do_remove(int parent, const char *name, uint32_t kind)
{
    struct node *folder = open_thing(parent);
    int i = model_find(&model, parent, name);
    enum status wanted = i < 0 ? ERR_NOT_FOUND : OK;
    if (i > 0 && model.things[i].kind != kind)
        wanted = model.things[i].kind == FILE_KIND_FOLDER ? ERR_IS_A_FOLDER : ERR_NOT_A_FOLDER;
    else if (i > 0 && kind == FILE_KIND_FOLDER && !model_is_empty(i))
        wanted = ERR_NOT_EMPTY;
    int64_t status;
    call_begins();
    do
        status = told(folder->operations->remove(folder, name, strlen(name), kind));
    while (status == ERR_IO && retrying);
    expect("remove", status, wanted);
    node_release(folder);
    if (status == OK)
        model_drop(i);
    state_push();
}

static void path_of(const struct model *m, int i, char *path, size_t size)
{
    char above[1000] = "";
    if (i == 0) {
        path[0] = '\0';
        return;
    }
    path_of(m, m->things[i].parent, above, sizeof above);
    snprintf(path, size, "%s/%s", above, m->things[i].name);
}

static void do_rename(int from, const char *old, int to, const char *new)
{
    struct node *a = open_thing(from), *b = open_thing(to);
    int i = model_find(&model, from, old), j = model_find(&model, to, new);
    enum status wanted = i < 0 ? ERR_NOT_FOUND : OK;
    if (i > 0 && j > 0 && i != j && model.things[i].kind != model.things[j].kind)
        wanted = model.things[j].kind == FILE_KIND_FOLDER ? ERR_IS_A_FOLDER : ERR_NOT_A_FOLDER;
    for (int up = to; wanted == OK && i > 0 && up != 0; up = model.things[up].parent)
        if (up == i)
            wanted = ERR_INVALID_ARGUMENT;
    if (wanted == OK && j > 0 && i != j && model.things[j].kind == FILE_KIND_FOLDER && !model_is_empty(j))
        wanted = ERR_NOT_EMPTY;
    int64_t status;
    char before[1000];
    path_of(&model, i > 0 ? i : 0, before, sizeof before);
    call_begins();
    do
        status = told(a->operations->rename(a, old, strlen(old), b, new, strlen(new)));
    while (status == ERR_IO && retrying);
    expect("rename", status, wanted);
    node_release(a);
    node_release(b);
    if (status == OK) {
        char name[800];
        snprintf(name, sizeof name, "%s", j > 0 && i != j ? model.things[j].name : new);
        if (j > 0 && i != j)
            model_drop(j);
        model.things[i].parent = to;
        snprintf(model.things[i].name, sizeof model.things[i].name, "%s", name);
        if (recording) {
            snprintf(renames[state_count].old, 1000, "%s", before);
            path_of(&model, i, renames[state_count].new, 1000);
        }
    }
    state_push();
}

static void do_sync(void)
{
    int64_t status;
    do
        status = told(root->operations->sync(root));
    while (status == ERR_IO && retrying);
    if (status != OK)
        host_fail("sync: %ld", status);
    note(SYNCED, NULL, 0);
}

static void mount(void)
{
    enum status status;
    do
        status = fat32_mount(&device, &root);
    while (status == ERR_IO && retrying);
    if (status != OK)
        host_fail("mount: %d", status);
}

static void settle(void)
{
    if (host_memory_live != 0 || host_locks_held != 0 || host_cache_pinned != 0)
        host_fail("%lu pieces of memory, %lu locks and %u blocks are left", host_memory_live, host_locks_held,
                  host_cache_pinned);
}

static void unmount(void)
{
    enum status status;
    do
        status = root->file_system->finish(root->file_system);
    while (status == ERR_IO && retrying);
    if (status != OK)
        host_fail("finish: %d", status);
    node_release(root);
    settle();
}

static uint8_t *bytes_of(struct node *node, uint64_t size)
{
    uint8_t *bytes = malloc(size + 1);
    for (uint64_t at = 0; at < size;) {
        int64_t count = node->operations->read(node, at, bytes + at, size - at);
        if (count == 0 || (count < 0 && !(count == ERR_IO && retrying)))
            host_fail("read: %ld", count);
        at += count > 0 ? count : 0;
    }
    return bytes;
}

/* Compares a folder with the model, exactly. */
static void compare(int folder)
{
    struct node *node = open_thing(folder);
    struct file_entry entry;
    uint64_t position = 0;
    int64_t more;
    int seen = 0, wanted = 0;
    while ((more = node->operations->enumerate(node, &position, &entry)) > 0) {
        int i = model_find(&model, folder, entry.name);
        if (i < 0 || strcmp(model.things[i].name, entry.name) != 0)
            host_fail("%s is in the folder, but not in the model", entry.name);
        if (entry.kind != model.things[i].kind ||
            (entry.kind == FILE_KIND_FILE && entry.size != model.things[i].size))
            host_fail("%s: size %lu, wanted %u", entry.name, entry.size, model.things[i].size);
        seen++;
    }
    if (more < 0)
        host_fail("enumerate: %ld", more);
    for (int i = 1; i < model.count; i++)
        wanted += model.things[i].used && model.things[i].parent == folder;
    if (seen != wanted)
        host_fail("%d items in the folder, %d in the model", seen, wanted);
    node_release(node);
    for (int i = 1; i < model.count; i++) {
        struct thing *thing = &model.things[i];
        if (!thing->used || thing->parent != folder)
            continue;
        if (thing->kind == FILE_KIND_FOLDER) {
            compare(i);
            continue;
        }
        node = open_thing(i);
        uint8_t *bytes = bytes_of(node, thing->size);
        if (thing->size > 0 && memcmp(bytes, thing->data, thing->size) != 0)
            host_fail("%s has other bytes", thing->name);
        free(bytes);
        node_release(node);
    }
}

static const char *const pool[] = {
    "A", "b", "README.TXT", "readme.md", "Mixed.Case", "a rather long name.txt", "a rather long name 2.txt",
    "a rather long name 3.text", "A RATHER LONG NAME 4.TXT", ".hidden", "two.dots.here", "Ünïcödé", "日記 — дневник",
    "emoji \xf0\x9f\x98\x80", "x+y=z;[1],2", "noext", "file.c", "FILE.H", "file.longext", " leading space",
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 220",
    "a", "B", "Readme.txt", "MIXED.case", "ünïCÖDÉ", "prefix1", "prefixlong1", "prefixlong2", "prefixlong3", "prefixlong4",
    "prefixlong5", "prefixlong6", "prefixlong7", "prefixlong8", "prefixlong9", "prefixlong10", "prefixlong11",
};
#define POOL (sizeof pool / sizeof pool[0])

static int any_thing(uint32_t kind)
{
    if (model.count < 2)
        return -1;
    for (int tries = 0; tries < 20; tries++) {
        int i = 1 + host_random() % (model.count - 1);
        if (model.things[i].used && model.things[i].kind == kind)
            return i;
    }
    return -1;
}

static int any_folder(void)
{
    int i = host_random() % 3 == 0 ? -1 : any_thing(FILE_KIND_FOLDER);
    return i < 0 ? 0 : i;
}

/* A file that is removed while it is open keeps its bytes. */
static void do_remove_open(int i)
{
    struct node *node = open_thing(i);
    uint32_t size = model.things[i].size;
    uint8_t *data = memcpy(malloc(size + 1), size == 0 ? (uint8_t *)"" : model.things[i].data, size);
    do_remove(model.things[i].parent, model.things[i].name, FILE_KIND_FILE);
    if (host_random() % 2 == 0)
        do_sync();
    int64_t count = node->operations->write(node, size, "more", 4);
    uint8_t *bytes = bytes_of(node, size);
    if (memcmp(bytes, data, size) != 0 || (count < 0 && count != ERR_NO_SPACE))
        host_fail("a removed file lost its bytes: %ld", count);
    free(bytes);
    free(data);
    node_release(node);
}

static void random_operation(void)
{
    const char *name = pool[host_random() % POOL], *other = pool[host_random() % POOL];
    int file = any_thing(FILE_KIND_FILE), folder = any_folder(), target = any_folder();
    uint32_t place = host_random() % 4 == 0 ? host_random() % 40000 : host_random() % 2000;
    int room = model.count < ENTRIES - 40;
    switch (host_random() % 16) {
    case 0: case 1: case 2: if (room) do_create(folder, name, FILE_KIND_FILE); break;
    case 3: if (room) do_create(folder, name, FILE_KIND_FOLDER); break;
    case 4: case 5: if (file > 0) do_write(file, place, host_random() % 3000, host_random()); break;
    case 6: case 7: if (file > 0) do_write(file, model.things[file].size, host_random() % 3000, host_random()); break;
    case 8: if (file > 0) do_resize(file, place); break;
    case 9: if (file > 0) do_resize(file, 0); break;
    case 10: do_remove(folder, name, FILE_KIND_FILE); break;
    case 11: if (file > 0) do_remove(model.things[file].parent, model.things[file].name, FILE_KIND_FILE); break;
    case 12: do_remove(folder, name, FILE_KIND_FOLDER); break;
    case 13: do_rename(folder, name, target, other); break;
    case 14: if (file > 0) do_rename(model.things[file].parent, model.things[file].name, target, other); break;
    default:
        if (file > 0 && host_random() % 8 == 0)
            do_remove_open(file);
        else if (host_random() % 4 == 0)
            do_sync();
        break;
    }
}

static int run_model(const char *path, unsigned operations)
{
    mount();
    for (unsigned i = 1; i <= operations; i++) {
        random_operation();
        if (i % 500 == 0)
            compare(0);
        if (i % 1000 == 0) {
            unmount();
            mount();
            compare(0);
        }
    }
    unmount();
    image_write(path);
    printf("%u operations, %u without space\n", operations, no_space);
    return 0;
}

#define FOLDER FILE_KIND_FOLDER
#define FILE_ FILE_KIND_FILE
#define LONG "a name of two hundred and more characters that needs two sectors for its pieces, because sixteen of them "\
             "and the short entry are too many for one; so it goes on and on until it is really long enough for that, " \
             "isn't it"

static int thing(const char *path)
{
    char copy[1000], *part, *rest = copy;
    int at = 0;
    snprintf(copy, sizeof copy, "%s", path);
    while (at >= 0 && (part = strsep(&rest, "/")) != NULL)
        at = *part == '\0' ? at : model_find(&model, at, part);
    return at;
}

static void first_tree(void)
{
    int dir = do_create(0, "dir", FOLDER), other = do_create(0, "other", FOLDER);
    do_create(0, "empty", FOLDER);
    do_write(do_create(0, "a", FILE_), 0, 700, 1);
    do_write(do_create(0, "B.TXT", FILE_), 0, 1500, 2);
    do_write(do_create(dir, "c", FILE_), 0, 100, 3);
    do_write(do_create(dir, LONG, FILE_), 0, 300, 4);
    do_create(other, "nothing", FILE_);
    for (int i = 0; i < 12; i++) {
        char name[40];
        snprintf(name, sizeof name, "Filler number %d", i);
        do_create(other, name, FILE_);
    }
    do_sync();
}

static void operation(unsigned number)
{
    int a = thing("a"), b = thing("B.TXT"), dir = thing("dir"), other = thing("other"), i;
    if (dir < 0)
        dir = thing("other/dir") > 0 ? thing("other/dir") : 0;
    switch (number) {
    case 0: do_create(0, "new", FILE_); break;
    case 1: if ((i = do_create(dir, "New file with bytes", FILE_)) > 0) do_write(i, 0, 700, 9); break;
    case 2: if (a > 0) do_write(a, model.things[a].size, 1000, 10); break;
    case 3: if (b > 0) do_write(b, 100, 50, 11); break;
    case 4: if (b > 0) do_resize(b, 100); break;
    case 5: if (b > 0) { do_resize(b, 0); do_write(b, 0, 900, 12); } break;
    case 6: if (a > 0) do_resize(a, 3000); break;
    case 7: do_remove(0, "a", FILE_); break;
    case 8: do_rename(0, "a", 0, "z"); break;
    case 9: do_rename(0, "B.TXT", 0, "a"); break;
    case 10: do_rename(0, "a", dir, "moved, with a longer name"); break;
    case 11: do_create(dir, "a folder", FOLDER); break;
    case 12: do_remove(0, "empty", FOLDER); break;
    case 13: do_rename(0, "other", 0, "renamed folder"); break;
    case 14: if (other > 0) do_rename(0, "dir", other, "dir"); break;
    case 15: do_remove(dir, LONG, FILE_); break;
    case 16: if (other > 0) do_create(other, LONG, FILE_); break;
    case 17: do_rename(0, "a", dir, LONG); break;
    case 18: if (a > 0) do_write(a, 5000, 10, 13); break;
    case 19:
        for (i = 0; i < 6; i++) {
            char name[40];
            snprintf(name, sizeof name, "One of several %d", i);
            do_create(dir, name, FILE_);
        }
        break;
    case 20: do_sync(); break;
    case 21: if (b > 0) { do_resize(b, 600); do_write(b, 600, 2000, 14); } break;
    case 22:
        if ((i = do_create(0, "a.new", FILE_)) > 0) {
            do_write(i, 0, 1234, 15);
            do_sync();
            do_rename(0, "a.new", 0, "a");
        }
        break;
    case 23: do_rename(0, "empty", dir, "c folder"); break;
    case 24: do_rename(0, "a", 0, "A"); break;
    case 25: if (a > 0) do_remove_open(a); break;
    }
}
#define OPERATIONS 26

static int fsck(const char *path)
{
    char *arguments[] = { "fsck.fat", "-n", (char *)path, NULL };
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    image_write(path);
    posix_spawn_file_actions_init(&actions);
    char said[300];
    snprintf(said, sizeof said, "%s.fsck", path);
    posix_spawn_file_actions_addopen(&actions, 1, said, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawn(&child, "/usr/sbin/fsck.fat", &actions, NULL, arguments, environ) != 0)
        host_fail("no fsck.fat");
    waitpid(child, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

static const char *cut_what = "";

/* Looks a path up on the disk: its size, -1 for a folder, -2 if it is not there. */
static int64_t disk_look(const char *path, uint8_t **bytes)
{
    char copy[1000], *part, *rest = copy;
    struct node *node = root, *next;
    struct file_stat stat;
    snprintf(copy, sizeof copy, "%s", path);
    node_hold(node);
    while ((part = strsep(&rest, "/")) != NULL) {
        if (*part == '\0')
            continue;
        enum status status = node_lookup(node, part, strlen(part), &next);
        node_release(node);
        if (status == ERR_NOT_FOUND || status == ERR_NOT_A_FOLDER)
            return -2;
        if (status != OK)
            host_fail("after a cut (%s): %s: %d", cut_what, path, status);
        node = next;
    }
    int64_t result = -1;
    if (node->operations->stat(node, &stat) == OK && node->kind == FILE_KIND_FILE) {
        result = stat.size;
        *bytes = bytes_of(node, stat.size);
    }
    node_release(node);
    return result;
}

static int state_exact(const struct model *m, const char *path)
{
    char copy[1000], *part, *rest = copy;
    int at = 0;
    snprintf(copy, sizeof copy, "%s", path);
    while (at >= 0 && (part = strsep(&rest, "/")) != NULL)
        at = *part == '\0' ? at : model_find(m, at, part);
    return at;
}

static int starts_with(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* The thing at a path, in state s of those between from and to: what lies in a folder that was renamed between them may
 * be found under either name of it, for the changes in it and its own may reach the disk in any order. */
static int state_thing(unsigned s, const char *path, unsigned from, unsigned to)
{
    int found = state_exact(states[s], path);
    for (unsigned r = from + 1; r <= to && found < 0; r++) {
        char other[2100];
        if (starts_with(path, renames[r].new))
            snprintf(other, sizeof other, "%s%s", renames[r].old, path + strlen(renames[r].new));
        else if (starts_with(path, renames[r].old))
            snprintf(other, sizeof other, "%s%s", renames[r].new, path + strlen(renames[r].old));
        else
            continue;
        found = state_exact(states[s], other);
    }
    return found;
}

/* A path on the disk must be what it was in one of the states. */
static void path_check(const char *path, unsigned from, unsigned to)
{
    uint8_t *bytes = NULL;
    int64_t size = disk_look(path, &bytes);
    int fits = 0;
    for (unsigned s = from; s <= to; s++) {
        int i = state_thing(s, path, from, to);
        const struct thing *t = &states[s]->things[i > 0 ? i : 0];
        fits |= i < 0 || state_exact(states[s], path) < 0 ? size == -2 : 0;
        fits |= i < 0 ? size == -2 : t->kind == FILE_KIND_FOLDER ? size == -1 : size == t->size;
    }
    if (!fits)
        host_fail("after a cut (%s): %s has size %ld", cut_what, path, size);
    for (int64_t at = 0; at < size; at++) {
        fits = 0;
        for (unsigned s = from; s <= to && !fits; s++) {
            int i = state_thing(s, path, from, to);
            fits = i > 0 && states[s]->things[i].size > at && states[s]->things[i].data[at] == bytes[at];
        }
        if (!fits)
            host_fail("after a cut: byte %ld of %s is %d", at, path, bytes[at]);
    }
    free(bytes);
}

static int present(unsigned from, unsigned to, const char *path)
{
    for (unsigned s = from; s <= to; s++)
        if (state_exact(states[s], path) < 0)
            return 0;
    return 1;
}

static void disk_walk(struct node *folder, const char *path, unsigned from, unsigned to)
{
    struct file_entry entry;
    uint64_t position = 0;
    while (folder->operations->enumerate(folder, &position, &entry) > 0) {
        char full[1000];
        snprintf(full, sizeof full, "%s/%s", path, entry.name);
        path_check(full, from, to);
        struct node *node;
        if (node_lookup(folder, entry.name, entry.name_length, &node) != OK)
            host_fail("after a cut: no %s", full);
        if (node->kind == FILE_KIND_FOLDER)
            disk_walk(node, full, from, to);
        node_release(node);
    }
}

static unsigned cuts;

static void cut_check(const uint8_t *disk, unsigned from, unsigned to, const char *scratch, const char *what)
{
    uint8_t *keep = image;
    cut_what = what;
    image = memcpy(malloc(image_size), disk, image_size);
    recording = 0;
    host_quiet = 1;
    mount();
    disk_walk(root, "", from, to);
    for (unsigned s = from; s <= to; s++)
        for (int i = 1; i < states[s]->count; i++)
            if (states[s]->things[i].used) {
                char path[1000];
                path_of(states[s], i, path, sizeof path);
                path_check(path, from, to);
            }
    for (unsigned s = from + 1; s <= to; s++)
        if (renames[s].old[0] != '\0' && present(from, s - 1, renames[s].old) && present(s, to, renames[s].new)) {
            uint8_t *bytes = NULL;
            if (disk_look(renames[s].old, &bytes) == -2 && disk_look(renames[s].new, &bytes) == -2)
                host_fail("after a cut: both %s and %s are gone", renames[s].old, renames[s].new);
            free(bytes);
        }
    unmount();
    if (fsck(scratch) != 0)
        host_fail("after a cut: fsck.fat complains: %s", what);
    cuts++;
    recording = 1;
    free(image);
    image = keep;
}

/* Sectors that were written since the last flush, each of them perhaps, with one of its contents. */
static void reorder_check(uint8_t *disk, unsigned since, unsigned end, unsigned from, unsigned to, const char *scratch,
                          const char *what)
{
    uint8_t *copy = memcpy(malloc(image_size), disk, image_size);
    unsigned likely = 1 + host_random() % 3;
    for (unsigned e = since; e < end; e++)
        if (events[e].data != NULL && host_random() % 4 < likely)
            memcpy(copy + events[e].sector * 512, events[e].data, 512);
    cut_check(copy, from, to, scratch, what);
    free(copy);
}

static void cut_pair(const uint8_t *base, unsigned first, unsigned second, const char *scratch)
{
    static uint8_t *disk, *flushed;
    char what[40];
    snprintf(what, sizeof what, "operations %u, %u", first, second);
    if (disk == NULL) {
        disk = malloc(image_size);
        flushed = malloc(image_size);
    }
    struct model *before = model_copy(&model);
    memcpy(image, base, image_size);
    memset(renames, 0, sizeof renames);
    state_count = event_count = 0;
    recording = 1;
    states[state_count++] = model_copy(&model);
    mount();
    operation(first);
    operation(second);
    do_sync();
    recording = 0;
    unmount();
    recording = 1;
    memcpy(disk, base, image_size);
    memcpy(flushed, base, image_size);
    unsigned from = 0, to = 0, since = 0;
    for (unsigned e = 0; e < event_count; e++) {
        to += events[e].sector == CALL;
        if (events[e].sector == SYNCED)
            from = to;
        if (events[e].data != NULL)
            memcpy(disk + events[e].sector * 512, events[e].data, 512);
        if (events[e].sector == FLUSH || e + 1 == event_count) {
            for (unsigned i = 0; i < 3 && e > since + 1; i++)
                reorder_check(flushed, since, e, from, to, scratch, what);
            memcpy(flushed, disk, image_size);
            since = e;
        }
        if (events[e].data != NULL || events[e].sector == SYNCED)
            cut_check(disk, from, to, scratch, what);
    }
    for (unsigned e = 0; e < event_count; e++)
        free(events[e].data);
    for (unsigned s = 0; s < state_count; s++)
        model_free(states[s]);
    for (int i = 1; i < model.count; i++)
        if (model.things[i].used)
            model_drop(i);
    model = *before;
    free(before);
    event_count = recording = 0;
}

static int run_cuts(const char *scratch, unsigned first, unsigned step)
{
    mount();
    first_tree();
    unmount();
    static uint8_t *base; /* static: still needed, says the leak sanitizer */
    base = memcpy(malloc(image_size), image, image_size);
    for (unsigned pair = first; pair < OPERATIONS * OPERATIONS; pair += step)
        cut_pair(base, pair / OPERATIONS, pair % OPERATIONS, scratch);
    printf("%u cuts\n", cuts);
    return 0;
}

static void whole_workload(void)
{
    first_tree();
    for (unsigned i = 0; i < OPERATIONS; i++)
        operation(i * 7 % OPERATIONS);
    do_sync();
}

static void model_clear(void)
{
    for (int i = 1; i < model.count; i++)
        if (model.things[i].used)
            model_drop(i);
    model.count = 1;
}

static int run_failures(const char *scratch)
{
    static uint8_t *base; /* static: still needed, says the leak sanitizer */
    base = memcpy(malloc(image_size), image, image_size);
    uint64_t failed = 0;
    host_quiet = 1;
    host_cache_limit = 5;
    retrying = 1;
    for (uint64_t at = 1;; at++) {
        memcpy(image, base, image_size);
        model_clear();
        host_seed = 5;
        transfers = 0;
        fail_at = at;
        fail_run = 1 + at % 3;
        mount();
        whole_workload();
        uint64_t done = transfers;
        fail_at = 0;
        compare(0);
        unmount();
        mount();
        compare(0);
        unmount();
        if (done < at)
            break;
        if (at % 20 == 0 && fsck(scratch) != 0)
            host_fail("transfer %lu failed: fsck.fat complains", at);
        failed++;
    }
    printf("%lu transfers failed, each in its own run; %u calls told so\n", failed, io_errors);
    return 0;
}

static uint64_t free_bytes(void)
{
    struct file_space space;
    do_sync();
    if (root->file_system->space(root->file_system, &space) != OK)
        host_fail("no space");
    return space.free;
}

static int run_full(const char *scratch)
{
    static uint8_t *base; /* static: still needed, says the leak sanitizer */
    base = memcpy(malloc(image_size), image, image_size);
    unsigned refused = 0;
    for (unsigned number = 0; number < OPERATIONS; number++)
        for (unsigned left = 0; left < 8; left++) {
            memcpy(image, base, image_size);
            model_clear();
            mount();
            first_tree();
            struct file_space space;
            if (root->file_system->space(root->file_system, &space) != OK)
                host_fail("no space");
            int filler = do_create(0, "filler", FILE_KIND_FILE);
            do_write(filler, 0, free_bytes() - (uint64_t)left * space.unit, 20);
            if (free_bytes() != left * space.unit)
                host_fail("%lu bytes are left", free_bytes());
            no_space = 0;
            operation(number);
            refused += no_space > 0;
            compare(0);
            unmount();
            mount();
            compare(0);
            unsigned used = 0;
            uint64_t before = free_bytes();
            do_remove(0, "filler", FILE_KIND_FILE);
            used = (free_bytes() - before) / space.unit;
            if (used < 1000)
                host_fail("%u clusters came back", used);
            unmount();
            if (fsck(scratch) != 0)
                host_fail("operation %u with %u clusters: fsck.fat complains", number, left);
        }
    printf("%u operations were refused\n", refused);
    return 0;
}

static void tree_print(struct node *folder, const char *path)
{
    struct file_entry entry;
    uint64_t position = 0;
    int64_t more;
    while ((more = folder->operations->enumerate(folder, &position, &entry)) > 0) {
        char full[1000];
        struct node *node;
        snprintf(full, sizeof full, "%s/%s", path, entry.name);
        if (node_lookup(folder, entry.name, entry.name_length, &node) != OK)
            host_fail("no %s", full);
        printf("%s%s\t", full, node->kind == FILE_KIND_FOLDER ? "/" : "");
        uint8_t *bytes = node->kind == FILE_KIND_FOLDER ? NULL : bytes_of(node, entry.size);
        for (uint64_t at = 0; bytes != NULL && at < entry.size; at++)
            printf("%02x", bytes[at]);
        printf("\n");
        free(bytes);
        if (node->kind == FILE_KIND_FOLDER)
            tree_print(node, full);
        node_release(node);
    }
    if (more < 0)
        host_fail("enumerate %s: %ld", path, more);
}

static int run_mend(char **paths)
{
    for (; *paths != NULL; paths++) {
        image_read(*paths);
        mount();
        tree_print(root, "");
        unmount();
        image_write(*paths);
        free(image);
        printf("mended %s\n", *paths);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        host_fail("usage: write_host model|cut|fail|full|mend IMAGE …");
    if (getenv("SECTOR") != NULL)
        device.sector_size = atoi(getenv("SECTOR"));
    if (strcmp(argv[1], "mend") == 0)
        return run_mend(argv + 2);
    image_read(argv[2]);
    model.count = 1;
    if (strcmp(argv[1], "model") == 0) {
        host_seed = strtoul(argv[3], NULL, 10);
        return run_model(argv[2], strtoul(argv[4], NULL, 10));
    }
    if (strcmp(argv[1], "cut") == 0)
        return run_cuts(argv[3], strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
    return strcmp(argv[1], "full") == 0 ? run_full(argv[3]) : run_failures(argv[3]);
}
