/* Inside of the explorer: what the engine, the hooks and the mocked machine know of each other. */
#ifndef STRAND_H
#define STRAND_H

#include "explorer.h"

#define SHADOW_MAX 48
#define STACK_BYTES (32 * 1024)

/* One flow of control: a task's stack, and the calls that are under way on it. */
struct strand {
    bool taken;
    unsigned depth;
    const void *calls[SHADOW_MAX]; /* where each function under way was called from */
    bool (*condition)(void *);     /* what it waits for, if it does */
    void *argument;
    char stack[STACK_BYTES] __attribute__((aligned(16)));
};

extern struct strand *strand_running; /* NULL: the engine itself runs */
extern unsigned critical_depth;       /* 1 inside of critical sections and interrupts */
extern unsigned accesses_inside;      /* since the critical section began */
extern bool exploring;                /* points count: a task of the scenario runs */

/* A place where the running task can be interrupted; `pc` lies in what comes next. */
void explore_point(const void *pc);

/* The running task does not come out of a critical section. */
void explore_spinning(const void *pc) __attribute__((noreturn));

/* It touches an object that has been freed. */
void explore_dangling(const void *pc) __attribute__((noreturn));

/* The machine has nothing to do. */
void explore_idle(void);

/* For the trace: control goes from one task to the next. */
void explore_switched(struct task *previous, struct task *next);

/* The mocked machine, begun anew, and what it has. */
void machine_reset(void);
bool machine_owns_stack(const struct strand *strand, const void *address);
bool machine_gave_back(const volatile void *address); /* in an object that is free */
uint64_t machine_armed(void);
void machine_tick(void);
void machine_booted(void); /* what there is now does not belong to the scenario */
const char *machine_leaks(void);
extern struct strand boot_strand;

#endif
