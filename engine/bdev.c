/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/bdev.h"

#include <stddef.h>

void bdev_io_init(struct bdev_io *io, enum bdev_op op, uint64_t off, void *buf, uint64_t len)
{
	*io = (struct bdev_io){.op = op, .off = off, .len = len};
	io->one = (struct iovec){.iov_base = buf, .iov_len = len};
	io->iov = &io->one;
	io->nr_iov = buf ? 1 : 0;
}

void bdev_submit(struct bdev *dev, struct bdev_io *io)
{
	io->next = NULL;
	dev->ops->submit(dev, io);
}

int bdev_run(struct bdev *dev, struct bdev_io *io)
{
	io->done = NULL;
	bdev_submit(dev, io);
	dev->ops->wait(dev, io);
	return io->err;
}

int bdev_read(struct bdev *dev, uint64_t off, void *buf, uint64_t len)
{
	struct bdev_io io;

	bdev_io_init(&io, BDEV_READ, off, buf, len);
	return bdev_run(dev, &io);
}

int bdev_write(struct bdev *dev, uint64_t off, void *buf, uint64_t len)
{
	struct bdev_io io;

	bdev_io_init(&io, BDEV_WRITE, off, buf, len);
	return bdev_run(dev, &io);
}

int bdev_flush(struct bdev *dev)
{
	struct bdev_io io;

	bdev_io_init(&io, BDEV_FLUSH, 0, NULL, 0);
	return bdev_run(dev, &io);
}

void bdev_close(struct bdev *dev)
{
	if (dev)
		dev->ops->close(dev);
}
