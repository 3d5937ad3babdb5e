/* Scenarios of the chapter on tasks. */
#include "explorer.h"

#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/tasks/handover.h"
#include "kernel/tasks/lock.h"
#include "kernel/tasks/report.h"
#include "kernel/tasks/wait.h"

static struct wait_queue queue;
static unsigned items;         /* guarded by: critical section */
static unsigned taken, woken, timeouts, cancels, kills, told_ended, told_pending;
static struct lock lock;
static int inside;
static unsigned entered;

static void begin(void)
{
    wait_queue_init(&queue);
    lock_init(&lock, "explored");
}

static bool take_item(void *unused)
{
    (void)unused;
    if (items == 0)
        return false;
    items--;
    return true;
}

static void consume(uint64_t deadline, unsigned flags)
{
    switch (explored_wait(&queue, take_item, NULL, deadline, flags)) {
    case OK: taken++; break;
    case ERR_TIMEOUT: timeouts++; break;
    case ERR_CANCELLED: cancels++; break;
    case ERR_KILLED: kills++; break;
    default: explored_failure("wait_until returned something else");
    }
}

static void produce(void)
{
    uint64_t saved = critical_enter();
    items++;
    critical_leave(saved);
    woken += wake_one(&queue);
}

static void waiter(void *unused)
{
    (void)unused;
    consume(NEVER, 0);
}

static void waker(void *unused)
{
    (void)unused;
    produce();
}

static const char *all_taken(void)
{
    return items == 0 ? NULL : "an item is left over";
}

static const char *none_taken_twice(void)
{
    return items + taken == 1 ? NULL : "an item was lost or taken twice";
}

static void patient(void *unused)
{
    (void)unused;
    consume(MILLISECOND, WAIT_CANCELLABLE | WAIT_KILLABLE);
}

static void cancellable(void *unused)
{
    (void)unused;
    consume(NEVER, WAIT_CANCELLABLE);
}

/* A second wait, which a cancel that came too late for the first must end. */
static void cancellable_twice(void *unused)
{
    (void)unused;
    consume(NEVER, WAIT_CANCELLABLE);
    if (cancels == 0)
        consume(NEVER, WAIT_CANCELLABLE);
}

static void killable(void *unused)
{
    (void)unused;
    consume(NEVER, WAIT_KILLABLE);
    if (taken > 0 && items == 0 && task_should_die())
        kills++;
}

static void cancel_first(void *unused)
{
    (void)unused;
    uint64_t saved = critical_enter();
    struct task *task = explored_tasks[0];
    if (task_find(explored_ids[0]) == task) {
        if (task_cancel(task))
            told_ended++;
        else
            told_pending++;
    }
    critical_leave(saved);
}

static void kill_first(void *unused)
{
    (void)unused;
    uint64_t saved = critical_enter();
    struct task *task = explored_tasks[0];
    if (task_find(explored_ids[0]) == task)
        (void)task_kill(task);
    critical_leave(saved);
}

static const char *canceller_told_the_truth(void)
{
    if (cancels < told_ended)
        return "a canceller was told that it ended the wait, and the wait did not say so";
    if (cancels > told_ended + told_pending)
        return "a cancel ended two waits";
    return none_taken_twice();
}

static const char *cancel_not_lost(void)
{
    if (told_ended + told_pending != 1 || cancels != 1)
        return "a cancel was lost";
    return none_taken_twice();
}

static const char *each_wait_ended_once(void)
{
    if (taken + timeouts + cancels + kills != 1)
        return "one wait ended more than once";
    return none_taken_twice();
}

static void locker(void *unused)
{
    (void)unused;
    lock_acquire(&lock);
    if (++inside != 1)
        explored_failure("two tasks are inside of the lock");
    entered++;
    inside--;
    lock_release(&lock);
}

static const char *all_entered(void)
{
    return entered == 3 ? NULL : "a task did not get the lock";
}

static void print_nothing(const char *format, ...)
{
    (void)format;
}

static void reporter(void *unused)
{
    (void)unused;
    tasks_report(print_nothing);
}

/* Prints lines that belong together, of something else. */
static void printer(void *unused)
{
    (void)unused;
    lock_acquire(&report_lock);
    entered++;
    lock_release(&report_lock);
}

static void sleeper(void *unused)
{
    (void)unused;
    if (task_sleep_until(5 * MILLISECOND) == OK && clock_now() < 5 * MILLISECOND)
        explored_failure("a sleeper woke too early");
}

static void joiner(void *unused)
{
    (void)unused;
    if (task_join(explored_ids[0]) != OK)
        explored_failure("a join was refused");
}

static void hand_to_waiter(void *unused)
{
    (void)unused;
    uint64_t saved = critical_enter();
    items++;
    struct task *task = explored_tasks[0];
    if (task_find(explored_ids[0]) == task && task->wait.active)
        task_hand_over(task);
    critical_leave(saved);
}

const struct scenario scenarios[] = {
    { .name = "wake", .tasks = { { "waiter", waiter }, { "waker", waker } },
      .begin = begin, .check = all_taken },
    { .name = "wake-from-interrupt", .tasks = { { "waiter", waiter } }, .interrupt = produce,
      .begin = begin, .check = all_taken },
    { .name = "two-wakers", .tasks = { { "waiter", waiter }, { "one", waker }, { "other", waker } },
      .begin = begin },
    { .name = "two-waiters", .tasks = { { "first", waiter }, { "second", waiter }, { "waker", waker } },
      .interrupt = produce, .begin = begin, .check = all_taken },
    { .name = "deadline", .tasks = { { "waiter", patient }, { "waker", waker } }, .timer = true,
      .begin = begin, .check = each_wait_ended_once },
    { .name = "cancel", .tasks = { { "waiter", cancellable }, { "waker", waker }, { "canceller", cancel_first } },
      .begin = begin, .check = canceller_told_the_truth },
    { .name = "cancel-not-lost",
      .tasks = { { "waiter", cancellable_twice }, { "waker", waker }, { "canceller", cancel_first } },
      .begin = begin, .check = cancel_not_lost },
    { .name = "kill", .tasks = { { "waiter", killable }, { "waker", waker }, { "killer", kill_first } },
      .begin = begin, .check = none_taken_twice },
    { .name = "everything-at-once",
      .tasks = { { "waiter", patient }, { "canceller", cancel_first }, { "killer", kill_first } },
      .interrupt = produce, .timer = true, .switches = 1, .begin = begin, .check = each_wait_ended_once },
    { .name = "lock", .tasks = { { "one", locker }, { "two", locker }, { "three", locker } },
      .begin = begin, .check = all_entered },
    { .name = "reports", .tasks = { { "reporter", reporter }, { "printer", printer } } },
    { .name = "sleep", .tasks = { { "one", sleeper }, { "other", sleeper } }, .timer = true },
    { .name = "join", .tasks = { { "ending", waiter }, { "joiner", joiner } }, .interrupt = produce,
      .begin = begin, .check = all_taken },
    { .name = "hand-over", .tasks = { { "waiter", waiter }, { "giver", hand_to_waiter } },
      .begin = begin, .check = all_taken },
    { .name = NULL },
};
