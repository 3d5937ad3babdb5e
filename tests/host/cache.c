/* The cache of blocks on the host: small, and as unhelpful as its contract allows. What may be written at any time is
 * written at odd times, and what may be evicted is evicted soon. */
#include "host/cache.h"

#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "kernel/memory/critical.h"
#include "kernel/virtio/cache.h"

unsigned host_cache_limit = 24, host_cache_pinned;
uint64_t host_cache_asked;

static struct cache_block *blocks; /* in a list by next */
static unsigned block_count, ordered_count;

static unsigned sectors_of(const struct cache_block *block)
{
    uint64_t per = CACHE_BLOCK_SIZE / block->device->sector_size;
    uint64_t left = block->device->sector_count - block->number * per;
    return left < per ? left : per;
}

static enum status sectors_write(struct cache_block *block, enum cache_stage stage)
{
    unsigned unit = block->device->sector_size, per = CACHE_BLOCK_SIZE / unit, start = host_random() % per;
    for (unsigned i = 0; i < per; i++) {
        unsigned sector = (start + i) % per;
        for (unsigned s = CACHE_ANY_TIME; s <= stage; s++)
            if ((block->dirty[s] >> sector & 1) != 0) {
                enum status status = block_write(block->device, block->number * per + sector, 1,
                                                 block->bytes + sector * unit);
                if (status != OK)
                    return status;
                block->dirty[s] &= ~(1u << sector);
            }
    }
    return OK;
}

static void block_drop(struct cache_block *block)
{
    struct cache_block **link = &blocks;
    while (*link != block)
        link = &(*link)->next;
    *link = block->next;
    free(block->bytes);
    free(block);
    block_count--;
}

static void make_room(void)
{
    unsigned skip = host_random() % host_cache_limit;
    for (unsigned tries = 0; block_count >= host_cache_limit && tries < 2; tries++, skip = 0)
        for (struct cache_block *block = blocks, *next; block != NULL; block = next) {
            next = block->next;
            if (skip > 0) {
                skip--;
                continue;
            }
            if (block->pins == 0 && block->dirty[CACHE_IN_ORDER] == 0 &&
                sectors_write(block, CACHE_ANY_TIME) == OK) {
                block_drop(block);
                return;
            }
        }
}

static enum status get(struct block_device *device, uint64_t number, int fresh, struct cache_block **out)
{
    if (critical_held())
        host_fail("the cache is asked in a critical section");
    host_cache_asked++;
    uint64_t per = CACHE_BLOCK_SIZE / device->sector_size;
    if (number * per >= device->sector_count)
        return ERR_INVALID_ARGUMENT;
    struct cache_block *block = blocks;
    while (block != NULL && (block->device != device || block->number != number))
        block = block->next;
    if (block == NULL) {
        make_room();
        block = calloc(1, sizeof *block);
        *block = (struct cache_block) { .device = device, .number = number, .next = blocks,
                                        .bytes = calloc(1, CACHE_BLOCK_SIZE) };
        enum status status = fresh ? OK : block_read(device, number * per, sectors_of(block), block->bytes);
        if (status != OK) {
            free(block->bytes);
            free(block);
            return status;
        }
        blocks = block;
        block_count++;
    }
    host_cache_pinned += block->pins++ == 0;
    *out = block;
    return OK;
}

enum status cache_get(struct block_device *device, uint64_t number, struct cache_block **out)
{
    return get(device, number, 0, out);
}

enum status cache_get_fresh(struct block_device *device, uint64_t number, const void *bytes, struct cache_block **out)
{
    enum status status = get(device, number, 1, out);
    if (status == OK && bytes != NULL)
        memcpy((*out)->bytes, bytes, CACHE_BLOCK_SIZE);
    return status;
}

static void count_ordered(void)
{
    ordered_count = 0;
    for (struct cache_block *block = blocks; block != NULL; block = block->next)
        ordered_count += block->dirty[CACHE_IN_ORDER] != 0;
}

void cache_dirty(struct cache_block *block, size_t offset, size_t size, enum cache_stage stage)
{
    if (block->pins == 0 || offset > CACHE_BLOCK_SIZE || size > CACHE_BLOCK_SIZE - offset)
        host_fail("cache_dirty: a block that is not pinned, or a range beyond it");
    unsigned unit = block->device->sector_size;
    for (size_t sector = offset / unit; size > 0 && sector <= (offset + size - 1) / unit; sector++)
        if (sector < sectors_of(block))
            block->dirty[stage] |= 1u << sector;
    block->dirty[CACHE_ANY_TIME] &= (uint8_t)~block->dirty[CACHE_IN_ORDER];
    count_ordered();
}

void cache_put(struct cache_block *block)
{
    if (block->pins == 0)
        host_fail("a block is given back twice");
    host_cache_pinned -= --block->pins == 0;
    if (block->pins == 0 && block->dirty[CACHE_ANY_TIME] != 0 && host_random() % 16 == 0)
        (void)!sectors_write(block, CACHE_ANY_TIME);
}

enum status cache_write(struct block_device *device, enum cache_stage stage)
{
    enum status result = OK;
    for (struct cache_block *block = blocks; block != NULL; block = block->next)
        if (block->device == device && sectors_write(block, stage) != OK)
            result = ERR_IO;
    count_ordered();
    return result;
}

enum status cache_write_blocks(struct block_device *device, uint64_t number, uint64_t count, bool wait)
{
    enum status result = OK;
    for (struct cache_block *block = blocks; block != NULL && wait; block = block->next)
        if (block->device == device && block->number >= number && block->number - number < count &&
            sectors_write(block, CACHE_ANY_TIME) != OK)
            result = ERR_IO;
    return result;
}

void cache_read_ahead(struct block_device *device, uint64_t number, uint32_t count)
{
    (void)device;
    (void)number;
    (void)count;
}

void cache_forget(struct block_device *device)
{
    for (struct cache_block *block = blocks, *next; block != NULL; block = next) {
        next = block->next;
        if (block->device == device && block->pins != 0)
            host_fail("a pinned block is forgotten");
        if (block->device == device)
            block_drop(block);
    }
    count_ordered();
}

bool cache_crowded(void)
{
    return ordered_count > host_cache_limit / 4;
}

/* Transfers without requests: kernel/virtio/block.c waits for interrupts, of which the host has none. */
enum status block_read(struct block_device *device, uint64_t sector, uint32_t count, void *buffer)
{
    if (sector > device->sector_count || count > device->sector_count - sector)
        return ERR_INVALID_ARGUMENT;
    return device->read(device, sector, count, buffer);
}

enum status block_write(struct block_device *device, uint64_t sector, uint32_t count, const void *buffer)
{
    if (sector > device->sector_count || count > device->sector_count - sector)
        return ERR_INVALID_ARGUMENT;
    return device->write == NULL ? ERR_READ_ONLY : device->write(device, sector, count, buffer);
}

enum status block_flush(struct block_device *device)
{
    return device->flush == NULL ? OK : device->flush(device);
}
