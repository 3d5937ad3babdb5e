/* What takes a fuzzer's place where there is no clang: tries each file, and then inputs made from them by chance.
 *
 * usage: PROGRAM RUNS SEED SAVED FILE…      SAVED: where to leave the input that failed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sanitizer/common_interface_defs.h>

#define FILES 64
#define LONGEST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct { uint8_t bytes[LONGEST]; size_t size; } files[FILES];
static unsigned file_count;
static uint8_t input[LONGEST];
static size_t input_size;
static const char *saved;
static uint64_t state;

const char *__asan_default_options(void)
{
    return "handle_abort=1";
}

static unsigned chance(unsigned below)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % below;
}

static void save(void)
{
    if (saved == NULL)
        return;
    FILE *file = fopen(saved, "wb");
    fwrite(input, 1, input_size, file);
    fclose(file);
    fprintf(stderr, "the input is in %s\n", saved);
}

static void try_it(void)
{
    /* Of its very size, so that whoever reads behind it is seen. */
    uint8_t *copy = malloc(input_size);
    memcpy(copy, input, input_size);
    LLVMFuzzerTestOneInput(copy, input_size);
    free(copy);
}

static void move(size_t to, size_t from, size_t count)
{
    if (to + count <= LONGEST && from + count <= input_size) {
        memmove(input + to, input + from, count);
        if (to + count > input_size)
            input_size = to + count;
    }
}

static void mutate(void)
{
    static const uint8_t odd[] = { 0, 1, 2, 0x0f, 0x10, 0x40, 0x41, 0x7f, 0x80, 0xe5, 0xf8, 0xff };
    size_t at = chance(input_size), count = 1 + chance(8);
    unsigned other = chance(file_count);
    switch (chance(6)) {
    case 0: input[at] ^= 1 << chance(8); break;
    case 1: input[at] = odd[chance(sizeof odd)]; break;
    case 2: input[at] = chance(256); break;
    case 3: move(at + count, at, input_size - at); break;
    case 4:
        if (input_size > at + count) {
            move(at, at + count, input_size - at - count);
            input_size -= count;
        }
        break;
    default:
        count = chance(files[other].size + 1);
        if (at + count <= LONGEST) {
            memcpy(input + at, files[other].bytes + files[other].size - count, count);
            input_size = at + count > input_size ? at + count : input_size;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return fprintf(stderr, "usage: %s RUNS SEED SAVED FILE…\n", argv[0]), 2;
    unsigned runs = strtoul(argv[1], NULL, 0);
    state = strtoul(argv[2], NULL, 0);
    for (int i = 4; i < argc && file_count < FILES; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL)
            return perror(argv[i]), 2;
        files[file_count].size = fread(files[file_count].bytes, 1, LONGEST, file);
        file_count += files[file_count].size > 0;
        fclose(file);
    }
    saved = argv[3];
    atexit(save);
    __sanitizer_set_death_callback(save);
    for (unsigned run = 0; run < file_count + runs; run++) {
        unsigned from = run < file_count ? run : chance(file_count);
        input_size = files[from].size;
        memcpy(input, files[from].bytes, input_size);
        for (unsigned count = run < file_count ? 0 : 1 + chance(5); count > 0; count--)
            mutate();
        try_it();
    }
    saved = NULL;
    printf("%u inputs and %u made from them\n", file_count, runs);
    return 0;
}
