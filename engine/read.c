/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads: a fetch of all blocks that the range touches, into the caller's memory. */
#include "config.h"

#include <errno.h>

#include "engine/engine.h"

static void fetched(struct fetch *fetch, int err)
{
	struct wb_status *figures = &fetch->wb->figures;

	request_end(fetch->wb, io_of(container_of(fetch, struct request, fetch)), err,
		    fetch->missed ? &figures->read_miss_ns : &figures->read_hit_ns);
}

static void straight_done(struct bdev_io *bio)
{
	request_end_straight(bio->owner, bio);
}

static void read_straight(struct wb_io *io)
{
	struct request *r = request_of(io);

	bdev_io_init(&r->io, BDEV_READ, io->off, (uint8_t *)io->buf + io->off % WB_BLOCK_SIZE,
		     io->len);
	r->io.owner = io;
	r->io.done = straight_done;
	bdev_submit(io->backing->dev, &r->io);
}

void wb_read(struct wb *wb, struct wb_io *io)
{
	struct request *r = request_of(io);
	int err;

	r->wb = wb;
	r->began = wb_now(wb);
	wb_lock(wb);
	err = request_enter(wb);
	io->backing->figures.nr_reads++;
	io->backing->figures.read_bytes += io->len;
	wb_unlock(wb);
	if (err) {
		io->done(io, err);
		return;
	}
	if (!io->len) {
		request_end(wb, io, 0, NULL);
		return;
	}
	if (!io->backing->entry.id) {
		read_straight(io);
		return;
	}
	r->fetch.wb = wb;
	r->fetch.backing = io->backing;
	r->fetch.block = io->off / WB_BLOCK_SIZE;
	r->fetch.end = (io->off + io->len + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
	r->fetch.to = io->buf;
	r->fetch.scratch = io->pages;
	r->fetch.log_only = false;
	r->fetch.count = true;
	r->fetch.done = fetched;
	fetch_start(&r->fetch);
}
