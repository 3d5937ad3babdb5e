/* In place of the kernel's string.h, where the C library has its own. */
#ifndef NIKKI_BOOT_STRING_H
#define NIKKI_BOOT_STRING_H

#include <stddef.h>
#include <string.h>

static inline size_t string_copy(char *to, const char *text, size_t size)
{
    size_t length = strlen(text), copied = length < size ? length : size - 1;

    memcpy(to, text, copied);
    to[copied] = '\0';
    return length;
}

#endif
