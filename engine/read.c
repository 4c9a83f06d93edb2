/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads: a fetch of all blocks that the range touches, into the caller's memory. */
#include "config.h"

#include <errno.h>

#include "engine/engine.h"
#include "engine/unit.h"

static void fetched(struct fetch *fetch, int err)
{
	struct wb_status *figures = &fetch->wb->figures;

	request_end(fetch->wb, container_of(fetch, struct request, fetch), err,
		    fetch->missed ? &figures->read_miss_ns : &figures->read_hit_ns);
}

/*
 * What was acknowledged when the read came has to be seen, and can't before it is published. What
 * came later is not waited for: there may always be something.
 */
static bool must_wait(struct wb *wb, const struct request *r)
{
	list_for_each(node, tmp, &wb->early) {
		struct request *early = container_of(node, struct request, early_link);

		if (early->nr_early >= r->nr_early)
			break;
		if (unit_touches(early, r->fetch.backing, r->fetch.block, r->fetch.end))
			return true;
	}
	return false;
}

static void fetch_now(struct work *work)
{
	fetch_start(&container_of(work, struct request, work)->fetch);
}

void read_pump(struct wb *wb)
{
	list_for_each(node, tmp, &wb->reads) {
		struct request *r = container_of(node, struct request, link);

		if (must_wait(wb, r))
			continue;
		list_del(&r->link);
		r->work.fn = fetch_now;
		wb_defer(wb, &r->work);
	}
}

static void prepare_fetch(struct wb *wb, struct wb_io *io)
{
	struct fetch *f = &request_of(io)->fetch;

	f->wb = wb;
	f->backing = io->backing;
	f->block = io->off / WB_BLOCK_SIZE;
	f->end = (io->off + io->len + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
	f->to = io->buf;
	f->scratch = io->pages;
	f->log_only = false;
	f->count = true;
	f->done = fetched;
}

void wb_read(struct wb *wb, struct wb_io *io)
{
	struct request *r = request_of(io);
	bool now = false;

	r->wb = wb;
	r->began = wb_now(wb);
	prepare_fetch(wb, io);
	wb_lock(wb);
	io->backing->figures.nr_reads++;
	io->backing->figures.read_bytes += io->len;
	if (wb->stopping || !io->len) {
		request_answer(wb, r, wb->stopping ? -ESHUTDOWN : 0);
	} else if (!io->backing->entry.id) {
		request_straight(wb, r, BDEV_READ, (uint8_t *)io->buf + io->off % WB_BLOCK_SIZE);
	} else {
		wb->nr_others++;
		r->nr_early = wb->nr_early;
		now = !must_wait(wb, r);
		if (!now)
			list_add_tail(&wb->reads, &r->link);
	}
	wb_unlock(wb);
	if (now)
		fetch_start(&r->fetch);
}
