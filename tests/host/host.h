/* What chapters 01 to 05 offer to those above, made from the C library, so that these run and are tested on the host. */
#ifndef NIKKI_TESTS_HOST_H
#define NIKKI_TESTS_HOST_H

#include <stdint.h>

/* Objects and pieces of memory that live, and locks that are held: zero at the end of a test. */
extern uint64_t host_memory_live, host_locks_held;

/* 1: kprintf is silent. */
extern int host_quiet;

/* The nth allocation from now on fails; 0: none. */
extern unsigned host_fail_after;

/* Ends the program with a message and status 1. */
void host_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A repeatable random number; the seed is host_seed. */
extern uint64_t host_seed;
uint64_t host_random(void);

#endif
