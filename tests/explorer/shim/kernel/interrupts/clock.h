#ifndef NIKKI_INTERRUPTS_CLOCK_H
#define NIKKI_INTERRUPTS_CLOCK_H

#include "kernel/boot/types.h"

#define NEVER UINT64_MAX
#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

uint64_t clock_now(void);
void clock_arm(uint64_t deadline);
void (*clock_set_handler(void (*handler)(void)))(void);

#endif
