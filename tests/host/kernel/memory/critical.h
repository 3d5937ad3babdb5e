/* Critical sections on the host: nothing interrupts, but they are counted, so that whoever sleeps in one is seen. */
#ifndef NIKKI_MEMORY_CRITICAL_H
#define NIKKI_MEMORY_CRITICAL_H

#include "kernel/boot/types.h"

extern unsigned host_critical_depth;

static inline bool critical_held(void)
{
    return host_critical_depth > 0;
}

static inline uint64_t critical_enter(void)
{
    return host_critical_depth++;
}

static inline void critical_leave(uint64_t saved)
{
    host_critical_depth = (unsigned)saved;
}

#endif
