/* Scenarios of the chapter on handles: tables that are used from two sides, handles that travel, and watches. Each
   thing holds a number, which its message carries as well, and a ledger says what became of it. */
#include "world.h"

#include <string.h>

#include "kernel/handles/handle.h"
#include "kernel/handles/kinds.h"
#include "kernel/handles/token.h"
#include "kernel/handles/travel.h"
#include "kernel/handles/watch.h"
#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/tasks/wait.h"

#define THINGS 3   /* numbered from 1 */
#define BIT 1      /* that is bound */

static struct process *released; /* which has no reference but its tasks' and its handles'; NULL: none */
static struct handle held[THINGS]; /* the client's handle to that thing, or the server's to another process */
static uint64_t token;

/* What became of the things that were sent. */
static struct {
    unsigned sent;     /* ipc_send or ipc_reply said so */
    unsigned received; /* its message was */
    unsigned arrived;  /* it came, and is what was sent */
    unsigned left;     /* its message is in the server's queue, at the end */
} ledger[THINGS];
static unsigned opened, closed, found, refused, told, unbound;
static bool end_noted;

/* As good as any for programs that don't guess. */
uint64_t token_next(void)
{
    uint64_t saved = critical_enter();
    uint64_t next = ++token;
    critical_leave(saved);
    return next;
}

/* --- The world -------------------------------------------------------------------------------------------- */

static struct handle open_thing(struct process *process, uint64_t number)
{
    struct object *object;
    struct handle handle;
    if (memory_object_create(sizeof number, &object) != OK ||
        object_write(object, &number, sizeof number) != sizeof number || object_seek(object, 0, SEEK_FROM_START) != 0 ||
        handle_create(process, object, RIGHTS_ALL, &handle) != OK)
        explored_failure("the explorer has no room for a handle");
    return handle;
}

static void begin_with_one(void)
{
    begin();
    held[1] = open_thing(client, 1);
}

static void begin_with_two(void)
{
    begin_with_one();
    held[2] = open_thing(client, 2);
}

/* The server's table has one place left. */
static void begin_nearly_full(void)
{
    begin_with_one();
    for (unsigned taken = HANDLE_STANDARD_COUNT + 1; taken < HANDLE_TABLE_SIZE; taken++)
        (void)open_thing(server, 1);
}

static struct handle open_process(struct process *process, struct process *thing)
{
    struct object *object;
    struct handle handle;
    if (process_object_create(thing, &object) != OK || handle_create(process, object, RIGHTS_ALL, &handle) != OK)
        explored_failure("the explorer has no room for a handle");
    return handle;
}

/* The server holds a handle to that process, which nobody else does. */
static void begin_with_handle_to(struct process **thing)
{
    begin();
    held[1] = open_process(server, *thing);
    process_release(*thing);
    released = *thing;
}

static void begin_with_peer(void) { begin_with_handle_to(&other); }
static void begin_with_itself(void) { begin_with_handle_to(&server); }

/* What lies in the server's queue when nobody can go on, and whether a cancel does. */
static void note_end(void)
{
    if (end_noted || server == released)
        return;
    end_noted = true;
    cancel_left = server->mailbox.cancel_pending;
    LIST_EACH(link, &server->mailbox.messages) {
        uint64_t number;
        memcpy(&number, container_of(link, struct message, link)->payload, sizeof number);
        ledger[number].left++;
    }
}

static void end(void)
{
    note_end();
    struct process *all[] = { server, client, other };
    for (unsigned i = 0; i < 3; i++)
        if (all[i] != released)
            process_release(all[i]);
    if (handle_count_live() != 0)
        explored_failure("a handle is left over");
}

/* --- The ledger ------------------------------------------------------------------------------------------- */

UNWATCHED static void count(unsigned *counter)
{
    ++*counter;
}

UNWATCHED static uint64_t number_in_buffer(void)
{
    uint64_t number;
    memcpy(&number, task_current()->ipc.message->payload, sizeof number);
    return number;
}

UNWATCHED static bool note_received(enum status status)
{
    if (status == ERR_CANCELLED)
        cancels++;
    else if (status == ERR_TABLE_FULL)
        refused++;
    else if (status != OK && status != ERR_TIMEOUT && status != ERR_KILLED)
        explored_failure("an unexpected status of a receive: %d", status);
    if (status == OK && ipc_message()->header.peer != IPC_KERNEL)
        ledger[number_in_buffer()].received++;
    return status == OK;
}

/* --- What tasks do ---------------------------------------------------------------------------------------- */

static void fill(uint32_t kind, uint64_t number)
{
    if (ipc_begin() != OK)
        explored_failure("the explorer has no room for a message");
    ipc_fill(kind, &number, sizeof number);
}

static void send_thing(uint64_t number)
{
    fill(NOTE, number);
    enum status status = ipc_send_handle(server_id, held[number], RIGHT_READ, NEVER);
    if (status == OK)
        count(&ledger[number].sent);
    else if (status != ERR_INVALID_HANDLE && status != ERR_PEER_ENDED && status != ERR_KILLED)
        explored_failure("an unexpected status of a send: %d", status);
}

static void send_1(void *unused) { (void)unused; send_thing(1); }
static void send_2(void *unused) { (void)unused; send_thing(2); }

static void close_1(void *unused)
{
    (void)unused;
    if (handle_close(process_current(), held[1]) == OK)
        count(&closed);
}

/* Reads at a place of its own, since another may read through the same open object. */
static bool reads(struct handle handle, uint64_t number)
{
    struct object *object;
    if (handle_find(process_current(), handle, RIGHT_READ, &object) != OK)
        return false;
    uint64_t position = 0, there = 0;
    if (object->operations->read(object, &position, &there, sizeof there) != sizeof there || there != number)
        explored_failure("a handle leads to another thing");
    object_release(object);
    return true;
}

static void use_1(void *unused)
{
    (void)unused;
    if (reads(held[1], 1))
        count(&found);
}

static void duplicate_1(void *unused)
{
    (void)unused;
    struct handle handle;
    if (handle_duplicate(process_current(), held[1], RIGHT_READ, process_current(), &handle) != OK)
        return;
    if (!reads(handle, 1))
        explored_failure("a duplicate is not there");
}

/* What came leads to what its message names. */
static void note_arrived(struct handle handle)
{
    uint32_t rights = 0;
    if (handle_rights(process_current(), handle, &rights) != OK || rights != RIGHT_READ)
        explored_failure("the handle that came is not the one that was sent");
    if (!reads(handle, number_in_buffer()))
        explored_failure("the handle that came can't be used");
    count(&ledger[number_in_buffer()].arrived);
}

/* Whether a message came. */
static bool receive_until(uint64_t deadline)
{
    struct handle handle;
    bool came = note_received(ipc_recv_handle(IPC_ANY, 8, deadline, &handle));
    if (!came && handle.token != 0)
        explored_failure("a handle came without a message");
    if (handle.token != 0)
        note_arrived(handle);
    return came;
}

static void receive(void *unused)
{
    (void)unused;
    (void)receive_until(NEVER);
}

static void receive_two(void *unused)
{
    (void)unused;
    if (receive_until(NEVER))
        (void)receive_until(NEVER);
}

static void receive_in_time(void *unused)
{
    (void)unused;
    (void)receive_until(MILLISECOND);
}

/* Keeps the process from ending before the others have had their turns: nobody has news for it. */
static void stay(void)
{
    (void)note_received(ipc_recv(IPC_KERNEL, 8, NEVER));
}

static void receive_and_stay(void *unused)
{
    (void)unused;
    if (receive_until(NEVER))
        stay();
}

/* There is one cancel, so the second try is told of none. */
static void receive_though_cancelled(void *unused)
{
    (void)unused;
    if (receive_until(NEVER) || (cancels > 0 && receive_until(NEVER)))
        stay();
}

static void receive_without_handle(void *unused)
{
    (void)unused;
    (void)note_received(ipc_recv(IPC_ANY, 8, NEVER));
}

/* A message that can't be passed on goes back, and takes its handle along. */
static void receive_but_not_pass_on(void *unused)
{
    (void)unused;
    struct handle handle;
    if (!note_received(ipc_recv_handle(IPC_ANY, 8, NEVER, &handle)))
        return;
    ledger[number_in_buffer()].received--;
    ipc_undelivered();
    receive_and_stay(NULL);
}

static void leave_at_once(void *unused)
{
    (void)unused;
}

static void make_first(void *unused)
{
    (void)unused;
    if (reads(open_thing(process_current(), 1), 1))
        count(&opened);
}

/* Asks for a handle in the reply. */
static void ask(void *unused)
{
    (void)unused;
    if (handle_expect() != OK)
        explored_failure("the explorer has no room for a handle");
    fill(QUESTION, 1);
    enum status status = ipc_call(server_id, 8, MILLISECOND);
    struct handle handle = handle_collect();
    if ((status == OK) != (handle.token != 0))
        explored_failure("a reply came without its handle, or a handle without its reply");
    if (handle.token == 0)
        return;
    count(&ledger[1].received);
    note_arrived(handle);
}

static void answer(void *unused)
{
    (void)unused;
    struct handle own = open_thing(process_current(), 1);
    if (ipc_recv(IPC_ANY, 8, NEVER) != OK)
        return;
    struct ipc_header head = ipc_message()->header;
    fill(QUESTION, 1);
    if (handle_attach(own, RIGHT_READ) != OK)
        explored_failure("the explorer has no room for a handle");
    if (ipc_reply(head.peer, head.call) == OK)
        count(&ledger[1].sent);
    else
        handle_detach();
}

/* A call that brings a handle, for which nobody waits for long. */
static void ask_with_1(void *unused)
{
    (void)unused;
    fill(QUESTION, 1);
    if (handle_attach(held[1], RIGHT_READ) != OK)
        explored_failure("the explorer has no room for a handle");
    if (ipc_call(server_id, 8, MILLISECOND) != OK)
        handle_detach();
}

static void take_question(void *unused)
{
    (void)unused;
    if (!receive_until(NEVER))
        return;
    struct ipc_header head = ipc_message()->header;
    fill(QUESTION, 1);
    (void)!ipc_reply(head.peer, head.call);
}

/* Sends a process a handle to itself. */
static void send_itself(void *unused)
{
    (void)unused;
    fill(NOTE, 1);
    (void)!ipc_send_handle(server_id, held[1], RIGHT_WAIT, NEVER);
}

static void watch(void *unused)
{
    (void)unused;
    enum status status = notify_bind(held[1], BIT);
    if (status != OK && status != ERR_INVALID_HANDLE)
        explored_failure("a watch was refused: %d", status);
}

static void watch_and_hear(void *unused)
{
    watch(unused);
    if (ipc_recv(IPC_KERNEL, 8, NEVER) == OK)
        count(&told);
}

static void watch_then_not(void *unused)
{
    watch(unused);
    if (notify_unbind(BIT) == OK)
        count(&unbound);
}

static void not_watch(void *unused)
{
    (void)unused;
    if (notify_unbind(BIT) == OK)
        count(&unbound);
}

static void find_peer(void *unused)
{
    (void)unused;
    struct process *process;
    if (process_of_handle(held[1], RIGHT_KILL, &process) != OK)
        return;
    if (process != other || process->id == 0)
        explored_failure("a handle leads to another process");
    process_kill(process);
    process_release(process);
}

static void interrupt_kills_server(void) { process_kill(server); }
static void interrupt_kills_client(void) { process_kill(client); }

static void interrupt_cancels_server(void)
{
    if (ipc_cancel(server))
        told_ended++;
    else
        told_pending++;
}

/* --- What must hold --------------------------------------------------------------------------------------- */

/* Nobody sleeps beside a message, a notification or a cancel. */
static const char *asleep(struct task *task)
{
    const struct mailbox *box = &task->process->mailbox;
    note_end();
    if ((box->count > 0 && task->ipc.from == IPC_ANY) || box->notices != 0 || box->cancel_pending)
        return "there is something to receive";
    return NULL;
}

/* Nothing comes that wasn't sent, and nothing twice. */
static const char *none_twice(void)
{
    for (unsigned i = 0; i < THINGS; i++) {
        if (ledger[i].received > ledger[i].sent)
            return "a message came that nobody has sent";
        if (ledger[i].arrived > ledger[i].received)
            return "a handle came twice";
    }
    return NULL;
}

/* For scenarios in which everybody waits for what comes: each message was received once, or is still there. */
static const char *none_lost(void)
{
    for (unsigned i = 0; i < THINGS; i++)
        if (ledger[i].received + ledger[i].left != ledger[i].sent)
            return "a message is lost";
    return none_twice();
}

/* And each brought its handle. */
static const char *all_arrived(void)
{
    for (unsigned i = 0; i < THINGS; i++)
        if (ledger[i].arrived != ledger[i].received)
            return "a message came without its handle";
    return none_lost();
}

static const char *refused_or_arrived(void)
{
    return refused <= 1 ? all_arrived() : "there was a place, and nobody was given it";
}

static const char *cancel_told_the_truth(void)
{
    const char *lie = cancel_told_a_lie();
    return lie != NULL ? lie : all_arrived();
}

static const char *closed_once(void) { return closed == 1 ? all_arrived() : "a handle was closed twice, or by nobody"; }
static const char *both_opened(void) { return opened == 2 ? NULL : "a first handle was lost"; }
static const char *was_told(void) { return told == 1 ? NULL : "nobody was told of the end"; }

#define SERVER(name, run) { name, run, &server }
#define CLIENT(name, run) { name, run, &client }
#define OTHER(name, run) { name, run, &other }
#define WITH_ONE .begin = begin_with_one, .end = end

const struct scenario scenarios[] = {
    { .name = "first-handles", .tasks = { CLIENT("one", make_first), CLIENT("two", make_first) },
      .begin = begin, .end = end, .check = both_opened },
    { .name = "close-twice", .tasks = { CLIENT("one", close_1), CLIENT("two", close_1) },
      WITH_ONE, .check = closed_once },
    { .name = "use-and-close", .tasks = { CLIENT("user", use_1), CLIENT("closer", close_1) },
      WITH_ONE, .check = closed_once },
    { .name = "duplicate-and-close", .tasks = { CLIENT("duplicator", duplicate_1), CLIENT("closer", close_1) },
      WITH_ONE, .check = closed_once },
    { .name = "peer-and-close", .tasks = { SERVER("user", find_peer), SERVER("closer", close_1) },
      .begin = begin_with_peer, .end = end },
    { .name = "travel", .tasks = { SERVER("receiver", receive), CLIENT("sender", send_1) },
      WITH_ONE, .check = all_arrived },
    { .name = "travel-and-close",
      .tasks = { SERVER("receiver", receive), CLIENT("sender", send_1), CLIENT("closer", close_1) },
      .asleep = asleep, WITH_ONE, .check = closed_once },
    { .name = "twice-the-same",
      .tasks = { SERVER("receiver", receive_two), CLIENT("one", send_1), CLIENT("two", send_1) },
      WITH_ONE, .check = all_arrived },
    { .name = "two-things",
      .tasks = { SERVER("receiver", receive_two), CLIENT("one", send_1), CLIENT("two", send_2) },
      .begin = begin_with_two, .end = end, .check = all_arrived },
    { .name = "one-place",
      .tasks = { SERVER("first", receive_and_stay), SERVER("second", receive_and_stay), CLIENT("sender", send_1) },
      .asleep = asleep, .begin = begin_nearly_full, .end = end, .check = refused_or_arrived },
    { .name = "unexpected", .tasks = { SERVER("receiver", receive_without_handle), CLIENT("sender", send_1) },
      WITH_ONE, .check = none_lost },
    { .name = "undelivered",
      .tasks = { SERVER("first", receive_but_not_pass_on), SERVER("second", receive_and_stay), CLIENT("sender", send_1) },
      .asleep = asleep, WITH_ONE, .check = all_arrived },
    { .name = "receiver-goes", .tasks = { SERVER("receiver", leave_at_once), CLIENT("sender", send_1) },
      WITH_ONE, .check = none_twice },
    { .name = "in-time", .tasks = { SERVER("receiver", receive_in_time), CLIENT("sender", send_1) },
      .timer = true, .switches = 1, WITH_ONE, .check = none_twice },
    { .name = "cancelled", .tasks = { SERVER("receiver", receive_though_cancelled), CLIENT("sender", send_1) },
      .interrupt = interrupt_cancels_server, .switches = 1, .asleep = asleep, WITH_ONE, .check = cancel_told_the_truth },
    { .name = "receiver-killed", .tasks = { SERVER("receiver", receive), CLIENT("sender", send_1) },
      .interrupt = interrupt_kills_server, .switches = 1, WITH_ONE, .check = none_twice },
    { .name = "sender-killed", .tasks = { SERVER("receiver", receive), CLIENT("sender", send_1) },
      .interrupt = interrupt_kills_client, .switches = 1, .asleep = asleep, WITH_ONE, .check = all_arrived },
    { .name = "to-itself", .tasks = { SERVER("sender", send_itself), SERVER("other", leave_at_once) },
      .begin = begin_with_itself, .end = end },
    { .name = "question", .tasks = { SERVER("server", take_question), CLIENT("caller", ask_with_1) },
      .timer = true, .switches = 1, .asleep = asleep, WITH_ONE },
    { .name = "reply", .tasks = { SERVER("server", answer), CLIENT("caller", ask) },
      .timer = true, .switches = 1, .asleep = asleep, .begin = begin, .end = end, .check = all_arrived },
    { .name = "caller-killed", .tasks = { SERVER("server", answer), CLIENT("caller", ask) },
      .interrupt = interrupt_kills_client, .switches = 1, .asleep = asleep, .begin = begin, .end = end,
      .check = all_arrived },
    { .name = "watch", .tasks = { SERVER("watcher", watch_and_hear), OTHER("ending", leave_at_once) },
      .begin = begin_with_peer, .end = end, .check = was_told },
    { .name = "watch-twice",
      .tasks = { SERVER("one", watch), SERVER("two", watch_and_hear), OTHER("ending", leave_at_once) },
      .begin = begin_with_peer, .end = end, .check = was_told },
    { .name = "watch-and-not", .tasks = { SERVER("one", watch_then_not), SERVER("two", not_watch), OTHER("ending", leave_at_once) },
      .begin = begin_with_peer, .end = end },
    { .name = "watch-and-close", .tasks = { SERVER("watcher", watch), SERVER("closer", close_1), OTHER("ending", leave_at_once) },
      .begin = begin_with_peer, .end = end },
    { .name = NULL },
};
