/* The program file parser on the host: hand-made files, and mutations of a good one.
   usage: elf_host cases | elf_host fuzz GOOD-FILE COUNT SEED */
#include "kernel/usermode/elf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW 0x10000
#define HIGH 0x1000000000

static unsigned long long state;

static unsigned next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33);
}

/* Parses a copy of exactly the right size, so that the sanitizer sees a byte read too many; checks what was promised. */
static enum status parse(const unsigned char *file, size_t size, struct elf_image *image)
{
    size_t head_size = size < ELF_HEAD_SIZE ? size : ELF_HEAD_SIZE;
    unsigned char *head = malloc(head_size + !head_size);
    memcpy(head, file, head_size);
    enum status status = elf_parse(head, head_size, size, LOW, HIGH, image);
    free(head);
    if (status != OK)
        return status;
    unsigned long long last = 0;
    int entry_found = 0;
    for (unsigned i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        if (s->start < LOW || s->size > HIGH - s->start || s->stored > s->size || s->offset > size ||
            s->stored > size - s->offset || s->flags == (ELF_WRITE | ELF_EXECUTE) || s->start / 4096 < last) {
            printf("segment %u breaks a promise\n", i);
            exit(1);
        }
        last = (s->start + s->size + 4095) / 4096;
        entry_found |= (s->flags & ELF_EXECUTE) && image->entry >= s->start && image->entry - s->start < s->size;
    }
    if (!entry_found || image->count == 0) {
        printf("the entry lies nowhere\n");
        exit(1);
    }
    return OK;
}

static unsigned char good[ELF_HEAD_SIZE * 2];

static void put(size_t offset, unsigned long long value, size_t size)
{
    memcpy(good + offset, &value, size);
}

enum { TYPE = 16, MACHINE = 18, ENTRY = 24, TABLE = 32, ROW_SIZE = 54, ROWS = 56, ROW = 64 };
enum { R_TYPE = 0, R_FLAGS = 4, R_OFFSET = 8, R_START = 16, R_STORED = 32, R_SIZE = 40, R_BYTES = 56 };

static void row(unsigned i, unsigned flags, unsigned long long offset, unsigned long long start, unsigned long long stored,
                unsigned long long size)
{
    size_t at = ROW + i * R_BYTES;
    put(at + R_TYPE, 1, 4);
    put(at + R_FLAGS, flags, 4);
    put(at + R_OFFSET, offset, 8);
    put(at + R_START, start, 8);
    put(at + R_STORED, stored, 8);
    put(at + R_SIZE, size, 8);
}

static void make_good(void)
{
    memset(good, 0, sizeof good);
    memcpy(good, "\177ELF\2\1\1", 7);
    put(TYPE, 2, 2);
    put(MACHINE, 62, 2);
    put(ENTRY, 0x401000, 8);
    put(TABLE, ROW, 8);
    put(ROW_SIZE, R_BYTES, 2);
    put(ROWS, 2, 2);
    row(0, 5, 0x1000, 0x401000, 0x800, 0x800);
    row(1, 6, 0x1800, 0x402800, 0x100, 0x5000);
}

static int failures;

static void expect(const char *what, size_t size, enum status wanted)
{
    struct elf_image image;
    enum status got = parse(good, size, &image);
    if (got != wanted) {
        printf("%s: got %d, wanted %d\n", what, got, wanted);
        failures++;
    }
    make_good();
}

static void change(const char *what, size_t offset, unsigned long long value, size_t size)
{
    put(offset, value, size);
    expect(what, sizeof good, ERR_NOT_EXECUTABLE);
}

static int cases(void)
{
    make_good();
    expect("a good file", sizeof good, OK);
    for (size_t size = 0; size < 0x1900; size += 7)
        expect("truncated", size, ERR_NOT_EXECUTABLE);
    change("magic", 0, 0x7e, 1);
    change("32 bits", 4, 1, 1);
    change("big-endian", 5, 2, 1);
    change("a library", TYPE, 3, 2);
    change("another machine", MACHINE, 183, 2);
    change("no rows", ROWS, 0, 2);
    change("65535 rows", ROWS, 65535, 2);
    change("row size", ROW_SIZE, 57, 2);
    change("table outside", TABLE, 1 << 20, 8);
    change("table wraps", TABLE, -16ull, 8);
    change("entry outside", ENTRY, 0x500000, 8);
    change("entry in data", ENTRY, 0x402900, 8);
    change("entry in the kernel", ENTRY, 0xffffffff80100000, 8);
    change("writable and executable", ROW + R_FLAGS, 7, 4);
    change("dynamic", ROW + R_BYTES + R_TYPE, 2, 4);
    change("interpreter", ROW + R_BYTES + R_TYPE, 3, 4);
    change("misaligned", ROW + R_OFFSET, 0x1001, 8);
    change("kernel address", ROW + R_START, 0xffffffff80101000, 8);
    change("null page", ROW + R_START, 0x1000, 8);
    change("size wraps", ROW + R_BYTES + R_SIZE, -0x402800ull, 8);
    change("size beyond the program's part", ROW + R_BYTES + R_SIZE, HIGH, 8);
    change("stored more than size", ROW + R_STORED, 0x900, 8);
    change("stored beyond the file", ROW + R_BYTES + R_STORED, 0x1000, 8);
    change("offset beyond the file", ROW + R_OFFSET, 0x3000, 8);
    change("offset wraps", ROW + R_OFFSET, -0x1000ull, 8);
    row(1, 6, 0x1800, 0x401800, 0x100, 0x100);
    expect("two on one page", sizeof good, ERR_NOT_EXECUTABLE);
    row(1, 6, 0x1000, 0x400000, 0x100, 0x100);
    expect("descending", sizeof good, ERR_NOT_EXECUTABLE);
    printf("%d failures\n", failures);
    return failures != 0;
}

static int fuzz(const char *path, unsigned count)
{
    static unsigned char original[1 << 20], file[1 << 20];
    FILE *in = fopen(path, "rb");
    if (!in)
        return 1;
    size_t size = fread(original, 1, sizeof original, in);
    unsigned accepted = 0;
    fclose(in);
    for (unsigned i = 0; i < count; i++) {
        struct elf_image image;
        memcpy(file, original, size);
        for (unsigned n = 1 + next_random() % 6; n > 0; n--) {
            size_t at = next_random() % 400;
            if (next_random() % 2)
                file[at] = (unsigned char)next_random();
            else
                file[at] ^= 1u << next_random() % 8;
        }
        accepted += parse(file, next_random() % 4 ? size : next_random() % (size + 1), &image) == OK;
    }
    printf("%u of %u accepted\n", accepted, count);
    return accepted == 0 || accepted == count;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "fuzz") == 0) {
        state = strtoull(argv[4], NULL, 0);
        return fuzz(argv[2], (unsigned)atoi(argv[3]));
    }
    return cases();
}
