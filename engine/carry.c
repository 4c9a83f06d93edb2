/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carrying forward: when the tail of a full log is held by blocks of a backing that can't take them
 * (missing, failing, paused) or by poison, what lives in the tail's segment is copied to the head
 * as ordinary records, and the tail moves on when the copies are durable. The reserve (head.h)
 * makes sure that there is room for it.
 *
 *	READING	  the segment, from its buffer or the cache
 *	PLACING	  a chunk of its live blocks, when there is room; then its zeros and poison
 *	COPYING	  without the mutex
 *	DURABLE	  waits until the copies are, and with them all that made other blocks of the
 *		  segment dead
 *
 * A block is live if the index has its position. It is copied unless a write of it is under way,
 * whose data will be newer. What a copy has is what the block has at that moment, so a state that
 * the log shows does not change by it.
 */
#include "config.h"

#include "engine/carry.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

#define CHUNK 32u	      /* blocks placed at once */
#define POLL_WRITES NS_PER_MS /* while a write stands in the way */
#define PAUSE NS_PER_S	      /* after the segment couldn't be read */

enum carry_state {
	CARRY_IDLE,
	CARRY_READING,
	CARRY_PLACING,
	CARRY_COPYING,
	CARRY_DURABLE,
};

/* A block on its way. */
struct carried {
	uint32_t from; /* position */
	struct head_run to;
	struct record_entry entry;
};

/* Protected by the mutex; the chunk by whoever works in the state. */
struct carry {
	struct wb *wb;
	enum carry_state state;
	uint64_t segment;
	uint32_t block; /* PLACING: blocks of the segment before it are done */
	uint64_t resume_at;
	uint64_t target; /* DURABLE: record */
	/* Whether going round helps: segments in use, since wb.space_changes was `changes`. */
	uint64_t changes, least_used, fruitless;
	uint8_t *memory; /* of a segment */
	struct carried chunk[CHUNK];
	uint32_t nr_chunk;
	struct segbuf *buffer; /* READING: pinned */
	struct work work;
	struct bdev_io io;
};

static void nothing_carried(struct wb *wb)
{
	list_for_each(node, tmp, &wb->backings)
		container_of(node, struct wb_backing, link)->carried = false;
}

static void enter(struct carry *c, enum carry_state state)
{
	c->state = state;
	if (state == CARRY_IDLE)
		nothing_carried(c->wb);
	wb_kick(c->wb);
}

/* ---- READING ---- */

static void read_done(struct bdev_io *io)
{
	struct carry *c = io->owner;
	struct wb *wb = c->wb;

	wb_lock(wb);
	if (io->err) {
		wb->figures.nr_read_errors++;
		health_io_failed(wb, NULL, CAUSE_MIGRATION, WB_DEGRADED, io);
		c->resume_at = wb_now(wb) + PAUSE;
	}
	enter(c, io->err ? CARRY_IDLE : CARRY_PLACING);
	wb_unlock(wb);
}

static void copy_segment(struct work *work)
{
	struct carry *c = container_of(work, struct carry, work);
	struct wb *wb = c->wb;

	memcpy(c->memory, c->buffer->memory, layout_segment_len(&wb->layout));
	wb_lock(wb);
	c->buffer->pins--;
	enter(c, CARRY_PLACING);
	wb_unlock(wb);
}

static void begin(struct carry *c)
{
	struct wb *wb = c->wb;
	const struct slot *slot = segment_slot(wb, wb->tail.segment);

	c->segment = wb->tail.segment;
	c->block = 0;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		b->carried = backing_pending(b) && backing_held(wb, b) && !b->batch &&
			     !b->detaching;
	}
	if (slot->segment != c->segment) {
		enter(c, CARRY_PLACING); /* nothing is left in it */
		return;
	}
	enter(c, CARRY_READING);
	if (slot->buffer) {
		c->buffer = slot->buffer;
		c->buffer->pins++;
		c->work.fn = copy_segment;
		wb_defer(wb, &c->work);
		return;
	}
	bdev_io_init(&c->io, BDEV_READ, layout_offset(layout_position(&wb->layout, c->segment, 0)),
		     c->memory, (uint64_t)slot->end_block * WB_BLOCK_SIZE);
	c->io.owner = c;
	c->io.done = read_done;
	wb_submit_later(wb, wb->cache, &c->io);
}

/* ---- PLACING and COPYING ---- */

static const uint8_t *data_of(const struct carry *c, uint32_t position)
{
	return c->memory + (size_t)(position % c->wb->layout.segment_blocks) * WB_BLOCK_SIZE;
}

static void copy_chunk(struct work *work)
{
	struct carry *c = container_of(work, struct carry, work);
	struct wb *wb = c->wb;

	for (uint32_t i = 0; i < c->nr_chunk; i++) {
		const struct head_run *to = &c->chunk[i].to;

		memcpy((uint8_t *)to->record->header +
			       (size_t)(to->block - to->record->block) * WB_BLOCK_SIZE,
		       data_of(c, c->chunk[i].from), WB_BLOCK_SIZE);
	}
	wb_lock(wb);
	for (uint32_t i = 0; i < c->nr_chunk; i++) {
		const struct carried *moved = &c->chunk[i];
		struct wb_backing *backing = wb->by_id[moved->entry.backing];

		blocks_publish(wb, backing, moved->entry.block,
			       layout_position(&wb->layout, moved->to.record->segment,
					       moved->to.block),
			       moved->entry.mask, moved->entry.value);
		if (!i || moved->to.record != c->chunk[i - 1].to.record)
			head_copied(wb, moved->to.record);
	}
	wb->figures.nr_carried_blocks += c->nr_chunk;
	enter(c, CARRY_PLACING);
	wb_unlock(wb);
}

static bool is_live(struct wb *wb, uint32_t position)
{
	const struct index_entry *e = &wb->index.entries[position];
	struct wb_backing *backing = wb->by_id[e->backing];
	struct block_state state;

	if (!(e->flags & INDEX_LINKED) || !(e->flags & INDEX_DIRTY) || !backing->carried ||
	    backing->detaching)
		return false;
	state = blocks_lookup(wb, backing, index_block(e));
	return state.kind == BLOCK_CACHED && state.position == position;
}

static bool is_damaged(const struct carry *c, uint32_t position)
{
	const struct index_entry *e = &c->wb->index.entries[position];

	return format_block_checksum(c->wb->seed, e->backing, index_block(e),
				     data_of(c, position)) != e->checksum;
}

static void poison(struct carry *c, uint32_t position)
{
	struct wb *wb = c->wb;
	const struct index_entry *e = &wb->index.entries[position];
	struct wb_backing *backing = wb->by_id[e->backing];

	wb->figures.nr_checksum_errors++;
	wb_log(wb, WB_LOG_ERROR,
	       "%s: carry block at byte %llu: checksum mismatch: block %llu of %s is lost",
	       wb->cache->path, (unsigned long long)layout_offset(position),
	       (unsigned long long)index_block(e), backing->entry.name);
	blocks_log_extent(wb, backing, index_block(e), 1, WB_ENTRY_POISON);
}

static void place_chunk(struct carry *c, const uint32_t *positions)
{
	struct wb *wb = c->wb;
	struct record *last = NULL;

	head_begin(wb, c->nr_chunk);
	for (uint32_t i = 0; i < c->nr_chunk; i++) {
		const struct index_entry *e = &wb->index.entries[positions[i]];
		struct carried *moved = &c->chunk[i];
		bool started = false; /* each block is a request of its own */

		moved->from = positions[i];
		moved->entry = (struct record_entry){
			.backing = e->backing,
			.block = index_block(e),
			.kind = WB_ENTRY_DATA,
			.mask = e->mask,
			.value = e->checksum,
		};
		last = head_place(wb, &moved->entry, &started, last, &moved->to.block);
		moved->to.record = last;
	}
	if (wb->head.open && wb->head.cursor == wb->layout.segment_blocks)
		head_seal(wb, false);
	c->work.fn = copy_chunk;
	enter(c, CARRY_COPYING);
	wb_defer(wb, &c->work);
}

/* No room yet: records that are on their way hold buffers and descriptors. */
static void wait_for_room(struct carry *c)
{
	struct wb *wb = c->wb;
	bool hopeless = !segments_have_slots(wb, 1) && wb->ladder.durable == head_last(wb);

	wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	c->resume_at = wb_now(wb) + (hopeless ? PAUSE : POLL_WRITES);
	if (hopeless)
		enter(c, CARRY_IDLE);
}

/* The next live blocks of the segment, as many as are placed at once; *end is behind them. */
static uint32_t find_blocks(struct carry *c, uint32_t *positions, uint32_t *end)
{
	struct wb *wb = c->wb;
	const struct slot *slot = segment_slot(wb, c->segment);
	uint32_t nr = 0;

	for (*end = c->block; slot->segment == c->segment && *end < slot->end_block; ++*end) {
		uint32_t position = layout_position(&wb->layout, c->segment, *end);

		if (nr == min_u64(CHUNK, wb->layout.segment_blocks - 1))
			break;
		if (!is_live(wb, position))
			continue;
		if (nr && is_damaged(c, position))
			break;
		positions[nr++] = position;
		if (is_damaged(c, position)) {
			++*end;
			break;
		}
	}
	return nr;
}

static bool any_in_flight(struct wb *wb, const uint32_t *positions, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		const struct index_entry *e = &wb->index.entries[positions[i]];

		if (blocks_in_flight(wb, wb->by_id[e->backing], index_block(e), 1))
			return true;
	}
	return false;
}

/* Place the next live blocks of the segment. False: there are none any more. */
static bool place_blocks(struct carry *c)
{
	struct wb *wb = c->wb;
	uint32_t positions[CHUNK];
	uint32_t end;

	c->nr_chunk = find_blocks(c, positions, &end);
	if (!c->nr_chunk)
		return false;
	if (any_in_flight(wb, positions, c->nr_chunk)) {
		c->resume_at = wb_now(wb) + POLL_WRITES;
		return true;
	}
	if (!head_room(wb, c->nr_chunk, 0) || !blocks_extent_room(wb, EXTENT_CARRY)) {
		wait_for_room(c);
		return true;
	}
	c->block = end;
	if (is_damaged(c, positions[0]))
		poison(c, positions[0]);
	else
		place_chunk(c, positions);
	return true;
}

static bool extents_wait(struct carry *c)
{
	struct wb *wb = c->wb;

	if (!wb->nr_zeroing && head_room(wb, 0, 0) && blocks_extent_room(wb, EXTENT_CARRY))
		return false;
	wait_for_room(c);
	return true;
}

/* What is left of zeros that are not on the backing yet. False: later. */
static bool carry_zeros(struct carry *c, struct wb_backing *b, const struct zeros_entry *e)
{
	struct wb *wb = c->wb;
	uint64_t done = e->kind == WB_ENTRY_OLD_ZEROS ? b->entry.zeroed : b->entry.migrated;
	const struct zeros_extent *z;

	if (!b->carried || e->record <= done)
		return true;
	while ((z = zeros_of_entry(&wb->zeros, e))) {
		if (extents_wait(c))
			return false;
		blocks_carry_zeros(wb, b, z);
	}
	return true;
}

static bool carry_poison(struct carry *c, struct wb_backing *b, const struct zeros_entry *e)
{
	struct wb *wb = c->wb;
	const struct zeros_extent *z;

	while ((z = zeros_of_entry(&wb->zeros, e))) {
		uint64_t block = z->first & ((1ull << 40) - 1);

		if (extents_wait(c) || blocks_in_flight(wb, b, block, 1)) {
			c->resume_at = wb_now(wb) + POLL_WRITES;
			return false;
		}
		if (blocks_lookup(wb, b, block).kind == BLOCK_POISON)
			blocks_log_extent(wb, b, block, 1, WB_ENTRY_POISON);
		else
			zeros_remove(&wb->zeros, b->entry.id, block, 1);
	}
	return true;
}

/* Extents at home in the segment. False: later. */
static bool place_extents(struct carry *c)
{
	const struct zeros_log *log = &c->wb->zeros_log;
	uint64_t end = log->end; /* what is added meanwhile is at home elsewhere */

	for (uint64_t i = log->first; i < end; i++) {
		struct zeros_entry e = *zeros_log_at(log, i);
		struct wb_backing *b = c->wb->by_id[e.backing];

		if (layout_version_segment(e.home) > c->segment)
			break;
		if (b->entry.detached || b->detaching)
			continue;
		if (b->attached > c->wb->super.done) {
			c->resume_at = wb_now(c->wb) + POLL_WRITES;
			return false;
		}
		if (!(e.kind == WB_ENTRY_POISON ? carry_poison(c, b, &e) : carry_zeros(c, b, &e)))
			return false;
	}
	return true;
}

static void placing(struct carry *c)
{
	struct wb *wb = c->wb;

	if (c->resume_at > wb_now(wb)) {
		wb_wake_at(wb, c->resume_at);
		return;
	}
	/* Extents take no more than the header that blocks need anyway. */
	if (!place_extents(c) || place_blocks(c)) {
		wb_kick(wb);
		return;
	}
	c->target = wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	enter(c, CARRY_DURABLE);
}

/* ---- DURABLE ---- */

/* What newer zeros hide has not been copied, and is needed no more. */
static void clean_segment(struct carry *c, const struct wb_backing *b, const struct slot *slot)
{
	uint32_t first = layout_position(&c->wb->layout, c->segment, 0);

	for (uint32_t block = 0; block < slot->end_block; block++)
		if (c->wb->index.entries[first + block].backing == b->entry.id)
			blocks_clean(c->wb, first + block);
}

static void done(struct carry *c)
{
	struct wb *wb = c->wb;
	const struct slot *slot = segment_slot(wb, c->segment);
	uint64_t used;

	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!b->carried || !backing_pending(b) || b->mark.segment > c->segment)
			continue;
		if (slot->segment == c->segment) {
			clean_segment(c, b, slot);
			b->mark.record = slot->last_record + 1;
		}
		b->mark.segment = c->segment + 1;
		b->mark.block = 0;
		b->carried_until = c->target;
		/* Its blocks are not in the order of the log any more. */
		b->entry.batch_end = max_u64(b->entry.batch_end,
					     min_u64(c->target, b->last_record));
	}
	space_advance_tail(wb);
	used = wb->segments.next - wb->tail.segment;
	c->fruitless = used < c->least_used ? 0 : c->fruitless + 1;
	c->least_used = min_u64(c->least_used, used);
	enter(c, CARRY_IDLE);
}

/* A log of nothing but live blocks is not copied round and round. */
static bool may_help(struct carry *c)
{
	struct wb *wb = c->wb;

	if (c->changes != wb->space_changes) {
		c->changes = wb->space_changes;
		c->least_used = UINT64_MAX;
		c->fruitless = 0;
	}
	return c->fruitless <= wb->segments.next - wb->tail.segment;
}

/* Nothing of a backing may be in the log before the table knows it, or knows it again. */
static bool table_is_due(struct wb *wb)
{
	list_for_each(node, tmp, &wb->backings) {
		if (container_of(node, struct wb_backing, link)->attached > wb->super.done)
			return true;
	}
	return false;
}

/*
 * Whether the tail's segment is behind the head, and durable. One that isn't is ended: what is
 * carried must not go to where it comes from. That happens if it is room for zeros that is short.
 */
static bool head_is_elsewhere(struct wb *wb)
{
	if (wb->tail.segment < wb->log.durable_segment)
		return true;
	if (wb->tail.segment == wb->segments.current) {
		head_end_segment(wb);
		wb->log.wanted = head_last(wb);
	}
	return segment_slot(wb, wb->tail.segment)->last_record <= wb->ladder.durable;
}

void carry_pump(struct wb *wb)
{
	struct carry *c = wb->carry;

	if (!c || !wb->started || wb->failed)
		return;
	switch (c->state) {
	case CARRY_IDLE:
		if (wb->stopping || !wb->super.done || !space_wants_carrying(wb) ||
		    table_is_due(wb))
			break;
		/* What the last one freed is the next one's room: also after a crash. */
		if (wb->ladder.migrated != wb->ladder.migrated_on_disk || !may_help(c))
			break;
		if (c->resume_at > wb_now(wb))
			wb_wake_at(wb, c->resume_at);
		else if (head_is_elsewhere(wb))
			begin(c);
		break;
	case CARRY_PLACING:
		if (wb->stopping)
			enter(c, CARRY_IDLE);
		else
			placing(c);
		break;
	case CARRY_DURABLE:
		if (wb->ladder.durable >= c->target)
			done(c);
		else if (wb->stopping)
			enter(c, CARRY_IDLE);
		break;
	case CARRY_READING:
	case CARRY_COPYING:
		break;
	}
}

bool carry_is_busy(struct wb *wb)
{
	return wb->carry &&
	       (wb->carry->state == CARRY_READING || wb->carry->state == CARRY_COPYING);
}

int carry_init(struct wb *wb)
{
	struct carry *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	wb->carry = c;
	c->wb = wb;
	c->memory = wb->env.alloc(wb->env.ctx, layout_segment_len(&wb->layout), WB_MEMORY_SPARSE);
	return c->memory ? 0 : -ENOMEM;
}

void carry_fini(struct wb *wb)
{
	if (!wb->carry)
		return;
	if (wb->carry->memory)
		wb->env.free(wb->env.ctx, wb->carry->memory, layout_segment_len(&wb->layout));
	free(wb->carry);
	wb->carry = NULL;
}
