/* usage: disk_model SEED OPERATIONS MOOD INDIRECT
 *
 * The driver of virtio disks against a device that the test plays, in memory. MOOD 0: it is honest, only late and out of
 * order. 1: it reports errors, and falls silent. 2: it also returns numbers that make no sense, wrong lengths, requests
 * that it has not carried out, counts wrongly, and raises interrupts for nothing. Buffers are freed as soon as a request has
 * ended, so a device that writes later is seen by the sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "host_waits.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/layout.h"
#include "kernel/virtio/virtio_disk.h"

#define SECTORS 4096
#define CHAINS 128

static struct virtio_disk disk;
static uint8_t image[SECTORS * 512];
static bool busy[SECTORS];
static uint16_t bell;
static unsigned mood, indirect, silent_for;
static uint64_t ended, errors, chains_most, resets_refused;

/* The device: what it has taken and not yet answered. */
static struct {
    uint16_t available; /* how far it has read */
    uint16_t used;
    uint16_t heads[CHAINS];
    unsigned count, interrupt;
    bool running, dropped[CHAINS];
} device;

static bool chance(unsigned one_in)
{
    return host_random() % one_in == 0;
}

static struct virtqueue_descriptor *descriptor_of(struct virtqueue_descriptor *table, unsigned length, unsigned index)
{
    if (index >= length)
        host_fail("descriptor %u of %u", index, length);
    return &table[index];
}

/* Carries out the chain that begins at head: returns what it wrote. */
static uint32_t carry_out(uint16_t head, bool report_error)
{
    struct virtqueue_descriptor *table = (struct virtqueue_descriptor *)disk.queue.descriptors;
    unsigned length = disk.queue.size, steps = 0;
    struct virtqueue_descriptor *at = descriptor_of(table, length, head);
    if (at->flags & DESCRIPTOR_INDIRECT) {
        if (!indirect || at->length % 16 != 0)
            host_fail("a table that can't be");
        length = at->length / 16;
        table = phys_to_virt(at->address);
        at = table;
    }
    struct request_header *header = phys_to_virt(at->address);
    if (at->length != sizeof *header || at->flags != DESCRIPTOR_NEXT || header->reserved != 0)
        host_fail("a bad header");
    uint64_t position = header->sector * 512;
    uint32_t wrote = 0;
    for (at = descriptor_of(table, length, at->next); at->flags & DESCRIPTOR_NEXT;
         at = descriptor_of(table, length, at->next)) {
        if (++steps > length || at->length == 0 || at->length > disk.piece_size || at->length % 512 != 0 ||
            position + at->length > sizeof image || header->type == REQUEST_FLUSH)
            host_fail("a bad descriptor");
        bool in = header->type == REQUEST_READ;
        if (((at->flags & DESCRIPTOR_WRITE) != 0) != in)
            host_fail("a wrong direction");
        uint8_t *bytes = phys_to_virt(at->address);
        memcpy(in ? bytes : image + position, in ? image + position : bytes, at->length);
        wrote += in ? at->length : 0;
        position += at->length;
    }
    if (at->length != 1 || at->flags != DESCRIPTOR_WRITE || steps > disk.pieces_most)
        host_fail("no place for the answer, or too many pieces");
    *(uint8_t *)phys_to_virt(at->address) = report_error ? 1 + host_random() % 2 : ANSWER_OK;
    return wrote + 1;
}

static void push_used(uint32_t id, uint32_t length)
{
    volatile uint32_t *element = (volatile uint32_t *)(disk.queue.used_ring + 2) + 2 * (device.used % disk.queue.size);
    element[0] = id;
    element[1] = length;
    disk.queue.used_ring[1] = ++device.used;
    device.interrupt = 1;
}

static void take_available(void)
{
    while (device.available != disk.queue.available_ring[1] && device.count < CHAINS) {
        device.heads[device.count++] = disk.queue.available_ring[2 + device.available % disk.queue.size];
        device.available++;
    }
    if (device.count > chains_most)
        chains_most = device.count;
}

static void misbehave(void)
{
    static const uint32_t ids[] = { 3, 33, 127, 128, 65535, 0x80000000, UINT32_MAX };
    switch (host_random() % 5) {
    case 0:
        push_used(ids[host_random() % 7], host_random() % 10000);
        break;
    case 1: /* names one that it has, and has not carried out */
        if (device.count > 0)
            push_used(device.heads[host_random() % device.count], 513);
        break;
    case 2:
        disk.queue.used_ring[1] = device.used += host_random() % 400;
        device.interrupt = 1;
        break;
    case 3:
        for (unsigned i = 0; i < 2000; i++) { /* calls and calls */
            device.interrupt = 1;
            uint64_t saved = critical_enter();
            virtio_disk_interrupt(&disk);
            critical_leave(saved);
        }
        break;
    case 4: /* twice the same */
        push_used(host_random() % disk.slot_count * disk.slot_step, 1);
        break;
    }
}

static bool device_works(void)
{
    if (!device.running)
        return false;
    take_available();
    if (mood > 1 && chance(60))
        misbehave();
    else if (device.count > 0 && !(mood > 0 && chance(50) && (silent_for = 40))) {
        if (silent_for > 0 && --silent_for > 0)
            return false;
        unsigned which = host_random() % device.count;
        uint16_t head = device.heads[which];
        device.heads[which] = device.heads[--device.count];
        uint32_t wrote = carry_out(head, mood > 0 && chance(20));
        if (mood > 1 && chance(30))
            wrote += host_random() % 3 - 1;
        push_used(head, wrote);
    }
    if (device.interrupt && !chance(3)) {
        uint64_t saved = critical_enter();
        virtio_disk_interrupt(&disk);
        critical_leave(saved);
        return true;
    }
    return device.count > 0 || device.interrupt;
}

/* What goes on while somebody sleeps: the device's work, the keeper's, or nothing but time. */
static bool world_goes_on(void)
{
    static bool keeping;
    if (!device_works())
        host_now += 3 * 1000000000ull;
    if (!keeping) {
        keeping = true;
        virtio_disk_look_after(&disk);
        keeping = false;
    }
    return true;
}

enum status virtio_start(struct virtio_device *of, uint64_t wanted, uint64_t *agreed)
{
    if (of != &disk.virtio || device.running)
        host_fail("started while it runs");
    *agreed = wanted & (VIRTIO_VERSION_1 | 1ull << 1 | 1ull << 2 | 1ull << 9 | (indirect ? 1ull << 28 : 0));
    return OK;
}

enum status virtio_queue(struct virtio_device *of, unsigned index, void *page, uint16_t size, struct virtqueue *queue)
{
    (void)of;
    if (index != 0 || size < 64)
        host_fail("a wrong queue");
    virtqueue_layout(queue, page, 64);
    return OK;
}

void virtio_run(struct virtio_device *of)
{
    (void)of;
    device.available = device.used = 0;
    device.count = device.interrupt = 0;
    device.running = true;
}

/* Up to the moment of the reset the device may do all that it was told to do. */
enum status virtio_reset(struct virtio_device *of)
{
    (void)of;
    if (device.running)
        take_available();
    for (unsigned i = 0; i < device.count; i++)
        if (chance(2))
            carry_out(device.heads[i], false);
    device.count = device.interrupt = 0;
    device.running = false;
    resets_refused += mood == 3 && ended > 2000;
    return mood == 3 && ended > 2000 ? ERR_IO : OK;
}

void virtio_quiet(struct virtio_device *of)
{
    (void)of;
    device.interrupt = 0;
}

void virtio_notify(struct virtio_device *of, unsigned index)
{
    (void)of;
    bell = index;
}

uint8_t virtio_interrupt_status(struct virtio_device *of)
{
    (void)of;
    uint8_t status = device.interrupt;
    device.interrupt = 0;
    return status;
}

uint32_t virtio_config32(const struct virtio_device *of, unsigned offset)
{
    (void)of;
    return offset == 0 ? SECTORS : offset == 8 ? 9000 : offset == 12 ? 20 : 0;
}

void pci_disable(const struct pci_device *of)
{
    (void)of;
    device.running = false;
}

/* A request of the test, with scattered buffers of its own. */
struct errand {
    struct block_request request;
    struct block_segment segments[40];
    uint8_t *expected;
    unsigned sectors;
};

static unsigned under_way;

static void errand_done(struct block_request *request, enum status status)
{
    struct errand *errand = container_of(request, struct errand, request);
    uint64_t at = request->sector * 512;
    if (!critical_held())
        host_fail("done outside a critical section");
    for (unsigned i = 0; i < request->count; i++) {
        struct block_segment *segment = &errand->segments[i];
        uint8_t *there = request->operation == BLOCK_READ ? errand->expected + (at - request->sector * 512) : image + at;
        if (status == OK && request->operation != BLOCK_FLUSH && memcmp(segment->bytes, there, segment->size) != 0)
            host_fail("sector %lu: not what was asked for", at / 512);
        at += segment->size;
        free(segment->bytes);
    }
    memset(busy + request->sector, 0, errand->sectors);
    free(errand->expected);
    free(errand);
    under_way--;
    ended++;
    errors += status != OK;
}

static void errand_begin(void)
{
    struct errand *errand = calloc(1, sizeof *errand);
    unsigned first = host_random() % (SECTORS - 700), room = 0;
    while (room < 640 && !busy[first + room])
        room++;
    errand->request = (struct block_request){ .operation = host_random() % 2, .sector = first, .done = errand_done,
                                              .segments = errand->segments };
    if (room == 0 || chance(20)) {
        errand->request.operation = BLOCK_FLUSH;
        errand->request.sector = 0;
        room = 0;
    }
    unsigned most = chance(4) ? 40 : 4;
    while (room > 16 && errand->request.count < most) {
        unsigned size = 1 + host_random() % 16;
        struct block_segment *segment = &errand->segments[errand->request.count++];
        *segment = (struct block_segment){ malloc(size * 512), size * 512 };
        memset(segment->bytes, host_random() % 256, segment->size);
        errand->sectors += size;
        room -= size;
    }
    errand->expected = malloc(errand->sectors * 512 + 1);
    memcpy(errand->expected, image + errand->request.sector * 512, errand->sectors * 512);
    memset(busy + errand->request.sector, 1, errand->sectors);
    under_way++;
    block_submit(&disk.device, &errand->request);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    host_seed = strtoul(argv[1], NULL, 0);
    mood = strtoul(argv[3], NULL, 0);
    indirect = strtoul(argv[4], NULL, 0);
    host_step = world_goes_on;
    for (unsigned i = 0; i < sizeof image; i++)
        image[i] = host_random();
    if (virtio_disk_memory_take(&disk) != OK || virtio_disk_start(&disk) != OK || virtio_disk_measure(&disk) != OK)
        host_fail("it doesn't start");
    disk.watched = true;
    for (unsigned long i = 0; i < strtoul(argv[2], NULL, 0); i++) {
        if (under_way < 40 && chance(2))
            errand_begin();
        else
            world_goes_on();
    }
    for (unsigned i = 0; under_way > 0; i++) {
        if (i > 100000)
            host_fail("%u requests never end", under_way);
        world_goes_on();
    }
    if (disk.flying != 0 || (mood == 0 && (errors != 0 || disk.nonsense != 0 || disk.resets != 0)))
        host_fail("%u flying, %lu errors, nonsense %lu, resets %lu", disk.flying, errors, disk.nonsense, disk.resets);
    printf("%lu requests, %lu errors; %lu chains at once; nonsense %lu, resets %lu, refused %lu, state %d\n", ended, errors,
           chains_most, disk.nonsense, disk.resets, resets_refused, disk.state);
    free(disk.memory);
    return 0;
}
