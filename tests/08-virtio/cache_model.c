/* usage: cache_model SEED OPERATIONS SECTOR_SIZE
 *
 * The cache of blocks against a model that knows what each sector holds in memory and on the disk, and whether it may be
 * written yet. The disk answers late and out of order, fails now and then, and has sectors that are bad for a while. While
 * one operation sleeps, others begin, as other tasks would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host_waits.h"
#include "kernel/memory/critical.h"
#include "kernel/virtio/cache.h"

#define BLOCKS 60
#define PENDING_MOST 64

static unsigned unit, per_block, sector_count;
static uint8_t disk[BLOCKS * CACHE_BLOCK_SIZE];
static uint32_t wanted[BLOCKS * 8]; /* what each sector is to hold: a number; by declaration */
static enum { CLEAN, ANY_TIME, IN_ORDER } dirt[BLOCKS * 8];
static bool bad[BLOCKS * 8];
static struct block_device device;
static struct block_request *pending[PENDING_MOST];
static unsigned pending_count, depth, failing;   /* one in so many requests fails; 0: none */
static bool writing_in_order, changing;          /* under the file system's lock */
static uint32_t version;
static uint64_t half_changed = UINT64_MAX; /* a block with a change that is not declared yet */
static uint64_t requests, failures, largest, most_pending, nested, some_written;

static void sector_fill(uint8_t *bytes, uint32_t number)
{
    for (unsigned at = 0; at < unit; at += 4)
        memcpy(bytes + at, &number, 4);
}

static bool sector_is(const uint8_t *bytes, uint32_t number)
{
    for (unsigned at = 0; at < unit; at += 4)
        if (memcmp(bytes + at, &number, 4) != 0)
            return false;
    return true;
}

static void check_written(unsigned sector, const uint8_t *bytes)
{
    if (dirt[sector] == CLEAN)
        host_fail("clean sector %u is written", sector);
    if (dirt[sector] == IN_ORDER && !writing_in_order)
        host_fail("sector %u is written before its time", sector);
    if (!sector_is(bytes, wanted[sector]))
        host_fail("sector %u is written with a change that nobody has declared", sector);
}

static enum status transfer(struct block_request *request, bool fail)
{
    unsigned sector = request->sector;
    for (unsigned i = 0; i < request->count; i++)
        for (uint32_t at = 0; at < request->segments[i].size; at += unit, sector++)
            fail = fail || bad[sector];
    sector = request->sector;
    for (unsigned i = 0; i < request->count; i++)
        for (uint32_t at = 0; at < request->segments[i].size; at += unit, sector++) {
            uint8_t *bytes = (uint8_t *)request->segments[i].bytes + at;
            if (request->operation == BLOCK_READ && (!fail || host_random() % 2 == 0))
                memcpy(bytes, disk + sector * unit, unit); /* a failed one may have done so, too */
            else if (request->operation == BLOCK_READ)
                memset(bytes, 0xff, unit);
            if (request->operation == BLOCK_WRITE)
                check_written(sector, bytes);
            if (request->operation == BLOCK_WRITE && !fail) {
                memcpy(disk + sector * unit, bytes, unit);
                dirt[sector] = CLEAN;
            }
        }
    failures += fail;
    return fail ? ERR_IO : OK;
}

static void complete_one(void)
{
    unsigned which = host_random() % pending_count;
    struct block_request *request = pending[which];
    pending[which] = pending[--pending_count];
    bool fail = failing > 0 && host_random() % failing == 0;
    uint64_t saved = critical_enter();
    block_part_done(request, transfer(request, fail));
    critical_leave(saved);
}

static void model_submit(struct block_device *of, struct block_request *request)
{
    if (of != &device || critical_held() || pending_count == PENDING_MOST)
        host_fail("a request that can't be");
    requests++;
    block_part_begin(request);
    pending[pending_count++] = request;
    if (pending_count > most_pending)
        most_pending = pending_count;
    if (request->count > largest)
        largest = request->count;
    if (host_random() % 8 == 0)
        complete_one();
}

static void read_block(uint64_t number)
{
    struct cache_block *block;
    uint64_t failed = failures;
    enum status status = cache_get(&device, number, &block);
    if (number * per_block >= sector_count) {
        if (status != ERR_INVALID_ARGUMENT)
            host_fail("block %lu is not on the disk", number);
        return;
    }
    if (status == ERR_NO_MEMORY || (status == ERR_IO && failures > failed))
        return;
    if (status != OK || block->number != number)
        host_fail("get: %d", status);
    for (unsigned i = 0; i < per_block && number != half_changed; i++) {
        unsigned sector = number * per_block + i;
        if (!sector_is(block->bytes + i * unit, sector < sector_count ? wanted[sector] : 0))
            host_fail("sector %u holds something else", sector);
    }
    cache_put(block);
}

enum how { READ, FRESH, GIVEN };

/* GIVEN: with all bytes of the block, as the next versions of its sectors have them. */
static bool get_to_change(uint64_t number, enum how how, struct cache_block **block)
{
    uint8_t bytes[CACHE_BLOCK_SIZE];
    if (how == READ)
        return cache_get(&device, number, block) == OK;
    for (unsigned i = 0; i < per_block; i++)
        sector_fill(bytes + i * unit, number * per_block + i < sector_count ? version + 1 + i : 0);
    half_changed = number;
    bool got = cache_get_fresh(&device, number, how == GIVEN ? bytes : NULL, block) == OK;
    half_changed = UINT64_MAX;
    return got;
}

/* Changes some sectors. With a second block in between, whose wait lets others in, before the change is declared. */
static void change_block(uint64_t number)
{
    struct cache_block *block;
    enum how how = host_random() % 4 == 0 ? 1 + host_random() % 2 : READ;
    if (changing)
        return;
    changing = true;
    if (get_to_change(number, how, &block)) {
        enum cache_stage stage = host_random() % 2;
        for (unsigned i = 0; i < per_block; i++) {
            unsigned sector = number * per_block + i;
            if (sector >= sector_count || (how == READ && host_random() % 2 == 0))
                continue;
            half_changed = number;
            version++;
            if (how != GIVEN)
                sector_fill(block->bytes + i * unit, version);
            else if (!sector_is(block->bytes + i * unit, version))
                host_fail("sector %u does not hold what was given", sector);
            if (host_random() % 4 == 0)
                read_block(host_random() % BLOCKS);
            wanted[sector] = version;
            dirt[sector] = stage == CACHE_IN_ORDER || dirt[sector] == IN_ORDER ? IN_ORDER : ANY_TIME;
            cache_dirty(block, i * unit + host_random() % unit, 1, stage);
            half_changed = UINT64_MAX;
        }
        cache_put(block);
    }
    changing = false;
}

static void write_back(enum cache_stage stage)
{
    if (changing)
        return;
    changing = true;
    uint64_t failed = failures;
    writing_in_order = stage == CACHE_IN_ORDER;
    enum status status = cache_write(&device, stage);
    writing_in_order = false;
    bool left = false;
    for (unsigned sector = 0; sector < sector_count; sector++)
        left = left || dirt[sector] == ANY_TIME || (dirt[sector] == IN_ORDER && stage == CACHE_IN_ORDER);
    if ((status == OK) == left)
        host_fail("write says %d, and %s", status, left ? "something is left" : "nothing is left");
    if (status == ERR_IO && failures == failed)
        host_fail("an error without a cause");
    changing = false;
}

/* Some blocks, begun and waited for, or only begun: an answer tells of these and of no others. */
static void write_some(void)
{
    uint64_t number = host_random() % BLOCKS, count = 1 + host_random() % 5, failed = failures;
    if (changing)
        return;
    changing = true;
    if (cache_write_blocks(&device, number, count, false) != OK)
        host_fail("beginning to write some blocks failed");
    if (host_random() % 4 != 0) {
        enum status status = cache_write_blocks(&device, number, count, true);
        bool left = false;
        for (unsigned sector = number * per_block; sector < (number + count) * per_block && sector < sector_count; sector++)
            left = left || dirt[sector] == ANY_TIME;
        if ((status == OK) == left)
            host_fail("writing %lu blocks from %lu says %d, and %s", count, number, status,
                      left ? "something is left" : "nothing is left");
        if (status == ERR_IO && failures == failed)
            host_fail("an error without a cause");
        some_written++;
    }
    changing = false;
}

static void forget(void)
{
    if (changing || depth > 0)
        return;
    cache_forget(&device);
    for (unsigned sector = 0; sector < sector_count; sector++) {
        memcpy(&wanted[sector], disk + sector * unit, 4);
        dirt[sector] = CLEAN;
    }
}

static void operate(void)
{
    uint64_t number = host_random() % (BLOCKS + 1), choice = host_random() % 1000;
    if (choice < 400)
        read_block(number);
    else if (choice < 700)
        change_block(number);
    else if (choice < 800)
        cache_read_ahead(&device, number, host_random() % 40);
    else if (choice < 850)
        write_back(host_random() % 2);
    else if (choice < 852)
        forget();
    else if (choice < 860)
        bad[host_random() % sector_count] ^= host_random() % 4 == 0;
    else if (choice < 865)
        memset(bad, 0, sizeof bad);
    else if (choice < 870)
        failing = host_random() % 3 == 0 ? 0 : 2 + host_random() % 30;
    else if (choice < 880)
        host_frames_most = 8 + host_random() % 60;
    else if (choice < 890)
        cache_set_limit(8 + host_random() % 60);
    else if (choice < 900 && cache_crowded() && pending_count == 0)
        write_back(CACHE_IN_ORDER);
    else if (choice < 950)
        write_some();
}

static bool others_go_on(void)
{
    if (depth < 3 && host_random() % 3 == 0) {
        depth++;
        nested++;
        operate();
        depth--;
        return true;
    }
    if (pending_count == 0)
        return false;
    complete_one();
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    host_seed = strtoul(argv[1], NULL, 0);
    unit = strtoul(argv[3], NULL, 0);
    per_block = CACHE_BLOCK_SIZE / unit;
    sector_count = BLOCKS * per_block - per_block / 2; /* the last block is cut */
    device = (struct block_device){ .name = "model", .sector_size = unit, .sector_count = sector_count,
                                    .submit = model_submit, .read = block_read_by_request,
                                    .write = block_write_by_request };
    host_step = others_go_on;
    cache_initialise();
    for (unsigned sector = 0; sector < sector_count; sector++) {
        sector_fill(disk + sector * unit, ++version);
        wanted[sector] = version;
    }
    for (unsigned long i = 0; i < strtoul(argv[2], NULL, 0); i++) {
        operate();
        if (cache_count_pinned() != 0 || cache_count_lost() != 0)
            host_fail("%lu blocks are still pinned, %lu frames are lost", cache_count_pinned(), cache_count_lost());
    }
    memset(bad, 0, sizeof bad);
    failing = 0;
    write_back(CACHE_IN_ORDER);
    for (unsigned sector = 0; sector < sector_count; sector++)
        if (!sector_is(disk + sector * unit, wanted[sector]))
            host_fail("sector %u was lost", sector);
    struct cache_statistics counts;
    cache_statistics(&counts);
    cache_forget(&device);
    if (host_frames_lent != 0)
        host_fail("%lu frames are left", host_frames_lent);
    printf("%lu requests, at most %lu pending, %lu segments, %lu failed; %lu nested operations; %lu given up; "
           "%lu times some blocks\n", requests, most_pending, largest, failures, nested, counts.evicted, some_written);
    return 0;
}
