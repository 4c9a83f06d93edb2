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

/* How long the oldest of what a backing doesn't have yet has been in the log. */
static uint64_t oldest_dirty(struct wb *wb, const struct wb_backing *b)
{
	return backing_pending(b) ? wb_now(wb) - b->pending_since : 0;
}

static void fill_status(struct wb *wb, struct wb_status *s)
{
	const char *reason;

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

		if (backing_gone(b))
			continue;
		s->nr_dirty += b->nr_dirty;
		s->nr_cached += b->nr_cached;
		s->oldest_dirty_ns = max_u64(s->oldest_dirty_ns, oldest_dirty(wb, b));
	}
	s->dirty_bytes = s->nr_dirty * WB_BLOCK_SIZE;
	memcpy(s->knobs, wb->knobs, sizeof(s->knobs));
	s->unsynced_bytes = not_durable_blocks(wb) * WB_BLOCK_SIZE;
	s->migrating = !migrate_is_idle(wb);
	s->counted_ns = wb_now(wb) - wb->counted_since;
	s->migration_rate = rate_per_second(&wb->migration_rate, wb_now(wb));
}

void wb_status(struct wb *wb, struct wb_status *s)
{
	wb_lock(wb);
	fill_status(wb, s);
	wb_unlock(wb);
}

void wb_clear_stat(struct wb *wb)
{
	wb_lock(wb);
	memset(&wb->figures, 0, sizeof(wb->figures));
	wb->counted_since = wb_now(wb);
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		memset(&b->figures, 0, sizeof(b->figures));
	}
	wb_unlock(wb);
}

static void fill_info(struct wb *wb, struct wb_backing *b, struct wb_backing_info *info)
{
	const char *reason;

	*info = b->figures;
	info->id = b->entry.id;
	info->state = backing_state(b, &reason);
	info->size = b->entry.size;
	info->attached = b->dev;
	info->in_log = backing_pending(b) || blocks_have_poison(wb, b);
	info->consistent = !backing_pending(b) || b->entry.migrated >= b->entry.batch_end;
	info->held = b->entry.id && backing_held(wb, b);
	info->busy = b->busy;
	info->utilisation = b->utilisation;
	info->nr_dirty = b->nr_dirty;
	info->dirty_bytes = b->nr_dirty * WB_BLOCK_SIZE;
	info->oldest_dirty_ns = oldest_dirty(wb, b);
	info->nr_cached = b->nr_cached;
	info->migration_rate = rate_per_second(&b->migration_rate, wb_now(wb));
	info->migrate_threshold = b->knobs[WB_KNOB_MIGRATE_THRESHOLD - WB_NR_KNOBS];
	info->paused = b->knobs[WB_KNOB_PAUSED - WB_NR_KNOBS];
	info->backing = b;
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

		if (backing_gone(b) || i--)
			continue;
		fill_info(wb, b, info);
		found = true;
		break;
	}
	wb_unlock(wb);
	return found;
}

unsigned int wb_snapshot(struct wb *wb, struct wb_status *status, struct wb_backing_info *infos,
			 unsigned int max)
{
	unsigned int nr = 0;

	wb_lock(wb);
	fill_status(wb, status);
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (backing_gone(b))
			continue;
		if (nr < max)
			fill_info(wb, b, &infos[nr]);
		nr++;
	}
	wb_unlock(wb);
	return nr;
}
