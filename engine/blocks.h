/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the log has of each block: the index and the zeros as one. Mutex held in all functions.
 */
#ifndef WB_ENGINE_BLOCKS_H
#define WB_ENGINE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"
#include "engine/zeros.h"

enum block_kind {
	BLOCK_ABSENT, /* only the backing has it */
	BLOCK_CACHED, /* at a position, perhaps in part */
	BLOCK_ZEROS,
	BLOCK_POISON,
};

struct block_state {
	enum block_kind kind;
	uint32_t position; /* CACHED */
	uint64_t run_end;  /* ABSENT, ZEROS, POISON: the zeros' extents change here at the latest */
};

struct block_state blocks_lookup(struct wb *wb, const struct wb_backing *backing, uint64_t block);

/* A data block of a record is there: lookups find it from now on unless they find a newer one. */
void blocks_publish(struct wb *wb, struct wb_backing *backing, uint64_t block, uint32_t position,
		    uint8_t mask, uint32_t checksum);

/*
 * An extent of zeros (or poison) of a record, placed when `at` was the next block of its segment.
 */
void blocks_publish_zeros(struct wb *wb, struct wb_backing *backing, uint64_t block,
			  uint64_t nr_blocks, uint64_t segment, uint32_t at, bool poison);

/*
 * Place an entry without data at the head of the log and publish it: zeros or poison. Needs
 * blocks_extent_room and head_room, and that no write of it is in flight.
 */
void blocks_log_extent(struct wb *wb, struct wb_backing *backing, uint64_t block,
		       uint64_t nr_blocks, enum wb_entry_kind kind);

/* Give an extent of zeros, as old as it is, a new home at the head of the log. Needs the same. */
void blocks_carry_zeros(struct wb *wb, struct wb_backing *backing, const struct zeros_extent *z);

/*
 * Room for another extent. Requests may use a quarter; carrying them forward makes new ones before
 * it drops old ones; recovery may begin further back in the log and find more still.
 */
enum extent_user { EXTENT_REQUEST = 1, EXTENT_CARRY = 3, EXTENT_RECOVERY = 4 };
bool blocks_extent_room(struct wb *wb, enum extent_user user);

/* Whether a write of any of these blocks has its place in the log and is not published yet. */
bool blocks_in_flight(struct wb *wb, const struct wb_backing *backing, uint64_t block,
		      uint64_t nr_blocks);

/* Whether any block of a backing is poison. */
bool blocks_have_poison(struct wb *wb, const struct wb_backing *backing);

/* What is at a position is on its backing. */
void blocks_clean(struct wb *wb, uint32_t position);

/* Let lookups find a position no more. */
void blocks_drop(struct wb *wb, uint32_t position);

#endif
