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

void wb_read(struct wb *wb, struct wb_io *io)
{
	bool cached = io->backing->entry.id;
	uint64_t len =
		io->len; /* the I/O of one that isn't cached may be done, and its memory gone */
	struct request *r = request_of(io);
	int err;

	r->wb = wb;
	r->began = wb_now(wb);
	wb_lock(wb);
	err = request_enter(wb);
	io->backing->figures.nr_reads++;
	io->backing->figures.read_bytes += len;
	if (!err && len && !cached)
		request_straight(wb, io, BDEV_READ, (uint8_t *)io->buf + io->off % WB_BLOCK_SIZE);
	wb_unlock(wb);
	if (err) {
		io->done(io, err);
		return;
	}
	if (!len) {
		request_end(wb, io, 0, NULL);
		return;
	}
	if (!cached)
		return;
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
