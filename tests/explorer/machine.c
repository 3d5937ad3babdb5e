/* The machine that the explored code runs on: interrupts, clock, memory and stacks, all in a few arrays. */
#include "strand.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/frame.h"
#include "kernel/memory/heap.h"
#include "kernel/memory/stack.h"
#include "kernel/tasks/context.h"
#include "kernel/tasks/id.h"

#define STRANDS_MAX 8
#define OBJECTS_MAX 40
#define OBJECT_BYTES 1024
#define FRAMES_MAX 24
#define FRAME_BYTES 4096

void stack_switch(uint64_t *save, uint64_t load);

struct strand *strand_running;
struct strand boot_strand;
unsigned critical_depth;
static struct strand strands[STRANDS_MAX];
static struct {
    struct object_kind *kind;
    char bytes[OBJECT_BYTES] __attribute__((aligned(16)));
} objects[OBJECTS_MAX];
static struct object_kind any_size = { .name = "any size", .size = OBJECT_BYTES };
static bool frame_taken[FRAMES_MAX];
static char frame_bytes[FRAMES_MAX][FRAME_BYTES] __attribute__((aligned(FRAME_BYTES)));
static unsigned strands_before, frames_before, names_before;

/* The kernel's tables of ids; `run` makes them visible. */
extern struct id_table task_ids, process_ids;
extern struct id_table call_ids __attribute__((weak)); /* from the chapter on messages on */
static uint64_t now, armed_for;
static void (*clock_handler)(void);

void machine_reset(void)
{
    for (unsigned i = 0; i < STRANDS_MAX; i++)
        strands[i].taken = false;
    for (unsigned i = 0; i < OBJECTS_MAX; i++)
        objects[i].kind = NULL;
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        frame_taken[i] = false;
    any_size.live = any_size.before = 0;
    boot_strand.depth = 0;
    critical_depth = accesses_inside = 0;
    now = 1;
    armed_for = NEVER;
}

/* --- Critical sections ---------------------------------------------------------------------------------- */

bool critical_held(void)
{
    return critical_depth > 0;
}

uint64_t critical_enter(void)
{
    if (critical_depth == 0)
        explore_point(__builtin_return_address(0));
    uint64_t saved = critical_depth == 0 ? INTERRUPTS_ON : 0;
    if (critical_depth == 0)
        accesses_inside = 0;
    critical_depth = 1;
    return saved;
}

void critical_leave(uint64_t saved)
{
    if (saved & INTERRUPTS_ON)
        critical_depth = 0;
}

/* --- Clock ---------------------------------------------------------------------------------------------- */

uint64_t clock_now(void)
{
    return now;
}

void clock_arm(uint64_t deadline)
{
    armed_for = deadline;
}

void (*clock_set_handler(void (*handler)(void)))(void)
{
    void (*before)(void) = clock_handler;
    clock_handler = handler;
    return before;
}

uint64_t machine_armed(void)
{
    return armed_for;
}

/* Time goes on to the moment that the clock is armed for. Interrupts are off. */
void machine_tick(void)
{
    if (armed_for != NEVER && armed_for > now)
        now = armed_for;
    armed_for = NEVER;
    clock_handler();
}

/* --- Memory --------------------------------------------------------------------------------------------- */

void *object_alloc(struct object_kind *kind)
{
    if (kind->size > OBJECT_BYTES)
        explored_failure("an object of kind %s is too big for the explorer", kind->name);
    for (unsigned i = 0; i < OBJECTS_MAX; i++)
        if (objects[i].kind == NULL) {
            objects[i].kind = kind;
            kind->live++;
            return memset(objects[i].bytes, 0, kind->size);
        }
    return NULL;
}

void object_free(struct object_kind *kind, void *object)
{
    if (object == NULL)
        return;
    for (unsigned i = 0; i < OBJECTS_MAX; i++)
        if (objects[i].kind == kind && objects[i].bytes == object) {
            objects[i].kind = NULL;
            kind->live--;
            memset(object, 0xdb, kind->size);
            return;
        }
    explored_failure("freed, but not a live object: %s", kind->name);
}

void *heap_alloc(size_t size)
{
    return size == 0 || size > OBJECT_BYTES ? NULL : object_alloc(&any_size);
}

void heap_free(void *memory)
{
    object_free(&any_size, memory);
}

uint64_t frame_alloc(void)
{
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        if (!frame_taken[i]) {
            frame_taken[i] = true;
            return (uint64_t)frame_bytes[i];
        }
    return 0;
}

void frame_free(uint64_t physical)
{
    uint64_t i = (physical - (uint64_t)frame_bytes) / FRAME_BYTES;
    if (i >= FRAMES_MAX || physical % FRAME_BYTES != 0 || !frame_taken[i])
        explored_failure("freed, but not a frame that is taken: %#lx", physical);
    frame_taken[i] = false;
}

bool machine_gave_back(const volatile void *address)
{
    uint64_t i = ((uint64_t)address - (uint64_t)objects) / sizeof objects[0];
    return i < OBJECTS_MAX && objects[i].kind == NULL;
}

uint64_t object_count_live(const struct object_kind *kind)
{
    return kind->live;
}

/* --- Stacks and switching ------------------------------------------------------------------------------- */

static struct strand *strand_of(const struct task *task)
{
    if (task->stack_top == NULL)
        return &boot_strand;
    return (struct strand *)((char *)task->stack_top - STACK_BYTES - offsetof(struct strand, stack));
}

enum status stack_alloc(void **top)
{
    for (unsigned i = 0; i < STRANDS_MAX; i++)
        if (!strands[i].taken) {
            strands[i].taken = true;
            strands[i].depth = 0;
            strands[i].condition = NULL;
            *top = strands[i].stack + STACK_BYTES;
            return OK;
        }
    return ERR_NO_MEMORY;
}

void stack_free(void *top)
{
    struct strand *strand = (struct strand *)((char *)top - STACK_BYTES - offsetof(struct strand, stack));
    if (strand == strand_running)
        explored_failure("a stack is freed while it is in use");
    strand->taken = false;
}

bool machine_owns_stack(const struct strand *strand, const void *address)
{
    const char *byte = address;
    return byte >= strand->stack && byte < strand->stack + STACK_BYTES;
}

void context_prepare(struct task *task, void (*begin)(void))
{
    uint64_t *stack = task->stack_top;
    *--stack = 0;
    *--stack = (uint64_t)begin;
    for (unsigned saved = 0; saved < 6; saved++)
        *--stack = 0;
    task->stack_pointer = (uint64_t)stack;
}

void context_switch(struct task *previous, struct task *next)
{
    explore_switched(previous, next);
    strand_running = strand_of(next);
    stack_switch(&previous->stack_pointer, next->stack_pointer);
}

void context_idle(void *unused)
{
    (void)unused;
    for (;;)
        explore_idle();
}

/* --- What is left over ---------------------------------------------------------------------------------- */

static unsigned count_strands(void)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < STRANDS_MAX; i++)
        taken += strands[i].taken;
    return taken;
}

static unsigned count_frames(void)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < FRAMES_MAX; i++)
        taken += frame_taken[i];
    return taken;
}

static unsigned count_names(const struct id_table *table)
{
    unsigned taken = 0;
    for (unsigned i = 0; table != NULL && i < table->used; i++)
        taken += table->slots[i].object != NULL;
    return taken;
}

static unsigned count_all_names(void)
{
    return count_names(&task_ids) + count_names(&process_ids) + count_names(&call_ids);
}

void machine_booted(void)
{
    for (unsigned i = 0; i < OBJECTS_MAX; i++)
        if (objects[i].kind != NULL)
            objects[i].kind->before = objects[i].kind->live;
    strands_before = count_strands();
    frames_before = count_frames();
    names_before = count_all_names();
}

const char *machine_leaks(void)
{
    static char text[80];
    for (unsigned i = 0; i < OBJECTS_MAX; i++) {
        struct object_kind *kind = objects[i].kind;
        if (kind != NULL && kind->live > kind->before) {
            snprintf(text, sizeof text, "an object of kind %s is left over", kind->name);
            return text;
        }
    }
    if (count_strands() != strands_before) {
        snprintf(text, sizeof text, "%u stacks are left over", count_strands() - strands_before);
        return text;
    }
    if (count_all_names() != names_before)
        return "an id is left over";
    return count_frames() == frames_before ? NULL : "a frame is left over";
}

/* --- What else the kernel's code calls ------------------------------------------------------------------ */

size_t string_copy(char *to, const char *text, size_t size);
size_t string_copy(char *to, const char *text, size_t size)
{
    return (size_t)snprintf(to, size, "%s", text);
}

void panic(const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    explored_failure("panic: %s", text);
}
