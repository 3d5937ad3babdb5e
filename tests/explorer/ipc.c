/* Scenarios of the chapter on messages. Each note and each question carries a number of its own, and a ledger
   says what became of it. */
#include "world.h"

#include <string.h>

#include "kernel/interrupts/clock.h"
#include "kernel/memory/critical.h"
#include "kernel/tasks/wait.h"

#define NUMBERS 10  /* of notes and questions: 1 to 9 */
#define ROOM 64     /* bytes that receivers take */

static bool server_released; /* and gone, perhaps */

/* What became of the messages. Only the tasks that it speaks of write it, each its own row. */
static struct {
    bool sent;           /* ipc_send said so */
    bool asked;          /* a question, not a note */
    bool answered;       /* ipc_call said so */
    bool replied;        /* ipc_reply said so */
    bool not_told;       /* ipc_reply_recv does not say */
    unsigned received;
    unsigned left;       /* in a queue, at the end */
} ledger[NUMBERS];
static unsigned kills, timeouts;
static uint64_t notices;
static unsigned queued_at_end;
static bool end_noted;
static struct mailbox *narrow;  /* whose queue is said to be fuller than it is */
static unsigned narrowed;       /* by so many messages */

/* --- The world -------------------------------------------------------------------------------------------- */

/* As if so many messages lay in the server's queue that only `room` more fit, which nobody takes. */
static void make_narrow(unsigned room)
{
    narrow = &server->mailbox;
    narrowed = IPC_QUEUE_MAX - room;
    narrow->count += narrowed;
}

/* --- The ledger ------------------------------------------------------------------------------------------- */

UNWATCHED static uint64_t number_in_buffer(void)
{
    uint64_t number;
    memcpy(&number, task_current()->ipc.message->payload, sizeof number);
    return number;
}

UNWATCHED static void note_refusal(enum status status, uint64_t deadline)
{
    if (status == ERR_TIMEOUT && (deadline == NEVER || clock_now() < deadline))
        explored_failure("a wait gave up although there was time left");
    switch (status) {
    case ERR_CANCELLED: cancels++; break;
    case ERR_KILLED: kills++; break;
    case ERR_TIMEOUT: timeouts++; break;
    case ERR_PEER_ENDED: case ERR_WOULD_BLOCK: case ERR_QUEUE_FULL: case ERR_BUFFER_TOO_SMALL: break;
    default: explored_failure("an unexpected status: %d", status);
    }
}

UNWATCHED static void note_received(uint64_t from)
{
    struct ipc_header *header = &task_current()->ipc.message->header;
    uint64_t number = number_in_buffer();
    if (from != IPC_ANY && header->peer != from)
        explored_failure("a message came through the filter");
    if (header->peer == IPC_KERNEL) {
        if (number == 0)
            explored_failure("a notification without news");
        notices |= number;
    } else if (number == 0 || number >= NUMBERS) {
        explored_failure("message %lu was never sent", number);
    } else if (++ledger[number].received > 1) {
        explored_failure("message %lu was received twice", number);
    }
}

UNWATCHED static void note_sent(uint64_t number, enum status status, uint64_t deadline)
{
    if (status == OK)
        ledger[number].sent = true;
    else
        note_refusal(status, deadline);
}

UNWATCHED static void note_answer(uint64_t number, enum status status, uint64_t deadline)
{
    ledger[number].asked = true;
    if (status != OK)
        note_refusal(status, deadline);
    else if (number_in_buffer() != number + 100)
        explored_failure("question %lu got the answer to %lu", number, number_in_buffer() - 100);
    else
        ledger[number].answered = true;
}

UNWATCHED static void note_reply(uint64_t number, enum status status)
{
    if (status == OK)
        ledger[number].replied = true;
    else if (status != ERR_STALE_REPLY)
        explored_failure("an unexpected status of a reply: %d", status);
}

UNWATCHED static void note_not_told(uint64_t number)
{
    ledger[number].not_told = true;
}

/* What lies in the server's queue, and which cancels are pending, when nobody can go on. */
static void note_end(void)
{
    const struct mailbox *box = &server->mailbox;
    if (end_noted || server_released)
        return;
    end_noted = true;
    queued_at_end = box->count - (box == narrow ? narrowed : 0);
    cancel_left = client->mailbox.cancel_pending || server->mailbox.cancel_pending;
    LIST_EACH(link, &box->messages) {
        uint64_t number;
        memcpy(&number, container_of(link, struct message, link)->payload, sizeof number);
        ledger[number].left++;
    }
}

static void end(void)
{
    note_end();
    if (narrow != NULL && !server_released && !narrow->closed && narrow->count < narrowed)
        explored_failure("more messages were taken than were there");
    if (!server_released)
        process_release(server);
    process_release(client);
    process_release(other);
}

/* --- What tasks do ---------------------------------------------------------------------------------------- */

static bool send_until(uint64_t number, uint64_t deadline)
{
    enum status status = ipc_begin();
    if (status != OK)
        explored_failure("the explorer has no room for a message");
    ipc_fill(NOTE, &number, sizeof number);
    status = ipc_send(server_id, deadline);
    note_sent(number, status, deadline);
    return status == OK;
}

static void send_note(uint64_t number)
{
    (void)send_until(number, NEVER);
}

static enum status receive(uint64_t from, size_t capacity, uint64_t deadline)
{
    enum status status = ipc_recv(from, capacity, deadline);
    if (status == OK)
        note_received(from);
    else
        note_refusal(status, deadline);
    return status;
}

/* Receives until it has something, whatever comes in between. */
static bool receive_from(uint64_t from)
{
    enum status status = receive(from, ROOM, NEVER);
    while (status == ERR_CANCELLED)
        status = receive(from, ROOM, NEVER);
    return status == OK;
}

/* What nobody sends to the server in most scenarios: a task that waits for it keeps the process alive. */
static void stay(void)
{
    (void)receive_from(IPC_KERNEL);
}

static void receive_one(void *unused)
{
    (void)unused;
    (void)receive_from(IPC_ANY);
}

static void receive_two(void *unused)
{
    (void)unused;
    if (receive_from(IPC_ANY))
        (void)receive_from(IPC_ANY);
}

static void send_1(void *unused) { (void)unused; send_note(1); }
static void send_2(void *unused) { (void)unused; send_note(2); }

static void send_1_then_2(void *unused)
{
    (void)unused;
    send_note(1);
    task_yield();
    send_note(2);
}

static bool ask(uint64_t number, uint64_t deadline)
{
    enum status status = ipc_begin();
    if (status != OK)
        explored_failure("the explorer has no room for a message");
    ipc_fill(QUESTION, &number, sizeof number);
    status = ipc_call(server_id, sizeof number, deadline);
    note_answer(number, status, deadline);
    return status == OK;
}

static void ask_1(void *unused) { (void)unused; (void)ask(1, NEVER); }
static void ask_2(void *unused) { (void)unused; (void)ask(2, NEVER); }

static void fill_answer(uint64_t number)
{
    uint64_t answer = number + 100;
    ipc_fill(QUESTION, &answer, sizeof answer);
}

/* Answers what lies in the buffer, if it is a question. */
static void answer_it(void)
{
    struct ipc_header head = ipc_message()->header;
    uint64_t number = number_in_buffer();
    if (head.call == 0)
        return;
    fill_answer(number);
    note_reply(number, ipc_reply(head.peer, head.call));
}

static void serve_one(void *unused)
{
    (void)unused;
    if (receive_from(IPC_ANY))
        answer_it();
}

static void serve_two(void *unused)
{
    (void)unused;
    serve_one(NULL);
    serve_one(NULL);
}

/* The same with reply and receive in one; then only a reply. */
static void serve_in_one(uint64_t deadline)
{
    if (!receive_from(IPC_ANY))
        return;
    struct ipc_header head = ipc_message()->header;
    note_not_told(number_in_buffer());
    fill_answer(number_in_buffer());
    enum status status = ipc_reply_recv(head.peer, head.call, IPC_ANY, ROOM, deadline);
    if (status == OK)
        note_received(IPC_ANY);
    else
        note_refusal(status, deadline);
    if (status == OK || ((status == ERR_CANCELLED || status == ERR_TIMEOUT) && receive_from(IPC_ANY)))
        answer_it();
}

static void serve_in_one_step(void *unused) { (void)unused; serve_in_one(NEVER); }
static void serve_in_one_step_in_time(void *unused) { (void)unused; serve_in_one(5 * MILLISECOND); }

/* --- What comes from outside ------------------------------------------------------------------------------ */

static void cancel(struct process *process)
{
    if (ipc_cancel(process))
        told_ended++;
    else
        told_pending++;
}

static void cancel_server(void *unused) { (void)unused; cancel(server); }
static void cancel_client(void *unused) { (void)unused; cancel(client); }
static void interrupt_cancels_client(void) { cancel(client); }
static void interrupt_cancels_server(void) { cancel(server); }
static void interrupt_kills_client(void) { process_kill(client); }
static void interrupt_notifies(void) { ipc_notify(server, 1); }

static void interrupt_kills_first(void)
{
    uint64_t saved = critical_enter();
    struct task *task = explored_tasks[0];
    if (task_find(explored_ids[0]) == task)
        (void)task_kill(task);
    critical_leave(saved);
}

static void kill_first(void *unused) { (void)unused; interrupt_kills_first(); }

/* --- What must hold --------------------------------------------------------------------------------------- */

static bool would_be_told(const struct task *task, const struct mailbox *box)
{
    LIST_EACH(link, &box->messages)
        if (task->ipc.from == IPC_ANY ||
            task->ipc.from == container_of(link, struct message, link)->header.peer)
            return true;
    return box->cancel_pending || (box->notices != 0 && (task->ipc.from == IPC_ANY || task->ipc.from == IPC_KERNEL));
}

static bool stands_in(const struct wait_queue *queue, const struct task *task)
{
    LIST_EACH(link, &queue->waiters)
        if (link == &task->wait.link)
            return true;
    return false;
}

static bool somebody_wants(const struct mailbox *box, const struct message *message)
{
    LIST_EACH(link, &box->receivers.waiters) {
        const struct task *task = container_of(link, struct task, wait.link);
        if (task->ipc.from == IPC_ANY || task->ipc.from == message->header.peer)
            return true;
    }
    return false;
}

/* Nobody sleeps beside what he waits for. */
static const char *asleep(struct task *task)
{
    const struct mailbox *own = &task->process->mailbox;
    struct process *processes[] = { server, client, other };
    note_end();
    if (stands_in(&own->receivers, task) && would_be_told(task, own))
        return "there is something to receive";
    for (unsigned i = 0; i < 3; i++) {
        const struct mailbox *box = &processes[i]->mailbox;
        if (!stands_in(&box->senders, task))
            continue;
        if (box->closed)
            return "the receiver has ended";
        if (box->count < IPC_QUEUE_MAX)
            return "there is room";
        if (somebody_wants(box, task->ipc.message))
            return "somebody waits for its message";
    }
    struct process *callee = process_peek(task->ipc.callee);
    if (!list_empty(&task->ipc.caller_link) && (callee == NULL || callee->mailbox.closed))
        return "the other side has ended";
    return NULL;
}

/* Each message was received once, or is still there: for scenarios in which the server outlives its senders. */
static const char *none_lost(void)
{
    for (unsigned i = 0; i < NUMBERS; i++) {
        if (ledger[i].sent && ledger[i].received + ledger[i].left != 1)
            return "a message is lost";
        if (!ledger[i].sent && !ledger[i].asked && ledger[i].received + ledger[i].left != 0)
            return "a message came that was refused";
        if (ledger[i].answered && ledger[i].received != 1)
            return "a question was answered, and nobody has received it";
        if (!ledger[i].not_told && ledger[i].replied != ledger[i].answered)
            return ledger[i].replied ? "a reply was accepted, and its caller did not get it"
                                     : "a call was answered, and its server was told that nobody waits";
    }
    return NULL;
}

/* One cancel was made: it ended one wait, or is still pending. */
static const char *cancel_told_the_truth(void)
{
    const char *lie = cancel_told_a_lie();
    return lie != NULL ? lie : none_lost();
}

static const char *all_notices(void)
{
    return notices == 3 ? none_lost() : "a notification was lost";
}

static const char *never_above_the_bound(void)
{
    return queued_at_end + narrowed <= IPC_QUEUE_MAX ? none_lost() : "there are more messages than the queue may hold";
}

/* --- Send and receive ------------------------------------------------------------------------------------- */

static void receive_in_order(void *unused)
{
    (void)unused;
    for (uint64_t number = 1; number <= 2; number++)
        if (receive_from(IPC_ANY) && number_in_buffer() != number)
            explored_failure("a later message came before an earlier one");
}

static void receive_from_other_first(void *unused)
{
    (void)unused;
    if (receive_from(other->id))
        (void)receive_from(client->id);
}

static void receive_in_time(void *unused)
{
    (void)unused;
    if (receive(IPC_ANY, ROOM, MILLISECOND) == ERR_TIMEOUT)
        (void)receive_from(IPC_ANY);
}

static void poll_and_receive(void *unused)
{
    (void)unused;
    if (receive(IPC_ANY, ROOM, 0) == ERR_WOULD_BLOCK)
        (void)receive_from(IPC_ANY);
}

/* --- A queue that is full --------------------------------------------------------------------------------- */

/* A message from `other` lies in the queue, and with it the queue is full. */
static void begin_full(void)
{
    begin();
    struct message *message = message_alloc();
    message->header = (struct ipc_header){ .peer = other->id, .kind = NOTE, .size = 8 };
    *(uint64_t *)message->payload = 9;
    list_append(&server->mailbox.messages, &message->link);
    server->mailbox.count = 1;
    ledger[9].sent = true;
    make_narrow(1);
}

static void begin_with_room(void)
{
    begin();
    make_narrow(1);
}

/* Takes the one that makes the queue full, and no other. */
static void make_room(void *unused)
{
    (void)unused;
    if (receive_from(other->id))
        stay();
}

/* Wants to hear the client first, who finds the queue full. */
static void hear_client_first(void *unused)
{
    (void)unused;
    if (receive_from(client->id) && receive_from(other->id))
        stay();
}

/* Takes it, and then what the client sends. */
static void make_room_for_client(void *unused)
{
    (void)unused;
    if (receive_from(other->id) && receive_from(client->id))
        stay();
}

static void send_1_in_time(void *unused) { (void)unused; (void)send_until(1, MILLISECOND); }
static void ask_1_in_time(void *unused) { (void)unused; (void)ask(1, MILLISECOND); }

static void receive_the_other_twice(void *unused)
{
    (void)unused;
    if (!receive_from(other->id))
        return;
    ledger[9].received = 0;
    ipc_undelivered();
    task_yield();
    if (receive_from(other->id))
        stay();
}

/* --- Messages that could not be passed on ----------------------------------------------------------------- */

static void receive_but_not_pass_on(void)
{
    if (!receive_from(IPC_ANY))
        return;
    ledger[number_in_buffer()].received = 0;
    ipc_undelivered();
}

static void receive_again(void *unused)
{
    (void)unused;
    receive_but_not_pass_on();
    (void)receive_from(IPC_ANY);
}

static void receive_and_end(void *unused)
{
    (void)unused;
    receive_but_not_pass_on();
}

static void receive_one_and_stay(void *unused)
{
    (void)unused;
    if (receive_from(IPC_ANY))
        stay();
}

/* --- Calls that end otherwise ----------------------------------------------------------------------------- */

/* Its second question must not get the answer to the first. */
static void ask_twice(void *unused)
{
    (void)unused;
    (void)ask(1, MILLISECOND);
    (void)ask(2, NEVER);
}

static void ask_until_answered(void *unused)
{
    (void)unused;
    if (!ask(1, NEVER))
        (void)ask(2, NEVER);
}

static void take_and_end(void *unused)
{
    (void)unused;
    (void)receive_from(IPC_ANY);
}

/* The process has no reference but those of its tasks, and of those who wait for room. */
static void take_one_and_go(void *unused)
{
    (void)unused;
    server_released = true;
    process_release(server);
    (void)receive_from(IPC_ANY);
}

static void receive_notices(void *unused)
{
    (void)unused;
    while (notices != 3 && receive_from(IPC_ANY))
        ;
}

static void notify_2(void *unused)
{
    (void)unused;
    ipc_notify(server, 2);
}

static void receive_little(void *unused)
{
    (void)unused;
    (void)receive(IPC_ANY, 4, NEVER);
}

#define SERVER(name, run) { name, run, &server }
#define CLIENT(name, run) { name, run, &client }
#define OTHER(name, run) { name, run, &other }
#define WORLD .begin = begin, .asleep = asleep, .end = end

const struct scenario scenarios[] = {
    { .name = "send", .tasks = { SERVER("receiver", receive_one), CLIENT("sender", send_1) },
      WORLD, .check = none_lost },
    { .name = "two-senders",
      .tasks = { SERVER("receiver", receive_two), CLIENT("sender", send_1), OTHER("other", send_2) },
      WORLD, .check = none_lost },
    { .name = "two-receivers",
      .tasks = { SERVER("first", receive_one_and_stay), SERVER("second", receive_one_and_stay),
                 CLIENT("sender", send_1_then_2) },
      .switches = 2, WORLD, .check = none_lost },
    { .name = "in-order", .tasks = { SERVER("receiver", receive_in_order), CLIENT("sender", send_1_then_2) },
      WORLD, .check = none_lost },
    { .name = "filtered",
      .tasks = { SERVER("receiver", receive_from_other_first), CLIENT("sender", send_1), OTHER("other", send_2) },
      WORLD, .check = none_lost },
    { .name = "deadline", .tasks = { SERVER("receiver", receive_in_time), CLIENT("sender", send_1) },
      .timer = true, WORLD, .check = none_lost },
    { .name = "poll", .tasks = { SERVER("receiver", poll_and_receive), CLIENT("sender", send_1) },
      WORLD, .check = none_lost },
    { .name = "receiver-killed",
      .tasks = { SERVER("first", receive_one_and_stay), SERVER("second", receive_one_and_stay),
                 CLIENT("sender", send_1) },
      .interrupt = interrupt_kills_first, .switches = 1, WORLD, .check = none_lost },
    { .name = "cancel",
      .tasks = { SERVER("receiver", receive_one_and_stay), CLIENT("sender", send_1), OTHER("canceller", cancel_server) },
      WORLD, .check = cancel_told_the_truth },
    { .name = "room", .tasks = { SERVER("receiver", receive_two), CLIENT("sender", send_1), OTHER("other", send_2) },
      .begin = begin_with_room, .asleep = asleep, .end = end, .check = none_lost },
    { .name = "room-for-one",
      .tasks = { SERVER("receiver", make_room), CLIENT("sender", send_1), OTHER("other", send_2) },
      .interrupt = interrupt_cancels_client, .switches = 1,
      .begin = begin_full, .asleep = asleep, .end = end, .check = cancel_told_the_truth },
    { .name = "room-in-time",
      .tasks = { SERVER("receiver", make_room), CLIENT("sender", send_1_in_time), OTHER("other", send_2) },
      .timer = true, .switches = 1, .begin = begin_full, .asleep = asleep, .end = end, .check = none_lost },
    { .name = "room-for-a-call",
      .tasks = { SERVER("receiver", make_room), CLIENT("caller", ask_1), OTHER("other", send_2) },
      .interrupt = interrupt_cancels_client, .switches = 1,
      .begin = begin_full, .asleep = asleep, .end = end, .check = cancel_told_the_truth },
    { .name = "room-for-a-call-in-time",
      .tasks = { SERVER("receiver", make_room), CLIENT("caller", ask_1_in_time), OTHER("other", send_2) },
      .timer = true, .switches = 1, .begin = begin_full, .asleep = asleep, .end = end, .check = none_lost },
    { .name = "room-not-needed",
      .tasks = { SERVER("receiver", make_room_for_client), CLIENT("sender", send_1), OTHER("other", send_2) },
      .begin = begin_full, .asleep = asleep, .end = end, .check = none_lost },
    { .name = "room-for-the-choosy",
      .tasks = { SERVER("receiver", hear_client_first), CLIENT("sender", send_1), OTHER("other", send_2) },
      .begin = begin_full, .asleep = asleep, .end = end, .check = none_lost },
    { .name = "put-back",
      .tasks = { SERVER("receiver", receive_the_other_twice), CLIENT("sender", send_1), OTHER("other", send_2) },
      .begin = begin_full, .asleep = asleep, .end = end, .check = never_above_the_bound },
    { .name = "undelivered",
      .tasks = { SERVER("first", receive_again), SERVER("second", receive_one_and_stay), CLIENT("sender", send_1_then_2) },
      WORLD, .check = none_lost },
    { .name = "undelivered-at-the-end",
      .tasks = { SERVER("first", receive_and_end), SERVER("second", receive_one_and_stay), CLIENT("sender", send_1) },
      WORLD, .check = none_lost },
    { .name = "notify", .tasks = { SERVER("receiver", receive_notices), CLIENT("notifier", notify_2) },
      .interrupt = interrupt_notifies, .begin = begin, .end = end, .check = all_notices },
    { .name = "notify-two",
      .tasks = { SERVER("first", receive_little), SERVER("second", receive_one_and_stay) },
      .interrupt = interrupt_notifies, WORLD, .check = none_lost },
    { .name = "call", .tasks = { SERVER("server", serve_one), CLIENT("caller", ask_1) },
      .begin = begin, .end = end, .check = none_lost },
    { .name = "two-callers",
      .tasks = { SERVER("server", serve_in_one_step), CLIENT("caller", ask_1), OTHER("other", ask_2) },
      .begin = begin, .end = end, .check = none_lost },
    { .name = "two-servers",
      .tasks = { SERVER("server", serve_one), SERVER("second", serve_one), CLIENT("caller", ask_1) },
      WORLD, .check = none_lost },
    { .name = "call-timeout", .tasks = { SERVER("server", serve_two), CLIENT("caller", ask_twice) },
      .timer = true, WORLD, .check = none_lost },
    { .name = "call-timeout-in-one-step",
      .tasks = { SERVER("server", serve_in_one_step_in_time), CLIENT("caller", ask_twice) },
      .timer = true, .switches = 1, WORLD, .check = none_lost },
    { .name = "call-cancelled",
      .tasks = { CLIENT("caller", ask_until_answered), SERVER("server", serve_two), OTHER("canceller", cancel_client) },
      WORLD, .check = cancel_told_the_truth },
    { .name = "one-of-two-cancelled",
      .tasks = { CLIENT("caller", ask_1), CLIENT("sender", send_2), SERVER("server", serve_two) },
      .interrupt = interrupt_cancels_client, .switches = 1, WORLD, .check = cancel_told_the_truth },
    { .name = "caller-killed",
      .tasks = { CLIENT("caller", ask_1), SERVER("server", serve_one), OTHER("killer", kill_first) },
      WORLD, .check = none_lost },
    { .name = "caller-killed-by-interrupt",
      .tasks = { CLIENT("caller", ask_1), SERVER("server", serve_in_one_step), OTHER("other", ask_2) },
      .interrupt = interrupt_kills_client, .switches = 1, WORLD, .check = none_lost },
    { .name = "server-cancelled",
      .tasks = { SERVER("server", serve_in_one_step), CLIENT("caller", ask_1) },
      .interrupt = interrupt_cancels_server, WORLD, .check = cancel_told_the_truth },
    { .name = "server-ends",
      .tasks = { SERVER("server", take_and_end), CLIENT("caller", ask_1), OTHER("sender", send_2) },
      .begin = begin_with_room, .end = end },
    { .name = "server-goes",
      .tasks = { SERVER("server", take_one_and_go), CLIENT("caller", ask_1), OTHER("sender", send_2) },
      .begin = begin_full, .end = end },
    { .name = NULL },
};
