/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/blocks.h"

#include "engine/engine.h"

static uint64_t version_at(struct wb *wb, uint32_t position)
{
	return layout_version(segment_slot_at(wb, position)->segment,
			      position % wb->layout.segment_blocks);
}

struct block_state blocks_lookup(struct wb *wb, const struct wb_backing *backing, uint64_t block)
{
	uint8_t id = backing->entry.id;
	uint64_t key = zeros_key(id, block);
	struct block_state state = {
		.position = index_find(&wb->index, id, block),
		.run_end = UINT64_MAX,
	};
	const struct zeros_extent *z = wb->zeros.nr ? zeros_at(&wb->zeros, id, block) : NULL;
	bool covered = z && z->first <= key;

	if (z)
		state.run_end = block + ((covered ? z->end : z->first) - key);
	if (state.position != INDEX_NONE &&
	    !(covered && z->version > version_at(wb, state.position)))
		state.kind = wb->index.entries[state.position].flags & INDEX_DAMAGED ? BLOCK_ABSENT
										     : BLOCK_CACHED;
	else if (covered)
		state.kind = z->poison ? BLOCK_POISON : BLOCK_ZEROS;
	else
		state.kind = BLOCK_ABSENT;
	return state;
}

void blocks_clean(struct wb *wb, uint32_t position)
{
	struct index_entry *e = &wb->index.entries[position];

	if (!(e->flags & INDEX_DIRTY))
		return;
	e->flags &= (uint8_t)~INDEX_DIRTY;
	wb->by_id[e->backing]->nr_dirty--;
}

void blocks_drop(struct wb *wb, uint32_t position)
{
	blocks_clean(wb, position);
	wb->by_id[wb->index.entries[position].backing]->nr_cached--;
	index_unlink(&wb->index, position);
}

void blocks_publish(struct wb *wb, struct wb_backing *backing, uint64_t block, uint32_t position,
		    uint8_t mask, uint32_t checksum)
{
	uint8_t id = backing->entry.id;
	uint32_t old = index_find(&wb->index, id, block);

	if (old != INDEX_NONE && version_at(wb, old) > version_at(wb, position)) {
		index_set(&wb->index, position, id, block, mask, checksum, 0);
		return;
	}
	if (old != INDEX_NONE)
		blocks_drop(wb, old);
	index_set(&wb->index, position, id, block, mask, checksum, INDEX_DIRTY);
	index_link(&wb->index, position);
	backing->nr_dirty++;
	backing->nr_cached++;
}

void blocks_publish_zeros(struct wb *wb, struct wb_backing *backing, uint64_t block,
			  uint64_t nr_blocks, uint64_t segment, uint32_t at, bool poison)
{
	zeros_add(&wb->zeros, backing->entry.id, block, nr_blocks, layout_version(segment, at),
		  poison);
}
