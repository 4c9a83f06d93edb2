/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/fetch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/reason.h"

static void pass_ended(struct fetch *f);

static void count_reads(struct fetch *f, bool hit, bool on_buffer, bool fullsize, uint32_t nr)
{
	unsigned int which = (hit ? WB_STAT_HIT : 0) | (on_buffer ? WB_STAT_ON_BUFFER : 0) |
			     (fullsize ? WB_STAT_FULLSIZE : 0);

	if (f->count)
		f->wb->figures.stat[which] += nr;
}

/*
 * Planning a pass: mutex held. Each planner takes as many blocks from f->block on as one I/O or
 * copy can serve, and returns their number.
 */

static uint32_t plan_backing(struct fetch *f, struct fetch_piece *piece, uint64_t run_end)
{
	uint64_t block = f->block + 1;
	uint64_t limit = min_u64(run_end, f->end);

	while (block < limit && blocks_lookup(f->wb, f->backing, block).kind == BLOCK_ABSENT)
		block++;
	piece->source = PIECE_BACKING;
	bdev_io_init(&piece->io, BDEV_READ, f->block * WB_BLOCK_SIZE, piece->to,
		     backing_block_end(f->backing, block - 1) - f->block * WB_BLOCK_SIZE);
	/* What completes a block that is in the log in part is no miss of its own. */
	if (!f->partial_mask)
		count_reads(f, false, false, true, (uint32_t)(block - f->block));
	return (uint32_t)(block - f->block);
}

static uint32_t plan_zeros(struct fetch *f, struct fetch_piece *piece, uint64_t run_end)
{
	uint64_t block = f->block + 1;
	uint64_t limit = min_u64(run_end, f->end);

	while (block < limit && blocks_lookup(f->wb, f->backing, block).kind == BLOCK_ZEROS)
		block++;
	piece->source = PIECE_ZEROS;
	count_reads(f, true, true, true, (uint32_t)(block - f->block));
	return (uint32_t)(block - f->block);
}

/* Blocks that follow each other in the backing and in one segment. */
static uint32_t plan_cached(struct fetch *f, struct fetch_piece *piece, uint32_t position)
{
	struct wb *wb = f->wb;
	struct slot *slot = segment_slot_at(wb, position);
	uint32_t in_segment = position % wb->layout.segment_blocks;
	uint32_t nr = 1;

	while (f->block + nr < f->end && in_segment + nr < wb->layout.segment_blocks) {
		struct block_state next = blocks_lookup(wb, f->backing, f->block + nr);

		if (next.kind != BLOCK_CACHED || next.position != position + nr ||
		    wb->index.entries[next.position].mask != 0xff)
			break;
		nr++;
	}
	piece->position = position;
	count_reads(f, true, slot->buffer, wb->index.entries[position].mask == 0xff, nr);
	if (slot->buffer) {
		piece->source = PIECE_BUFFER;
		piece->buffer = slot->buffer;
		piece->from = segment_memory(wb, slot->buffer, in_segment);
		slot->buffer->pins++;
	} else {
		piece->source = PIECE_LOG;
		bdev_io_init(&piece->io, BDEV_READ, layout_offset(position), piece->to,
			     (uint64_t)nr * WB_BLOCK_SIZE);
		slot->pins++;
	}
	return nr;
}

static struct fetch_piece *new_piece(struct fetch *f, uint8_t *to)
{
	struct fetch_piece *piece = &f->pieces[f->nr_pieces++];

	piece->to = to;
	piece->block = f->block;
	return piece;
}

/* A block that is in the log in part makes a pass of its own: the log's part goes to scratch. */
static void plan_partial(struct fetch *f, uint32_t position)
{
	uint64_t end = f->end;
	struct fetch_piece *piece = new_piece(f, f->scratch);

	f->end = f->block + 1;
	f->partial_mask = f->wb->index.entries[position].mask;
	piece->nr_blocks = plan_cached(f, piece, position);
	if (!f->log_only) {
		piece = new_piece(f, f->to);
		piece->nr_blocks = plan_backing(f, piece, f->block + 1);
	}
	f->end = end;
	f->block++;
	f->to += WB_BLOCK_SIZE;
}

static void plan_pass(struct fetch *f)
{
	f->nr_pieces = 0;
	f->partial_mask = 0;
	while (f->block < f->end && f->nr_pieces < FETCH_PIECES) {
		struct block_state state = blocks_lookup(f->wb, f->backing, f->block);
		struct fetch_piece *piece;

		if (state.kind == BLOCK_POISON) {
			atomic_store(&f->err, -EIO);
			return;
		}
		if (state.kind == BLOCK_CACHED &&
		    f->wb->index.entries[state.position].mask != 0xff) {
			if (!f->nr_pieces)
				plan_partial(f, state.position);
			return;
		}
		if (f->log_only && state.kind == BLOCK_ABSENT) {
			f->block = f->end;
			return;
		}
		piece = new_piece(f, f->to);
		f->mask = 0xff;
		if (state.kind == BLOCK_CACHED)
			piece->nr_blocks = plan_cached(f, piece, state.position);
		else if (state.kind == BLOCK_ZEROS)
			piece->nr_blocks = plan_zeros(f, piece, state.run_end);
		else
			piece->nr_blocks = plan_backing(f, piece, state.run_end);
		f->block += piece->nr_blocks;
		f->to += (size_t)piece->nr_blocks * WB_BLOCK_SIZE;
	}
}

static void io_done(struct bdev_io *io)
{
	struct fetch *f = io->owner;

	if (io->err)
		atomic_store(&f->err, io->err);
	if (atomic_fetch_sub(&f->pending, 1) == 1)
		pass_ended(f);
}

static void read_ended(struct fetch *f, const struct fetch_piece *piece)
{
	if (piece->io.err)
		f->wb->figures.nr_read_errors++;
	if (piece->source == PIECE_BACKING) {
		f->missed = true;
		busy_end(f->wb, &f->backing->foreground);
		if (!f->backing->foreground.nr && f->backing->batch)
			wb_kick(f->wb); /* migration held back */
		backing_request_io(f->wb, f->backing, &piece->io);
	} else if (piece->io.err) {
		wb_log(f->wb, WB_LOG_ERROR, "%s: read %llu bytes at byte %llu: %s",
		       f->wb->cache->path, (unsigned long long)piece->io.len,
		       (unsigned long long)piece->io.off, reason(piece->io.err));
	}
}

/*
 * A block from the log is not what was written. If it is on the backing too, the index forgets it
 * and the pass is done again; otherwise nothing can replace it. Mutex held.
 */
static int damaged_block(struct fetch *f, uint32_t position)
{
	struct wb *wb = f->wb;
	struct index_entry *e = &wb->index.entries[position];

	wb->figures.nr_checksum_errors++;
	wb_log(wb, WB_LOG_ERROR,
	       "%s: read block at byte %llu: checksum mismatch (block %llu of %s)", wb->cache->path,
	       (unsigned long long)layout_offset(position), (unsigned long long)index_block(e),
	       f->backing->entry.name);
	if (!(e->flags & INDEX_LINKED))
		return -EAGAIN;
	if (e->flags & INDEX_DIRTY)
		return -EIO;
	/* Not dropped: older zeros in the log would come to light. */
	e->flags |= INDEX_DAMAGED;
	return -EAGAIN;
}

/* Without the mutex: the slot is pinned, so the entries stay as they are. */
static bool block_is_good(const struct wb *wb, uint32_t position, const uint8_t *data)
{
	const struct index_entry *e = &wb->index.entries[position];

	return format_block_checksum(wb->seed, e->backing, index_block(e), data) == e->checksum;
}

static int check_piece(struct fetch *f, struct fetch_piece *piece)
{
	int err = 0;

	for (uint32_t i = 0; i < piece->nr_blocks; i++) {
		if (block_is_good(f->wb, piece->position + i,
				  piece->to + (size_t)i * WB_BLOCK_SIZE))
			continue;
		wb_lock(f->wb);
		if (err != -EIO)
			err = damaged_block(f, piece->position + i);
		wb_unlock(f->wb);
	}
	return err;
}

static void unpin_pieces(struct fetch *f)
{
	struct wb *wb = f->wb;

	wb_lock(wb);
	for (unsigned int i = 0; i < f->nr_pieces; i++) {
		struct fetch_piece *piece = &f->pieces[i];

		if (piece->source == PIECE_LOG)
			segment_slot_at(wb, piece->position)->pins--;
		else if (piece->source == PIECE_BUFFER)
			piece->buffer->pins--;
		if (piece->source == PIECE_LOG || piece->source == PIECE_BACKING)
			read_ended(f, piece);
	}
	if (wb->segments.wanted)
		wb_kick(wb);
	wb_unlock(wb);
}

/* Put the log's part of the pass's only block over what came from the backing. */
static void merge_partial(struct fetch *f)
{
	uint8_t *to = f->to - WB_BLOCK_SIZE;

	for (unsigned int i = 0; i < WB_SECTORS_PER_BLOCK; i++)
		if (f->partial_mask & 1u << i)
			memcpy(to + i * WB_SECTOR_SIZE, f->scratch + i * WB_SECTOR_SIZE,
			       WB_SECTOR_SIZE);
	f->mask = f->log_only ? f->partial_mask : 0xff;
}

static void copy_pieces(struct fetch *f)
{
	for (unsigned int i = 0; i < f->nr_pieces; i++) {
		struct fetch_piece *piece = &f->pieces[i];
		size_t len = (size_t)piece->nr_blocks * WB_BLOCK_SIZE;

		if (piece->source == PIECE_BUFFER)
			memcpy(piece->to, piece->from, len);
		else if (piece->source == PIECE_ZEROS)
			memset(piece->to, 0, len);
	}
}

/* True: the pass is over; otherwise pass_ended follows when the last I/O is done. */
static bool run_pass(struct fetch *f)
{
	wb_lock(f->wb);
	plan_pass(f);
	atomic_store(&f->pending, 1);
	for (unsigned int i = 0; i < f->nr_pieces; i++) {
		struct fetch_piece *piece = &f->pieces[i];

		piece->io.err = 0;
		if (piece->source != PIECE_LOG && piece->source != PIECE_BACKING)
			continue;
		atomic_fetch_add(&f->pending, 1);
		if (piece->source == PIECE_BACKING)
			busy_begin(f->wb, &f->backing->foreground);
		piece->io.owner = f;
		piece->io.done = io_done;
		wb_submit_later(f->wb, piece->source == PIECE_LOG ? f->wb->cache : f->backing->dev,
				&piece->io);
	}
	wb_unlock(f->wb);
	copy_pieces(f);
	return atomic_fetch_sub(&f->pending, 1) == 1;
}

/* What a pass brought: 0, -EAGAIN to do it again, or another error. */
static int finish_pass(struct fetch *f)
{
	int err = atomic_load(&f->err);

	for (unsigned int i = 0; !err && i < f->nr_pieces; i++)
		if (f->pieces[i].source == PIECE_LOG)
			err = check_piece(f, &f->pieces[i]);
	unpin_pieces(f);
	if (!err && f->partial_mask)
		merge_partial(f);
	return err;
}

/* Passes until one has to wait for I/O or all is there. */
static void run_passes(struct fetch *f, bool pass_is_over)
{
	for (;;) {
		uint64_t first;
		uint8_t *to;
		int err;

		if (!pass_is_over)
			return;
		err = finish_pass(f);
		if (err == -EAGAIN && f->nr_pieces) {
			first = f->pieces[0].block;
			to = f->partial_mask ? f->to - WB_BLOCK_SIZE : f->pieces[0].to;
			f->block = first;
			f->to = to;
			f->mask = 0;
			err = 0;
		}
		if (err || f->block == f->end) {
			f->done(f, err);
			return;
		}
		pass_is_over = run_pass(f);
	}
}

static void pass_ended(struct fetch *f)
{
	run_passes(f, true);
}

void fetch_start(struct fetch *f)
{
	assert(f->block < f->end);
	atomic_store(&f->err, 0);
	f->mask = 0;
	f->missed = false;
	run_passes(f, run_pass(f));
}
