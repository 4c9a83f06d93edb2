/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backings: the slow devices, and what the cache's table remembers of them. Mutable fields are
 * protected by the engine's mutex.
 */
#ifndef WB_ENGINE_BACKING_H
#define WB_ENGINE_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/format.h"
#include "engine/util.h"
#include "engine/wb.h"

struct wb_backing {
	struct list link;	  /* in wb.backings */
	struct table_entry entry; /* id 0: not cached, not in the table */
	struct bdev *dev;	  /* NULL: remembered only */
	uint64_t attached;	  /* superblock ticket: that it may change is not durable before */
	uint64_t last_record; /* the last record with an entry of it; > migrated: it is needed */
	uint64_t nr_dirty, nr_cached; /* blocks in the index */
	uint64_t nr_reads, nr_writes, nr_zeros, read_bytes, write_bytes;
	uint64_t migrated_bytes, nr_errors;
	bool to_flush; /* migration wrote to it since its last flush */
	unsigned int knobs[WB_NR_ALL_KNOBS - WB_NR_KNOBS];
};

/* The backing with an id of the log, or NULL. */
struct wb_backing *backing_by_id(struct wb *wb, unsigned int id);
struct wb_backing *backing_by_name(struct wb *wb, const char *name);

/* Make or free the object of a table entry; it joins or leaves wb.backings. NULL: no memory. */
struct wb_backing *backing_new(struct wb *wb, const struct table_entry *entry);
void backing_free(struct wb *wb, struct wb_backing *backing);

/* Whether the log holds something of it that is not on it. */
bool backing_in_log(const struct wb *wb, const struct wb_backing *backing);

/* A hash of some blocks spread over the device. Blocks; no mutex. */
int backing_sample(struct bdev *dev, uint64_t *sample) WB_CHECK;

static inline uint64_t backing_nr_blocks(const struct wb_backing *backing)
{
	return (backing->entry.size + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
}

/* Bytes of a block that lie inside the device. */
static inline uint64_t backing_block_end(const struct wb_backing *backing, uint64_t block)
{
	uint64_t end = (block + 1) * WB_BLOCK_SIZE;

	return end < backing->entry.size ? end : backing->entry.size;
}

#endif
