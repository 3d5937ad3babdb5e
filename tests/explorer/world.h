/* Three processes that take notes and questions of 8 bytes, for scenarios about messages and what travels in them. */
#ifndef NIKKI_EXPLORER_WORLD_H
#define NIKKI_EXPLORER_WORLD_H

#include "explorer.h"
#include "kernel/ipc/ipc.h"

#define NOTE 1     /* a kind: sent */
#define QUESTION 2 /* a kind: called */

static const struct ipc_kind kinds[] = {
    { NOTE, 8, 8, 0, IPC_SENT },
    { QUESTION, 8, 8, 8, 8 },
};
static struct process *server, *client, *other;
static uint64_t server_id;
static unsigned cancels, told_ended, told_pending; /* waits that were cancelled; what the cancellers heard */
static bool cancel_left;                           /* one is pending at the end */

static void make_process(const char *name, struct process **process)
{
    if (process_create(name, process) != OK || ipc_accept(*process, kinds, 2) != OK)
        explored_failure("the explorer has no room for a process");
}

static void begin(void)
{
    make_process("server", &server);
    make_process("client", &client);
    make_process("other", &other);
    server_id = server->id;
}

/* What a canceller was told that isn't true; NULL: nothing. */
static const char *cancel_told_a_lie(void)
{
    if (cancels < told_ended)
        return "a canceller was told that it ended the wait, and the wait did not say so";
    if (told_ended + told_pending != cancels + cancel_left)
        return cancels + cancel_left == 0 ? "a cancel was lost" : "a cancel ended two waits";
    return NULL;
}

#endif
