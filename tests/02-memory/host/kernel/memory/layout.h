/* In place of the kernel's: "physical memory" is an array of the test's. */
#ifndef NIKKI_MEMORY_LAYOUT_H
#define NIKKI_MEMORY_LAYOUT_H

#include "kernel/boot/types.h"

extern uint8_t *ram;

#define DIRECT_BASE ((uint64_t)ram)

static inline void *phys_to_virt(uint64_t physical)
{
    return ram + physical;
}

static inline uint64_t virt_to_phys(const void *address)
{
    return (const uint8_t *)address - ram;
}

#endif
