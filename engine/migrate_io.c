/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O of a migration batch: blocks in from the log; the backing's blocks in where a piece lacks
 * sectors; zeros and data out; a flush. Issued with the mutex held, from the pump; completions come
 * on the devices' threads.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/migrate_batch.h"

#define YIELD (3 * NS_PER_MS)	       /* after a request that read from the backing */
#define LONGEST_YIELD (50 * NS_PER_MS) /* without any I/O of a batch */
#define RECENTLY (500 * NS_PER_MS)

static void io_failed(struct batch *b, struct batch_io *bio)
{
	struct wb *wb = b->wb;

	b->err = bio->io.err;
	b->cache_err = bio->io.dev == wb->cache;
	if (b->cache_err) {
		wb->figures.nr_read_errors++;
		health_io_failed(wb, NULL, CAUSE_MIGRATION, WB_DEGRADED, &bio->io);
	} else {
		backing_batch_io_failed(wb, b->backing, &bio->io);
	}
}

static void count_write(struct batch *b, const struct batch_io *bio)
{
	struct wb_backing_info *own = &b->backing->figures;
	struct wb_status *total = &b->wb->figures;
	uint64_t now = wb_now(b->wb);
	uint64_t took = now - bio->submitted;

	own->migrated_bytes += bio->io.len;
	total->migrated_bytes += bio->io.len;
	rate_add(&b->backing->migration_rate, now, bio->io.len);
	rate_add(&b->wb->migration_rate, now, bio->io.len);
	histogram_add(&own->migration_bytes, bio->io.len);
	histogram_add(&total->migration_bytes, bio->io.len);
	histogram_add(&own->migration_ns, took);
	histogram_add(&total->migration_ns, took);
}

static void io_done(struct bdev_io *io)
{
	struct batch_io *bio = io->owner;
	struct batch *b = bio->batch;
	struct wb *wb = b->wb;

	wb_lock(wb);
	bio->busy = false;
	b->in_flight--;
	busy_end(wb, &b->backing->migration);
	if (io->err)
		io_failed(b, bio);
	else if (io->op == BDEV_WRITE)
		count_write(b, bio);
	wb_kick(wb);
	wb_unlock(wb);
}

static void submit(struct batch *b, struct batch_io *bio, struct bdev *dev)
{
	bio->busy = true;
	bio->io.owner = bio;
	if (!bio->io.done)
		bio->io.done = io_done;
	bio->submitted = b->submitted_at = wb_now(b->wb);
	busy_begin(b->wb, &b->backing->migration);
	b->in_flight++;
	wb_submit_later(b->wb, dev, &bio->io);
}

static void copy_from_buffer(struct work *work)
{
	struct batch_io *bio = container_of(work, struct batch_io, work);
	struct batch *b = bio->batch;

	memcpy(bio->to, bio->from, bio->len);
	wb_lock(b->wb);
	bio->buffer->pins--;
	bio->busy = false;
	b->in_flight--;
	wb_kick(b->wb);
	wb_unlock(b->wb);
}

/*
 * Read blocks that follow each other in a segment. No pins: slots are not reused before *migrated*.
 */
static void read_run(struct batch *b, struct batch_io *bio, const struct piece *first,
		     uint32_t nr_blocks)
{
	struct wb *wb = b->wb;
	struct slot *slot = segment_slot_at(wb, first->position);

	bio->to = first->data;
	bio->len = (size_t)nr_blocks * WB_BLOCK_SIZE;
	if (slot->buffer) {
		bio->buffer = slot->buffer;
		bio->buffer->pins++;
		bio->from = segment_memory(wb, slot->buffer,
					   first->position % wb->layout.segment_blocks);
		bio->busy = true;
		bio->work.fn = copy_from_buffer;
		b->in_flight++;
		wb_defer(wb, &bio->work);
		return;
	}
	bdev_io_init(&bio->io, BDEV_READ, layout_offset(first->position), bio->to, bio->len);
	submit(b, bio, wb->cache);
}

bool migrate_read_next(struct batch *b, struct batch_io *bio)
{
	const struct piece *first = &b->pieces.pieces[b->cursor], *last = first;
	uint32_t segment_blocks = b->wb->layout.segment_blocks;

	if (b->cursor == b->pieces.nr)
		return false;
	while (++b->cursor < b->pieces.nr) {
		const struct piece *next = &b->pieces.pieces[b->cursor];

		if (next->position / segment_blocks != first->position / segment_blocks ||
		    next->position - last->position > READ_GAP)
			break;
		last = next;
	}
	read_run(b, bio, first, last->position - first->position + 1);
	return true;
}

static void fill_done(struct bdev_io *io)
{
	struct batch_io *bio = io->owner;
	struct piece *piece = bio->piece;

	for (unsigned int i = 0; !io->err && i < WB_SECTORS_PER_BLOCK; i++)
		if (!(piece->mask & 1u << i))
			memcpy(piece->data + i * WB_SECTOR_SIZE, bio->scratch + i * WB_SECTOR_SIZE,
			       WB_SECTOR_SIZE);
	if (!io->err)
		piece->mask = 0xff;
	io_done(io);
}

bool migrate_fill_next(struct batch *b, struct batch_io *bio)
{
	for (; b->cursor < b->pieces.nr; b->cursor++) {
		struct piece *piece = &b->pieces.pieces[b->cursor];
		uint64_t off = piece->block * WB_BLOCK_SIZE;

		if (piece->mask == 0xff)
			continue;
		bio->piece = piece;
		bdev_io_init(&bio->io, BDEV_READ, off, bio->scratch,
			     backing_block_end(b->backing, piece->block) - off);
		bio->io.done = fill_done;
		submit(b, bio, b->backing->dev);
		b->cursor++;
		return true;
	}
	return false;
}

bool migrate_zero_next(struct batch *b, struct batch_io *bio)
{
	const struct zeros *zeros = &b->pieces.zeros;

	for (; b->cursor < zeros->nr; b->cursor++) {
		const struct zeros_extent *z = &zeros->extents[b->cursor];
		uint64_t first = z->first & ((1ull << 40) - 1);
		uint64_t end = first + (z->end - z->first);

		if (z->poison)
			continue;
		bdev_io_init(&bio->io, BDEV_ZERO, first * WB_BLOCK_SIZE, NULL,
			     backing_block_end(b->backing, end - 1) - first * WB_BLOCK_SIZE);
		b->backing->to_flush = true;
		submit(b, bio, b->backing->dev);
		b->cursor++;
		return true;
	}
	return false;
}

/* Neighbours go out in one write. */
bool migrate_write_next(struct batch *b, struct batch_io *bio)
{
	const struct piece *first = &b->pieces.pieces[b->cursor];
	uint32_t nr = 0;
	uint64_t end, last;

	if (b->cursor == b->pieces.nr)
		return false;
	while (b->cursor + nr < b->pieces.nr && nr < RUN_BLOCKS &&
	       first[nr].block == first->block + nr) {
		bio->iov[nr] = (struct iovec){first[nr].data, WB_BLOCK_SIZE};
		nr++;
	}
	last = first->block + nr - 1;
	end = backing_block_end(b->backing, last);
	bio->iov[nr - 1].iov_len = end - last * WB_BLOCK_SIZE;
	bdev_io_init(&bio->io, BDEV_WRITE, first->block * WB_BLOCK_SIZE, NULL,
		     end - first->block * WB_BLOCK_SIZE);
	bio->io.iov = bio->iov;
	bio->io.nr_iov = (int)nr;
	b->backing->to_flush = true;
	submit(b, bio, b->backing->dev);
	b->cursor += nr;
	return true;
}

bool migrate_flush_next(struct batch *b, struct batch_io *bio)
{
	if (b->cursor++ || !b->backing->to_flush)
		return false;
	bdev_io_init(&bio->io, BDEV_FLUSH, 0, NULL, 0);
	submit(b, bio, b->backing->dev);
	return true;
}

void migrate_count_batch(struct batch *b)
{
	struct wb_backing_info *own = &b->backing->figures;
	struct wb_status *total = &b->wb->figures;
	uint64_t took = wb_now(b->wb) - b->begun_at;

	own->nr_batches++;
	total->nr_batches++;
	own->nr_migrated_blocks += b->pieces.nr;
	total->nr_migrated_blocks += b->pieces.nr;
	own->nr_superseded_blocks += b->pieces.nr_superseded;
	total->nr_superseded_blocks += b->pieces.nr_superseded;
	histogram_add(&own->batch_ns, took);
	histogram_add(&total->batch_ns, took);
}

unsigned int migrate_most_in_flight(const struct batch *b)
{
	const struct busy_time *requests = &b->backing->foreground;
	uint64_t now = wb_now(b->wb);
	uint64_t until = b->submitted_at + LONGEST_YIELD;

	if (b->state == BATCH_READING)
		return waiter_first(b->wb, WAIT_DURABLE) ? 1 : MIGRATE_IOS;
	if (!requests->nr && (!requests->ended || now >= requests->ended + RECENTLY))
		return b->backing->busy && !backing_is_urgent(b->wb, b->backing) ? 1 : MIGRATE_IOS;
	if (backing_is_urgent(b->wb, b->backing))
		return 1;
	if (!requests->nr)
		until = min_u64(until, requests->ended + YIELD);
	if (now >= until)
		return 1;
	wb_wake_at(b->wb, until);
	return 0;
}
