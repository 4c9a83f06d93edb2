/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two ways to carry out I/O, uring.c and threads.c, have in common. Private to
 * engine/posix/.
 *
 * An I/O is carried out as a sequence of steps, each a single system call or io_uring request:
 * transfer_step says what to do next, transfer_result takes what came of it. Between the two the
 * I/O belongs to one thread, or to the kernel.
 */
#ifndef WB_POSIX_IO_H
#define WB_POSIX_IO_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "engine/bdev.h"
#include "engine/posix/device.h"
#include "engine/util.h"

struct posix_io {
	/* const after start */
	const struct bdev_ops *ops; /* for the devices that use it */
	const struct wb_env *env;
	void (*stop)(struct posix_io *io); /* ends the threads, frees the whole */
	/* posix_io_wait and posix_io_complete */
	pthread_mutex_t wait_lock; /* innermost: nothing else is locked under it */
	pthread_cond_t wait_cond;  /* some io->completed became true */
};

/* How to make a range read as zeros, best first. Each falls back to the next. */
enum zero_method {
	ZERO_BY_PUNCH, /* gives the space back */
	ZERO_BY_RANGE,
	ZERO_BY_WRITE,
};

struct posix_device {
	struct bdev bdev;
	/* const after open, but for device_grow and device_exchange */
	struct posix_io *io;
	int fd;
	bool is_block;
	dev_t rdev; /* of a block device, else 0 */
	dev_t dev;  /* of the file system that has the file or node */
	ino_t ino;
	char *path;
	/* the first method not yet known to be refused; only grows */
	_Atomic enum zero_method zero_method;
};

static inline struct posix_device *posix_device_of(const struct bdev *dev)
{
	return container_of(dev, struct posix_device, bdev);
}

/* The same, also of a simulated device over it. */
const struct posix_device *posix_device_under(const struct bdev *dev);

/* Set up and tear down the fields above. */
void posix_io_init(struct posix_io *io, const struct bdev_ops *ops, const struct wb_env *env);
void posix_io_fini(struct posix_io *io);

/* One message to env->log. Keeps errno. */
void posix_log(const struct wb_env *env, enum wb_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Report an I/O: done, or wake who waits. The last touch; no lock held. */
void posix_io_complete(struct bdev_io *io);

/* bdev_ops.wait and bdev_ops.close for both. */
void posix_io_wait(struct bdev *dev, struct bdev_io *io);
void posix_device_close(struct bdev *dev);

/* 0 or -errno; the reason is logged by the caller. */
int uring_start(const struct wb_env *env, struct posix_io **io) WB_CHECK;
int threads_start(const struct wb_env *env, struct posix_io **io) WB_CHECK;

/* Give a pool of threads I/Os of any device, as with bdev_ops.submit. */
void threads_carry_out(struct posix_io *io, struct bdev *dev, struct bdev_io *chain);

/*
 * Whether this thread, one of the pool or a volunteer, will carry out an I/O itself, with nothing
 * else in the pool; then it is submitted.
 */
bool threads_take_lone(struct posix_io *io, struct bdev *dev, struct bdev_io *bio) WB_CHECK;

/* The longest I/O that doesn't keep a volunteer from other things, bytes. */
#define POSIX_LONE_MAX (64u * 1024)

/* Whether all that it was given has been carried out; done may still be running. */
bool threads_idle(struct posix_io *io);

/*
 * The calling thread runs for some microseconds at a time, and others wait for what it does next:
 * let the scheduler (of Linux 6.12 or newer) run it as soon as it wakes up. Best effort.
 */
void posix_thread_is_brief(void);

/* A thread without signals, which are the host's business. 0 or -errno. */
int posix_thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg, const char *name)
	WB_CHECK;

enum step_kind { STEP_READ, STEP_WRITE, STEP_READV, STEP_WRITEV, STEP_FLUSH, STEP_FALLOCATE };

struct step {
	enum step_kind kind;
	int fd;
	uint64_t off;
	uint64_t len;		 /* not for STEP_FLUSH; for the vectors their sum or more */
	void *buf;		 /* STEP_READ, STEP_WRITE */
	const struct iovec *iov; /* STEP_READV, STEP_WRITEV */
	int nr_iov;
	int mode; /* STEP_FALLOCATE */
};

/* A submitted I/O, before its first step. */
void transfer_begin(struct bdev *dev, struct bdev_io *io);

/* What to do next for an I/O that isn't finished. */
void transfer_step(struct bdev_io *io, struct step *step);

/*
 * Take the result of the last step: bytes, 0, or -errno. True if the I/O is finished, with err
 * set; otherwise ask transfer_step what to do next.
 */
bool transfer_result(struct bdev_io *io, int64_t result);

#endif
