/* Random operations on files and folders in memory, through the kernel's own code and through a model.
   usage: vfs_model OPERATIONS SEED */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "kernel/fat32/fat32.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/frame.h"
#include "kernel/vfs/tmpfs.h"
#include "kernel/vfs/vfs.h"
#include "kernel/virtio/block.h"

/* Frames are kept by their physical addresses, which the leak detector doesn't know; they are counted below. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

#define NAMES 4
#define HANDLES 12
#define LARGEST 40000

/* --- What the chapter needs from below ------------------------------------------------------------ */

static uint64_t frames_live;

uint64_t frame_alloc_zeroed(void)
{
    void *frame = host_fail_after > 0 && --host_fail_after == 0 ? NULL : aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    if (frame == NULL)
        return 0;
    memset(frame, 0, PAGE_SIZE);
    frames_live++;
    return virt_to_phys(frame);
}

void frame_free(uint64_t physical)
{
    frames_live--;
    free(phys_to_virt(physical));
}

uint64_t frame_count_free(void)
{
    return 4000;
}

enum status fat32_mount(struct block_device *device, struct node **root)
{
    (void)device, (void)root;
    return ERR_NOT_FOUND;
}

struct block_device *block_find(const char *name)
{
    (void)name;
    return NULL;
}

/* --- The model ----------------------------------------------------------------------------------- */

struct thing {
    bool folder;
    struct thing *parent, *child[NAMES]; /* by name: a, b, … */
    size_t size;
    char *bytes;
};

static struct thing root = { .folder = true };

static struct opened {
    struct object *object;
    struct thing *thing;
    size_t position;
    bool append;
} opened[HANDLES];

static unsigned long errors[64];

static unsigned below(unsigned limit)
{
    return host_random() % limit;
}

/* A path of one to four names, as text and as numbers. */
struct path {
    char text[32];
    int count, name[4];
};

static struct path random_path(void)
{
    struct path path = { .count = 1 + below(4) };
    strcpy(path.text, "/t");
    for (int i = 0; i < path.count; i++) {
        path.name[i] = below(NAMES);
        sprintf(path.text + strlen(path.text), below(9) == 0 ? "//./%c" : "/%c", 'a' + path.name[i]);
    }
    return path;
}

/* The folder that holds the path's last name, or why there is none. */
static enum status model_parent(const struct path *path, struct thing **out)
{
    struct thing *here = &root;
    for (int i = 0; i < path->count - 1; i++) {
        if (!here->folder)
            return ERR_NOT_A_FOLDER;
        here = here->child[path->name[i]];
        if (here == NULL)
            return ERR_NOT_FOUND;
    }
    *out = here;
    return here->folder ? OK : ERR_NOT_A_FOLDER;
}

static struct thing **model_place(struct thing *folder, const struct path *path)
{
    return &folder->child[path->name[path->count - 1]];
}

static bool model_empty(const struct thing *folder)
{
    for (int i = 0; i < NAMES; i++)
        if (folder->child[i] != NULL)
            return false;
    return true;
}

static struct thing *model_make(struct thing *parent, bool folder)
{
    struct thing *thing = calloc(1, sizeof *thing);
    thing->folder = folder;
    thing->parent = parent;
    thing->bytes = folder ? NULL : calloc(1, LARGEST);
    return thing;
}

static bool in_use(const struct thing *thing)
{
    for (int i = 0; i < HANDLES; i++)
        if (opened[i].object != NULL && opened[i].thing == thing)
            return true;
    return false;
}

static void model_drop(struct thing *thing)
{
    thing->parent = NULL;
    if (!in_use(thing)) {
        free(thing->bytes);
        free(thing);
    }
}

/* --- Both sides at once --------------------------------------------------------------------------- */

#define AT(path) (&(struct vfs_path){ NULL, RIGHTS_ALL, (path).text })

static uint64_t pages_free(void)
{
    struct object *folder;
    struct file_space space;
    if (vfs_open("/", "/t", 0, &folder) != OK || vfs_space(folder, &space) != OK)
        host_fail("no space is told");
    object_release(folder);
    return space.free / PAGE_SIZE;
}

static void agree(const char *what, const struct path *path, int64_t got, int64_t wanted)
{
    if (got < 0 && got > -64)
        errors[-got]++;
    if (got != wanted)
        host_fail("%s %s: got %ld, wanted %ld", what, path == NULL ? "" : path->text, (long)got, (long)wanted);
}

/* An error for lack of space or memory is allowed when it may be, and then nothing has happened. */
static bool excused(enum status got)
{
    bool excuse = (got == ERR_NO_SPACE && pages_free() == 0) || got == ERR_NO_MEMORY;
    errors[-got] += excuse;
    return excuse;
}

static void do_make_folder(void)
{
    struct path path = random_path();
    struct thing *parent;
    enum status wanted = model_parent(&path, &parent), got = vfs_make_folder(AT(path));
    if (wanted == OK && *model_place(parent, &path) != NULL)
        wanted = ERR_EXISTS;
    if (wanted == OK && excused(got))
        return;
    agree("mkdir", &path, got, wanted);
    if (got == OK)
        *model_place(parent, &path) = model_make(parent, true);
}

static void do_remove(void)
{
    struct path path = random_path();
    bool folder = below(2);
    struct thing *parent, **place = NULL;
    enum status wanted = model_parent(&path, &parent);
    enum status got = vfs_remove(AT(path), folder ? FILE_KIND_FOLDER : FILE_KIND_FILE);
    if (wanted == OK) {
        place = model_place(parent, &path);
        wanted = *place == NULL ? ERR_NOT_FOUND :
                 (*place)->folder != folder ? (folder ? ERR_NOT_A_FOLDER : ERR_IS_A_FOLDER) :
                 folder && !model_empty(*place) ? ERR_NOT_EMPTY : OK;
    }
    agree("remove", &path, got, wanted);
    if (got == OK) {
        model_drop(*place);
        *place = NULL;
    }
}

static enum status model_rename(struct thing **from, struct thing *to_folder, struct thing **to)
{
    if (*from == NULL)
        return ERR_NOT_FOUND;
    for (struct thing *above = to_folder; above != NULL; above = above->parent)
        if (above == *from)
            return ERR_INVALID_ARGUMENT;
    if (*to == NULL || *to == *from)
        return OK;
    if ((*to)->folder != (*from)->folder)
        return (*to)->folder ? ERR_IS_A_FOLDER : ERR_NOT_A_FOLDER;
    return (*to)->folder && !model_empty(*to) ? ERR_NOT_EMPTY : OK;
}

static void do_rename(void)
{
    struct path from = random_path(), to = random_path();
    struct thing *from_folder, *to_folder;
    enum status wanted = model_parent(&from, &from_folder);
    if (wanted == OK)
        wanted = model_parent(&to, &to_folder);
    struct thing **source = wanted == OK ? model_place(from_folder, &from) : NULL;
    struct thing **target = wanted == OK ? model_place(to_folder, &to) : NULL;
    if (wanted == OK)
        wanted = model_rename(source, to_folder, target);
    enum status got = vfs_rename(AT(from), AT(to));
    if (wanted == OK && excused(got))
        return;
    agree("rename", &from, got, wanted);
    if (got != OK || source == target)
        return;
    if (*target != NULL)
        model_drop(*target);
    *target = *source;
    (*target)->parent = to_folder;
    *source = NULL;
}

static void do_open(void)
{
    static const uint64_t flags[] = { 0, OPEN_CREATE, OPEN_CREATE | OPEN_EXCLUSIVE, OPEN_TRUNCATE,
                                      OPEN_CREATE | OPEN_APPEND, OPEN_APPEND, OPEN_CREATE | OPEN_TRUNCATE };
    struct path path = random_path();
    uint64_t how = flags[below(sizeof flags / sizeof flags[0])];
    struct opened *slot = &opened[below(HANDLES)];
    struct thing *parent, **place = NULL;
    struct object *object;
    if (slot->object != NULL)
        return;
    enum status wanted = model_parent(&path, &parent);
    if (wanted == OK) {
        place = model_place(parent, &path);
        if (*place == NULL)
            wanted = how & OPEN_CREATE ? OK : ERR_NOT_FOUND;
        else if (how & OPEN_EXCLUSIVE)
            wanted = ERR_EXISTS;
        else if ((*place)->folder)
            wanted = ERR_IS_A_FOLDER;
    }
    enum status got = vfs_open("/", path.text, RIGHT_READ | RIGHT_WRITE | how, &object);
    if (wanted == OK && *place == NULL && excused(got))
        return;
    agree("open", &path, got, wanted);
    if (got != OK)
        return;
    if (*place == NULL)
        *place = model_make(parent, false);
    if (how & OPEN_TRUNCATE) {
        memset((*place)->bytes, 0, LARGEST);
        (*place)->size = 0;
    }
    *slot = (struct opened){ object, *place, 0, (how & OPEN_APPEND) != 0 };
}

static void do_close(void)
{
    struct opened *slot = &opened[below(HANDLES)];
    if (slot->object == NULL)
        return;
    enum status status = object_close(slot->object);
    if (status != OK && status != ERR_NO_SPACE)
        host_fail("close: %d", status);
    struct thing *thing = slot->thing;
    slot->object = NULL;
    if (thing->parent == NULL)
        model_drop(thing);
}

static void do_write(struct opened *slot)
{
    static char text[LARGEST];
    size_t at = slot->append ? slot->thing->size : slot->position;
    if (at >= LARGEST)
        return;
    size_t size = below(4) == 0 ? below(LARGEST - at) : below(LARGEST - at < 300 ? LARGEST - at : 300);
    memset(text, 1 + below(255), size);
    int64_t got = object_write(slot->object, text, size);
    if (got != (int64_t)size && pages_free() > 0)
        host_fail("write: got %ld of %zu", (long)got, size);
    if (got < 0) {
        agree("write", NULL, got, ERR_NO_SPACE);
        return;
    }
    memcpy(slot->thing->bytes + at, text, got);
    if (got > 0 && at + got > slot->thing->size)
        slot->thing->size = at + got;
    if (got > 0)
        slot->position = slot->append ? slot->thing->size : at + got;
}

static void do_read(struct opened *slot)
{
    static char text[LARGEST];
    size_t size = below(LARGEST), left = slot->position < slot->thing->size ? slot->thing->size - slot->position : 0;
    size_t wanted = size < left ? size : left;
    int64_t got = object_read(slot->object, text, size);
    agree("read", NULL, got, wanted);
    if (memcmp(text, slot->thing->bytes + slot->position, wanted) != 0)
        host_fail("read: other bytes");
    slot->position += wanted;
}

static void do_file(void)
{
    struct opened *slot = &opened[below(HANDLES)];
    size_t size = below(3) == 0 ? below(LARGEST) : below(300);
    if (slot->object == NULL)
        return;
    switch (below(4)) {
    case 0:
        agree("seek", NULL, object_seek(slot->object, size, SEEK_FROM_START), size);
        slot->position = size;
        break;
    case 1:
        do_read(slot);
        break;
    case 2:
        agree("resize", NULL, vfs_resize(slot->object, size), OK);
        if (size < slot->thing->size)
            memset(slot->thing->bytes + size, 0, slot->thing->size - size);
        slot->thing->size = size;
        break;
    default:
        do_write(slot);
    }
}

static void do_list(void)
{
    struct path path = random_path();
    struct thing *parent, *folder;
    struct object *object;
    struct file_entry entry;
    unsigned seen = 0;
    if (model_parent(&path, &parent) != OK || (folder = *model_place(parent, &path)) == NULL || !folder->folder)
        return;
    agree("open", &path, vfs_open("/", path.text, 0, &object), OK);
    int64_t more;
    while ((more = object_enumerate(object, &entry)) == 1) {
        const struct thing *child = folder->child[entry.name[0] - 'a'];
        if (entry.name_length != 1 || child == NULL || entry.size != child->size ||
            (entry.kind == FILE_KIND_FOLDER) != child->folder || (seen & 1u << (entry.name[0] - 'a')) != 0)
            host_fail("list %s: %s", path.text, entry.name);
        seen |= 1u << (entry.name[0] - 'a');
    }
    agree("list", &path, more, 0);
    for (int i = 0; i < NAMES; i++)
        if ((folder->child[i] != NULL) != (seen >> i & 1))
            host_fail("list %s: %c", path.text, 'a' + i);
    object_release(object);
}

static void clear(struct thing *folder, char *path)
{
    size_t length = strlen(path);
    for (int i = 0; i < NAMES; i++) {
        struct thing *child = folder->child[i];
        if (child == NULL)
            continue;
        sprintf(path + length, "/%c", 'a' + i);
        if (child->folder)
            clear(child, path);
        if (vfs_remove(&(struct vfs_path){ NULL, RIGHTS_ALL, path }, child->folder ? FILE_KIND_FOLDER : FILE_KIND_FILE) != OK)
            host_fail("clear %s", path);
        model_drop(child);
        folder->child[i] = NULL;
        path[length] = '\0';
    }
}

int main(int argc, char **argv)
{
    static void (*const operations[])(void) = { do_make_folder, do_remove, do_rename, do_open, do_open, do_open,
                                                do_close, do_file, do_file, do_file, do_file, do_list };
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    struct node *node;
    char path[1200] = "/t";
    host_seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    if (tmpfs_create(60, &node) != OK || vfs_mount("/t", node) != OK)
        host_fail("not mounted");
    for (unsigned long i = 0; i < count; i++) {
        if (host_critical_depth != 0 || host_locks_held != 0)
            host_fail("something is held after operation %lu", i);
        operations[below(sizeof operations / sizeof operations[0])]();
    }
    for (int i = 0; i < HANDLES; i++)
        if (opened[i].object != NULL) {
            object_release(opened[i].object);
            opened[i].object = NULL;
            if (opened[i].thing->parent == NULL)
                model_drop(opened[i].thing);
        }
    clear(&root, path);
    if (pages_free() != 59 || frames_live != 0)
        host_fail("pages are lost: %lu free, %lu frames", (unsigned long)pages_free(), (unsigned long)frames_live);
    if (vfs_unmount("/t") != OK || host_memory_live != 0)
        host_fail("memory is lost: %lu", (unsigned long)host_memory_live);
    printf("%lu operations agree; errors:", count);
    for (int i = 0; i < 64; i++)
        if (errors[i] != 0)
            printf(" %d×%lu", -i, errors[i]);
    printf("\n");
    return 0;
}
