/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ranges of blocks that a record of the log says are zeros: disjoint extents in a sorted array of
 * fixed capacity, each with the version (layout.h) of its record. A block is zeros if an extent
 * covers it and the index has nothing newer. An extent is dropped together with everything older
 * in the log, so what it hides is never seen again.
 * Protected by the engine's mutex, or private to a migration batch.
 */
#ifndef WB_ENGINE_ZEROS_H
#define WB_ENGINE_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

struct zeros_extent {
	uint64_t first; /* key of the first block: backing << 40 | block */
	uint64_t end;	/* key behind the last block */
	uint64_t version;
	bool poison; /* reads get -EIO instead of zeros */
};

struct zeros {
	struct zeros_extent *extents; /* ascending, disjoint */
	uint32_t nr, capacity;
	uint64_t oldest;	  /* no extent has a smaller version */
	const struct wb_env *env; /* const after init */
};

static inline uint64_t zeros_key(uint8_t backing, uint64_t block)
{
	return (uint64_t)backing << 40 | block;
}

uint64_t zeros_memory(uint32_t capacity); /* bytes */
int zeros_init(struct zeros *zeros, const struct wb_env *env, uint32_t capacity) WB_CHECK;
void zeros_fini(struct zeros *zeros);
void zeros_clear(struct zeros *zeros);

/* Whether n more zeros_add are sure to succeed. */
bool zeros_room(const struct zeros *zeros, uint32_t n);

/* Add an extent that is newer than all others. Needs zeros_room. */
void zeros_add(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
	       uint64_t version, bool poison);

/* The extent that covers a block, or the first one behind it, or NULL. */
const struct zeros_extent *zeros_at(const struct zeros *zeros, uint8_t backing, uint64_t block);

/* Drop all extents older than `version`. */
void zeros_drop(struct zeros *zeros, uint64_t version);

#endif
