/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration: moves the oldest durable segments to their backings. Each backing goes its own way,
 * batch by batch, so that one that is slow or fails stops only itself. A batch is
 *
 *	PLANNING    without the mutex for long: what the backing has between its mark and the end
 *	ANNOUNCING  a superblock with the batch's end is made durable: until the batch is done the
 *		    backing shows no state of the past
 *	READING	    its blocks, from their buffers or the cache
 *	COMPOSING   without the mutex: checksums, sorting, superseding (batch.c)
 *	POISONING   blocks that are lost are marked so in the log, durably
 *	FILLING	    what a partly valid block lacks comes from the backing
 *	ZEROING, WRITING, FLUSHING  the backing
 *	CONFIRMING  if old zeros were written: both superblocks say so before anything may forget
 *		    what is newer than these
 *	SETTLING    without the mutex for long: the index learns what is clean
 *
 * After an error the batch is given up, and a new one from the same mark follows after a pause: it
 * writes everything again that was written since the last good flush.
 */
#include "config.h"

#include "engine/migrate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/migrate_batch.h"

#define LONGEST_PAUSE (30 * NS_PER_S)
#define LONGEST_BATCH (60 * NS_PER_S) /* it rests while others are busy, until then */
#define POLL_WRITES NS_PER_MS	      /* while a write stands in the way of poison */
#define SMALL_BATCH_AFTER NS_PER_S    /* less than a full batch is migrated this often at most */

static void enter(struct batch *b, enum batch_state state)
{
	b->state = state;
	b->cursor = 0;
	wb_kick(b->wb);
}

static void enter_work(struct batch *b, enum batch_state state, void (*work)(struct work *work))
{
	enter(b, state);
	b->work.fn = work;
	wb_defer(b->wb, &b->work);
}

static void release(struct batch *b)
{
	b->backing->batch = NULL;
	b->backing->batch_ended_at = wb_now(b->wb);
	b->backing = NULL;
	enter(b, BATCH_IDLE);
}

static void give_up(struct batch *b)
{
	struct wb_backing *backing = b->backing;
	uint64_t pause = RETRY_FIRST_PAUSE << min_u64(backing->attempts++, 20);

	backing->figures.nr_batch_retries++;
	b->wb->figures.nr_batch_retries++;
	backing->resume_at = wb_now(b->wb) + min_u64(pause, LONGEST_PAUSE);
	if (!b->cache_err)
		backing_batch_failed(b->wb, backing);
	release(b);
}

/* ---- choosing a batch ---- */

/* The last request's end within `most` segments, or the first one behind them if there is none. */
static void choose_end(struct wb *wb, const struct wb_backing *backing, uint64_t most,
		       struct mark *end)
{
	for (uint64_t s = backing->mark.segment; s < wb->log.durable_segment; s++) {
		const struct slot *slot = segment_slot(wb, s);

		if (slot->segment == s && slot->end_record >= backing->mark.record &&
		    s + 1 >= backing->mark.segment + most) {
			*end = (struct mark){slot->end_record + 1, s, slot->end_at};
			return;
		}
	}
	*end = (struct mark){wb->ladder.durable + 1, wb->log.durable_segment,
			     wb->log.durable_block};
}

static uint64_t segments_waiting(const struct wb *wb, const struct wb_backing *backing)
{
	return wb->log.durable_segment - backing->mark.segment + 1;
}

/* Whether a backing's next batch should begin. */
static bool wanted(struct wb *wb, struct wb_backing *b)
{
	uint64_t now = wb_now(wb);
	uint64_t due = max_u64(b->resume_at, b->batch_ended_at + SMALL_BATCH_AFTER);

	if (b->batch || b->carried || b->detaching || b->suspended || !backing_pending(b) ||
	    b->mark.record > wb->ladder.durable || b->old_zeros > wb->ladder.durable || !b->dev)
		return false;
	if (b->dev->read_only) {
		health_set(wb, b, CAUSE_MIGRATION, WB_FAILED, "%.150s: it is read-only",
			   b->entry.path);
		return false;
	}
	if (now < b->resume_at) {
		wb_wake_at(wb, b->resume_at);
		return false;
	}
	/* The table still has a sample of what it held before it was attached. */
	if (b->attached > wb->super.done)
		return false;
	if (b->nr_drains || wb->nr_drains)
		return true;
	if (b->knobs[WB_KNOB_PAUSED - WB_NR_KNOBS])
		return false;
	if (space_under_pressure(wb) || b->over_limit)
		return true;
	if (!wb->knobs[WB_KNOB_FORCE_MIGRATE] && (!wb->knobs[WB_KNOB_ALLOW_MIGRATE] || b->busy))
		return false;
	if (segments_waiting(wb, b) > wb->knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION] || now >= due)
		return true;
	wb_wake_at(wb, due);
	return false;
}

/* ---- PLANNING ---- */

static void plan_work(struct work *work)
{
	struct batch *b = container_of(work, struct batch, work);
	struct wb *wb = b->wb;

	pieces_clear(&b->pieces);
	for (uint64_t s = b->from.segment; s <= b->end.segment; s++) {
		wb_lock(wb);
		migrate_plan_segment(b, s);
		wb_unlock(wb);
	}
	wb_lock(wb);
	migrate_plan_zeros(b);
	enter(b, BATCH_ANNOUNCING);
	wb_unlock(wb);
}

/* Since when what the batch leaves has been there, if records come evenly. */
static uint64_t since_left(const struct batch *b)
{
	uint64_t since = b->backing->pending_since;
	uint64_t nr = b->wb->ladder.durable + 1 - b->from.record;

	return since + (b->begun_at - since) / nr * (b->end.record - b->from.record);
}

static void begin(struct wb *wb, struct batch *b, struct wb_backing *backing)
{
	uint64_t most = space_under_pressure(wb) ? space_urgent_batch(wb)
						 : wb->knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION];
	const struct slot *slot;

	backing->batch = b;
	b->backing = backing;
	b->err = 0;
	b->cache_err = false;
	b->begun_at = b->submitted_at = wb_now(wb);
	b->from = backing->mark;
	/* The segment of the mark may be used up: gone, or taken again before the batch ends. */
	slot = segment_slot(wb, b->from.segment);
	if (slot->segment != b->from.segment || slot->last_record < b->from.record)
		b->from = (struct mark){b->from.record, b->from.segment + 1, 0};
	choose_end(wb, backing, most, &b->end);
	b->next_since = since_left(b);
	assert(b->end.segment - b->from.segment < b->max_segments);
	backing->entry.batch_end = max_u64(backing->entry.batch_end, b->end.record - 1);
	b->ticket = super_commit(wb, false);
	enter_work(b, BATCH_PLANNING, plan_work);
}

/* ---- COMPOSING and POISONING ---- */

static void compose_work(struct work *work)
{
	struct batch *b = container_of(work, struct batch, work);
	struct wb *wb = b->wb;

	pieces_compose(&b->pieces, b->backing->entry.id, wb->seed);
	wb_lock(wb);
	b->target = 0;
	enter(b, b->pieces.nr_bad ? BATCH_POISONING : BATCH_FILLING);
	wb_unlock(wb);
}

/* Say in the log that a block is lost, unless something newer replaces it. False: not now. */
static bool poison(struct batch *b, const struct piece *piece)
{
	struct wb *wb = b->wb;
	struct block_state now = blocks_lookup(wb, b->backing, piece->block);

	if (now.kind != BLOCK_CACHED || now.position != piece->position)
		return true;
	if (blocks_in_flight(wb, b->backing, piece->block, 1) ||
	    !blocks_extent_room(wb, EXTENT_CARRY) || !head_room(wb, 0, 0))
		return false;
	wb->figures.nr_checksum_errors++;
	wb_log(wb, WB_LOG_ERROR,
	       "%s: migrate block at byte %llu: checksum mismatch: block %llu of %s is lost",
	       wb->cache->path, (unsigned long long)layout_offset(piece->position),
	       (unsigned long long)piece->block, b->backing->entry.name);
	blocks_log_extent(wb, b->backing, piece->block, 1, WB_ENTRY_POISON);
	return true;
}

/* Not now - or never, in a log that is full to the last segment. */
static void wait_for_poison(struct batch *b)
{
	struct wb *wb = b->wb;

	wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	if (wb->stopping || (!segments_have_slots(wb, 1) && wb->ladder.durable == head_last(wb))) {
		health_set(wb, b->backing, CAUSE_MIGRATION, WB_DEGRADED,
			   "the log has no room to note that a block is lost");
		give_up(b);
		return;
	}
	wb_wake_at(wb, wb_now(wb) + POLL_WRITES);
}

static void poison_bad(struct batch *b)
{
	struct wb *wb = b->wb;
	struct pieces *p = &b->pieces;
	uint32_t nr = 0;

	for (; b->cursor < p->nr; b->cursor++) {
		if (p->pieces[b->cursor].bad && !poison(b, &p->pieces[b->cursor])) {
			wait_for_poison(b);
			return;
		}
	}
	for (uint32_t i = 0; i < p->nr; i++)
		if (!p->pieces[i].bad)
			p->pieces[nr++] = p->pieces[i];
	p->nr = nr;
	p->nr_bad = 0;
	/* What is newer has to be durable too before the lost block may be forgotten. */
	b->target = wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	wb_kick(wb); /* perhaps it is already */
}

static void poisoning(struct batch *b)
{
	if (b->wb->failed)
		give_up(b);
	else if (b->pieces.nr_bad)
		poison_bad(b);
	else if (b->wb->ladder.durable >= b->target)
		enter(b, BATCH_FILLING);
}

/* ---- CONFIRMING and SETTLING ---- */

/* What has been written where there was poison is whole again. */
static void heal(struct batch *b)
{
	struct wb *wb = b->wb;

	if (!wb->has_poison)
		return;
	for (uint32_t i = 0; i < b->pieces.nr; i++) {
		const struct piece *piece = &b->pieces.pieces[i];
		const struct zeros_extent *z = zeros_at(&wb->zeros, b->backing->entry.id,
							piece->block);

		if (z && z->poison && z->version < piece->version &&
		    z->first <= zeros_key(b->backing->entry.id, piece->block) &&
		    zeros_room(&wb->zeros, 1))
			zeros_remove(&wb->zeros, b->backing->entry.id, piece->block, 1);
	}
}

/*
 * Old zeros are on the backing now, by this batch or by an attempt at it that failed later. What is
 * newer than they are may leave the index before the place where they are at home is reused, and
 * what they hide is gone from the log's tail on.
 */
static void forget_old_zeros(struct batch *b)
{
	segments_forget_on_disk(b->wb);
	zeros_drop_carried(&b->wb->zeros, b->backing->entry.id,
			   layout_version(b->wb->segments.oldest, 0));
}

static void clean_segment(struct batch *b, uint64_t segment)
{
	struct wb *wb = b->wb;
	const struct slot *slot = segment_slot(wb, segment);
	uint32_t from = segment == b->from.segment ? b->from.block : 0;
	uint32_t to = segment == b->end.segment ? b->end.block : slot->end_block;

	assert(slot->segment == segment);
	for (uint32_t block = from; block < to; block++) {
		uint32_t position = layout_position(&wb->layout, segment, block);

		if (wb->index.entries[position].backing == b->backing->entry.id)
			blocks_clean(wb, position);
	}
}

static bool has_zeros(const struct batch *b)
{
	for (uint32_t i = 0; i < b->pieces.zeros.nr; i++)
		if (!b->pieces.zeros.extents[i].poison)
			return true;
	return false;
}

static void settle_work(struct work *work)
{
	struct batch *b = container_of(work, struct batch, work);
	struct wb_backing *backing = b->backing;
	struct wb *wb = b->wb;

	for (uint64_t s = b->from.segment; s <= b->end.segment; s++) {
		wb_lock(wb);
		clean_segment(b, s);
		wb_unlock(wb);
	}
	wb_lock(wb);
	heal(b);
	if (b->old_zeros || backing->entry.zeroed >= b->from.record)
		forget_old_zeros(b);
	migrate_count_batch(b);
	backing->pending_since = b->next_since;
	backing->to_flush = false;
	backing->attempts = 0;
	backing->resume_at = 0;
	backing_batch_done(wb, backing);
	health_clear(wb, NULL, CAUSE_MIGRATION);
	backing->mark = b->end;
	backing->entry.migrated = b->end.record - 1;
	if (!backing_pending(backing))
		backing->entry.batch_end = backing->entry.migrated;
	wb->super_stale = true;
	/* Carrying poison goes through here again and again. */
	if (b->pieces.nr || b->pieces.nr_superseded || has_zeros(b))
		wb->space_changes++;
	space_advance_tail(wb);
	release(b);
	wb_unlock(wb);
}

static void confirming(struct batch *b)
{
	if (b->wb->super.done >= b->ticket)
		enter_work(b, BATCH_SETTLING, settle_work);
	else if (b->wb->failed)
		give_up(b);
}

static void flushed(struct batch *b)
{
	if (!b->old_zeros) {
		enter_work(b, BATCH_SETTLING, settle_work);
		return;
	}
	b->backing->entry.zeroed = b->old_zeros;
	b->ticket = super_commit(b->wb, true);
	enter(b, BATCH_CONFIRMING);
}

/* ---- the machine ---- */

static struct batch_io *free_io(struct batch *b)
{
	for (unsigned int i = 0; i < MIGRATE_IOS; i++)
		if (!b->ios[i].busy)
			return &b->ios[i];
	return NULL;
}

/* What is written in part doesn't wait for others without end. Sets the time to look again. */
static bool is_overdue(const struct batch *b)
{
	uint64_t due = b->begun_at + LONGEST_BATCH;

	if (b->state < BATCH_ZEROING)
		return false;
	if (wb_now(b->wb) < due)
		wb_wake_at(b->wb, due);
	return wb_now(b->wb) >= due;
}

/* Issue what the stage has. True: all of it is done. */
static bool run_stage(struct batch *b, bool (*next)(struct batch *b, struct batch_io *bio))
{
	bool quiet = backing_must_be_quiet(b->wb, b->backing, is_overdue(b));
	unsigned int most = quiet ? 0 : migrate_most_in_flight(b);
	struct batch_io *bio;

	while (!b->err && b->in_flight < most && (bio = free_io(b)))
		if (!next(b, bio))
			break;
	if (b->in_flight || (!most && !b->err))
		return false;
	if (b->err)
		give_up(b);
	return b->backing;
}

static void run(struct batch *b)
{
	switch (b->state) {
	case BATCH_ANNOUNCING:
		if (b->wb->super.done >= b->ticket)
			enter(b, BATCH_READING);
		else if (b->wb->failed)
			give_up(b);
		break;
	case BATCH_READING:
		if (run_stage(b, migrate_read_next))
			enter_work(b, BATCH_COMPOSING, compose_work);
		break;
	case BATCH_POISONING:
		poisoning(b);
		break;
	case BATCH_FILLING:
		if (run_stage(b, migrate_fill_next))
			enter(b, BATCH_ZEROING);
		break;
	case BATCH_ZEROING:
		if (run_stage(b, migrate_zero_next))
			enter(b, BATCH_WRITING);
		break;
	case BATCH_WRITING:
		if (run_stage(b, migrate_write_next))
			enter(b, BATCH_FLUSHING);
		break;
	case BATCH_FLUSHING:
		if (run_stage(b, migrate_flush_next))
			flushed(b);
		break;
	case BATCH_CONFIRMING:
		confirming(b);
		break;
	case BATCH_IDLE:
	case BATCH_PLANNING:
	case BATCH_COMPOSING:
	case BATCH_SETTLING:
		break;
	}
}

static struct batch *idle_batch(struct wb *wb)
{
	for (unsigned int i = 0; i < NR_BATCHES; i++)
		if (wb->batches[i].state == BATCH_IDLE)
			return &wb->batches[i];
	return NULL;
}

/* They take turns: the first after the one that began last. */
static struct wb_backing *next_wanted(struct wb *wb)
{
	struct list *start = wb->last_begun ? &wb->last_begun->link : &wb->backings;
	struct list *node = start;

	do {
		node = node->next;
		if (node != &wb->backings) {
			struct wb_backing *b = container_of(node, struct wb_backing, link);

			if (wanted(wb, b))
				return b;
		}
	} while (node != start);
	return NULL;
}

static void begin_wanted(struct wb *wb)
{
	struct wb_backing *backing;
	struct batch *b;

	while ((b = idle_batch(wb)) && (backing = next_wanted(wb))) {
		begin(wb, b, backing);
		wb->last_begun = backing;
	}
}

void migrate_pump(struct wb *wb)
{
	if (!wb->batches || !wb->started)
		return;
	for (unsigned int i = 0; i < NR_BATCHES; i++)
		run(&wb->batches[i]);
	if (!wb->stopping && !wb->failed)
		begin_wanted(wb);
	/* The next batch's announcement says it too, in one of the superblocks. */
	if (wb->super_stale && !wb->failed && wb->super.done == wb->super.wanted &&
	    (migrate_is_idle(wb) || wb->segments.wanted || space_wants_carrying(wb) ||
	     waiter_first(wb, WAIT_MIGRATED))) {
		wb->super_stale = false;
		super_commit(wb, true);
	}
}

bool migrate_is_idle(struct wb *wb)
{
	for (unsigned int i = 0; wb->batches && i < NR_BATCHES; i++)
		if (wb->batches[i].state != BATCH_IDLE)
			return false;
	return true;
}

/* What comes before writing takes little of the time. */
uint64_t migrate_progress(const struct batch *b)
{
	uint64_t blocks;

	if (!b || b->state < BATCH_WRITING)
		return 0;
	blocks = (b->end.segment - b->from.segment) * b->wb->layout.segment_blocks;
	return b->state == BATCH_WRITING ? blocks * b->cursor / max_u64(b->pieces.nr, 1) : blocks;
}

void migrate_retry(struct wb *wb)
{
	wb->space_changes++;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		b->resume_at = 0;
		b->attempts = 0;
	}
}

static uint32_t batch_segments_max(const struct layout *layout)
{
	return (uint32_t)min_u64(layout->nr_segments, BATCH_SEGMENTS + WRITE_RUNS);
}

uint64_t migrate_memory(const struct layout *layout, uint32_t nr_segments)
{
	uint64_t nr = min_u64(nr_segments, batch_segments_max(layout));

	return NR_BATCHES *
	       (nr * (layout_segment_len(layout) + layout->segment_blocks * sizeof(struct piece)) +
		sizeof(struct batch) + zeros_memory(2 * EXTENT_RECOVERY * ZEROS_CAPACITY));
}

static int batch_init(struct wb *wb, struct batch *b)
{
	b->wb = wb;
	b->max_segments = batch_segments_max(&wb->layout);
	b->memory = wb->env.alloc(wb->env.ctx, b->max_segments * layout_segment_len(&wb->layout),
				  WB_MEMORY_SPARSE);
	b->scratch = wb->env.alloc(wb->env.ctx, MIGRATE_IOS * WB_BLOCK_SIZE, WB_MEMORY_SPARSE);
	if (!b->memory || !b->scratch)
		return -ENOMEM;
	for (unsigned int i = 0; i < MIGRATE_IOS; i++) {
		b->ios[i].batch = b;
		b->ios[i].scratch = b->scratch + (size_t)i * WB_BLOCK_SIZE;
	}
	return pieces_init(&b->pieces, &wb->env, b->max_segments * wb->layout.segment_blocks,
			   2 * wb->zeros_log.capacity);
}

int migrate_init(struct wb *wb)
{
	int err = 0;

	wb->batches = calloc(NR_BATCHES, sizeof(*wb->batches));
	if (!wb->batches)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < NR_BATCHES; i++)
		err = batch_init(wb, &wb->batches[i]);
	return err;
}

void migrate_fini(struct wb *wb)
{
	for (unsigned int i = 0; wb->batches && i < NR_BATCHES; i++) {
		struct batch *b = &wb->batches[i];

		pieces_fini(&b->pieces);
		if (b->memory)
			wb->env.free(wb->env.ctx, b->memory,
				     b->max_segments * layout_segment_len(&wb->layout));
		if (b->scratch)
			wb->env.free(wb->env.ctx, b->scratch, MIGRATE_IOS * WB_BLOCK_SIZE);
	}
	free(wb->batches);
	wb->batches = NULL;
}
