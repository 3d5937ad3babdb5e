#ifndef NIKKI_MEMORY_STACK_H
#define NIKKI_MEMORY_STACK_H

#include <nikki/error.h>

#include "kernel/boot/types.h"

enum status stack_alloc(void **top);
void stack_free(void *top);

#endif
