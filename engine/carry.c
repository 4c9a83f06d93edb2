/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carrying forward: when the tail of a full log is held by blocks of a backing that can't take them
 * (missing, failing, paused) or by poison, what lives in the tail's segment is copied to the head as
 * ordinary records, and the tail moves on when the copies are durable. The reserve (head.h) makes
 * sure that there is room for it.
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
#define READ_PAUSE (NS_PER_S) /* after the segment couldn't be read */

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
	uint8_t *memory; /* of a segment */
	struct carried chunk[CHUNK];
	uint32_t nr_chunk;
	struct segbuf *buffer; /* READING: pinned */
	struct work work;
	struct bdev_io io;
};

static void enter(struct carry *c, enum carry_state state)
{
	c->state = state;
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
		c->resume_at = wb_now(wb) + READ_PAUSE;
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

		b->carried = backing_pending(b) && backing_held(wb, b);
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

	if (!(e->flags & INDEX_LINKED) || !(e->flags & INDEX_DIRTY) || !backing->carried)
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

static uint32_t chunk_max(struct wb *wb)
{
	return (uint32_t)min_u64(CHUNK, wb->layout.segment_blocks - 1);
}

/* Whether something stands in the way now; try again later. */
static bool must_wait(struct carry *c)
{
	struct wb *wb = c->wb;

	if (c->resume_at > wb_now(wb)) {
		wb_wake_at(wb, c->resume_at);
		return true;
	}
	/* Records that are on their way hold buffers and descriptors. */
	if (!head_room(wb, chunk_max(wb), 0) || !blocks_extent_room(wb)) {
		wb->log.wanted = head_last(wb);
		head_seal(wb, false);
		return true;
	}
	return false;
}

/* Take the next live blocks of the segment. False: there are no more. */
static bool place_blocks(struct carry *c)
{
	struct wb *wb = c->wb;
	const struct slot *slot = segment_slot(wb, c->segment);
	uint32_t positions[CHUNK];

	c->nr_chunk = 0;
	for (; slot->segment == c->segment && c->block < slot->end_block; c->block++) {
		uint32_t position = layout_position(&wb->layout, c->segment, c->block);
		const struct index_entry *e = &wb->index.entries[position];

		if (!is_live(wb, position))
			continue;
		if (blocks_in_flight(wb, wb->by_id[e->backing], index_block(e), 1)) {
			c->resume_at = wb_now(wb) + POLL_WRITES;
			break;
		}
		if (is_damaged(c, position)) {
			if (!c->nr_chunk)
				poison(c, position);
			if (!c->nr_chunk)
				c->block++;
			break;
		}
		positions[c->nr_chunk++] = position;
		if (c->nr_chunk == chunk_max(wb)) {
			c->block++;
			break;
		}
	}
	if (c->nr_chunk)
		place_chunk(c, positions);
	return slot->segment == c->segment && c->block < slot->end_block;
}

static bool extents_wait(struct carry *c)
{
	struct wb *wb = c->wb;

	if (!wb->nr_zeroing && head_room(wb, 0, 0) && blocks_extent_room(wb))
		return false;
	wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	c->resume_at = wb_now(wb) + POLL_WRITES;
	return true;
}

/* What is left of zeros that are not on the backing yet. False: later. */
static bool carry_zeros(struct carry *c, struct wb_backing *b, const struct zeros_entry *e)
{
	struct wb *wb = c->wb;
	uint64_t done = e->kind == WB_ENTRY_OLD_ZEROS ? b->entry.zeroed : b->entry.migrated;
	struct zeros_extent *z;

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
	struct zeros_extent *z;

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
		if (b->entry.detached)
			continue;
		if (!(e.kind == WB_ENTRY_POISON ? carry_poison(c, b, &e) : carry_zeros(c, b, &e)))
			return false;
	}
	return true;
}

static void placing(struct carry *c)
{
	struct wb *wb = c->wb;

	if (must_wait(c))
		return;
	if (place_blocks(c) || c->state != CARRY_PLACING) {
		wb_kick(wb);
		return;
	}
	if (!place_extents(c)) {
		wb_wake_at(wb, c->resume_at);
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

	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!b->carried || b->batch || !backing_pending(b) || b->mark.segment > c->segment)
			continue;
		if (slot->segment == c->segment) {
			clean_segment(c, b, slot);
			b->mark.record = slot->last_record + 1;
		}
		b->mark.segment = c->segment + 1;
		b->mark.block = 0;
		/* Its blocks are not in the order of the log any more. */
		b->entry.batch_end = max_u64(b->entry.batch_end, c->target);
	}
	space_advance_tail(wb);
	enter(c, CARRY_IDLE);
}

void carry_pump(struct wb *wb)
{
	struct carry *c = wb->carry;

	if (!c || !wb->started || wb->failed)
		return;
	switch (c->state) {
	case CARRY_IDLE:
		if (wb->stopping || !space_wants_carrying(wb))
			break;
		if (c->resume_at > wb_now(wb))
			wb_wake_at(wb, c->resume_at);
		else
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
