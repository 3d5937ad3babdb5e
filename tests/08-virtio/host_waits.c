#include "host_waits.h"

#include <stdlib.h>

#include "host/host.h"
#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/frame.h"
#include "kernel/monitor/monitor.h"
#include "kernel/tasks/wait.h"

bool (*host_step)(void);
uint64_t host_now = 1, host_frames_lent;
unsigned host_frames_most = 1000000;
static bool (*borrower)(void);

void wait_queue_init(struct wait_queue *queue)
{
    list_init(&queue->waiters);
}

bool wake_one(struct wait_queue *queue)
{
    return queue == NULL;
}

unsigned wake_all(struct wait_queue *queue)
{
    return queue == NULL;
}

enum status wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument, uint64_t deadline,
                       unsigned flags)
{
    (void)queue;
    (void)flags;
    if (critical_held())
        host_fail("somebody sleeps in a critical section");
    for (;;) {
        uint64_t saved = critical_enter();
        bool holds = condition(argument);
        critical_leave(saved);
        if (holds)
            return OK;
        if (!host_step()) {
            if (deadline == NEVER)
                host_fail("somebody sleeps for ever");
            host_now = deadline;
            return ERR_TIMEOUT;
        }
    }
}

uint64_t frame_alloc_run(size_t count)
{
    return (uint64_t)aligned_alloc(PAGE_SIZE, count * PAGE_SIZE) - DIRECT_BASE;
}

uint64_t frame_borrow(void)
{
    while (host_frames_lent >= host_frames_most)
        if (!borrower())
            return 0;
    host_frames_lent++;
    return frame_alloc_run(1);
}

void frame_return(uint64_t physical)
{
    host_frames_lent--;
    free(phys_to_virt(physical));
}

bool (*frame_set_borrower(bool (*ask)(void)))(void)
{
    borrower = ask;
    return NULL;
}

uint64_t frame_count_free(void)
{
    return 1000;
}

uint64_t frame_count_lent(void)
{
    return host_frames_lent;
}

const char *boot_option(const char *key)
{
    (void)key;
    return NULL;
}

bool number_parse(const char *text, uint64_t *number)
{
    (void)text;
    (void)number;
    return false;
}
