/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The current unit of a write: which blocks it touches, and which of them whole. Pure arithmetic.
 */
#ifndef WB_ENGINE_UNIT_H
#define WB_ENGINE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/engine.h"

static inline uint64_t unit_first(const struct request *r)
{
	return r->off / WB_BLOCK_SIZE;
}

static inline uint64_t unit_last(const struct request *r)
{
	return (r->end - 1) / WB_BLOCK_SIZE;
}

/* Whether the unit covers a block from end to end (of the device, for the last one). */
static inline bool unit_covers(struct request *r, uint64_t block)
{
	return r->off <= block * WB_BLOCK_SIZE &&
	       r->end >= backing_block_end(io_of(r)->backing, block);
}

/* Whether it has something of these blocks: from first on, before end. */
static inline bool unit_touches(struct request *r, const struct wb_backing *backing, uint64_t first,
				uint64_t end)
{
	return io_of(r)->backing == backing && unit_first(r) < end && unit_last(r) >= first;
}

/* The page in which a partly covered block is composed: 0 for the first block, 1 for the last. */
static inline uint8_t *unit_edge_page(struct request *r, unsigned int edge)
{
	return (uint8_t *)io_of(r)->pages + edge * WB_BLOCK_SIZE;
}

/* Data blocks that the unit puts into the log. */
static inline uint32_t unit_blocks(struct request *r)
{
	uint64_t first = unit_first(r), last = unit_last(r);

	if (!r->zero)
		return (uint32_t)(last - first + 1);
	return !unit_covers(r, first) + (last != first && !unit_covers(r, last));
}

/* Entries of records that it gets: for each of them, and for the extent of zeros. */
static inline uint32_t unit_entries(struct request *r)
{
	return unit_blocks(r) + r->zero;
}

#endif
