/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index: (backing, block) -> position of its newest copy in the log. Sixteen bytes for each
 * position of the cache and two for hash buckets. Entries cost memory once they are used.
 * Protected by the engine's mutex, except that entries of pinned slots may be read without.
 */
#ifndef WB_ENGINE_INDEX_H
#define WB_ENGINE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

#define INDEX_NONE UINT32_MAX

enum index_flags {
	INDEX_LINKED = 1,  /* it is what a lookup finds */
	INDEX_DIRTY = 2,   /* not known to be on the backing */
	INDEX_DAMAGED = 4, /* clean, and not what was written: only the backing has it */
};

struct index_entry {
	uint32_t next; /* position + 1, in the bucket's chain */
	uint32_t block_low;
	uint8_t block_high;
	uint8_t backing;
	uint8_t mask; /* valid sectors */
	uint8_t flags;
	uint32_t checksum;
};
_Static_assert(sizeof(struct index_entry) == 16, "18 bytes per block with the buckets");

struct index {
	struct index_entry *entries; /* by position */
	uint32_t *buckets;	     /* position + 1 of the first entry, 0: empty */
	uint32_t nr, nr_buckets;
	const struct wb_env *env; /* const after init */
};

uint64_t index_memory(uint64_t nr_positions); /* bytes */
int index_init(struct index *index, const struct wb_env *env, uint32_t nr_positions) WB_CHECK;
void index_fini(struct index *index);

/* Positions will be used soon. Without the mutex; may take milliseconds. */
void index_populate(const struct index *index, uint32_t position, uint32_t nr);

/* The position of the newest copy of a block, or INDEX_NONE. */
uint32_t index_find(const struct index *index, uint8_t backing, uint64_t block);

/*
 * A block will be looked up soon: fetch what that needs into the CPU's cache. First its bucket;
 * a little later the first entry there (depth 0), then the next (1), each when the one before has
 * arrived. The bucket without the mutex, entries with it.
 */
void index_expect(const struct index *index, uint8_t backing, uint64_t block);
void index_expect_entry(const struct index *index, uint8_t backing, uint64_t block,
			unsigned int depth);

/* Describe what is at a position; it must not be linked. flags without INDEX_LINKED. */
void index_set(struct index *index, uint32_t position, uint8_t backing, uint64_t block,
	       uint8_t mask, uint32_t checksum, uint8_t flags);
/* Nothing is cached at a position; it must not be linked. */
void index_clear(struct index *index, uint32_t position);
/* Let lookups find a position; no other position of the same block is linked. */
void index_link(struct index *index, uint32_t position);
void index_unlink(struct index *index, uint32_t position);

static inline uint64_t index_block(const struct index_entry *e)
{
	return (uint64_t)e->block_high << 32 | e->block_low;
}

#endif
