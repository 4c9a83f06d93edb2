/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a migration batch consists of, from the index and the zeros log. Mutex held. */
#include "config.h"

#include <assert.h>

#include "engine/engine.h"
#include "engine/migrate_batch.h"

void migrate_plan_segment(struct batch *b, uint64_t segment)
{
	struct wb *wb = b->wb;
	const struct slot *slot = segment_slot(wb, segment);
	uint32_t from = segment == b->from.segment ? b->from.block : 0;
	uint32_t to = segment == b->end.segment ? b->end.block : slot->end_block;
	uint8_t *memory = b->memory + (segment - b->from.segment) * layout_segment_len(&wb->layout);

	assert(slot->segment == segment);
	for (uint32_t block = from; block < to; block++) {
		uint32_t position = layout_position(&wb->layout, segment, block);
		const struct index_entry *e = &wb->index.entries[position];

		if (e->backing == b->backing->entry.id)
			pieces_add(&b->pieces,
				   &(struct piece){
					   .block = index_block(e),
					   .version = layout_version(segment, block),
					   .data = memory + (size_t)block * WB_BLOCK_SIZE,
					   .position = position,
					   .checksum = e->checksum,
					   .mask = e->mask,
				   });
	}
}

/* Old zeros come first wherever they are in the log: everything else there is newer. */
static void plan_old_zeros(struct batch *b)
{
	const struct zeros_log *log = &b->wb->zeros_log;

	for (uint64_t i = log->first; i < log->end; i++) {
		const struct zeros_entry *e = zeros_log_at(log, i);

		if (e->backing != b->backing->entry.id || e->kind != WB_ENTRY_OLD_ZEROS ||
		    e->record <= b->backing->entry.zeroed || e->record > b->wb->ladder.durable)
			continue;
		zeros_add(&b->pieces.zeros, e->backing, e->block, e->nr_blocks, 0, false);
		b->old_zeros = e->record;
	}
}

static void plan_zeros(struct batch *b)
{
	const struct zeros_log *log = &b->wb->zeros_log;

	for (uint64_t i = log->first; i < log->end; i++) {
		const struct zeros_entry *e = zeros_log_at(log, i);

		if (e->backing == b->backing->entry.id && e->kind != WB_ENTRY_OLD_ZEROS &&
		    e->record >= b->from.record && e->record < b->end.record)
			zeros_add(&b->pieces.zeros, e->backing, e->block, e->nr_blocks, e->home,
				  e->kind == WB_ENTRY_POISON);
	}
}

void migrate_plan_zeros(struct batch *b)
{
	b->old_zeros = 0;
	plan_old_zeros(b);
	plan_zeros(b);
}
