#ifndef NIKKI_MEMORY_CRITICAL_H
#define NIKKI_MEMORY_CRITICAL_H

#include "kernel/boot/types.h"

#define INTERRUPTS_ON 0x200

bool critical_held(void);
uint64_t critical_enter(void);
void critical_leave(uint64_t saved);

#endif
