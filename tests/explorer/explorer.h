/* The interleaving explorer: runs the book's own C under every schedule of a few tasks. */
#ifndef EXPLORER_H
#define EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/tasks/task.h"

#define TASKS_MAX 3

/* What is explored: up to three tasks, an interrupt that comes once, and what must hold at the end. */
struct scenario {
    const char *name;
    struct {
        const char *name;
        void (*run)(void *);
        struct process **process; /* which `begin` has made; NULL: the kernel's own */
    } tasks[TASKS_MAX];
    void (*interrupt)(void);    /* NULL: none. Comes at any point outside critical sections, or at idle */
    bool timer;                 /* the clock may reach its first deadline at any point, too */
    unsigned switches;          /* 0: as many forced switches as the command says; else at most these */
    void (*begin)(void);        /* NULL, or makes what the tasks share */
    /* NULL: every task must end. Or says why it is wrong that this one sleeps; NULL: it may. Those who
       may sleep are killed, and must end then. */
    const char *(*asleep)(struct task *task);
    void (*end)(void);          /* NULL, or gives back what `begin` made; in a critical section */
    const char *(*check)(void); /* NULL, or says what is wrong at the end; NULL: all is well */
};

/* Each file of scenarios ends its table with a row without a name. */
extern const struct scenario scenarios[];

/* Tasks of the scenario that runs, in its order, and their ids: a task that has ended must not be touched. */
extern struct task *explored_tasks[TASKS_MAX];
extern uint64_t explored_ids[TASKS_MAX];

/* wait_until, with a note of the condition, so that a task that sleeps though it holds is seen. */
enum status explored_wait(struct wait_queue *queue, bool (*condition)(void *), void *argument,
                          uint64_t deadline, unsigned flags);

/* For bookkeeping that is no part of what is explored: no points in this function. */
#define UNWATCHED __attribute__((no_sanitize("thread")))

/* Ends this schedule as a failed one. */
void explored_failure(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
