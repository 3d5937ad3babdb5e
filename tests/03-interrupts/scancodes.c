/* Walks through all sequences of three scan codes; the sanitizers watch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/interrupts/keyboard.h"

#define MUST(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

static size_t translate(struct keyboard *keyboard, unsigned code, char out[KEY_BYTES])
{
    struct { char bytes[KEY_BYTES], guard; } area;

    memset(&area, '#', sizeof area);
    size_t length = keyboard_translate(keyboard, code, area.bytes);
    MUST(length <= KEY_BYTES && area.guard == '#');
    memcpy(out, area.bytes, KEY_BYTES);
    return length;
}

static void check_all_triples(void)
{
    char out[KEY_BYTES];

    for (unsigned triple = 0; triple < 1 << 24; triple++) {
        struct keyboard keyboard = { 0 };
        translate(&keyboard, triple & 0xff, out);
        translate(&keyboard, triple >> 8 & 0xff, out);
        translate(&keyboard, triple >> 16, out);
    }
}

/* From any state, letting go of all that can be held leads back to plain letters. */
static void check_recovery(void)
{
    char out[KEY_BYTES];

    for (unsigned pair = 0; pair < 1 << 16; pair++) {
        struct keyboard keyboard = { 0 };
        translate(&keyboard, pair & 0xff, out);
        translate(&keyboard, pair >> 8, out);
        for (int i = 0; i < 3; i++)
            translate(&keyboard, 0x9e, out);
        const unsigned char released[] = { 0xaa, 0xb6, 0x9d, 0xb8 };
        for (size_t i = 0; i < sizeof released; i++)
            MUST(translate(&keyboard, released[i], out) == 0);
        keyboard.caps_lock = false;
        MUST(translate(&keyboard, 0x1e, out) == 1 && out[0] == 'a');
    }
}

static void check_ascii(void)
{
    bool seen[256] = { false };
    char out[KEY_BYTES];

    for (int shift = 0; shift < 2; shift++)
        for (unsigned code = 1; code < 0x80; code++) {
            struct keyboard keyboard = { .shift = shift };
            size_t length = translate(&keyboard, code, out);
            if (length == 1)
                seen[(unsigned char)out[0]] = true;
            MUST(translate(&keyboard, code | 0x80, out) == 0);
        }
    for (int c = ' '; c < 0x7f; c++)
        if (!seen[c]) {
            printf("no key sends %c\n", c);
            exit(1);
        }
}

int main(void)
{
    check_all_triples();
    check_recovery();
    check_ascii();
    printf("all scan codes\n");
    return 0;
}
