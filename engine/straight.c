/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of a backing that is not cached: straight to its device. */
#include "config.h"

#include "engine/engine.h"

static void submit(struct work *work)
{
	struct request *r = container_of(work, struct request, work);

	bdev_submit(io_of(r)->backing->dev, &r->io);
}

static void done(struct bdev_io *bio)
{
	struct wb_io *io = bio->owner;
	struct wb *wb = request_of(io)->wb;
	bool written = bio->op == BDEV_WRITE || bio->op == BDEV_ZERO;

	wb_lock(wb);
	backing_request_io(wb, io->backing, bio);
	wb_unlock(wb);
	if (bio->err || !written || !(io->flags & WB_IO_DSYNC)) {
		request_end(wb, request_of(io), bio->err, NULL);
		return;
	}
	bdev_io_init(bio, BDEV_FLUSH, 0, NULL, 0);
	bio->owner = io;
	bio->done = done;
	bdev_submit(io->backing->dev, bio);
}

void request_straight(struct wb *wb, struct request *r, enum bdev_op op, void *buf)
{
	struct wb_io *io = io_of(r);
	bool flush = op == BDEV_FLUSH;

	bdev_io_init(&r->io, op, flush ? 0 : io->off, buf, flush ? 0 : io->len);
	r->io.owner = io;
	r->io.done = done;
	r->work.fn = submit;
	wb->nr_others++;
	wb_defer(wb, &r->work);
}
