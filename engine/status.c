/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine tells about itself. */
#include "config.h"

#include <string.h>

#include "engine/engine.h"
#include "engine/migrate.h"

static uint64_t not_durable_blocks(struct wb *wb)
{
	uint64_t blocks = 0;

	for (uint64_t n = wb->ladder.durable + 1; n <= head_last(wb); n++)
		blocks += head_record(wb, n)->nr_blocks;
	return blocks;
}

static void ladder_status(struct wb *wb, struct wb_status *s)
{
	const struct ladder *l = &wb->ladder;

	s->open_record = l->open;
	s->sealed = l->sealed;
	s->logged = l->logged;
	s->durable = l->durable;
	s->migrated = l->migrated;
	s->migrated_on_disk = l->migrated_on_disk;
	s->current_segment_id = wb->segments.current;
	s->last_durable_segment_id = l->durable ? wb->log.durable_segment : 0;
	s->last_flushed_segment_id = l->logged > l->durable ? head_record(wb, l->logged)->segment
							    : s->last_durable_segment_id;
	s->last_migrated_segment_id = wb->tail.block ? wb->tail.segment : wb->tail.segment - 1;
}

void wb_status(struct wb *wb, struct wb_status *s)
{
	const char *reason;

	wb_lock(wb);
	*s = wb->figures;
	s->state = health_state(&wb->health, &reason);
	strcpy(s->reason, reason);
	memcpy(s->uuid, wb->uuid, sizeof(s->uuid));
	memcpy(s->label, wb->super.super.label, sizeof(s->label));
	s->read_only = wb->read_only;
	s->was_clean = wb->was_clean;
	s->generation = wb->generation;
	s->nr_segments = wb->layout.nr_segments;
	s->segment_blocks = wb->layout.segment_blocks;
	s->nr_buffers = wb->segments.nr_buffers;
	s->ram_bytes = wb->ram;
	ladder_status(wb, s);
	s->cursor = wb->segments.current ? wb->head.cursor : 0;
	s->nr_free_segments = segments_free(wb);
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->entry.detached)
			continue;
		s->nr_dirty += b->nr_dirty;
		s->nr_cached += b->nr_cached;
	}
	s->unsynced_bytes = not_durable_blocks(wb) * WB_BLOCK_SIZE;
	s->migrating = !migrate_is_idle(wb);
	wb_unlock(wb);
}

void wb_clear_stat(struct wb *wb)
{
	wb_lock(wb);
	memset(&wb->figures, 0, sizeof(wb->figures));
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		b->nr_reads = b->nr_writes = b->nr_zeros = b->read_bytes = b->write_bytes = 0;
		b->migrated_bytes = b->nr_errors = 0;
	}
	wb_unlock(wb);
}

static void fill_info(struct wb *wb, struct wb_backing *b, struct wb_backing_info *info)
{
	const char *reason;

	*info = (struct wb_backing_info){
		.id = b->entry.id,
		.state = backing_state(b, &reason),
		.size = b->entry.size,
		.attached = b->dev,
		.in_log = backing_pending(b),
		.consistent = b->entry.migrated >= b->entry.batch_end,
		.held = b->entry.id && backing_held(wb, b),
		.busy = b->busy,
		.nr_dirty = b->nr_dirty,
		.nr_cached = b->nr_cached,
		.nr_reads = b->nr_reads,
		.nr_writes = b->nr_writes,
		.nr_zeros = b->nr_zeros,
		.read_bytes = b->read_bytes,
		.write_bytes = b->write_bytes,
		.migrated_bytes = b->migrated_bytes,
		.nr_errors = b->nr_errors,
		.backing = b,
	};
	strcpy(info->name, b->entry.name);
	strcpy(info->path, b->entry.path);
	strcpy(info->identity, b->entry.identity);
	strcpy(info->reason, reason);
}

bool wb_backing_info(struct wb *wb, unsigned int i, struct wb_backing_info *info)
{
	bool found = false;

	wb_lock(wb);
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->entry.detached || i--)
			continue;
		fill_info(wb, b, info);
		found = true;
		break;
	}
	wb_unlock(wb);
	return found;
}
