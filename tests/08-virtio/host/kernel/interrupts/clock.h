/* The clock on the host: a number that the test sets. */
#ifndef NIKKI_INTERRUPTS_CLOCK_H
#define NIKKI_INTERRUPTS_CLOCK_H

#include "kernel/boot/types.h"

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)
#define NEVER UINT64_MAX

extern uint64_t host_now;

static inline uint64_t clock_now(void)
{
    return host_now += 10;
}

#endif
