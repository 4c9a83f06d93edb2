/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contents of a migration batch: segments as they are in the log become blocks sorted by
 * backing and block, each sector the newest within the batch, and extents of zeros. No I/O, no
 * locks: private to the batch.
 */
#ifndef WB_ENGINE_BATCH_H
#define WB_ENGINE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/layout.h"
#include "engine/wb.h"
#include "engine/zeros.h"

struct piece {
	uint64_t key; /* zeros_key(backing, block) */
	uint64_t version;
	uint8_t *data; /* in the memory of the batch, which may be changed */
	uint8_t mask;
};

/* The part of a segment that belongs to the batch. */
struct batch_segment {
	uint64_t segment;
	uint32_t from, to; /* blocks */
	uint8_t *memory;   /* of the whole segment; only [from, to) is filled in */
};

struct pieces {
	const struct wb_env *env;
	struct piece *pieces; /* after pieces_compose: unique keys, ascending */
	uint32_t nr, capacity;
	uint32_t nr_superseded;
	uint32_t nr_zeros; /* entries without data in the records up to the end */
	struct zeros zeros;
	/* the last request that is in completely */
	uint64_t end_record;
	uint64_t end_segment;
	uint32_t end_block;
};

int pieces_init(struct pieces *p, const struct wb_env *env, uint32_t capacity,
		uint32_t zeros_capacity) WB_CHECK;
void pieces_fini(struct pieces *p);
void pieces_start(struct pieces *p, uint64_t migrated);

struct batch_check {
	const uint8_t *uuid;
	uint64_t seed;
	uint32_t segment_blocks;
	uint64_t last_record; /* the batch ends with it */
	uint64_t next_record; /* the next one to come in pieces_find_end; 0: any */
	/* From this segment on all records are of this generation. */
	uint64_t generation_segment, generation;
	uint32_t bad_block; /* result with -EUCLEAN: the block of the segment that is damaged */
};

/*
 * First for all segments in order: find out where the batch ends, which is at most last_record,
 * and less if it would hold more zeros than there is room for.
 * 1: the end is found. 0: go on with the next segment. -EUCLEAN: damaged at check->bad_block.
 */
int pieces_find_end(struct pieces *p, const struct batch_segment *from, struct batch_check *check)
	WB_CHECK;

/* Then for all segments in order: add what is in the batch. 0, or -EUCLEAN as above. */
int pieces_add(struct pieces *p, const struct batch_segment *from, struct batch_check *check)
	WB_CHECK;

/* Sort, and let newer blocks and zeros supersede older ones. Call once, after the last pieces_add. */
void pieces_compose(struct pieces *p);

#endif
