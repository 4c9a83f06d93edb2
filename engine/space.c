/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/space.h"

#include "engine/engine.h"
#include "engine/migrate.h"

#define PACED_SEGMENTS 16u /* smaller logs are not paced */
#define URGENT_BATCHES 4u  /* that migration does in one when space is short */
#define FIRST_SPEED 2048u  /* blocks per second, before it is known */
#define LEAST_SPEED 16u
#define BURST (50 * NS_PER_MS) /* as much as may be placed in that time at once */
#define LONGEST_DELAY (500 * NS_PER_MS)
#define SAMPLE_TIME (500 * NS_PER_MS)
#define SAMPLES 16 /* over which the speed is smoothed: reading a batch takes seconds */
#define STALE_TIME (5 * NS_PER_S)

static uint64_t nr_used(const struct wb *wb)
{
	return wb->segments.next - wb->tail.segment;
}

/* What is being given up is needed until that is durable. */
static bool needs_log(const struct wb_backing *b)
{
	return backing_pending(b) || (b->detaching && b->last_record > b->entry.migrated);
}

/* ---- pacing ---- */

uint64_t space_largest_batch(uint64_t nr_segments, uint64_t usual)
{
	uint64_t most = min_u64(URGENT_BATCHES * usual, BATCH_SEGMENTS);

	return nr_segments < PACED_SEGMENTS ? usual : min_u64(most, nr_segments / 8);
}

uint32_t space_urgent_batch(const struct wb *wb)
{
	return (uint32_t)space_largest_batch(wb->layout.nr_segments,
					     wb->knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION]);
}

static uint64_t reserve_blocks(const struct wb *wb)
{
	return wb->layout.nr_segments / 4 * wb->layout.segment_blocks;
}

static uint64_t place_of(const struct wb *wb, uint64_t segment, uint32_t block)
{
	return segment * wb->layout.segment_blocks + block;
}

/*
 * Where the tail would be if what batches have done already counted, in blocks of the log: it goes
 * evenly, while the tail jumps from batch to batch.
 */
static uint64_t smooth_tail(struct wb *wb)
{
	uint64_t place = place_of(wb, wb->log.durable_segment, wb->log.durable_block);

	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (needs_log(b))
			place = min_u64(place, place_of(wb, b->mark.segment, b->mark.block) +
						       migrate_progress(b->batch));
	}
	return max_u64(place, place_of(wb, wb->tail.segment, wb->tail.block));
}

/* Blocks that are free, or would be. */
static uint64_t smooth_room(struct wb *wb)
{
	uint64_t used = place_of(wb, wb->segments.next, 0) - smooth_tail(wb);

	return place_of(wb, wb->layout.nr_segments, 0) -
	       min_u64(used, place_of(wb, wb->layout.nr_segments, 0));
}

/* The log's last quarter is being used. */
static bool in_reserve(const struct wb *wb)
{
	return nr_used(wb) * 4 > wb->layout.nr_segments * 3ull;
}

static bool is_paced(struct wb *wb)
{
	return wb->layout.nr_segments >= PACED_SEGMENTS && in_reserve(wb) &&
	       smooth_room(wb) < reserve_blocks(wb);
}

static void measure(struct wb *wb)
{
	struct pace *pace = &wb->pace;
	uint64_t now = wb_now(wb), time = now - pace->sampled_at;
	uint64_t tail, sample;

	if (pace->sampled_at && time < SAMPLE_TIME)
		return;
	tail = smooth_tail(wb);
	if (!pace->speed)
		*pace = (struct pace){.speed = FIRST_SPEED, .nr_samples = 3};
	if (pace->sampled_at && time < STALE_TIME) {
		sample = (tail - min_u64(tail, pace->sampled_tail)) * NS_PER_S / time;
		pace->nr_samples += pace->nr_samples < SAMPLES;
		sample += pace->speed * (pace->nr_samples - 1);
		pace->speed = max_u64(sample / pace->nr_samples, LEAST_SPEED);
	}
	pace->sampled_at = now;
	pace->sampled_tail = tail;
}

bool space_may_place(struct wb *wb)
{
	if (wb->pace.next <= wb_now(wb) || !is_paced(wb))
		return true;
	measure(wb);
	wb_wake_at(wb, wb->pace.next);
	return false;
}

/*
 * Of the reserve, as much as a batch frees at once stays free until there is a batch's progress for
 * it. In what is above, writers get twice the tail's speed times left / used: without bound where
 * it begins, the tail's speed when a third of it is left; at the end an eighth of that.
 */
void space_placed(struct wb *wb, uint32_t nr_blocks)
{
	uint64_t batch = (uint64_t)space_urgent_batch(wb) * wb->layout.segment_blocks;
	uint64_t width = reserve_blocks(wb) - min_u64(batch, reserve_blocks(wb) / 2);
	struct pace *pace = &wb->pace;
	uint64_t now, left, room, delay;

	if (!is_paced(wb))
		return;
	measure(wb);
	now = wb_now(wb);
	room = smooth_room(wb);
	left = room - min_u64(room, reserve_blocks(wb) - width);
	delay = nr_blocks * NS_PER_S / pace->speed;
	if (left > width / 16)
		delay = delay * (width - left) / (2 * left);
	else
		delay *= 8;
	pace->next = max_u64(pace->next, now - min_u64(now, BURST)) + min_u64(delay, LONGEST_DELAY);
}

/* ---- the tail ---- */

/* Whether poison is needed: nothing has replaced it, or nothing that is sure to survive. */
static bool is_needed(struct wb *wb, struct zeros_entry *e)
{
	if (backing_gone(wb->by_id[e->backing]))
		return false;
	if (zeros_of_entry(&wb->zeros, e))
		return true;
	if (!e->until)
		e->until = head_last(wb);
	return e->until > wb->ladder.durable;
}

/* The first entry of the zeros log whose poison is needed, or NULL. */
static const struct zeros_entry *oldest_poison(struct wb *wb)
{
	struct zeros_log *log = &wb->zeros_log;
	bool any = false;

	if (!wb->has_poison)
		return NULL;
	for (uint64_t i = log->first; i < log->end; i++) {
		struct zeros_entry *e = &log->entries[i % log->capacity];

		if (e->kind != WB_ENTRY_POISON)
			continue;
		any = true;
		if (is_needed(wb, e))
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
	       (!segments_have_slots(wb, WRITE_RUNS) || !blocks_extent_room(wb, EXTENT_REQUEST));
}

bool space_under_pressure(struct wb *wb)
{
	return is_short(wb) || in_reserve(wb);
}

bool space_wants_carrying(struct wb *wb)
{
	struct mark tail;
	struct wb_backing *holder;
	bool poison;

	if (!space_under_pressure(wb))
		return false;
	holder = find_tail(wb, &tail, &poison);
	return poison || (holder && backing_held(wb, holder) && !holder->batch);
}
