/* 100,000 random steps with handles that travel between three processes, compared with a model that only remembers.
   Queues are played by this file; what arrives, is put back, dropped or kept is the kernel's own code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "kernel/handles/handle.h"
#include "kernel/handles/kinds.h"
#include "kernel/handles/token.h"
#include "kernel/handles/travel.h"
#include "kernel/memory/critical.h"
#include "kernel/memory/heap.h"
#include "kernel/tasks/task.h"

#define PROCESSES 3
#define PLACES (HANDLE_TABLE_SIZE - HANDLE_STANDARD_COUNT)
#define QUEUE 8

/* A handle that should be there, or a message on its way. */
struct known {
    struct handle handle;
    uint32_t rights, born; /* that it has; that the thing's first handle had */
    uint64_t thing;
    int there;             /* a handle: open; a message: carries one */
};

static struct process processes[PROCESSES];
static struct task tasks[PROCESSES];
static struct known held[PROCESSES][PLACES];
static struct message *queue[PROCESSES][QUEUE];
static struct known queued[PROCESSES][QUEUE];
static unsigned queue_length[PROCESSES];
static uint64_t things, delegated;

struct task *task_running;

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

static unsigned self(void)
{
    return (unsigned)(task_running - tasks);
}

/* --- The queues, instead of chapter 06's ------------------------------------------------------------------- */

static struct message *fresh_message(void)
{
    return calloc(1, sizeof(struct message));
}

enum status ipc_put_back(void)
{
    struct ipc_state *ipc = &task_running->ipc;
    unsigned me = self();
    uint64_t saved = critical_enter();
    travel_put_back(task_running);
    memmove(&queue[me][1], &queue[me][0], queue_length[me]++ * sizeof queue[me][0]);
    queue[me][0] = ipc->message;
    ipc->message = fresh_message();
    ipc->undelivered = false;
    critical_leave(saved);
    return OK;
}

enum status ipc_send(uint64_t to, uint64_t deadline)
{
    (void)deadline;
    if (queue_length[to] == QUEUE - 1)
        return ERR_QUEUE_FULL;
    queue[to][queue_length[to]++] = task_running->ipc.message;
    task_running->ipc.message = fresh_message();
    return OK;
}

enum status ipc_recv(uint64_t from, size_t capacity, uint64_t deadline)
{
    (void)from, (void)capacity, (void)deadline;
    unsigned me = self();
    expect(ipc_begin(), OK, "begin");
    if (queue_length[me] == 0)
        return ERR_WOULD_BLOCK;
    uint64_t saved = critical_enter();
    free(task_running->ipc.message);
    task_running->ipc.message = queue[me][0];
    memmove(&queue[me][0], &queue[me][1], --queue_length[me] * sizeof queue[me][0]);
    task_running->ipc.arrived.token = 0;
    if (ipc_message()->object != NULL)
        travel_arrived(task_running);
    critical_leave(saved);
    message_drop_object(ipc_message());
    return OK;
}

/* A question and its answer. The callee is played by answer_question, which is asked while the caller waits. */
static struct {
    enum status refused;   /* the question is not sent */
    int late;              /* the caller gives up before the answer comes */
    unsigned caller;
    struct known brought;  /* with the question, and what the answer brings */
    struct known answered;
    enum status reply;
} question;

static void answer_question(void);

static void exchange_and_arrive(unsigned from, unsigned to)
{
    struct message *message = tasks[from].ipc.message;
    tasks[from].ipc.message = tasks[to].ipc.message;
    tasks[to].ipc.message = message;
    tasks[to].ipc.arrived.token = 0;
    uint64_t saved = critical_enter();
    if (message->object != NULL)
        travel_arrived(&tasks[to]);
    critical_leave(saved);
}

enum status ipc_call(uint64_t to, size_t capacity, uint64_t deadline)
{
    (void)capacity, (void)deadline;
    if (question.refused != OK)
        return question.refused;
    question.caller = self();
    exchange_and_arrive(question.caller, to);
    task_running = &tasks[to];
    answer_question();
    task_running = &tasks[question.caller];
    message_drop_object(ipc_message());
    return question.reply == OK ? OK : ERR_TIMEOUT;
}

enum status ipc_reply(uint64_t peer, uint64_t call)
{
    (void)call;
    if (question.late)
        return ERR_STALE_REPLY;
    exchange_and_arrive(self(), peer);
    return OK;
}

/* --- The model --------------------------------------------------------------------------------------------- */

static struct known *any(unsigned process)
{
    return &held[process][host_random() % PLACES];
}

static unsigned count(unsigned process)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < PLACES; i++)
        sum += held[process][i].there;
    return sum;
}

static void check(unsigned process, const struct known *known)
{
    uint32_t rights = 0;
    expect(handle_rights(&processes[process], known->handle, &rights), OK, "a handle that should be there");
    expect(rights, known->rights, "rights");
    if ((rights & ~known->born) != 0)
        host_fail("rights have grown: %x, born with %x", rights, known->born);
}

static void hold(unsigned process, struct known fresh)
{
    fresh.there = 1;
    expect(held[process][fresh.handle.id - HANDLE_STANDARD_COUNT].there, 0, "a place given twice");
    held[process][fresh.handle.id - HANDLE_STANDARD_COUNT] = fresh;
    check(process, &fresh);
}

static void open_thing(unsigned process)
{
    struct object *object;
    struct known fresh = { .thing = ++things };
    expect(memory_object_create(8, &object), OK, "memory object");
    expect(object_write(object, &fresh.thing, 8), 8, "write");
    int64_t status = handle_create(&processes[process], object, host_random() & RIGHTS_ALL, &fresh.handle);
    expect(status, count(process) == PLACES ? ERR_TABLE_FULL : OK, "create");
    if (status != OK) {
        object_release(object);
        return;
    }
    expect(handle_rights(&processes[process], fresh.handle, &fresh.rights), OK, "rights");
    fresh.born = fresh.rights;
    hold(process, fresh);
}

static void delegate(unsigned to, const struct known *known)
{
    uint32_t mask = (host_random() | host_random()) & RIGHTS_ALL;
    unsigned me = self();
    expect(ipc_begin(), OK, "begin");
    int full = queue_length[to] == QUEUE - 1;
    int64_t wanted = !known->there ? ERR_INVALID_HANDLE
                     : !(known->rights & RIGHT_DELEGATE) ? ERR_PERMISSION_DENIED
                     : full ? ERR_QUEUE_FULL : OK;
    uint64_t objects = open_object_count();
    expect(ipc_send_handle(to, known->handle, mask, 0), wanted, "send a handle");
    expect(open_object_count(), objects + (wanted == OK), "objects after a send");
    if (wanted != OK)
        return;
    queued[to][queue_length[to] - 1] = *known;
    queued[to][queue_length[to] - 1].rights &= mask;
    delegated++;
    check(me, known);
}

static void unqueue(unsigned process)
{
    memmove(&queued[process][0], &queued[process][1], (QUEUE - 1) * sizeof queued[process][0]);
}

/* The bytes and the position of what has arrived, where the rights let us look. */
static void look(unsigned process, const struct known *known)
{
    struct object *object;
    uint64_t thing = 0;
    int may = (known->rights & RIGHT_READ) != 0;
    expect(handle_find(&processes[process], known->handle, RIGHT_READ, &object), may ? OK : ERR_PERMISSION_DENIED, "find");
    if (!may)
        return;
    expect(object->position, 0, "position");
    expect(object_read(object, &thing, 8), 8, "read");
    expect(thing, known->thing, "the thing behind a handle");
    expect(object_seek(object, 0, SEEK_FROM_START), 0, "seek");
    object_release(object);
}

static void receive(void)
{
    unsigned me = self(), tries = 1 + (host_random() % 4 == 0);
    while (tries-- > 0) {
        int full = count(me) == PLACES, empty = queue_length[me] == 0 && !task_running->ipc.undelivered;
        struct known fresh = queued[me][0];
        int64_t wanted = full ? ERR_TABLE_FULL : empty ? ERR_WOULD_BLOCK : OK;
        expect(ipc_recv_handle(IPC_ANY, 0, 0, &fresh.handle), wanted, "receive a handle");
        if (wanted != OK)
            return;
        expect(fresh.handle.token != 0, fresh.there, "a handle in a message");
        if (tries > 0) {
            task_running->ipc.undelivered = true;
            continue;
        }
        unqueue(me);
        if (fresh.there) {
            hold(me, fresh);
            look(me, &fresh);
        }
    }
}

static void receive_plainly(void)
{
    unsigned me = self();
    uint64_t objects = open_object_count();
    int there = queue_length[me] > 0 && queued[me][0].there;
    expect(ipc_recv(IPC_ANY, 0, 0), queue_length[me] == 0 ? ERR_WOULD_BLOCK : OK, "receive");
    expect(open_object_count(), objects - there, "objects after a plain receive");
    unqueue(me);
}

static void send_plainly(unsigned to)
{
    expect(ipc_begin(), OK, "begin");
    int full = queue_length[to] == QUEUE - 1;
    expect(ipc_send(to, 0), full ? ERR_QUEUE_FULL : OK, "send");
    if (!full)
        queued[to][queue_length[to] - 1] = (struct known){ 0 };
}

/* What a handle that is sent with these rights brings, or what sending it gives. */
static enum status sends(const struct known *known, uint32_t mask, struct known *out)
{
    *out = *known;
    out->rights &= mask;
    return !known->there ? ERR_INVALID_HANDLE : !(known->rights & RIGHT_DELEGATE) ? ERR_PERMISSION_DENIED : OK;
}

/* The callee: has it what was sent, and what can it send back? */
static void answer_question(void)
{
    unsigned me = self();
    struct known fresh = question.brought;
    if (task_running->ipc.place != 0) {
        fresh.handle = handle_collect();
        expect(fresh.handle.token != 0, fresh.there, "a handle in a question");
        if (fresh.there) {
            hold(me, fresh);
            look(me, &fresh);
        }
    }
    message_drop_object(ipc_message());
    const struct known *known = any(me);
    uint32_t mask = (host_random() | host_random()) & RIGHTS_ALL;
    enum status wanted = sends(known, mask, &question.answered);
    if (wanted == OK && question.late)
        wanted = ERR_STALE_REPLY;
    uint64_t objects = open_object_count();
    question.reply = ipc_reply_handle(question.caller, 1, known->handle, mask);
    expect(question.reply, wanted, "reply with a handle");
    expect(open_object_count(), objects + (wanted == OK), "objects after a reply");
}

static void ask(unsigned to)
{
    unsigned me = self();
    const struct known *known = any(me);
    uint32_t mask = (host_random() | host_random()) & RIGHTS_ALL;
    struct handle given = host_random() % 4 == 0 ? (struct handle){ 0 } : known->handle, got;
    memset(&question, 0, sizeof question);
    question.refused = host_random() % 8 == 0 ? ERR_PEER_ENDED : OK;
    question.late = host_random() % 8 == 0;
    task_running = &tasks[to];
    expect(ipc_begin(), OK, "begin");
    int keeps = question.refused == OK && count(to) < PLACES && handle_expect() == OK;
    task_running = &tasks[me];
    enum status wanted = count(me) == PLACES ? ERR_TABLE_FULL : OK;
    if (wanted == OK && given.token != 0)
        wanted = sends(known, mask, &question.brought);
    if (wanted == OK)
        wanted = question.refused;
    enum status status = ipc_call_handle(to, given, mask, 8, 0, &got);
    if (wanted == OK)
        wanted = question.reply == OK ? OK : ERR_TIMEOUT;
    else if (keeps)
        task_running = &tasks[to], (void)handle_collect(), task_running = &tasks[me];
    expect(status, wanted, "call with a handle");
    expect(got.token != 0, wanted == OK, "a handle in an answer");
    if (wanted == OK) {
        question.answered.handle = got;
        hold(me, question.answered);
        look(me, &question.answered);
        delegated++;
    }
}

/* A process dies, with whatever lies in its queue, and another takes its place. */
static void die(unsigned process)
{
    for (unsigned i = 0; i < queue_length[process]; i++) {
        message_drop_object(queue[process][i]);
        free(queue[process][i]);
    }
    queue_length[process] = 0;
    handle_close_all(&processes[process]);
    memset(held[process], 0, sizeof held[process]);
    memset(queued[process], 0, sizeof queued[process]);
}

static void step(void)
{
    unsigned me = host_random() % PROCESSES, to = host_random() % PROCESSES;
    struct known *known = any(me);
    task_running = &tasks[me];
    switch (host_random() % 18) {
    case 0: case 1: case 2:
        open_thing(me);
        break;
    case 3: case 4: case 5: case 6:
        delegate(to, known);
        break;
    case 7: case 8: case 9: case 10:
        receive();
        break;
    case 11:
        receive_plainly();
        break;
    case 12:
        send_plainly(to);
        break;
    case 14: case 15:
        if (to != me)
            ask(to);
        break;
    case 13: {
        uint32_t mask = (host_random() | host_random()) & RIGHTS_ALL;
        expect(handle_restrict(&processes[me], known->handle, mask), known->there ? OK : ERR_INVALID_HANDLE, "restrict");
        known->rights &= mask;
        break;
    }
    default:
        expect(handle_close(&processes[me], known->handle), known->there ? OK : ERR_INVALID_HANDLE, "close");
        known->there = 0;
        if (host_random() % 256 == 0)
            die(me);
    }
}

int main(int argc, char **argv)
{
    unsigned steps = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    host_seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    token_initialise();
    for (unsigned p = 0; p < PROCESSES; p++) {
        processes[p].id = p;
        tasks[p].process = &processes[p];
        tasks[p].ipc.message = fresh_message();
    }
    for (unsigned i = 0; i < steps; i++) {
        step();
        uint64_t sum = 0, travelling = 0;
        for (unsigned p = 0; p < PROCESSES; p++) {
            expect(handle_count(&processes[p]), count(p), "handles");
            sum += count(p);
            for (unsigned m = 0; m < queue_length[p]; m++)
                travelling += queued[p][m].there;
        }
        expect(open_object_count(), sum + travelling, "objects");
    }
    for (unsigned p = 0; p < PROCESSES; p++) {
        die(p);
        free(tasks[p].ipc.message);
    }
    expect(open_object_count(), 0, "objects left");
    expect(host_memory_live, 0, "memory left");
    printf("%u steps agree, %lu handles travelled\n", steps, (unsigned long)delegated);
    return 0;
}
