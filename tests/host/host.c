#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/memory/critical.h"
#include "kernel/memory/heap.h"
#include "kernel/tasks/lock.h"
#include "kernel/tasks/wait.h"

unsigned host_critical_depth, host_fail_after;
uint64_t host_memory_live, host_locks_held, host_seed = 1;
int host_quiet;

void host_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    exit(1);
}

uint64_t host_random(void)
{
    uint64_t z = host_seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void panic(const char *format, ...)
{
    va_list arguments;
    printf("panic: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    abort();
}

/* A test that looks at what is said brings its own. */
__attribute__((weak)) void kprintf(const char *format, ...)
{
    va_list arguments;
    if (host_quiet)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

size_t string_copy(char *to, const char *text, size_t size)
{
    size_t length = strlen(text) < size ? strlen(text) : size - 1;
    memcpy(to, text, length);
    to[length] = '\0';
    return length;
}

void *heap_alloc(size_t size)
{
    if (size == 0 || size > HEAP_LARGEST || (host_fail_after > 0 && --host_fail_after == 0))
        return NULL;
    host_memory_live++;
    return calloc(1, size);
}

void heap_free(void *memory)
{
    host_memory_live -= memory != NULL;
    free(memory);
}

void *object_alloc(struct object_kind *kind)
{
    void *object = heap_alloc(kind->size);
    kind->live += object != NULL;
    return object;
}

void object_free(struct object_kind *kind, void *object)
{
    kind->live -= object != NULL;
    heap_free(object);
}

uint64_t object_count_live(const struct object_kind *kind)
{
    return kind->live;
}

void lock_init(struct lock *lock, const char *name)
{
    *lock = (struct lock){ .name = name };
}

void lock_acquire(struct lock *lock)
{
    if (critical_held())
        panic("lock %s is taken in a critical section", lock->name);
    if (lock->owner != NULL)
        panic("lock %s is taken twice", lock->name);
    if (host_locks_held != 0)
        panic("lock %s is taken over another", lock->name);
    lock->owner = (struct task *)lock;
    host_locks_held++;
}

void lock_release(struct lock *lock)
{
    if (lock->owner == NULL)
        panic("lock %s is given back twice", lock->name);
    lock->owner = NULL;
    host_locks_held--;
}

/* Nobody else runs here, so what is waited for must hold already. A test with more of a world brings its own of these. */
__attribute__((weak)) void wait_queue_init(struct wait_queue *queue)
{
    list_init(&queue->waiters);
}

__attribute__((weak)) enum status wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument,
                                             uint64_t deadline, unsigned flags)
{
    (void)queue;
    (void)deadline;
    (void)flags;
    if (critical_held() || !condition(argument))
        host_fail("somebody sleeps, for ever or in a critical section");
    return OK;
}

__attribute__((weak)) bool wake_one(struct wait_queue *queue)
{
    return queue == NULL;
}

__attribute__((weak)) unsigned wake_all(struct wait_queue *queue)
{
    return queue == NULL;
}

bool lock_held(const struct lock *lock)
{
    return lock->owner != NULL;
}

uint64_t host_seconds = 1770726600;

uint64_t wall_clock_now(void)
{
    return host_seconds;
}

const char *status_text(int64_t status)
{
    (void)status;
    return "an error";
}
