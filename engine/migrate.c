/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration: moves the oldest durable segments to their backings, a batch at a time.
 *
 *	IDLE	    until there is enough, or somebody needs the space
 *	ANNOUNCING  a superblock with the batch's end is made durable: after a crash the next batch
 *		    must not end before it, since backings may have any part of this one
 *	READING	    the segments, from their buffers or the device
 *	COMPOSING   without the mutex: checksums, sorting, superseding (batch.c)
 *	FILLING	    what a partly valid block lacks comes from its backing
 *	ZEROING, WRITING, FLUSHING  the backings
 *	SETTLING    without the mutex for long: the index learns what is clean
 *	PAUSING     after an error; then from READING or ZEROING on again
 *
 * The batch is whole in memory from COMPOSING on, so everything that was written to a backing
 * since its last good flush can be written again.
 * The state is protected by the mutex; pieces and memory belong to whoever works in the state.
 */
#include "config.h"

#include "engine/migrate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/migrate_batch.h"

#define BATCH_SEGMENTS 256u /* largest nr_max_batched_migration */
#define LONGEST_PAUSE (30 * NS_PER_S)
#define SMALL_BATCH_AFTER NS_PER_S /* less than a full batch is migrated this often at most */

/* ---- stages and their I/O ---- */

static void enter(struct batch *b, enum batch_state state)
{
	b->state = state;
	b->cursor = 0;
	b->err = 0;
	wb_kick(b->wb);
}

static void pause_batch(struct batch *b, enum batch_state again)
{
	struct wb *wb = b->wb;
	uint64_t pause = RETRY_FIRST_PAUSE << min_u64(b->attempts++, 20);

	b->again = again;
	b->resume_at = wb_now(wb) + min_u64(pause, LONGEST_PAUSE);
	if (b->attempts > RETRY_ATTEMPTS)
		wb->stuck = true;
	enter(b, BATCH_PAUSING);
}

/* ---- choosing a batch ---- */

/*
 * The end of the batch: the last request's end within `most` segments, or the first one behind
 * them if there is none. Never before an end that was announced earlier.
 */
static uint64_t choose_end(struct wb *wb, uint64_t most, uint64_t *last_segment)
{
	for (uint64_t s = wb->tail.segment;; s++) {
		struct slot *slot = segment_slot(wb, s);
		uint64_t end = slot->segment == s ? slot->end_record : 0;
		bool last = s >= wb->log.durable_segment;

		if (last)
			end = wb->ladder.durable;
		*last_segment = s;
		if (last)
			return end;
		if (end > wb->ladder.migrated && end >= wb->batch_end &&
		    s + 1 >= wb->tail.segment + most)
			return end;
	}
}

static uint32_t segments_waiting(const struct wb *wb)
{
	if (wb->ladder.durable == wb->ladder.migrated)
		return 0;
	return (uint32_t)(wb->log.durable_segment - wb->tail.segment + 1);
}

/* Somebody waits for what only migration can give: a slot, or room for zeros. */
static bool space_is_short(struct wb *wb)
{
	return wb->segments.wanted &&
	       (!segments_have_slots(wb, WRITE_RUNS) || !zeros_room(&wb->zeros, 1));
}

static bool under_pressure(struct wb *wb)
{
	uint64_t used = wb->segments.next - wb->tail.segment;

	return space_is_short(wb) || wb->nr_drains || used * 4 > wb->layout.nr_segments * 3ull;
}

static bool wanted(struct wb *wb)
{
	uint64_t due = wb->batch->ended_at + SMALL_BATCH_AFTER;

	if (wb->stopping || wb->failed || wb->ladder.durable == wb->ladder.migrated)
		return false;
	if (under_pressure(wb))
		return true;
	if (!wb->knobs[WB_KNOB_ALLOW_MIGRATE] && !wb->knobs[WB_KNOB_FORCE_MIGRATE])
		return false;
	if (segments_waiting(wb) > wb->knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION])
		return true;
	if (wb_now(wb) >= due)
		return true;
	wb_wake_at(wb, due);
	return false;
}

static void list_segments(struct wb *wb, uint64_t last_segment)
{
	struct batch *b = wb->batch;

	b->nr_segments = 0;
	for (uint64_t s = wb->tail.segment; s <= last_segment; s++) {
		struct slot *slot = segment_slot(wb, s);
		uint32_t from = s == wb->tail.segment ? wb->tail.block : 0;
		uint32_t to = s == wb->log.durable_segment ? wb->log.durable_block
							   : slot->end_block;

		/* A tail segment that is used up may be gone. */
		if (slot->segment != s || from >= to)
			continue;
		assert(b->nr_segments < b->max_segments);
		b->segments[b->nr_segments] = (struct batch_segment){
			.segment = s,
			.from = from,
			.to = to,
			.memory = b->memory + b->nr_segments * layout_segment_len(&wb->layout),
		};
		b->nr_segments++;
	}
}

static void begin(struct wb *wb)
{
	struct batch *b = wb->batch;
	uint64_t last_segment;

	b->last_record = choose_end(wb, wb->knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION], &last_segment);
	list_segments(wb, last_segment);
	wb->batch_end = b->last_record;
	b->ticket = super_commit(wb, false);
	enter(b, BATCH_ANNOUNCING);
}

static void idle(struct wb *wb)
{
	if (wanted(wb)) {
		begin(wb);
		return;
	}
	if (wb->ladder.migrated > wb->ladder.migrated_on_disk && wb->super.done == wb->super.wanted)
		super_commit(wb, false);
}

/* ---- READING and COMPOSING ---- */

static int compose(struct batch *b, struct batch_check *check, uint64_t *bad_segment)
{
	int ret = 0;

	pieces_start(&b->pieces, 0);
	for (uint32_t i = 0; !ret && i < b->nr_segments; i++) {
		*bad_segment = b->segments[i].segment;
		ret = pieces_find_end(&b->pieces, &b->segments[i], check);
	}
	for (uint32_t i = 0; ret >= 0 && i < b->nr_segments; i++) {
		*bad_segment = b->segments[i].segment;
		ret = pieces_add(&b->pieces, &b->segments[i], check);
	}
	if (ret < 0)
		return ret;
	pieces_compose(&b->pieces);
	return 0;
}

static void compose_work(struct work *work)
{
	struct batch *b = container_of(work, struct batch, work);
	struct wb *wb = b->wb;
	struct batch_check check = {
		.uuid = wb->uuid,
		.seed = wb->seed,
		.segment_blocks = wb->layout.segment_blocks,
		.last_record = b->last_record,
		.next_record = wb->ladder.migrated + 1, /* which only this batch moves */
		.generation_segment = wb->super.super.generation_segment,
		.generation = wb->generation,
	};
	uint64_t bad_segment = 0;
	int err = compose(b, &check, &bad_segment);

	wb_lock(wb);
	if (err) {
		wb->figures.nr_checksum_errors++;
		wb_degrade(wb, "%s: migrate block at byte %llu: checksum mismatch", wb->cache->path,
			   (unsigned long long)layout_offset(
				   layout_position(&wb->layout, bad_segment, check.bad_block)));
		pause_batch(b, BATCH_READING);
	} else {
		enter(b, BATCH_FILLING);
	}
	wb_unlock(wb);
}

/* ---- SETTLING ---- */

static void settle_work(struct work *work)
{
	struct batch *b = container_of(work, struct batch, work);
	struct wb *wb = b->wb;
	uint64_t end = layout_version(b->pieces.end_segment, b->pieces.end_block);

	for (uint32_t i = 0; i < b->nr_segments; i++) {
		struct batch_segment *s = &b->segments[i];

		wb_lock(wb);
		for (uint32_t block = s->from; block < s->to; block++)
			if (layout_version(s->segment, block) < end)
				blocks_clean(wb, layout_position(&wb->layout, s->segment, block));
		wb_unlock(wb);
	}
	wb_lock(wb);
	for (unsigned int id = 1; id <= WB_MAX_TABLE; id++)
		if (wb->by_id[id])
			wb->by_id[id]->to_flush = false;
	wb->figures.nr_batches++;
	wb->figures.nr_migrated_blocks += b->pieces.nr;
	wb->figures.nr_superseded_blocks += b->pieces.nr_superseded;
	ladder_raise(&wb->ladder, &wb->ladder.migrated, b->pieces.end_record);
	wb->tail.segment = b->pieces.end_segment;
	wb->tail.block = b->pieces.end_block;
	/* An end that was announced and not reached (too many zeros) needs no repeating. */
	wb->batch_end = wb->ladder.migrated;
	b->ended_at = wb_now(wb);
	b->attempts = 0;
	if (wb->stuck)
		wb_log(wb, WB_LOG_INFO, "%s: migration goes on", wb->cache->path);
	wb->stuck = false;
	if (!wb->failed)
		wb->reason[0] = '\0';
	enter(b, BATCH_IDLE);
	wb_unlock(wb);
}

/* ---- the machine ---- */

struct stage {
	bool (*next)(struct wb *wb, struct batch_io *bio);
	enum batch_state then;
	enum batch_state again;		 /* after an error */
	void (*work)(struct work *work); /* of `then`, if that runs without the mutex */
};

static const struct stage stages[] = {
	[BATCH_READING] = {migrate_read_next, BATCH_COMPOSING, BATCH_READING, compose_work},
	[BATCH_FILLING] = {migrate_fill_next, BATCH_ZEROING, BATCH_FILLING, NULL},
	[BATCH_ZEROING] = {migrate_zero_next, BATCH_WRITING, BATCH_ZEROING, NULL},
	[BATCH_WRITING] = {migrate_write_next, BATCH_FLUSHING, BATCH_ZEROING, NULL},
	[BATCH_FLUSHING] = {migrate_flush_next, BATCH_SETTLING, BATCH_ZEROING, settle_work},
};

static struct batch_io *free_io(struct batch *b)
{
	for (unsigned int i = 0; i < MIGRATE_IOS; i++)
		if (!b->ios[i].busy)
			return &b->ios[i];
	return NULL;
}

static void run_stage(struct wb *wb, const struct stage *stage)
{
	struct batch *b = wb->batch;
	struct batch_io *bio;

	while (!b->err && (bio = free_io(b)))
		if (!stage->next(wb, bio))
			break;
	if (b->in_flight)
		return;
	if (b->err) {
		pause_batch(b, stage->again);
		return;
	}
	enter(b, stage->then);
	if (stage->work) {
		b->work.fn = stage->work;
		wb_defer(wb, &b->work);
	}
}

static void pausing(struct wb *wb)
{
	struct batch *b = wb->batch;

	if (wb->stopping)
		enter(b, BATCH_IDLE);
	else if (wb_now(wb) >= b->resume_at)
		enter(b, b->again);
	else
		wb_wake_at(wb, b->resume_at);
}

void migrate_pump(struct wb *wb)
{
	struct batch *b = wb->batch;

	if (!b || !wb->started)
		return;
	switch (b->state) {
	case BATCH_IDLE:
		idle(wb);
		break;
	case BATCH_ANNOUNCING:
		if (wb->super.done >= b->ticket)
			enter(b, BATCH_READING);
		else if (wb->failed)
			enter(b, BATCH_IDLE);
		break;
	case BATCH_READING:
	case BATCH_FILLING:
	case BATCH_ZEROING:
	case BATCH_WRITING:
	case BATCH_FLUSHING:
		run_stage(wb, &stages[b->state]);
		break;
	case BATCH_PAUSING:
		pausing(wb);
		break;
	case BATCH_COMPOSING:
	case BATCH_SETTLING:
		break;
	}
}

bool migrate_is_idle(struct wb *wb)
{
	return !wb->batch || wb->batch->state == BATCH_IDLE;
}

void migrate_retry(struct wb *wb)
{
	if (!wb->batch)
		return;
	wb->batch->resume_at = 0;
	wb->batch->attempts = 0;
}

static uint32_t batch_segments_max(const struct layout *layout)
{
	return (uint32_t)min_u64(layout->nr_segments, BATCH_SEGMENTS + WRITE_RUNS);
}

uint64_t migrate_memory(const struct layout *layout, uint32_t nr_segments)
{
	uint64_t nr = min_u64(nr_segments, batch_segments_max(layout));

	return nr * (layout_segment_len(layout) + layout->segment_blocks * sizeof(struct piece)) +
	       sizeof(struct batch) + zeros_memory(ZEROS_CAPACITY);
}

int migrate_init(struct wb *wb)
{
	struct batch *b = calloc(1, sizeof(*b));
	uint32_t nr = batch_segments_max(&wb->layout);

	if (!b)
		return -ENOMEM;
	wb->batch = b;
	b->wb = wb;
	b->max_segments = nr;
	b->segments = calloc(nr, sizeof(*b->segments));
	b->memory = wb->env.alloc(wb->env.ctx, nr * layout_segment_len(&wb->layout),
				  WB_MEMORY_SPARSE);
	b->scratch = wb->env.alloc(wb->env.ctx, MIGRATE_IOS * WB_BLOCK_SIZE, WB_MEMORY_SPARSE);
	if (!b->segments || !b->memory || !b->scratch)
		return -ENOMEM;
	for (unsigned int i = 0; i < MIGRATE_IOS; i++) {
		b->ios[i].wb = wb;
		b->ios[i].scratch = b->scratch + (size_t)i * WB_BLOCK_SIZE;
	}
	return pieces_init(&b->pieces, &wb->env, nr * wb->layout.segment_blocks, ZEROS_CAPACITY);
}

void migrate_fini(struct wb *wb)
{
	struct batch *b = wb->batch;

	if (!b)
		return;
	pieces_fini(&b->pieces);
	if (b->memory)
		wb->env.free(wb->env.ctx, b->memory,
			     b->max_segments * layout_segment_len(&wb->layout));
	if (b->scratch)
		wb->env.free(wb->env.ctx, b->scratch, MIGRATE_IOS * WB_BLOCK_SIZE);
	free(b->segments);
	free(b);
	wb->batch = NULL;
}
