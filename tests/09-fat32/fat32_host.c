/* Reads FAT32 images on the host, through the kernel's own code.
 *
 * usage: fat32_host tree IMAGE PIECE        every file and folder: kind, size, time, hash, path; read in pieces
 *        fat32_host look IMAGE PATH…        the status of looking each path up, and its size
 *        fat32_host fuzz IMAGE ROUNDS SEED  damages the administrative areas in memory, walks all that can be walked
 *        fat32_host fail IMAGE              fails every single read of a walk in turn
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/host.h"
#include "kernel/fat32/fat32.h"
#include "kernel/memory/critical.h"
#include "kernel/virtio/block.h"

static struct block_device device = { .name = "vda", .sector_size = 512 };
static uint8_t *image;
static uint64_t reads, fail_read, sectors;
static unsigned nodes_seen, errors_seen;

static enum status image_read(struct block_device *disk, uint64_t sector, uint32_t count, void *buffer)
{
    if (host_critical_depth != 0)
        host_fail("the disk is read in a critical section");
    sectors += count;
    if (++reads == fail_read)
        return ERR_IO;
    memcpy(buffer, image + sector * disk->sector_size, (size_t)count * disk->sector_size);
    return OK;
}

static void image_open(const char *path)
{
    struct stat stat;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &stat) != 0)
        host_fail("can't open %s", path);
    /* Not reserved: of an image with clusters of 512 KiB, which is large, only some pages are changed. */
    image = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    if (image == MAP_FAILED)
        host_fail("can't map %s", path);
    device.sector_count = stat.st_size / device.sector_size;
    device.read = image_read;
}

static uint64_t hash_file(struct node *file, uint64_t size, size_t piece, int64_t *count)
{
    static uint8_t buffer[1 << 20];
    uint64_t hash = 0xcbf29ce484222325, offset = 0;
    while ((*count = file->operations->read(file, offset, buffer, piece)) > 0) {
        for (int64_t i = 0; i < *count; i++)
            hash = (hash ^ buffer[i]) * 0x100000001b3;
        offset += *count;
        if (offset > size)
            host_fail("more bytes than the file has");
    }
    if (*count == 0 && offset != size)
        host_fail("fewer bytes than the file has");
    return hash;
}

static void walk(struct node *folder, const char *path, size_t piece, int print, unsigned depth);

static void visit(struct node *folder, const struct file_entry *entry, const char *path, size_t piece, int print,
                  unsigned depth)
{
    char full[4096];
    struct node *node;
    struct file_stat stat;
    int64_t count = 0;
    snprintf(full, sizeof full, "%s/%s", path, entry->name);
    enum status status = node_lookup(folder, entry->name, entry->name_length, &node);
    if (status != OK) {
        errors_seen++;
        if (print)
            printf("error %d %s\n", status, full);
        return;
    }
    if (node->operations->stat(node, &stat) != OK)
        host_fail("no stat");
    int is_folder = node->kind == FILE_KIND_FOLDER;
    uint64_t hash = is_folder ? 0 : hash_file(node, stat.size, piece, &count);
    errors_seen += count < 0;
    if (print)
        printf("%s %lu %lu %016lx %s\n", is_folder ? "folder" : "file", stat.size, stat.modified, hash, full);
    if (is_folder && depth < 40)
        walk(node, full, piece, print, depth + 1);
    node_release(node);
}

static void walk(struct node *folder, const char *path, size_t piece, int print, unsigned depth)
{
    struct file_entry entry;
    uint64_t position = 0;
    int64_t more;
    while ((more = folder->operations->enumerate(folder, &position, &entry)) > 0) {
        if (++nodes_seen > 3000)
            return;
        if (entry.name_length != strlen(entry.name) || entry.name_length == 0 || strchr(entry.name, '/'))
            host_fail("a name that can't be");
        visit(folder, &entry, path, piece, print, depth);
    }
    errors_seen += more < 0;
}

static void settle(void)
{
    if (host_memory_live != 0 || host_locks_held != 0)
        host_fail("%lu pieces of memory and %lu locks are left", host_memory_live, host_locks_held);
}

static int tree(size_t piece)
{
    struct node *root;
    enum status status = fat32_mount(&device, &root);
    if (status != OK) {
        printf("mount %d\n", status);
        return 0;
    }
    walk(root, "", piece, 1, 0);
    node_release(root);
    settle();
    return 0;
}

static int look(char **paths)
{
    struct node *root, *node, *next;
    enum status status = fat32_mount(&device, &root);
    if (status != OK)
        host_fail("mount %d", status);
    for (; *paths != NULL; paths++) {
        char *name = strtok(*paths, "/");
        node = root;
        node_hold(node);
        for (status = OK; name != NULL && status == OK; name = strtok(NULL, "/")) {
            status = node_lookup(node, name, strlen(name), &next);
            node_release(node);
            node = next;
        }
        struct file_stat stat = { 0 };
        if (status == OK) {
            (void)!node->operations->stat(node, &stat);
            node_release(node);
        }
        printf("%d %lu\n", status, stat.size);
    }
    node_release(root);
    settle();
    return 0;
}

/* What is administrative: the boot sector, the beginning of the tables, and the first clusters, where folders lie. */
static uint64_t damage_place(void)
{
    uint64_t reserved = 512ull * (image[14] | image[15] << 8);
    uint64_t fat = 512ull * (image[36] | image[37] << 8), data = reserved + fat * image[16];
    switch (host_random() % 4) {
    case 0: return 11 + host_random() % 60;
    case 1: return reserved + host_random() % 1024;
    default: return data + host_random() % 65536;
    }
}

static int fuzz(unsigned rounds)
{
    unsigned refused = 0;
    host_quiet = 1;
    for (unsigned round = 0; round < rounds; round++) {
        struct { uint64_t at; uint8_t old; } undo[8];
        unsigned damages = 1 + host_random() % 8;
        for (unsigned i = 0; i < damages; i++) {
            undo[i].at = damage_place();
            undo[i].old = image[undo[i].at];
        }
        for (unsigned i = 0; i < damages; i++)
            image[undo[i].at] = host_random() % 3 == 0 ? 0xff : host_random();
        struct node *root;
        reads = nodes_seen = 0;
        if (fat32_mount(&device, &root) == OK) {
            walk(root, "", 1 << 16, 0, 35);
            node_release(root);
        } else {
            refused++;
        }
        settle();
        for (unsigned i = damages; i-- > 0;)
            image[undo[i].at] = undo[i].old;
    }
    printf("%u damaged images, %u refused, %u errors\n", rounds, refused, errors_seen);
    return 0;
}

static int fail_each(void)
{
    struct node *root;
    uint64_t failed = 0;
    host_quiet = 1;
    for (fail_read = 1;; fail_read++) {
        reads = nodes_seen = errors_seen = 0;
        enum status status = fat32_mount(&device, &root);
        if (status == OK) {
            walk(root, "", 4096, 0, 0);
            node_release(root);
        }
        settle();
        if (reads < fail_read)
            break;
        if (status == OK && errors_seen == 0)
            host_fail("nobody was told that read %lu failed", fail_read);
        failed++;
    }
    printf("%lu reads failed, each in its own run\n", failed);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        host_fail("usage: fat32_host tree|look|fuzz|fail IMAGE …");
    image_open(argv[2]);
    if (getenv("SECTOR") != NULL) {
        device.sector_count = device.sector_count * 512 / atoi(getenv("SECTOR"));
        device.sector_size = atoi(getenv("SECTOR"));
    }
    if (strcmp(argv[1], "tree") == 0)
        return tree(strtoul(argv[3], NULL, 10));
    if (strcmp(argv[1], "look") == 0)
        return look(argv + 3);
    if (strcmp(argv[1], "fail") == 0)
        return fail_each();
    host_seed = strtoul(argv[4], NULL, 10);
    return fuzz(strtoul(argv[3], NULL, 10));
}
