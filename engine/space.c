/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/space.h"

#include "engine/engine.h"

/* The first entry of the zeros log whose poison nothing has replaced, or NULL. */
static const struct zeros_entry *oldest_poison(struct wb *wb)
{
	const struct zeros_log *log = &wb->zeros_log;
	bool any = false;

	if (!wb->has_poison)
		return NULL;
	for (uint64_t i = log->first; i < log->end; i++) {
		const struct zeros_entry *e = zeros_log_at(log, i);

		if (e->kind != WB_ENTRY_POISON)
			continue;
		any = true;
		if (blocks_are_poison(wb, e))
			return e;
	}
	wb->has_poison = any;
	return NULL;
}

/* Where nothing before is needed, and who needs what is there. NULL: nobody. */
static struct wb_backing *find_tail(struct wb *wb, struct mark *tail, bool *poison)
{
	const struct zeros_entry *e = oldest_poison(wb);
	struct wb_backing *holder = NULL;

	*tail = (struct mark){wb->ladder.durable + 1, wb->log.durable_segment,
			      wb->log.durable_block};
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!backing_pending(b) || b->mark.record >= tail->record)
			continue;
		*tail = b->mark;
		holder = b;
	}
	*poison = e && e->record < tail->record;
	if (*poison) {
		uint64_t segment = layout_version_segment(e->home);

		/* All of its segment stays. */
		if (segment == wb->tail.segment)
			*tail = (struct mark){wb->ladder.migrated + 1, wb->tail.segment,
					      wb->tail.block};
		else
			*tail = (struct mark){segment_slot(wb, segment)->first_record, segment, 0};
	}
	return holder;
}

void space_advance_tail(struct wb *wb)
{
	struct mark tail;
	bool poison;

	find_tail(wb, &tail, &poison);
	if (tail.record < wb->ladder.migrated + 1 ||
	    layout_version(tail.segment, tail.block) <=
		    layout_version(wb->tail.segment, wb->tail.block))
		return;
	wb->tail.segment = tail.segment;
	wb->tail.block = tail.block;
	ladder_raise(&wb->ladder, &wb->ladder.migrated, tail.record - 1);
	zeros_log_drop(&wb->zeros_log, wb->ladder.migrated);
	wb->super_stale = true;
	wb_kick(wb);
}

/* Somebody waits for what only migration can give: a slot, or room for zeros. */
static bool is_short(struct wb *wb)
{
	return wb->segments.wanted &&
	       (!segments_have_slots(wb, WRITE_RUNS) || !blocks_extent_room(wb));
}

bool space_under_pressure(struct wb *wb)
{
	uint64_t used = wb->segments.next - wb->tail.segment;

	return is_short(wb) || used * 4 > wb->layout.nr_segments * 3ull;
}

bool space_wants_carrying(struct wb *wb)
{
	struct mark tail;
	struct wb_backing *holder;
	bool poison;

	if (!space_under_pressure(wb) || wb->tail.segment >= wb->log.durable_segment)
		return false;
	holder = find_tail(wb, &tail, &poison);
	return poison || (holder && backing_held(wb, holder) && !holder->batch);
}
