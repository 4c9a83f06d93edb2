/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulation knows of the engine's inside: where a request is in the log, and counters. */
#include "config.h"

#include <string.h>

#include "engine/engine.h"
#include "tests/sim/world.h"

void peek_reset(struct wb_io *io)
{
	request_of(io)->state = REQUEST_BLOCKED;
}

bool peek_placed(struct wb_io *io, uint64_t *record, uint32_t *entry)
{
	const struct request *r = request_of(io);
	const struct head_run *run;

	if (r->state != REQUEST_COPYING || r->end != io->off + io->len)
		return false;
	run = &r->runs[r->nr_runs - 1];
	*record = run->record->number;
	*entry = run->entry + (run->nr ? run->nr - 1 : 0);
	return true;
}

/* To the last segment: not even that a block is lost can be noted. */
bool peek_is_full(struct wb *wb)
{
	return !segments_have_slots(wb, 1) || !blocks_extent_room(wb, EXTENT_REQUEST);
}

bool peek_crowded(struct wb *wb)
{
	list_for_each(node, tmp, &wb->backings) {
		const struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->entry.id && !b->entry.detached && backing_held(wb, b))
			return backing_over_limit(wb, b, 0, false);
	}
	return false;
}

static struct wb_backing *find(struct wb *wb, const char *path)
{
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->entry.id && !b->entry.detached && strcmp(b->entry.path, path) == 0)
			return b;
	}
	return NULL;
}

void peek_backing(struct wb *wb, const char *path, struct peek *peek)
{
	const struct wb_backing *b = find(wb, path);

	*peek = (struct peek){0};
	if (!b)
		return;
	*peek = (struct peek){
		.known = true,
		.pending = backing_pending(b),
		.unable = backing_pending(b) && backing_unable(b),
		.held = backing_held(wb, b),
		.carried = b->carried,
		.migrated = b->entry.migrated,
		.migrated_on_disk = b->migrated_on_disk,
		.batch_end = b->entry.batch_end,
	};
}

/* Vouched for by a superblock, so that recovery goes by its header. */
static bool is_settled(const struct wb *wb, const struct slot *slot)
{
	return slot->segment && slot->segment != wb->segments.current &&
	       slot->last_record <= wb->super.durable;
}

bool peek_block(struct wb *wb, uint32_t position, struct peek_block *block)
{
	const struct index_entry *e = &wb->index.entries[position];
	const struct slot *slot = segment_slot_at(wb, position);
	const struct wb_backing *b;
	struct block_state state;

	if (!(e->flags & INDEX_LINKED) || !is_settled(wb, slot))
		return false;
	b = wb->by_id[e->backing];
	state = blocks_lookup(wb, b, index_block(e));
	if (b->entry.detached || state.kind != BLOCK_CACHED || state.position != position)
		return false;
	*block = (struct peek_block){
		.path = b->entry.path,
		.block = (uint32_t)index_block(e),
		.dirty = slot->last_record > b->migrated_on_disk,
		.off = layout_offset(position),
	};
	return true;
}

uint32_t peek_positions(const struct wb *wb)
{
	return layout_nr_positions(&wb->layout);
}

bool peek_has_poison(const struct wb *wb)
{
	return wb->has_poison;
}

uint32_t peek_max_blocks(const struct wb *wb)
{
	return head_max_blocks(wb);
}

static const char *count_blocks(struct wb *wb)
{
	uint64_t nr_cached[WB_MAX_TABLE + 1] = {0}, nr_dirty[WB_MAX_TABLE + 1] = {0};

	for (uint32_t p = 0; p < layout_nr_positions(&wb->layout); p++) {
		const struct index_entry *e = &wb->index.entries[p];

		if (e->flags & INDEX_DIRTY && !(e->flags & INDEX_LINKED))
			return "a block that nobody can find is dirty";
		if (!(e->flags & INDEX_LINKED))
			continue;
		if (index_find(&wb->index, e->backing, index_block(e)) != p)
			return "a block is in the index twice";
		nr_cached[e->backing]++;
		nr_dirty[e->backing] += (e->flags & INDEX_DIRTY) != 0;
	}
	for (unsigned int id = 1; id <= WB_MAX_TABLE; id++) {
		const struct wb_backing *b = wb->by_id[id];

		if (nr_cached[id] != (b ? b->nr_cached : 0))
			return "nr_cached is not what the index has";
		if (nr_dirty[id] != (b ? b->nr_dirty : 0))
			return "nr_dirty is not what the index has";
	}
	return NULL;
}

/* Slots that hold anything not migrated, and the one that is being filled. */
static const char *count_slots(struct wb *wb)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < wb->layout.nr_segments; i++) {
		const struct slot *slot = &wb->segments.slots[i];

		used += slot->segment && slot->last_record > wb->ladder.migrated_on_disk;
	}
	if (used > wb->layout.nr_segments - segments_free(wb) &&
	    wb->ladder.migrated == wb->ladder.migrated_on_disk)
		return "segments are said to be free that are not";
	return NULL;
}

const char *peek_counters(struct wb *wb)
{
	const char *what;

	wb_lock(wb);
	what = count_blocks(wb);
	if (!what)
		what = count_slots(wb);
	wb_unlock(wb);
	return what;
}
