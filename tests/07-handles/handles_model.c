/* 100,000 random operations on the tables of three processes, compared with a model that only remembers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "kernel/handles/handle.h"
#include "kernel/handles/kinds.h"
#include "kernel/handles/token.h"
#include "kernel/tasks/task.h"

#define PROCESSES 3
#define REMEMBERED 4096

struct known {
    struct handle handle;
    unsigned process;
    uint32_t rights;
    struct object *object;
    int open;
};

static struct process processes[PROCESSES];
static struct known known[REMEMBERED];
static unsigned known_count;
static unsigned open_count[PROCESSES];

const char *boot_option(const char *key)
{
    (void)key;
    return NULL;
}

uint64_t entropy_word(void)
{
    return host_random();
}

static void expect(int64_t got, int64_t wanted, const char *what)
{
    if (got != wanted)
        host_fail("%s: got %ld, wanted %ld", what, (long)got, (long)wanted);
}

static struct known *remember(struct handle handle, unsigned process, uint32_t rights, struct object *object)
{
    for (unsigned i = 0; i < known_count; i++)
        if (known[i].handle.token == handle.token)
            host_fail("a token came twice");
    struct known *row = &known[known_count < REMEMBERED ? known_count++ : host_random() % REMEMBERED];
    if (row->open) {
        expect(handle_close(&processes[row->process], row->handle), OK, "close to forget");
        open_count[row->process]--;
    }
    *row = (struct known){ handle, process, rights, object, 1 };
    open_count[process]++;
    return row;
}

static void create(unsigned process)
{
    struct object *object;
    struct handle handle;
    uint32_t rights = host_random() & RIGHTS_ALL;
    expect(memory_object_create(1 + host_random() % 64, &object), OK, "memory object");
    int full = open_count[process] == HANDLE_TABLE_SIZE - HANDLE_STANDARD_COUNT;
    int64_t status = handle_create(&processes[process], object, rights, &handle);
    expect(status, full ? ERR_TABLE_FULL : OK, "create");
    if (status == OK)
        remember(handle, process, rights & object->rights, object);
    else
        object_release(object);
}

static void duplicate(struct known *row, unsigned to)
{
    struct handle handle;
    uint32_t mask = host_random() & RIGHTS_ALL;
    int full = open_count[to] == HANDLE_TABLE_SIZE - HANDLE_STANDARD_COUNT;
    int64_t wanted = !row->open ? ERR_INVALID_HANDLE
                     : to != row->process && !(row->rights & RIGHT_DELEGATE) ? ERR_PERMISSION_DENIED
                     : full ? ERR_TABLE_FULL : OK;
    expect(handle_duplicate(&processes[row->process], row->handle, mask, &processes[to], &handle), wanted, "duplicate");
    if (wanted == OK)
        remember(handle, to, row->rights & mask, row->object);
}

static void use(struct known *row)
{
    struct object *object;
    uint32_t needed = host_random() & host_random() & RIGHTS_ALL, rights = 0;
    int64_t wanted = !row->open ? ERR_INVALID_HANDLE : (row->rights & needed) != needed ? ERR_PERMISSION_DENIED : OK;
    expect(handle_find(&processes[row->process], row->handle, needed, &object), wanted, "find");
    if (wanted == OK) {
        if (object != row->object)
            host_fail("a handle led to another object");
        object_release(object);
    }
    expect(handle_rights(&processes[row->process], row->handle, &rights), row->open ? OK : ERR_INVALID_HANDLE, "rights");
    if (row->open)
        expect(rights, row->rights, "rights");
    expect(handle_find(&processes[(row->process + 1) % PROCESSES], row->handle, 0, &object), ERR_INVALID_HANDLE,
           "another process's handle");
    struct handle guess = { row->handle.id, host_random() };
    expect(handle_find(&processes[row->process], guess, 0, &object), ERR_INVALID_HANDLE, "a guess");
}

static void step(void)
{
    unsigned process = host_random() % PROCESSES, action = host_random() % 8;
    struct known *row = known_count == 0 ? NULL : &known[host_random() % known_count];
    if (action <= 1 || row == NULL) {
        create(process);
    } else if (action == 2) {
        duplicate(row, process);
    } else if (action == 3) {
        uint32_t mask = (host_random() | host_random()) & RIGHTS_ALL;
        expect(handle_restrict(&processes[row->process], row->handle, mask), row->open ? OK : ERR_INVALID_HANDLE, "restrict");
        row->rights &= mask;
    } else if (action <= 5) {
        expect(handle_close(&processes[row->process], row->handle), row->open ? OK : ERR_INVALID_HANDLE, "close");
        open_count[row->process] -= row->open;
        row->open = 0;
    } else {
        use(row);
    }
}

static void check_siphash(void)
{
    /* From the authors' table: key 00 01 … 0f, message 00 01 … 07. */
    uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    expect(siphash_word(key, 0x0706050403020100) == 0x93f5f5799a932462, 1, "siphash");
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    host_seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    check_siphash();
    token_initialise();
    for (unsigned i = 0; i < steps; i++) {
        step();
        uint64_t sum = 0;
        for (unsigned p = 0; p < PROCESSES; p++) {
            expect(handle_count(&processes[p]), open_count[p], "count");
            sum += open_count[p];
        }
        expect(handle_count_live(), sum, "count of all");
    }
    for (unsigned p = 0; p < PROCESSES; p++)
        handle_close_all(&processes[p]);
    expect(open_object_count(), 0, "objects left");
    expect(host_memory_live, 0, "memory left");
    printf("%u operations agree\n", steps);
    return 0;
}
