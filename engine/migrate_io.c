/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O of a migration batch: segments in; backings' blocks in where a piece lacks sectors; zeros
 * and data out; flushes. Issued with the mutex held, from the pump; completions come on the
 * devices' threads.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/migrate_batch.h"

static struct wb_backing *piece_backing(struct wb *wb, const struct piece *piece)
{
	return wb->by_id[piece->key >> 40];
}

static uint64_t piece_block(const struct piece *piece)
{
	return piece->key & ((1ull << 40) - 1);
}

static const char *const op_names[] = {
	[BDEV_READ] = "read",
	[BDEV_WRITE] = "write",
	[BDEV_FLUSH] = "flush",
	[BDEV_ZERO] = "zero",
};

static void io_failed(struct batch *b, struct batch_io *bio)
{
	struct wb *wb = b->wb;

	b->err = bio->io.err;
	if (bio->backing)
		bio->backing->nr_errors++;
	wb_degrade(wb, "%s: %s %llu bytes at byte %llu for migration: error %d",
		   bio->backing ? bio->backing->dev->path : wb->cache->path, op_names[bio->io.op],
		   (unsigned long long)bio->io.len, (unsigned long long)bio->io.off, -bio->io.err);
}

static void io_done(struct bdev_io *io)
{
	struct batch_io *bio = io->owner;
	struct wb *wb = bio->wb;
	struct batch *b = wb->batch;

	wb_lock(wb);
	bio->busy = false;
	b->in_flight--;
	if (io->err)
		io_failed(b, bio);
	else if (io->op == BDEV_WRITE)
		bio->backing->migrated_bytes += io->len;
	wb_kick(wb);
	wb_unlock(wb);
}

static void submit(struct batch *b, struct batch_io *bio, struct bdev *dev)
{
	bio->busy = true;
	bio->io.owner = bio;
	if (!bio->io.done)
		bio->io.done = io_done;
	b->in_flight++;
	wb_submit_later(b->wb, dev, &bio->io);
}

static void copy_segment(struct work *work)
{
	struct batch_io *bio = container_of(work, struct batch_io, work);
	struct batch_segment *s = bio->segment;
	size_t off = (size_t)s->from * WB_BLOCK_SIZE;

	memcpy(s->memory + off, bio->buffer->memory + off,
	       (size_t)(s->to - s->from) * WB_BLOCK_SIZE);
	wb_lock(bio->wb);
	bio->buffer->pins--;
	bio->busy = false;
	bio->wb->batch->in_flight--;
	wb_kick(bio->wb);
	wb_unlock(bio->wb);
}

static void read_segment(struct wb *wb, struct batch_io *bio, struct batch_segment *s)
{
	struct slot *slot = segment_slot(wb, s->segment);

	bio->segment = s;
	bio->backing = NULL;
	if (slot->buffer) {
		bio->buffer = slot->buffer;
		bio->buffer->pins++;
		bio->busy = true;
		bio->work.fn = copy_segment;
		wb->batch->in_flight++;
		wb_defer(wb, &bio->work);
		return;
	}
	bdev_io_init(&bio->io, BDEV_READ,
		     layout_offset(layout_position(&wb->layout, s->segment, s->from)),
		     s->memory + (size_t)s->from * WB_BLOCK_SIZE,
		     (uint64_t)(s->to - s->from) * WB_BLOCK_SIZE);
	submit(wb->batch, bio, wb->cache);
}

bool migrate_read_next(struct wb *wb, struct batch_io *bio)
{
	struct batch *b = wb->batch;

	if (b->cursor == b->nr_segments)
		return false;
	read_segment(wb, bio, &b->segments[b->cursor++]);
	return true;
}

/*
 * Backings of the batch that are not there stop it before anything is written. So does one whose
 * attaching is not durable: the table still has a sample of what it held before.
 */
static bool usable(struct wb *wb, struct wb_backing *backing)
{
	struct batch *b = wb->batch;

	if (backing && backing->dev && backing->attached > wb->super.done) {
		b->err = -EAGAIN;
		return false;
	}
	if (backing && backing->dev && !backing->dev->read_only)
		return true;
	b->err = -ENODEV;
	wb_degrade(wb, "%s: migrate: %s", backing ? backing->entry.name : "unknown backing",
		   backing && backing->dev ? "the backing is read-only" : "the backing is missing");
	return false;
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

bool migrate_fill_next(struct wb *wb, struct batch_io *bio)
{
	struct batch *b = wb->batch;

	for (; b->cursor < b->pieces.nr; b->cursor++) {
		struct piece *piece = &b->pieces.pieces[b->cursor];
		struct wb_backing *backing = piece_backing(wb, piece);
		uint64_t off = piece_block(piece) * WB_BLOCK_SIZE;

		if (!usable(wb, backing))
			return false;
		if (piece->mask == 0xff)
			continue;
		bio->piece = piece;
		bio->backing = backing;
		bdev_io_init(&bio->io, BDEV_READ, off, bio->scratch,
			     backing_block_end(backing, piece_block(piece)) - off);
		bio->io.done = fill_done;
		submit(b, bio, backing->dev);
		b->cursor++;
		return true;
	}
	return false;
}

bool migrate_zero_next(struct wb *wb, struct batch_io *bio)
{
	struct batch *b = wb->batch;
	struct zeros_extent *z;
	uint64_t first, end;

	if (b->cursor == b->pieces.zeros.nr)
		return false;
	z = &b->pieces.zeros.extents[b->cursor];
	bio->backing = wb->by_id[z->first >> 40];
	if (!usable(wb, bio->backing))
		return false;
	first = z->first & ((1ull << 40) - 1);
	end = first + (z->end - z->first);
	bdev_io_init(&bio->io, BDEV_ZERO, first * WB_BLOCK_SIZE, NULL,
		     backing_block_end(bio->backing, end - 1) - first * WB_BLOCK_SIZE);
	bio->backing->to_flush = true;
	submit(b, bio, bio->backing->dev);
	b->cursor++;
	return true;
}

/* Neighbours go out in one write. */
bool migrate_write_next(struct wb *wb, struct batch_io *bio)
{
	struct batch *b = wb->batch;
	struct piece *first = &b->pieces.pieces[b->cursor];
	uint64_t block, end;
	int nr = 0;

	if (b->cursor == b->pieces.nr)
		return false;
	block = piece_block(first);
	bio->backing = piece_backing(wb, first);
	while (b->cursor + (uint32_t)nr < b->pieces.nr && nr < (int)RUN_BLOCKS &&
	       first[nr].key == first->key + (uint64_t)nr) {
		bio->iov[nr] = (struct iovec){first[nr].data, WB_BLOCK_SIZE};
		nr++;
	}
	end = backing_block_end(bio->backing, block + (uint64_t)nr - 1);
	bio->iov[nr - 1].iov_len = end - (block + (uint64_t)nr - 1) * WB_BLOCK_SIZE;
	bdev_io_init(&bio->io, BDEV_WRITE, block * WB_BLOCK_SIZE, NULL,
		     end - block * WB_BLOCK_SIZE);
	bio->io.iov = bio->iov;
	bio->io.nr_iov = nr;
	bio->backing->to_flush = true;
	submit(b, bio, bio->backing->dev);
	b->cursor += (uint32_t)nr;
	return true;
}

bool migrate_flush_next(struct wb *wb, struct batch_io *bio)
{
	struct batch *b = wb->batch;

	for (; b->cursor <= WB_MAX_TABLE; b->cursor++) {
		struct wb_backing *backing = wb->by_id[b->cursor];

		if (!backing || !backing->to_flush)
			continue;
		bio->backing = backing;
		bdev_io_init(&bio->io, BDEV_FLUSH, 0, NULL, 0);
		submit(b, bio, backing->dev);
		b->cursor++;
		return true;
	}
	return false;
}
