/* The cache of blocks on the host, for tests: host/cache.c instead of kernel/virtio/cache.c. */
#ifndef NIKKI_TESTS_HOST_CACHE_H
#define NIKKI_TESTS_HOST_CACHE_H

/* Blocks that it keeps, if they may be evicted; blocks that are pinned now. */
extern unsigned host_cache_limit, host_cache_pinned;

#endif
