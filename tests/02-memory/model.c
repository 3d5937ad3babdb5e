/* usage: model SEED OPERATIONS
 * The kernel's frame allocator and heap against a model that is slow and obviously right. */
#include "kernel/boot/panic.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/fail.h"
#include "kernel/memory/frame.h"
#include "kernel/memory/heap.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 300  /* the lowest frame that is handed out */
#define LAST 1700  /* and the first that isn't again */
#define SLOTS 2000 /* things held at once, at most */

uint8_t *ram;
uint64_t critical_depth;

static jmp_buf panicked;
static bool panic_expected;
static uint64_t random_state;

#define INSIST(condition) \
    do { \
        if (!(condition)) { \
            printf("model.c:%d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

void panic(const char *format, ...)
{
    if (panic_expected)
        longjmp(panicked, 1);
    printf("unexpected panic: %s\n", format);
    exit(1);
}

/* Whether the statement panics; what it did before that stays. */
#define PANICS(statement) \
    ({ \
        bool did = true; \
        panic_expected = true; \
        if (setjmp(panicked) == 0) { \
            statement; \
            did = false; \
        } \
        panic_expected = false; \
        critical_depth = 0; \
        did; \
    })

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* --- Frames ---------------------------------------------------------------------------------- */

static bool taken[LAST + 1]; /* the model: one flag per frame, looked through from end to end */
static uint64_t model_free = LAST - FIRST, model_reserved, model_peak;

static void model_mark(uint64_t frame, size_t count, bool now)
{
    for (uint64_t i = frame; i < frame + count; i++) {
        INSIST(i >= FIRST && i < LAST && taken[i] != now);
        taken[i] = now;
        model_free += now ? -1 : 1;
    }
    if (model_peak < LAST - FIRST - model_free)
        model_peak = LAST - FIRST - model_free;
}

static uint64_t model_lowest(void)
{
    uint64_t frame = FIRST;

    while (frame < LAST && taken[frame])
        frame++;
    return frame;
}

static uint64_t model_highest_run(size_t count)
{
    for (uint64_t first = LAST - count; first >= FIRST && first < LAST; first--) {
        size_t i = 0;

        while (i < count && !taken[first + i])
            i++;
        if (i == count)
            return first;
    }
    return 0;
}

static void frame_try_alloc(void)
{
    uint64_t wanted = model_free > model_reserved ? model_lowest() : 0;
    uint64_t got = frame_alloc() / PAGE_SIZE;

    INSIST(got == wanted);
    if (got != 0)
        model_mark(got, 1, true);
}

static void frame_try_run(size_t count)
{
    uint64_t wanted = count + model_reserved <= model_free ? model_highest_run(count) : 0;
    uint64_t got = frame_alloc_run(count) / PAGE_SIZE;

    INSIST(got == wanted);
    if (got != 0)
        model_mark(got, count, true);
}

static void frame_try_free(uint64_t frame)
{
    bool good = frame >= FIRST && frame < LAST && taken[frame];

    INSIST((frame_free_fault(frame * PAGE_SIZE) == NULL) == good);
    INSIST(PANICS(frame_free(frame * PAGE_SIZE)) == !good);
    if (good)
        model_mark(frame, 1, false);
}

static void frame_try_reserve(size_t count)
{
    bool wanted = model_reserved + count <= model_free;

    INSIST(frame_reserve(count) == wanted);
    model_reserved += wanted ? count : 0;
}

static void frame_use_promise(void)
{
    uint64_t wanted = model_lowest();

    if (model_reserved == 0) {
        INSIST(PANICS((void)!frame_alloc_reserved()));
        return;
    }
    INSIST(frame_alloc_reserved() == wanted * PAGE_SIZE);
    model_reserved--;
    model_mark(wanted, 1, true);
}

static void frame_step(void)
{
    uint64_t choice = random_below(100);

    if (choice < 45)
        frame_try_alloc();
    else if (choice < 50)
        frame_try_run(1 + random_below(1 + random_below(200)));
    else if (choice < 94)
        frame_try_free(random_below(LAST + 100));
    else if (choice < 96)
        frame_try_reserve(random_below(30));
    else if (choice < 99)
        frame_use_promise();
    else if (model_reserved > 0) {
        frame_unreserve(1);
        model_reserved--;
    }
    INSIST(frame_count_free() == model_free && frame_count_reserved() == model_reserved);
    INSIST(frame_count_used() == LAST - FIRST - model_free && frame_count_peak() == model_peak);
    INSIST(critical_depth == 0);
}

static void frames_finish(void)
{
    frame_unreserve(model_reserved);
    for (uint64_t frame = FIRST; frame < LAST; frame++)
        if (taken[frame])
            frame_free(frame * PAGE_SIZE);
    INSIST(frame_count_used() == 0 && frame_count_total() == LAST - FIRST);
}

/* --- Heap ------------------------------------------------------------------------------------ */

struct small { uint8_t bytes[24]; };
struct medium { uint8_t bytes[700]; };
struct large { uint8_t bytes[10000]; };

OBJECT_KIND(small_kind, "small", struct small);
OBJECT_KIND(medium_kind, "medium", struct medium);
OBJECT_KIND(large_kind, "large", struct large);

static struct held {
    uint8_t *memory;
    size_t size;
    struct object_kind *kind; /* NULL: from heap_alloc() */
    uint8_t pattern;
} held[SLOTS];
static uint64_t held_count;

static void fill(struct held *slot)
{
    for (size_t i = 0; i < slot->size; i++)
        INSIST(slot->memory[i] == 0);
    slot->pattern = 1 + random_below(255);
    memset(slot->memory, slot->pattern, slot->size);
}

static void check_filled(const struct held *slot)
{
    for (size_t i = 0; i < slot->size; i++)
        INSIST(slot->memory[i] == slot->pattern);
}

static void heap_try_alloc(struct held *slot)
{
    struct object_kind *kinds[] = { &small_kind, &medium_kind, &large_kind, NULL, NULL };
    bool failing = random_below(50) == 0;

    slot->kind = kinds[random_below(ARRAY_SIZE(kinds))];
    slot->size = slot->kind ? slot->kind->size : 1 + random_below(1 << (1 + random_below(15)));
    if (failing)
        memory_fail_after(1 + random_below(2));
    slot->memory = slot->kind ? object_alloc(slot->kind) : heap_alloc(slot->size);
    memory_fail_after(0);
    if (slot->memory == NULL) {
        INSIST(failing || frame_count_free() < 10 || slot->size > PAGE_SIZE);
        return;
    }
    INSIST((uint64_t)slot->memory % 16 == 0);
    held_count++;
    fill(slot);
}

static void heap_give(struct held *slot)
{
    if (slot->kind)
        object_free(slot->kind, slot->memory);
    else
        heap_free(slot->memory);
}

/* Wrong ways to free a live thing: all must panic, none may change anything. */
static void heap_try_wrong(struct held *slot)
{
    uint8_t *wrong = slot->memory + 1 + random_below(slot->size);

    INSIST(PANICS(heap_free(wrong)));
    INSIST(PANICS(object_free(&small_kind, wrong)));
    if (slot->kind != &medium_kind)
        INSIST(PANICS(object_free(&medium_kind, slot->memory)));
    if (slot->kind)
        INSIST(PANICS(heap_free(slot->memory)));
}

static void heap_step(void)
{
    struct held *slot = &held[random_below(SLOTS)];

    if (slot->memory == NULL) {
        heap_try_alloc(slot);
    } else if (random_below(20) == 0) {
        heap_try_wrong(slot);
    } else {
        check_filled(slot);
        heap_give(slot);
        INSIST(PANICS(heap_give(slot)));
        slot->memory = NULL;
        held_count--;
    }
    INSIST(object_count_all() == held_count);
}

static void heap_finish(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (held[i].memory == NULL)
            continue;
        check_filled(&held[i]);
        heap_give(&held[i]);
    }
    INSIST(object_count_all() == 0 && frame_count_used() == 0);
    INSIST(object_count_peak(&small_kind) > 0 && object_count_live(&small_kind) == 0);
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;

    random_state = argc > 1 ? strtoull(argv[1], NULL, 0) * 2 + 1 : 1;
    ram = aligned_alloc(PAGE_SIZE, LAST * PAGE_SIZE);
    memset(ram, 0xee, LAST * PAGE_SIZE);
    frame_add(FIRST * PAGE_SIZE - 100, 900 * PAGE_SIZE + 100);
    frame_add(800 * PAGE_SIZE, (LAST + 50) * PAGE_SIZE);
    frame_remove(LAST * PAGE_SIZE, (LAST + 50) * PAGE_SIZE);
    INSIST(frame_count_total() == LAST - FIRST);
    for (uint64_t i = 0; i < operations; i++)
        frame_step();
    frames_finish();
    for (uint64_t i = 0; i < operations; i++)
        heap_step();
    heap_finish();
    printf("%lu operations on frames and %lu on the heap agree with the model\n", operations,
           operations);
    return 0;
}
