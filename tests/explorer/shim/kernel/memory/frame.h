#ifndef NIKKI_MEMORY_FRAME_H
#define NIKKI_MEMORY_FRAME_H

#include "kernel/boot/types.h"

uint64_t frame_alloc(void);
void frame_free(uint64_t physical);

#endif
