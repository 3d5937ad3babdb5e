/* A FAT32 volume of 64 KiB in memory, for the fuzzers: 124 clusters of a sector each, and two allocation tables. */
#ifndef NIKKI_TESTS_FUZZ_DISK_H
#define NIKKI_TESTS_FUZZ_DISK_H

#include "kernel/fat32/fat32.h"
#include "kernel/virtio/block.h"

#define SECTORS 128
#define RESERVED 2
#define TABLES 2
#define FIRST_DATA (RESERVED + TABLES)
#define CLUSTERS (SECTORS - FIRST_DATA)
#define ROOT 2

extern uint8_t disk_bytes[SECTORS * 512];
extern struct block_device disk;
extern uint64_t disk_transfers, disk_fails_at; /* the transfer that fails; 0: none */

/* What the last mount said that looked the volume through. */
struct survey_report {
    unsigned made, lost, cut, doubles, orphans, damaged;
};
extern struct survey_report report;

/* The input, taken from its beginning; zeros when it is used up. */
struct input {
    const uint8_t *at, *end;
};
uint8_t take8(struct input *input);
uint16_t take16(struct input *input);

/* Makes the volume anew: an empty root, which is not said to be clean. Everything begins as it always does. */
void disk_format(int writable);
void disk_be_writable(void);
uint8_t *disk_cluster(uint32_t cluster); /* any number gives one that is there */
uint8_t *disk_entry(uint32_t cluster, unsigned index);
void disk_link(uint32_t cluster, uint32_t link, unsigned tables); /* tables: a bit for each */
void disk_set_entry(uint8_t *entry, const char *name, uint8_t attributes, uint32_t first, uint32_t size);
void disk_set_clean(int clean);

/* Whoever asks the cache more often than this since the last call, fails. */
void asked_at_most(uint64_t limit, const char *what);

/* Nothing may be left: memory, locks, blocks, critical sections. */
void settle(void);

#endif
