#ifndef NIKKI_MEMORY_HEAP_H
#define NIKKI_MEMORY_HEAP_H

#include "kernel/boot/types.h"

struct object_kind {
    const char *name;
    size_t size;
    uint64_t live;
    uint64_t before; /* of them, made before the scenario began */
};

#define OBJECT_KIND(variable, text, type) \
    static struct object_kind variable = { .name = text, .size = sizeof(type) }

void *object_alloc(struct object_kind *kind);
void object_free(struct object_kind *kind, void *object);
void *heap_alloc(size_t size);
void heap_free(void *memory);
uint64_t object_count_live(const struct object_kind *kind);

#endif
