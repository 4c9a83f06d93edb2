/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/blocks.h"

#include "engine/engine.h"
#include "engine/unit.h"

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

bool blocks_extent_room(struct wb *wb, enum extent_user user)
{
	uint32_t n = 1 + wb->nr_zeroing;
	uint32_t left = (uint32_t)(wb->zeros.capacity / 4 * (EXTENT_RECOVERY - user));

	return zeros_room(&wb->zeros, n + left / 2) && zeros_log_room(&wb->zeros_log, n + left);
}

/* Returns the version of its place. */
static uint64_t place_extent(struct wb *wb, struct wb_backing *backing, uint64_t block,
			     uint64_t nr_blocks, enum wb_entry_kind kind)
{
	const struct record_entry entry = {
		.backing = backing->entry.id,
		.block = block,
		.kind = (uint8_t)kind,
		.mask = 0xff,
		.value = (uint32_t)nr_blocks,
	};
	bool started = false;
	uint32_t at;
	struct record *record;

	head_begin(wb, 0);
	record = head_place(wb, &entry, &started, NULL, &at);
	head_copied(wb, record);
	if (kind == WB_ENTRY_OLD_ZEROS)
		backing->old_zeros = record->number;
	return layout_version(record->segment, at);
}

void blocks_log_extent(struct wb *wb, struct wb_backing *backing, uint64_t block,
		       uint64_t nr_blocks, enum wb_entry_kind kind)
{
	uint64_t version = place_extent(wb, backing, block, nr_blocks, kind);

	wb->has_poison |= kind == WB_ENTRY_POISON;
	zeros_add(&wb->zeros, backing->entry.id, block, nr_blocks, version,
		  kind == WB_ENTRY_POISON);
}

void blocks_carry_zeros(struct wb *wb, struct wb_backing *backing, const struct zeros_extent *z)
{
	uint64_t key = z->first;
	uint64_t home = place_extent(wb, backing, key & ((1ull << 40) - 1), z->end - key,
				     WB_ENTRY_OLD_ZEROS);

	/* Placing may have dropped others, and moved it. */
	zeros_move(&wb->zeros, key, home);
}

bool blocks_in_flight(struct wb *wb, const struct wb_backing *backing, uint64_t block,
		      uint64_t nr_blocks)
{
	list_for_each(node, tmp, &wb->writes) {
		struct request *r = container_of(node, struct request, link);

		if (r->state == REQUEST_COPYING &&
		    unit_touches(r, backing, block, block + nr_blocks))
			return true;
	}
	return false;
}

bool blocks_have_poison(struct wb *wb, const struct wb_backing *backing)
{
	for (uint32_t i = 0; wb->has_poison && i < wb->zeros.nr; i++) {
		const struct zeros_extent *z = &wb->zeros.extents[i];

		if (z->poison && z->first >> 40 == backing->entry.id)
			return true;
	}
	return false;
}
