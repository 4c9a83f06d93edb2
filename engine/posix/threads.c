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

/* What this thread takes for itself to carry out, without another being woken. */
static _Thread_local struct {
	const struct pool *pool; /* that it is one of */
	bool volunteers;
	bool carrying_out;	    /* a volunteer: it has left what it does otherwise */
	const struct bdev *written; /* the same: what it has just taken is a write to that */
	struct bdev_io *taken;	    /* one only: it may take for ever */
	struct pool *taken_from;
} self;

static void take(struct pool *pool, struct bdev *dev, struct bdev_io *io)
{
	atomic_fetch_add(&pool->nr_busy, 1);
	transfer_begin(dev, io);
	self.taken = io;
	self.taken_from = pool;
	self.written = io->op == BDEV_WRITE ? dev : NULL;
}

/* A volunteer returns to other things after a short I/O, and the flush that makes it durable. */
static bool volunteer_may_take(const struct bdev *dev, const struct bdev_io *io)
{
	if (self.carrying_out)
		return io->op == BDEV_FLUSH && self.written == dev;
	return (io->op == BDEV_READ || io->op == BDEV_WRITE || io->op == BDEV_FLUSH) &&
	       io->len <= POSIX_LONE_MAX;
}

bool threads_take_lone(struct posix_io *base, struct bdev *dev, struct bdev_io *io)
{
	struct pool *pool = container_of(base, struct pool, base);

	if (io->next || !io->by_submitter || self.taken || !threads_idle(base))
		return false;
	if (self.pool != pool && !(self.volunteers && volunteer_may_take(dev, io)))
		return false;
	take(pool, dev, io);
	return true;
}

void threads_carry_out(struct posix_io *base, struct bdev *dev, struct bdev_io *chain)
{
	struct pool *pool = container_of(base, struct pool, base);
	struct bdev_io *next = chain->next;

	/* A thread of the pool goes on with what its done submits. */
	if (self.pool == pool && chain->by_submitter && !self.taken) {
		take(pool, dev, chain);
		chain = next;
	}
	/* A whole chain goes in under one lock, so no done can run while it is walked. */
	LOCK_SCOPE(&pool->lock);
	for (struct bdev_io *io = chain; io; io = io->next) {
		atomic_fetch_add(&pool->nr_busy, 1);
		transfer_begin(dev, io);
		*pool->tail = io;
		pool->tail = &io->next;
		pthread_cond_signal(&pool->more);
	}
}

bool threads_idle(struct posix_io *base)
{
	return atomic_load(&container_of(base, struct pool, base)->nr_busy) == 0;
}

static void threads_submit(struct bdev *dev, struct bdev_io *chain)
{
	struct posix_io *io = posix_device_of(dev)->io;

	if (!threads_take_lone(io, dev, chain))
		threads_carry_out(io, dev, chain);
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

static void carry_out(struct pool *pool, struct bdev_io *io)
{
	struct step step;
	int64_t result;

	do {
		transfer_step(io, &step);
		result = call_system(&step);
		if (result < 0)
			result = -errno;
	} while (!transfer_result(io, result));
	atomic_fetch_sub(&pool->nr_busy, 1);
	posix_io_complete(io);
}

/* What this thread has taken, until its done takes nothing more. */
static void carry_out_taken(void)
{
	while (self.taken) {
		struct bdev_io *io = self.taken;

		self.taken = NULL;
		carry_out(self.taken_from, io);
	}
}

void posix_io_volunteer(bool volunteers)
{
	self.volunteers = volunteers;
}

bool posix_io_has_taken(void)
{
	return self.taken;
}

void posix_io_carry_out(void)
{
	self.carrying_out = true;
	carry_out_taken();
	self.carrying_out = false;
}

/* The next I/O, or NULL when the pool stops. Blocks. */
static struct bdev_io *next_io(struct pool *pool)
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
	while ((io = next_io(pool))) {
		carry_out(pool, io);
		carry_out_taken();
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
