/* What gcc's -fsanitize=thread calls before each access to memory, and at each function's door. */
#include "strand.h"

#define SPIN_MAX 20000

unsigned accesses_inside;

/* Any access; only those to what another task could see, outside critical sections, are points. */
static inline void access(const volatile void *address, const void *pc)
{
    if (strand_running == NULL || !exploring)
        return;
    if (machine_gave_back(address))
        explore_dangling(pc);
    if (critical_depth > 0) {
        if (++accesses_inside > SPIN_MAX)
            explore_spinning(pc);
        return;
    }
    if (!machine_owns_stack(strand_running, (const void *)address))
        explore_point(pc);
}

#define HERE __builtin_return_address(0)
#define HOOK(name) void name(void *address); void name(void *address) { access(address, HERE); }
#define HOOKS(kind) \
    HOOK(__tsan_##kind##1) HOOK(__tsan_##kind##2) HOOK(__tsan_##kind##4) HOOK(__tsan_##kind##8) \
    HOOK(__tsan_##kind##16)

HOOKS(read) HOOKS(write) HOOKS(unaligned_read) HOOKS(unaligned_write)
HOOKS(volatile_read) HOOKS(volatile_write)

void __tsan_read_range(void *address, size_t size);
void __tsan_read_range(void *address, size_t size) { (void)size; access(address, HERE); }
void __tsan_write_range(void *address, size_t size);
void __tsan_write_range(void *address, size_t size) { (void)size; access(address, HERE); }
void __tsan_init(void);
void __tsan_init(void) { }

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    struct strand *strand = strand_running;
    if (strand != NULL && strand->depth < SHADOW_MAX)
        strand->calls[strand->depth] = caller;
    if (strand != NULL)
        strand->depth++;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
    if (strand_running != NULL)
        strand_running->depth--;
}
