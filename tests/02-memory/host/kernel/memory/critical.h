/* In place of the kernel's: a host program has no interrupts, but sections must still match. */
#ifndef NIKKI_MEMORY_CRITICAL_H
#define NIKKI_MEMORY_CRITICAL_H

#include "kernel/boot/types.h"

extern uint64_t critical_depth;

static inline uint64_t critical_enter(void)
{
    return critical_depth++;
}

static inline void critical_leave(uint64_t saved)
{
    critical_depth = saved;
}

#endif
