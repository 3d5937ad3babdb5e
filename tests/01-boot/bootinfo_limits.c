/* Feeds the reader of boot information with more than it has room for; the sanitizers watch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/address.h"
#include "kernel/boot/bootinfo.h"

#define MUST(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

size_t string_copy(char *to, const char *text, size_t size)
{
    size_t length = strlen(text);
    size_t kept = length < size ? length : size - 1;

    memcpy(to, text, kept);
    to[kept] = '\0';
    return length;
}

static _Alignas(8) char information[65536];
static size_t used = 8;

static void add_tag(uint32_t type, const void *body, size_t size)
{
    uint32_t head[2] = { type, 8 + size };

    memcpy(information + used, head, 8);
    memcpy(information + used + 8, body, size);
    used += (8 + size + 7) / 8 * 8;
}

static void add_module(const char *cmdline, uint32_t start, uint32_t end)
{
    char body[1024];

    memcpy(body, &start, 4);
    memcpy(body + 4, &end, 4);
    strcpy(body + 8, cmdline);
    add_tag(3, body, 8 + strlen(cmdline) + 1);
}

static void add_regions(unsigned count)
{
    static uint64_t body[1 + 3 * 100];
    uint32_t head[2] = { 24, 0 };

    memcpy(body, head, 8);
    for (unsigned i = 0; i < count; i++) {
        body[1 + 3 * i] = i * 4096ul;
        body[2 + 3 * i] = 4096;
        body[3 + 3 * i] = 1;
    }
    add_tag(6, body, 8 + count * 24ul);
}

static void make_information(void)
{
    char cmdline[600], name[200];

    strcpy(cmdline, "seed=1  colour=green flag x=");
    memset(cmdline + strlen(cmdline), 'y', sizeof cmdline - strlen(cmdline) - 1);
    cmdline[sizeof cmdline - 1] = '\0';
    add_tag(1, cmdline, sizeof cmdline);
    add_tag(4242, "a tag from the future", 22);
    add_regions(100);
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    add_module("disk and more words", 0x1000, 0x3000);
    add_module("", 7, 7);
    for (int i = 0; i < 20; i++)
        add_module(name, 0, 1);
    add_tag(0, "", 0);
}

int main(void)
{
    make_information();
    boot_info_read(MULTIBOOT2_MAGIC, (uint64_t)information - DIRECT_BASE);
    MUST(strcmp(boot_option("seed"), "1") == 0);
    MUST(strcmp(boot_option("colour"), "green") == 0);
    MUST(strcmp(boot_option("flag"), "") == 0);
    MUST(boot_option("fla") == NULL && boot_option("flags") == NULL && boot_option("green") == NULL);
    MUST(strlen(boot_option("x")) < 256);
    MUST(boot_info.region_count == 64 && boot_info.regions[63].start == 63 * 4096);
    MUST(boot_info.module_count == 8);
    MUST(boot_module_find("disk") == &boot_info.modules[0] && boot_info.modules[0].size == 0x2000);
    MUST(strlen(boot_info.modules[7].name) < 32);
    MUST(boot_module_find("dis") == NULL);
    printf("all within limits\n");
    return 0;
}
