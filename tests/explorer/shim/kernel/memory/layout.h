#ifndef NIKKI_MEMORY_LAYOUT_H
#define NIKKI_MEMORY_LAYOUT_H

#include "kernel/boot/types.h"

/* The explorer's frames have the addresses that they have. */
static inline void *phys_to_virt(uint64_t physical)
{
    return (void *)physical;
}

static inline uint64_t virt_to_phys(const void *address)
{
    return (uint64_t)address;
}

#endif
