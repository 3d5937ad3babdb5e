#include "fuzz_disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/cache.h"
#include "host/host.h"
#include "kernel/memory/critical.h"

uint8_t disk_bytes[SECTORS * 512];
uint64_t disk_transfers, disk_fails_at;
struct survey_report report;

static int fails(void)
{
    if (host_critical_depth != 0)
        host_fail("the disk is asked in a critical section");
    return ++disk_transfers == disk_fails_at;
}

static enum status disk_read(struct block_device *device, uint64_t sector, uint32_t count, void *buffer)
{
    if (fails())
        return ERR_IO;
    memcpy(buffer, disk_bytes + sector * device->sector_size, (size_t)count * device->sector_size);
    return OK;
}

static enum status disk_write(struct block_device *device, uint64_t sector, uint32_t count, const void *buffer)
{
    if (fails())
        return ERR_IO;
    memcpy(disk_bytes + sector * device->sector_size, buffer, (size_t)count * device->sector_size);
    return OK;
}

struct block_device disk = { .name = "vda", .read = disk_read };

/* Instead of the host's: nobody reads what a fuzzer would print. */
void kprintf(const char *format, ...)
{
    if (strstr(format, "was not finished") == NULL)
        return;
    va_list arguments;
    va_start(arguments, format);
    va_arg(arguments, const char *);
    report.made = 1;
    report.lost = va_arg(arguments, unsigned);
    report.cut = va_arg(arguments, unsigned);
    report.doubles = va_arg(arguments, unsigned);
    report.orphans = va_arg(arguments, unsigned);
    report.damaged = va_arg(arguments, unsigned);
    va_end(arguments);
}

uint8_t take8(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

uint16_t take16(struct input *input)
{
    uint8_t low = take8(input);
    return low | take8(input) << 8;
}

static void put(uint8_t *to, uint32_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = number >> (8 * i);
}

uint8_t *disk_cluster(uint32_t cluster)
{
    return disk_bytes + (FIRST_DATA + (cluster + CLUSTERS - 2) % CLUSTERS) * 512;
}

uint8_t *disk_entry(uint32_t cluster, unsigned index)
{
    return disk_cluster(cluster) + index % 16 * 32;
}

void disk_link(uint32_t cluster, uint32_t link, unsigned tables)
{
    for (unsigned table = 0; table < TABLES; table++)
        if ((tables >> table & 1) != 0)
            put(disk_bytes + (RESERVED + table) * 512 + cluster % 128 * 4, link, 4);
}

void disk_set_entry(uint8_t *entry, const char *name, uint8_t attributes, uint32_t first, uint32_t size)
{
    memset(entry, 0, 32);
    memcpy(entry, name, 11);
    entry[11] = attributes;
    put(entry + 20, first >> 16, 2);
    put(entry + 26, first, 2);
    put(entry + 28, size, 4);
}

void disk_set_clean(int clean)
{
    disk_link(1, clean ? 0x0fffffff : 0x07ffffff, 3);
}

void disk_be_writable(void)
{
    disk.write = disk_write;
}

void disk_format(int writable)
{
    uint8_t *boot = disk_bytes, *info = disk_bytes + 512;
    memset(disk_bytes, 0, sizeof disk_bytes);
    put(boot + 11, 512, 2);
    boot[13] = 1;
    boot[14] = RESERVED;
    boot[16] = TABLES;
    put(boot + 32, SECTORS, 4);
    put(boot + 36, 1, 4);
    put(boot + 44, ROOT, 4);
    boot[48] = 1;
    put(boot + 510, 0xaa55, 2);
    put(info, 0x41615252, 4);
    put(info + 484, 0x61417272, 4);
    disk_link(0, 0x0ffffff8, 3);
    disk_set_clean(0);
    disk_link(ROOT, 0x0fffffff, 3);
    disk.sector_size = 512;
    disk.sector_count = SECTORS;
    disk.write = writable ? disk_write : NULL;
    disk_transfers = disk_fails_at = host_fail_after = 0;
    host_cache_limit = 6;
    host_seed = 1;
    report = (struct survey_report){ 0 };
}

void asked_at_most(uint64_t limit, const char *what)
{
    if (host_cache_asked > limit)
        host_fail("%s: the cache is asked %lu times", what, host_cache_asked);
    host_cache_asked = 0;
}

void settle(void)
{
    if (host_memory_live != 0 || host_locks_held != 0 || host_cache_pinned != 0 || host_critical_depth != 0)
        host_fail("%lu pieces of memory, %lu locks, %u blocks and %u critical sections are left", host_memory_live,
                  host_locks_held, host_cache_pinned, host_critical_depth);
}
