/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices as the engine sees them: asynchronous reads, writes, flushes and zeroing of byte
 * ranges. Implemented on files and block devices by engine/posix/, and in memory by tests/simdev.
 *
 * A bdev promises what a disk with a volatile write cache promises: a completed write is visible to
 * later reads, and survives a power cut only after a flush that was submitted after the write had
 * completed has completed without an error. A failed flush promises nothing about any write since
 * the last good one.
 */
#ifndef WB_BDEV_H
#define WB_BDEV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum bdev_op {
	BDEV_READ,
	BDEV_WRITE,
	BDEV_FLUSH, /* off and len are 0 */
	BDEV_ZERO,  /* the range reads as zeros afterwards */
	/*
	 * What is in the range is needed no more; it may read as anything afterwards. -EOPNOTSUPP
	 * if the device has no use for that.
	 */
	BDEV_DISCARD,
};
#define BDEV_NR_OPS (BDEV_DISCARD + 1)

struct bdev;

/*
 * One I/O. The submitter owns the memory, fills the first group of fields, and may not touch any
 * of it until the I/O is done. off, len and the lengths in iov are multiples of
 * bdev.logical_block_size, their addresses are aligned to bdev.memory_align; the range lies inside
 * the device. All of len is transferred or the I/O fails: short transfers are the bdev's business.
 */
struct bdev_io {
	enum bdev_op op;
	uint64_t off; /* bytes */
	uint64_t len; /* bytes */
	struct iovec *iov;
	int nr_iov;
	/*
	 * Called exactly once when the I/O is complete, with err set, on a thread of the bdev, with
	 * no lock held that submit takes. NULL for an I/O that somebody waits for with bdev_wait.
	 */
	void (*done)(struct bdev_io *io);
	void *owner; /* for done */
	/*
	 * The thread that submits it has nothing else to do soon, and if it is one of the bdev, in
	 * done, or one that offers that, it may carry it out itself: that saves waking another.
	 */
	bool by_submitter;
	struct bdev_io *next; /* chains what is submitted together; the bdev's while in flight */

	int err; /* result: 0 or -errno */

	/* the bdev's, from submit to done */
	struct bdev *dev;
	uint64_t progress; /* bytes transferred so far */
	struct iovec one;  /* room for the commonest iov */
	bool completed;	   /* protected by the bdev; for bdev_wait */
};

struct bdev_ops {
	/*
	 * Start the I/Os of a chain (linked by next, NULL-terminated). Never fails, never calls
	 * done before it returns, does not wait for I/O. Any thread.
	 */
	void (*submit)(struct bdev *dev, struct bdev_io *chain);
	/* Block until an I/O that was submitted with done == NULL is complete. */
	void (*wait)(struct bdev *dev, struct bdev_io *io);
	/* Free the device. Nothing is in flight. */
	void (*close)(struct bdev *dev);
};

/* All fields are const after open; the host may let size grow. */
struct bdev {
	const struct bdev_ops *ops;
	uint64_t size;		     /* bytes, a multiple of 512 */
	uint32_t logical_block_size; /* 1 (any byte range will do) or 512..4096 */
	uint32_t memory_align;
	bool read_only;
	const char *path; /* for messages */
};

/* Prepare an I/O with one buffer. owner and done as in struct bdev_io. */
void bdev_io_init(struct bdev_io *io, enum bdev_op op, uint64_t off, void *buf, uint64_t len);

/* Start one I/O; io->next is ignored. */
void bdev_submit(struct bdev *dev, struct bdev_io *io);

/* Submit with done == NULL and block until complete. Only for opening, formatting and closing. */
int bdev_run(struct bdev *dev, struct bdev_io *io) __attribute__((warn_unused_result));

/* Blocking forms of bdev_run for one buffer. 0 or -errno. */
int bdev_read(struct bdev *dev, uint64_t off, void *buf, uint64_t len)
	__attribute__((warn_unused_result));
int bdev_write(struct bdev *dev, uint64_t off, void *buf, uint64_t len)
	__attribute__((warn_unused_result));
int bdev_flush(struct bdev *dev) __attribute__((warn_unused_result));

void bdev_close(struct bdev *dev);

#endif
