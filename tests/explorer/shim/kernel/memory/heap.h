#ifndef NIKKI_MEMORY_HEAP_H
#define NIKKI_MEMORY_HEAP_H

#include "kernel/boot/types.h"

struct object_kind {
    const char *name;
    size_t size;
    uint64_t live;
};

#define OBJECT_KIND(variable, text, type) \
    static struct object_kind variable = { .name = text, .size = sizeof(type) }

void *object_alloc(struct object_kind *kind);
void object_free(struct object_kind *kind, void *object);
uint64_t object_count_live(const struct object_kind *kind);

#endif
