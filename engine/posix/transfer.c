/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An I/O as a sequence of system calls: goes on after short transfers, repeats interrupted ones,
 * zeroes by whatever the device supports. Called on the submitter's thread at first, then on the
 * I/O threads; an I/O is in one pair of hands at a time, so nothing here needs a lock.
 */
#include "config.h"

#include "engine/posix/io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

/* Well below what one call moves (2 GiB less a page) and what io_uring can count. */
#define STEP_MAX (1024u * 1024 * 1024)

/*
 * What is written where zeroing isn't supported. Never touched, so it is the kernel's zero page
 * all over and costs no memory; not const, or it would be a megabyte of the program file.
 */
#define ZEROS_LEN (1024u * 1024)
static uint8_t zeros[ZEROS_LEN] __attribute__((aligned(4096)));

/* The method of the step in flight. A BDEV_ZERO has no buffers, so its `one` is free for this. */
static enum zero_method method_in_flight(const struct bdev_io *io)
{
	return (enum zero_method)io->one.iov_len;
}

void transfer_begin(struct bdev *dev, struct bdev_io *io)
{
	assert(io->op == BDEV_FLUSH || io->len > 0);
	io->dev = dev;
	io->progress = 0;
	io->err = 0;
	io->completed = false;
}

static void zero_step(struct bdev_io *io, struct step *step)
{
	enum zero_method method = atomic_load(&posix_device_of(io->dev)->zero_method);

	io->one.iov_len = method;
	switch (method) {
	case ZERO_BY_PUNCH:
		step->kind = STEP_FALLOCATE;
		step->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		break;
	case ZERO_BY_RANGE:
		step->kind = STEP_FALLOCATE;
		step->mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
		break;
	case ZERO_BY_WRITE:
		step->kind = STEP_WRITE;
		step->buf = zeros;
		step->len = min_u64(step->len, ZEROS_LEN);
		break;
	}
}

/*
 * From the middle of an iovec on alone, else as many as the system takes. The submitter's iov is
 * never changed: it may want to repeat the I/O.
 */
static void data_step(struct bdev_io *io, struct step *step)
{
	bool is_read = io->op == BDEV_READ;
	uint64_t skip = io->progress;
	int i = 0;

	while (skip >= io->iov[i].iov_len)
		skip -= io->iov[i++].iov_len;
	if (skip == 0 && i + 1 < io->nr_iov) {
		step->kind = is_read ? STEP_READV : STEP_WRITEV;
		step->iov = &io->iov[i];
		step->nr_iov = io->nr_iov - i < IOV_MAX ? io->nr_iov - i : IOV_MAX;
		return;
	}
	step->kind = is_read ? STEP_READ : STEP_WRITE;
	step->buf = (char *)io->iov[i].iov_base + skip;
	step->len = min_u64(io->iov[i].iov_len - skip, STEP_MAX);
}

void transfer_step(struct bdev_io *io, struct step *step)
{
	*step = (struct step){
		.kind = STEP_FLUSH,
		.fd = posix_device_of(io->dev)->fd,
		.off = io->off + io->progress,
		.len = io->len - io->progress,
	};
	switch (io->op) {
	case BDEV_READ:
	case BDEV_WRITE:
		data_step(io, step);
		break;
	case BDEV_FLUSH:
		break;
	case BDEV_ZERO:
		zero_step(io, step);
		break;
	case BDEV_DISCARD:
		step->kind = STEP_FALLOCATE;
		step->mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
		break;
	}
}

/* True if a result only says: try again. */
static bool is_passing(int64_t result)
{
	/*
	 * Nobody cancels our requests, but when a thread ends, io_uring cancels what that thread
	 * had submitted and the kernel hadn't begun.
	 */
	return result == -EAGAIN || result == -EINTR || result == -ECANCELED;
}

/* Zeroing was refused: true if there is another method, which later I/Os then use at once. */
static bool fall_back(struct bdev_io *io, int64_t result)
{
	struct posix_device *device = posix_device_of(io->dev);
	enum zero_method method = method_in_flight(io);

	if (method == ZERO_BY_WRITE)
		return false;
	if (result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL)
		return false;
	/* If it isn't `method` any more, another I/O has been here. */
	atomic_compare_exchange_strong(&device->zero_method, &method, method + 1);
	return true;
}

static bool finish(struct bdev_io *io, int err)
{
	io->err = err;
	return true;
}

/* Count what was transferred. */
static bool advance(struct bdev_io *io, int64_t result)
{
	uint32_t unit = io->dev->logical_block_size;
	uint64_t before = io->progress;

	/* Direct I/O can go on only where a block begins. */
	io->progress = round_down_u64(before + (uint64_t)result, unit);
	if (io->progress >= io->len)
		return finish(io, 0);
	/* Nothing moved: the end of a file that was cut off, or a device that is gone. */
	return io->progress == before ? finish(io, -EIO) : false;
}

bool transfer_result(struct bdev_io *io, int64_t result)
{
	if (is_passing(result))
		return false;
	if (result < 0)
		return io->op == BDEV_ZERO && fall_back(io, result) ? false
								    : finish(io, (int)result);
	switch (io->op) {
	case BDEV_FLUSH:
	case BDEV_DISCARD:
		return finish(io, 0);
	case BDEV_ZERO:
		if (method_in_flight(io) != ZERO_BY_WRITE)
			return finish(io, 0);
		return advance(io, result);
	case BDEV_READ:
	case BDEV_WRITE:
		return advance(io, result);
	}
	return finish(io, -EIO);
}
