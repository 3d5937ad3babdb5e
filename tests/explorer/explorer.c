/* The engine: runs a scenario once for each plan. A plan says at which points the running task is interrupted,
   and by whom; everything else the book's scheduler decides. */
#include "strand.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/tasks/lock.h"
#include "kernel/tasks/schedule.h"

#define POINTS_MAX 20000
#define PATIENCE 1000 /* points without a switch after which a task has used up its slice */
#define SPINS 3       /* times that a task comes to the same point in a row: it waits by spinning */
#define PLAN_MAX 8
#define EVENTS_MAX 20

void stack_switch(uint64_t *save, uint64_t load);
extern char __start_kdata[], __stop_kdata[];

struct task *explored_tasks[TASKS_MAX];
bool exploring;
uint64_t explored_ids[TASKS_MAX];
static const struct scenario *scenario;
static unsigned rotation, task_count;

static struct step {
    unsigned point, choice;
} plan[PLAN_MAX];
static unsigned plan_length, plan_done;
static unsigned point_count, last_switch_point;
static unsigned char choices[POINTS_MAX]; /* how many there were at each point */
static unsigned char switch_choices[POINTS_MAX]; /* of them, switches: these come first */
static bool interrupt_came, timer_came, closing;
static const void *last_pc; /* the last point, and how often in a row */
static unsigned times;

static unsigned sample_left, sample_span;
static uint64_t sample_state;

static char failure[400];
static uint64_t engine_stack;
static char *snapshot;

/* --- The trace of a failing schedule -------------------------------------------------------------------- */

static bool tracing;
static struct event {
    const char *what;
    char task[TASK_NAME_SIZE];
    unsigned depth;
    const void *calls[SHADOW_MAX];
} events[EVENTS_MAX];
static unsigned event_count;
static const char *switch_reason;
static const void *switch_pc;

static void note(const struct task *task, const char *what, const void *pc)
{
    if (!tracing || event_count == EVENTS_MAX)
        return;
    struct event *event = &events[event_count++];
    struct strand *strand = strand_running;
    event->what = what;
    snprintf(event->task, sizeof event->task, "%s", task->name);
    event->depth = 0;
    if (pc != NULL)
        event->calls[event->depth++] = pc;
    for (unsigned i = strand->depth; i-- > 0 && event->depth < SHADOW_MAX;)
        event->calls[event->depth++] = strand->calls[i];
}

static bool is_explored(const struct task *task)
{
    for (unsigned i = 0; i < task_count; i++)
        if (explored_tasks[i] == task)
            return true;
    return false;
}

void explore_switched(struct task *previous, struct task *next)
{
    if (exploring) {
        if (switch_reason != NULL)
            note(previous, switch_reason, switch_pc);
        else if (previous->state == TASK_ENDED)
            note(previous, "ends", NULL);
        else
            note(previous, previous->state == TASK_SLEEPING ? "sleeps" : "yields", NULL);
    }
    switch_reason = NULL;
    last_switch_point = point_count;
    exploring = is_explored(next) && !closing;
}

static void print_events(void)
{
    for (unsigned i = 0; i < event_count; i++) {
        printf("  %2u. %s %s", i + 1, events[i].task, events[i].what);
        for (unsigned k = 0; k < events[i].depth; k++)
            printf(" <%p>", (char *)events[i].calls[k] - 1);
        printf("\n");
    }
    if (event_count == EVENTS_MAX)
        printf("  and so on\n");
}

/* --- The end of a schedule ------------------------------------------------------------------------------ */

static const void *failure_pc;

static void leave(void)
{
    uint64_t nowhere;
    strand_running = NULL;
    exploring = false;
    stack_switch(&nowhere, engine_stack);
    abort();
}

void explore_spinning(const void *pc)
{
    failure_pc = pc;
    explored_failure("%s spins for ever with interrupts off", task_current()->name);
}

void explore_dangling(const void *pc)
{
    failure_pc = pc;
    explored_failure("memory is touched that is not there any more");
}

void explored_failure(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
    if (strand_running == NULL) {
        fprintf(stderr, "explorer: %s\n", failure);
        exit(2);
    }
    if (exploring)
        note(task_current(), "fails", failure_pc);
    leave();
    abort();
}

/* The kernel's code has followed a pointer to nowhere. */
static void fall(int signal)
{
    (void)signal;
    explored_failure("memory is touched that is not there, or not any more");
}

static void catch_falls(void)
{
    static char stack[16384];
    stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
    struct sigaction action = { .sa_handler = fall, .sa_flags = SA_ONSTACK | SA_NODEFER };
    sigaltstack(&other, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

enum status explored_wait(struct wait_queue *queue, bool (*condition)(void *), void *argument,
                          uint64_t deadline, unsigned flags)
{
    struct strand *strand = strand_running;
    strand->condition = condition;
    strand->argument = argument;
    enum status status = wait_until(queue, condition, argument, deadline, flags);
    strand->condition = NULL;
    return status;
}

static bool is_alive(unsigned i)
{
    unsigned saved = critical_depth;
    critical_depth = 1;
    bool alive = task_find(explored_ids[i]) != NULL;
    critical_depth = saved;
    return alive;
}

static void check_that_all_ended(void)
{
    for (unsigned i = 0; i < task_count; i++) {
        if (!is_alive(i))
            continue;
        struct task *task = explored_tasks[i];
        struct strand *strand = (struct strand *)((char *)task->stack_top - STACK_BYTES
                                                  - offsetof(struct strand, stack));
        critical_depth = 1;
        bool holds = strand->condition != NULL && strand->condition(strand->argument);
        explored_failure("%s sleeps for ever%s", task->name,
                         closing ? ", though it is killed" : holds ? ", though what it waits for is there" : "");
    }
}

/* Whether tasks still sleep, all of which may. */
static bool some_may_sleep(void)
{
    unsigned sleeping = 0;
    for (unsigned i = 0; i < task_count; i++)
        if (is_alive(i)) {
            sleeping++;
            critical_depth = 1;
            const char *wrong = scenario->asleep(explored_tasks[i]);
            critical_depth = 0;
            if (wrong != NULL)
                explored_failure("%s sleeps for ever, though %s", explored_tasks[i]->name, wrong);
        }
    return sleeping > 0;
}

/* As an interrupt: ends those who may sleep. */
static void kill_all(void)
{
    closing = true;
    for (unsigned i = 0; i < task_count; i++)
        if (task_find(explored_ids[i]) != NULL)
            (void)task_kill(explored_tasks[i]);
}

/* Nothing is left to run, and everybody has ended. */
static void finish(void)
{
    check_that_all_ended();
    critical_depth = 1;
    if (scenario->end != NULL)
        scenario->end();
    if (locks_held_count() != 0)
        explored_failure("a lock is still held");
    const char *wrong = machine_leaks();
    if (wrong == NULL && scenario->check != NULL)
        wrong = scenario->check();
    if (wrong != NULL)
        explored_failure("%s", wrong);
    leave();
}

/* --- What can happen at a point ------------------------------------------------------------------------- */

static void interrupt(void (*handler)(void))
{
    bool saved = exploring;
    exploring = false;
    critical_depth = 1;
    handler();
    critical_depth = 0;
    exploring = saved;
    if (schedule_wanted)
        schedule_preempt();
}

void explore_idle(void)
{
    if (scenario->interrupt != NULL && !interrupt_came) {
        interrupt_came = true;
        note(task_current(), "is interrupted", NULL);
        interrupt(scenario->interrupt);
    } else if (machine_armed() != NEVER) {
        interrupt(machine_tick);
    } else if (scenario->asleep != NULL && !closing && some_may_sleep()) {
        interrupt(kill_all);
    } else {
        finish();
    }
}

static bool is_ready(unsigned i)
{
    return is_alive(i) && explored_tasks[i]->state == TASK_READY && !list_empty(&explored_tasks[i]->run_link);
}

static unsigned count_ready(void)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < task_count; i++)
        ready += is_ready(i);
    return ready;
}

static bool is_run_link(const struct list *link)
{
    for (unsigned i = 0; i < task_count; i++)
        if (is_alive(i) && &explored_tasks[i]->run_link == link)
            return true;
    return false;
}

/* Moves a ready task to the front of the run queue, so that it is the next. */
static void put_first(struct task *task)
{
    struct list *head = task->run_link.next;
    while (is_run_link(head))
        head = head->next;
    list_remove(&task->run_link);
    task->run_link.next = head->next;
    task->run_link.previous = head;
    head->next->previous = &task->run_link;
    head->next = &task->run_link;
}

static void force_switch(unsigned choice, const void *pc)
{
    for (unsigned i = 0; i < task_count; i++)
        if (is_ready(i) && choice-- == 0) {
            put_first(explored_tasks[i]);
            switch_reason = "is interrupted, and loses the CPU, before";
            switch_pc = pc;
            schedule_preempt();
            return;
        }
    explored_failure("the plan does not fit: there is no such ready task");
}

static void perform(unsigned point, unsigned choice, const void *pc)
{
    if (choice < switch_choices[point]) {
        force_switch(choice, pc);
        return;
    }
    choice -= switch_choices[point];
    if (scenario->interrupt != NULL && !interrupt_came && choice-- == 0) {
        interrupt_came = true;
        note(task_current(), "is interrupted before", pc);
        interrupt(scenario->interrupt);
    } else {
        timer_came = true;
        note(task_current(), "sees time pass before", pc);
        interrupt(machine_tick);
    }
}

static void take_sample(unsigned point, const void *pc)
{
    sample_state = sample_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t random = sample_state >> 33;
    if (choices[point] == 0 || random % sample_span != 0 || plan_length == PLAN_MAX)
        return;
    unsigned choice = (unsigned)(random / sample_span % choices[point]);
    sample_left--;
    plan[plan_length++] = (struct step){ point, choice };
    plan_done = plan_length;
    perform(point, choice, pc);
}

static void lose_slice(const void *pc)
{
    switch_reason = "has used up its slice, and loses the CPU, before";
    switch_pc = pc;
    schedule_preempt();
}

/* A task that spins has nothing new to offer: it uses up its slice at once. */
static bool spins(const void *pc)
{
    times = pc == last_pc ? times + 1 : 0;
    last_pc = pc;
    return times >= SPINS;
}

void explore_point(const void *pc)
{
    if (!exploring)
        return;
    if (spins(pc) && count_ready() > 0) {
        lose_slice(pc);
        return;
    }
    if (point_count == POINTS_MAX)
        explored_failure("no end is in sight");
    unsigned point = point_count++;
    switch_choices[point] = (unsigned char)count_ready();
    choices[point] = (unsigned char)(switch_choices[point] + (scenario->interrupt != NULL && !interrupt_came)
                                     + (scenario->timer && !timer_came && machine_armed() != NEVER));
    if (plan_done < plan_length && plan[plan_done].point == point) {
        unsigned choice = plan[plan_done++].choice;
        perform(point, choice, pc);
    } else if (sample_left > 0) {
        take_sample(point, pc);
    } else if (point - last_switch_point > PATIENCE && switch_choices[point] > 0) {
        lose_slice(pc);
    }
}

/* --- One schedule --------------------------------------------------------------------------------------- */

static void boot(void)
{
    critical_depth = 0;
    tasks_initialise();
    machine_booted();
    if (scenario->begin != NULL)
        scenario->begin();
    for (unsigned k = 0; k < task_count; k++) {
        unsigned i = (k + rotation) % task_count;
        struct task *task;
        struct process **process = scenario->tasks[i].process;
        if (task_create(process == NULL ? &kernel_process : *process, scenario->tasks[i].name, scenario->tasks[i].run, NULL, &task) != OK)
            explored_failure("the explorer has no room for a task");
        explored_tasks[i] = task;
        explored_ids[i] = task->id;
    }
    critical_enter();
    schedule_block();
}

/* Runs the plan; false, with `failure` set, if something went wrong. */
static bool run_plan(void)
{
    memcpy(__start_kdata, snapshot, (size_t)(__stop_kdata - __start_kdata));
    machine_reset();
    failure[0] = '\0';
    event_count = point_count = last_switch_point = plan_done = 0;
    interrupt_came = timer_came = closing = exploring = false;
    switch_reason = NULL;
    failure_pc = last_pc = NULL;
    memset(explored_tasks, 0, sizeof explored_tasks);

    uint64_t *stack = (uint64_t *)(boot_strand.stack + STACK_BYTES);
    *--stack = 0;
    *--stack = (uint64_t)boot;
    for (unsigned saved = 0; saved < 6; saved++)
        *--stack = 0;
    strand_running = &boot_strand;
    stack_switch(&engine_stack, (uint64_t)stack);
    return failure[0] == '\0';
}

/* --- All schedules -------------------------------------------------------------------------------------- */

static uint64_t schedule_count;

/* Steps that aren't forced switches: interrupts and the timer. */
static unsigned count_free_steps(void)
{
    return (scenario->interrupt != NULL) + scenario->timer;
}

/* Runs all plans of `length` steps that begin with the present one and have at most that many switches. */
static bool explore(unsigned length, unsigned switches_left)
{
    bool well = run_plan();
    if (plan_length == length) {
        schedule_count++;
        return well;
    }
    if (!well)
        return false;
    unsigned points = point_count, begun = plan_length;
    unsigned char *all = malloc(2 * points), *switches = all + points;
    memcpy(all, choices, points);
    memcpy(switches, switch_choices, points);
    unsigned first = begun == 0 ? 0 : plan[begun - 1].point + 1;
    for (unsigned point = first; point < points && well; point++)
        for (unsigned choice = 0; choice < all[point] && well; choice++) {
            bool is_switch = choice < switches[point];
            if (is_switch && switches_left == 0)
                continue;
            plan[begun] = (struct step){ point, choice };
            plan_length = begun + 1;
            well = explore(length, switches_left - is_switch);
            if (well)
                plan_length = begun;
        }
    free(all);
    return well;
}

static bool explore_all(unsigned switches)
{
    for (unsigned length = 0; length <= switches + count_free_steps(); length++)
        for (rotation = 0; rotation < task_count; rotation++) {
            plan_length = 0;
            if (!explore(length, switches))
                return false;
        }
    return true;
}

static bool explore_sample(unsigned samples, unsigned switches, uint64_t seed)
{
    plan_length = 0;
    rotation = 0;
    run_plan();
    unsigned span = point_count / switches + 1;
    for (unsigned i = 0; i < samples; i++) {
        rotation = i % task_count;
        sample_state = seed * UINT64_C(0x9e3779b97f4a7c15) + i;
        sample_left = switches;
        sample_span = span;
        plan_length = 0;
        bool well = run_plan();
        sample_left = 0;
        schedule_count++;
        if (!well)
            return false;
    }
    return true;
}

static void report_failure(void)
{
    tracing = true;
    run_plan();
    tracing = false;
    printf("%s: FAILED at schedule %lu: %s\n", scenario->name, schedule_count, failure);
    print_events();
}

static bool explore_scenario(unsigned switches, unsigned samples, uint64_t seed)
{
    uint64_t before = schedule_count;
    for (task_count = 0; task_count < TASKS_MAX && scenario->tasks[task_count].run != NULL;)
        task_count++;
    if (scenario->switches != 0 && scenario->switches < switches)
        switches = scenario->switches;
    bool well = explore_all(switches) && explore_sample(samples, switches + 1, seed);
    if (!well)
        report_failure();
    else
        printf("%s: ok, %lu schedules\n", scenario->name, schedule_count - before);
    return well;
}

static bool is_chosen(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return count == 0;
}

int main(int argc, char **argv)
{
    unsigned switches = 2, samples = 2000, failures = 0, chosen = 0;
    uint64_t seed = 1;
    int i = 1;
    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 0);
        switch (argv[i][1]) {
        case 'c': switches = (unsigned)value; break;
        case 'n': samples = (unsigned)value; break;
        case 's': seed = value; break;
        default: fprintf(stderr, "usage: explorer [-c SWITCHES] [-n SAMPLES] [-s SEED] [SCENARIO...]\n"); return 2;
        }
    }
    size_t size = (size_t)(__stop_kdata - __start_kdata);
    catch_falls();
    snapshot = malloc(size);
    memcpy(snapshot, __start_kdata, size);
    for (scenario = scenarios; scenario->name != NULL; scenario++)
        if (is_chosen(scenario->name, argc - i, argv + i)) {
            failures += !explore_scenario(switches, samples, seed);
            chosen++;
        }
    if (chosen == 0) {
        fprintf(stderr, "explorer: there is no scenario of that name\n");
        return 2;
    }
    printf("%lu schedules of %u scenarios, %u failed\n", schedule_count, chosen, failures);
    return failures > 0;
}
