/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/space.h"

#include "engine/engine.h"

#define FIRST_SPEED 2048u     /* blocks per second, before it is known */
#define BURST (2 * NS_PER_MS) /* as much as may be placed in that time at once */
#define PACED_SEGMENTS 16u    /* smaller logs are not paced */
#define LONGEST_DELAY (100 * NS_PER_MS)

/* ---- pacing ---- */

static uint64_t nr_used(const struct wb *wb)
{
	return wb->segments.next - wb->tail.segment;
}

/* Segments that are free, in the last quarter of the log; that many or more: no hurry. */
static uint64_t reserve_left(const struct wb *wb)
{
	uint64_t free = wb->layout.nr_segments - min_u64(nr_used(wb), wb->layout.nr_segments);

	return min_u64(free, wb->layout.nr_segments / 4);
}

static bool is_paced(const struct wb *wb)
{
	return wb->layout.nr_segments >= PACED_SEGMENTS &&
	       reserve_left(wb) < wb->layout.nr_segments / 4;
}

bool space_may_place(struct wb *wb)
{
	if (!is_paced(wb) || wb->pace.next <= wb_now(wb))
		return true;
	wb_wake_at(wb, wb->pace.next);
	return false;
}

/*
 * Writers get twice the tail's speed times left / used of the reserve: without bound where it
 * begins, the tail's speed when a third of it is left, and less behind that.
 */
void space_placed(struct wb *wb, uint32_t nr_blocks)
{
	struct pace *pace = &wb->pace;
	uint64_t now, left, used, speed;

	if (!is_paced(wb))
		return;
	now = wb_now(wb);
	if (!pace->moved_at)
		pace->moved_at = now;
	left = reserve_left(wb);
	used = wb->layout.nr_segments / 4 - left;
	speed = max_u64(pace->speed ? pace->speed : FIRST_SPEED, 1);
	pace->next = max_u64(pace->next, now - min_u64(now, BURST)) +
		     min_u64(nr_blocks * NS_PER_S * used / (2 * speed * max_u64(left, 1)),
			     LONGEST_DELAY);
}

/* The tail has moved by so many blocks. */
static void measure(struct wb *wb, uint64_t nr_blocks)
{
	struct pace *pace = &wb->pace;
	uint64_t now = wb_now(wb);
	uint64_t sample;

	if (!pace->moved_at)
		return;
	sample = nr_blocks * NS_PER_S / max_u64(now - pace->moved_at, NS_PER_MS);
	pace->speed = pace->speed ? (3 * pace->speed + sample) / 4 : sample;
	pace->moved_at = is_paced(wb) ? now : 0;
}

/* ---- the tail ---- */

/* The first entry of the zeros log whose poison nothing has replaced, or NULL. */
static const struct zeros_entry *oldest_poison(struct wb *wb)
{
	const struct zeros_log *log = &wb->zeros_log;
	bool any = false;

	if (!wb->has_poison)
		return NULL;
	for (uint64_t i = log->first; i < log->end; i++) {
		const struct zeros_entry *e = zeros_log_at(log, i);

		if (e->kind != WB_ENTRY_POISON || wb->by_id[e->backing]->entry.detached)
			continue;
		any = true;
		if (blocks_are_poison(wb, e))
			return e;
	}
	wb->has_poison = any;
	return NULL;
}

/* Where nothing before is needed, and who needs what is there. NULL: nobody. */
/* What is being given up is needed until that is durable. */
static bool needs_log(const struct wb_backing *b)
{
	return backing_pending(b) || (b->detaching && b->last_record > b->entry.migrated);
}

static struct wb_backing *find_tail(struct wb *wb, struct mark *tail, bool *poison)
{
	const struct zeros_entry *e = oldest_poison(wb);
	struct wb_backing *holder = NULL;

	*tail = (struct mark){wb->ladder.durable + 1, wb->log.durable_segment,
			      wb->log.durable_block};
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!needs_log(b) || b->mark.record >= tail->record)
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
	uint64_t moved;

	find_tail(wb, &tail, &poison);
	if (tail.record < wb->ladder.migrated + 1 ||
	    layout_version(tail.segment, tail.block) <=
		    layout_version(wb->tail.segment, wb->tail.block))
		return;
	moved = (tail.segment - wb->tail.segment) * wb->layout.segment_blocks + tail.block -
		wb->tail.block;
	wb->tail.segment = tail.segment;
	wb->tail.block = tail.block;
	measure(wb, moved);
	ladder_raise(&wb->ladder, &wb->ladder.migrated, tail.record - 1);
	zeros_log_drop(&wb->zeros_log, wb->ladder.migrated);
	wb->super_stale = true;
	wb_kick(wb);
}

/* Somebody waits for what only migration can give: a slot, or room for zeros. */
static bool is_short(struct wb *wb)
{
	return wb->segments.wanted &&
	       (!segments_have_slots(wb, WRITE_RUNS) || !blocks_extent_room(wb, EXTENT_REQUEST));
}

static bool is_urgent(struct wb *wb)
{
	return is_short(wb) || nr_used(wb) * 4 > wb->layout.nr_segments * 3ull;
}

bool space_under_pressure(struct wb *wb)
{
	return wb->over_limit || is_urgent(wb);
}

bool space_wants_carrying(struct wb *wb)
{
	struct mark tail;
	struct wb_backing *holder;
	bool poison;

	if (!is_urgent(wb) || wb->tail.segment >= wb->log.durable_segment)
		return false;
	holder = find_tail(wb, &tail, &poison);
	return poison || (holder && backing_held(wb, holder) && !holder->batch);
}
