/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are on the cache device. A *position* is a block of the slots, counted from the
 * first block of slot 0; it names a cached block and indexes the block index. Pure arithmetic.
 */
#ifndef WB_ENGINE_LAYOUT_H
#define WB_ENGINE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb_format.h"

struct layout {
	uint32_t segment_blocks;
	uint32_t nr_segments;
};

static inline uint32_t layout_slot(const struct layout *l, uint64_t segment)
{
	return (uint32_t)(segment % l->nr_segments);
}

static inline uint32_t layout_position(const struct layout *l, uint64_t segment, uint32_t block)
{
	return layout_slot(l, segment) * l->segment_blocks + block;
}

static inline uint32_t layout_nr_positions(const struct layout *l)
{
	return l->nr_segments * l->segment_blocks;
}

static inline uint64_t layout_offset(uint32_t position)
{
	return WB_SLOTS_OFF + (uint64_t)position * WB_BLOCK_SIZE;
}

static inline uint64_t layout_segment_len(const struct layout *l)
{
	return (uint64_t)l->segment_blocks * WB_BLOCK_SIZE;
}

/*
 * The order of things in the log as one number. Zeros that were placed when `block` was the next
 * free block of the segment are older than the data block there and newer than those before.
 */
static inline uint64_t layout_version(uint64_t segment, uint32_t block)
{
	return segment * (2 * WB_MAX_SEGMENT_BLOCKS) + block;
}

static inline uint64_t layout_version_segment(uint64_t version)
{
	return version / (2 * WB_MAX_SEGMENT_BLOCKS);
}

#endif
