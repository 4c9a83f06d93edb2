/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O by a pool of threads with pread, pwrite, fdatasync and fallocate.
 *
 * Threads: NR_THREADS alike, each carries one I/O through all its steps and then calls done.
 * Locks: `lock` protects the queue; held for list operations only, never in I/O or in done.
 */
#include "config.h"

#include "engine/posix/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"

#define NR_THREADS 16

struct pool {
	struct posix_io base;
	pthread_t threads[NR_THREADS]; /* owned by start and stop */
	int nr_threads;		       /* the same */
	atomic_uint nr_busy;	       /* I/Os handed over and not yet carried out */
	pthread_mutex_t lock;
	pthread_cond_t more; /* the queue or `stopping` changed */
	/* protected by lock */
	struct bdev_io *head, **tail; /* waiting, in the order of submission */
	bool stopping;
};

/* This thread, if it is one of a pool. */
static _Thread_local struct {
	const struct pool *pool;
	bool takes_one; /* of what its done has submitted, without being woken for it */
} self;

/* Whether this thread takes it as soon as done has returned. One only: it may take for ever. */
static bool take_myself(const struct pool *pool, const struct bdev_io *io)
{
	if (!io->by_submitter || self.pool != pool || self.takes_one)
		return false;
	self.takes_one = true;
	return true;
}

void threads_carry_out(struct posix_io *base, struct bdev *dev, struct bdev_io *chain)
{
	struct pool *pool = container_of(base, struct pool, base);

	/* A whole chain goes in under one lock, so no done can run while it is walked. */
	LOCK_SCOPE(&pool->lock);
	*pool->tail = chain;
	for (struct bdev_io *io = chain; io; io = io->next) {
		atomic_fetch_add(&pool->nr_busy, 1);
		transfer_begin(dev, io);
		pool->tail = &io->next;
		if (!take_myself(pool, io))
			pthread_cond_signal(&pool->more);
	}
}

bool threads_idle(struct posix_io *base)
{
	return atomic_load(&container_of(base, struct pool, base)->nr_busy) == 0;
}

static void threads_submit(struct bdev *dev, struct bdev_io *chain)
{
	threads_carry_out(posix_device_of(dev)->io, dev, chain);
}

static const struct bdev_ops threads_ops = {
	.submit = threads_submit,
	.wait = posix_io_wait,
	.close = posix_device_close,
};

static int64_t call_system(const struct step *step)
{
	switch (step->kind) {
	case STEP_READ:
		return pread(step->fd, step->buf, step->len, (off_t)step->off);
	case STEP_WRITE:
		return pwrite(step->fd, step->buf, step->len, (off_t)step->off);
	case STEP_READV:
		return preadv(step->fd, step->iov, step->nr_iov, (off_t)step->off);
	case STEP_WRITEV:
		return pwritev(step->fd, step->iov, step->nr_iov, (off_t)step->off);
	case STEP_FLUSH:
		return fdatasync(step->fd);
	case STEP_FALLOCATE:
		return fallocate(step->fd, step->mode, (off_t)step->off, (off_t)step->len);
	}
	errno = EINVAL;
	return -1;
}

static void carry_out(struct bdev_io *io)
{
	struct step step;
	int64_t result;

	do {
		transfer_step(io, &step);
		result = call_system(&step);
		if (result < 0)
			result = -errno;
	} while (!transfer_result(io, result));
}

/* The next I/O, or NULL when the pool stops. Blocks. */
static struct bdev_io *take(struct pool *pool)
{
	struct bdev_io *io;

	LOCK_SCOPE(&pool->lock);
	while (!pool->head && !pool->stopping)
		pthread_cond_wait(&pool->more, &pool->lock);
	io = pool->head;
	if (io) {
		pool->head = io->next;
		if (!pool->head)
			pool->tail = &pool->head;
	}
	return io;
}

static void *thread_main(void *arg)
{
	struct pool *pool = arg;
	struct bdev_io *io;

	posix_thread_is_brief();
	self.pool = pool;
	while ((io = take(pool))) {
		self.takes_one = false;
		carry_out(io);
		atomic_fetch_sub(&pool->nr_busy, 1);
		posix_io_complete(io);
	}
	return NULL;
}

static void threads_stop(struct posix_io *base)
{
	struct pool *pool = container_of(base, struct pool, base);

	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->nr_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
	posix_io_fini(base);
	free(pool);
}

int threads_start(const struct wb_env *env, struct posix_io **io)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	posix_io_init(&pool->base, &threads_ops, env);
	pool->base.stop = threads_stop;
	pool->tail = &pool->head;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	while (pool->nr_threads < NR_THREADS) {
		int err = posix_thread_start(&pool->threads[pool->nr_threads], thread_main, pool,
					     "wbfs-io");

		if (err) {
			threads_stop(&pool->base);
			return err;
		}
		pool->nr_threads++;
	}
	*io = &pool->base;
	return 0;
}
