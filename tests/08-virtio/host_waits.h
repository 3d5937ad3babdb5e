/* Sleeping, frames and the clock on the host, for what waits for a device that the test plays. */
#ifndef NIKKI_TESTS_HOST_WAITS_H
#define NIKKI_TESTS_HOST_WAITS_H

#include <stdbool.h>
#include <stdint.h>

/* What goes on while somebody sleeps: the device's work, or another task's. False: nothing will. */
extern bool (*host_step)(void);

extern uint64_t host_now;         /* what clock_now() says */
extern uint64_t host_frames_lent; /* frames that were borrowed */
extern unsigned host_frames_most; /* how many can be; beyond, the borrower is asked */

#endif
