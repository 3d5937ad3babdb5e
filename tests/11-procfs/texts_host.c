/* Random lines and random reads against a plain array. Arguments: how many texts, seed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "kernel/boot/printf.h"
#include "kernel/memory/frame.h"
#include "kernel/procfs/text.h"

static unsigned frames, frames_left;

uint64_t frame_alloc(void)
{
    if (frames_left-- == 0)
        return 0;
    frames++;
    return (uint64_t)aligned_alloc(PAGE_SIZE, PAGE_SIZE) - DIRECT_BASE;
}

void frame_free(uint64_t physical)
{
    frames--;
    free(phys_to_virt(physical));
}

int kvsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
    return vsnprintf(buffer, size, format, arguments);
}

static char model[(PROC_PAGES_MAX + 1) * PAGE_SIZE];
static size_t model_size;

static void random_line(struct proc_text *text, size_t most)
{
    static char line[PROC_LINE_SIZE + 16];
    size_t length = host_random() % most;
    for (size_t i = 0; i < length; i++)
        line[i] = (char)(1 + host_random() % 255);
    line[length] = '\0';
    enum status before = text->status;
    proc_line(text, "%s", line);
    if (before != OK || text->status != OK)
        return;
    for (size_t i = 0; i < length; i++)
        model[model_size++] = (unsigned char)line[i] < ' ' ? '?' : line[i];
    model[model_size++] = '\n';
}

static void random_read(const struct proc_text *text)
{
    static char buffer[3 * PAGE_SIZE];
    size_t size = host_random() % sizeof buffer;
    uint64_t offset = host_random() % 20 == 0 ? host_random() : host_random() % (model_size + 10);
    size_t wanted = offset >= model_size ? 0 : model_size - offset < size ? model_size - offset : size;
    if (proc_text_read(text, offset, buffer, size) != wanted)
        host_fail("a read from %lu of %lu bytes has a wrong length", offset, size);
    if (wanted > 0 && memcmp(buffer, model + offset, wanted) != 0)
        host_fail("a read from %lu of %lu bytes is wrong", offset, size);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100, whole = 0;
    host_seed = argc > 2 ? (uint64_t)atoi(argv[2]) : 1;
    for (unsigned i = 0; i < count; i++) {
        struct proc_text text = { .status = OK };
        unsigned lines = (unsigned)(host_random() % 600);
        size_t most = host_random() % 3 == 0 ? PROC_LINE_SIZE + 8 : 100;
        model_size = 0;
        frames_left = host_random() % 4 == 0 ? (unsigned)(host_random() % 20) : 1000;
        for (unsigned line = 0; line < lines; line++)
            random_line(&text, most);
        whole += text.status == OK;
        if (text.status == OK && text.size != model_size)
            host_fail("a text has %lu bytes instead of %lu", text.size, model_size);
        for (unsigned read = 0; read < 20 && text.status == OK; read++)
            random_read(&text);
        proc_text_empty(&text);
        if (frames != 0)
            host_fail("%u frames are left over, status %d", frames, text.status);
    }
    printf("%u texts, %u of them whole\n", count, whole);
    return 0;
}
