/* The cache of blocks on the host, for tests: host/cache.c instead of kernel/virtio/cache.c. */
#ifndef NIKKI_TESTS_HOST_CACHE_H
#define NIKKI_TESTS_HOST_CACHE_H

#include <stdint.h>

/* Blocks that it keeps, if they may be evicted; blocks that are pinned now. */
extern unsigned host_cache_limit, host_cache_pinned;

/* How often it was asked for a block. */
extern uint64_t host_cache_asked;

#endif
