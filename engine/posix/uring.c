/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O by one io_uring, but for what the kernel has no asynchronous way to do: flushes and zeroing.
 * It would give these to threads of its own, which wake up every few seconds for ever, and a flush
 * would be known one wake-up later; so they go to a pool of ours.
 *
 * Threads: any thread submits; one completion thread reaps, takes I/Os on to their next step,
 * refills the ring and calls done.
 * Locks: `lock` protects the submission queue and the list of what waits for room in it. It is
 * held over io_uring_enter, which here only hands over requests and never waits for them, and
 * never while done is called. The completion queue belongs to the completion thread alone.
 */
#include "config.h"

#include "engine/posix/io.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"

#define SUBMISSION_ENTRIES 256
#define COMPLETION_ENTRIES 1024
#define REAP_MAX 64		/* completions handled at a time */
#define RETRY_PAUSE_NS 1000000L /* before submitting again what the kernel had no memory for */

struct uring {
	struct posix_io base;
	struct posix_io *pool; /* const after start */
	struct io_uring ring;
	/*
	 * Wakes the completion thread when there is no completion to wake it: it always has a read
	 * of this in the ring.
	 */
	int kick_fd;
	uint64_t kick_count; /* where that read goes; nobody looks */
	pthread_t thread;
	pthread_mutex_t lock;
	/* protected by lock */
	struct bdev_io *head, **tail; /* waiting for room in the ring */
	atomic_uint in_flight;	      /* in the ring or the kernel; at most in_flight_max */
	unsigned int in_flight_max;   /* const; all of them fit in the completion queue */
	bool kick_armed;
	bool refused; /* the kernel wouldn't take all of the submission queue */
	bool stopping;
};

static struct uring *uring_of(struct bdev *dev)
{
	return container_of(posix_device_of(dev)->io, struct uring, base);
}

static void kick(struct uring *uring)
{
	uint64_t one = 1;
	ssize_t n = write(uring->kick_fd, &one, sizeof(one));

	(void)n; /* can't fail before there have been 2^64 of them */
}

static void prepare(struct io_uring_sqe *sqe, const struct step *step)
{
	switch (step->kind) {
	case STEP_READ:
		io_uring_prep_read(sqe, step->fd, step->buf, (unsigned int)step->len, step->off);
		break;
	case STEP_WRITE:
		io_uring_prep_write(sqe, step->fd, step->buf, (unsigned int)step->len, step->off);
		break;
	case STEP_READV:
		io_uring_prep_readv(sqe, step->fd, step->iov, (unsigned int)step->nr_iov,
				    step->off);
		break;
	case STEP_WRITEV:
		io_uring_prep_writev(sqe, step->fd, step->iov, (unsigned int)step->nr_iov,
				     step->off);
		break;
	case STEP_FLUSH:
	case STEP_FALLOCATE:
		assert(!"the pool's");
		break;
	}
}

static void append_locked(struct uring *uring, struct bdev_io *io)
{
	io->next = NULL;
	*uring->tail = io;
	uring->tail = &io->next;
}

/* As many steps of waiting I/Os as there is room for go into the submission queue. */
static void fill_locked(struct uring *uring)
{
	struct io_uring_sqe *sqe;
	struct step step;

	if (!uring->kick_armed && (sqe = io_uring_get_sqe(&uring->ring))) {
		io_uring_prep_read(sqe, uring->kick_fd, &uring->kick_count,
				   sizeof(uring->kick_count), 0);
		io_uring_sqe_set_data(sqe, NULL);
		uring->kick_armed = true;
	}
	while (uring->head && uring->in_flight < uring->in_flight_max &&
	       (sqe = io_uring_get_sqe(&uring->ring))) {
		struct bdev_io *io = uring->head;

		uring->head = io->next;
		if (!uring->head)
			uring->tail = &uring->head;
		transfer_step(io, &step);
		prepare(sqe, &step);
		io_uring_sqe_set_data(sqe, io);
		uring->in_flight++;
	}
}

/*
 * Hand the kernel all that it takes. What it has no memory for stays in the submission queue, and
 * the completion thread tries again.
 */
static void push_locked(struct uring *uring)
{
	int n;

	for (;;) {
		fill_locked(uring);
		if (!io_uring_sq_ready(&uring->ring))
			break;
		n = io_uring_submit(&uring->ring);
		if (n <= 0 && n != -EINTR) {
			if (!uring->refused)
				kick(uring);
			uring->refused = true;
			return;
		}
	}
	uring->refused = false;
}

/*
 * With nothing else under way, to hand an I/O over to another thread takes as long as the I/O. So
 * the submitter carries it out, if it may; or, because a short write is most likely a sync's, a
 * thread of the pool, which then does the flush as well. While that thread is busy, perhaps for
 * ever, everything goes through the ring.
 */
static bool submit_lone(struct uring *uring, struct bdev *dev, struct bdev_io *io)
{
	if (io->next || io->len > POSIX_LONE_MAX || atomic_load(&uring->in_flight) > 0 ||
	    !threads_idle(uring->pool))
		return false;
	if (threads_take_lone(uring->pool, dev, io))
		return true;
	if (io->op != BDEV_WRITE)
		return false;
	threads_carry_out(uring->pool, dev, io);
	return true;
}

static void uring_submit(struct bdev *dev, struct bdev_io *chain)
{
	struct uring *uring = uring_of(dev);
	struct bdev_io *next, *to_pool = NULL, **pool_tail = &to_pool;
	bool any = false;

	if (submit_lone(uring, dev, chain))
		return;
	/*
	 * The completion thread takes the lock before it calls done, so no done of this chain can
	 * run before all of it is handed over.
	 */
	pthread_mutex_lock(&uring->lock);
	for (struct bdev_io *io = chain; io; io = next) {
		next = io->next;
		if (io->op != BDEV_READ && io->op != BDEV_WRITE) {
			*pool_tail = io;
			pool_tail = &io->next;
			continue;
		}
		transfer_begin(dev, io);
		append_locked(uring, io);
		any = true;
	}
	*pool_tail = NULL;
	if (any)
		push_locked(uring);
	pthread_mutex_unlock(&uring->lock);
	if (to_pool)
		threads_carry_out(uring->pool, dev, to_pool);
}

static const struct bdev_ops uring_ops = {
	.submit = uring_submit,
	.wait = posix_io_wait,
	.close = posix_device_close,
};

struct reaped {
	struct bdev_io *io; /* NULL: the kick */
	int32_t result;
};

/* Take completions out of the queue, so that their room is free before done submits more. */
static unsigned int reap(struct uring *uring, struct reaped *reaped)
{
	struct io_uring_cqe *cqes[REAP_MAX];
	unsigned int n = io_uring_peek_batch_cqe(&uring->ring, cqes, REAP_MAX);

	for (unsigned int i = 0; i < n; i++) {
		reaped[i].io = io_uring_cqe_get_data(cqes[i]);
		reaped[i].result = cqes[i]->res;
	}
	io_uring_cq_advance(&uring->ring, n);
	return n;
}

/*
 * Count results, and submit the next steps of I/Os that aren't finished and what waited for room.
 * The finished ones are left in `reaped`; returns how many.
 */
static unsigned int settle_locked(struct uring *uring, struct reaped *reaped, unsigned int n)
{
	unsigned int nr_finished = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct bdev_io *io = reaped[i].io;

		if (!io) {
			uring->kick_armed = false;
			continue;
		}
		uring->in_flight--;
		if (transfer_result(io, reaped[i].result))
			reaped[nr_finished++].io = io;
		else
			append_locked(uring, io);
	}
	push_locked(uring);
	return nr_finished;
}

/* Sleep until there is a completion, unless the kernel has still to take what was submitted. */
static void wait_for_completion(struct uring *uring, bool refused)
{
	const struct timespec pause = {.tv_nsec = RETRY_PAUSE_NS};
	struct io_uring_cqe *cqe;
	int err;

	if (refused) {
		nanosleep(&pause, NULL);
		return;
	}
	err = io_uring_wait_cqe(&uring->ring, &cqe);
	if (err && err != -EINTR)
		nanosleep(&pause, NULL);
}

static void *completion_main(void *arg)
{
	struct uring *uring = arg;
	struct reaped reaped[REAP_MAX];
	unsigned int n, nr_finished;
	bool refused, stopping;

	posix_thread_is_brief();
	do {
		n = reap(uring, reaped);
		pthread_mutex_lock(&uring->lock);
		nr_finished = settle_locked(uring, reaped, n);
		refused = uring->refused;
		stopping = uring->stopping;
		pthread_mutex_unlock(&uring->lock);
		for (unsigned int i = 0; i < nr_finished; i++)
			posix_io_complete(reaped[i].io);
		if (n == 0 && !stopping)
			wait_for_completion(uring, refused);
	} while (!stopping);
	return NULL;
}

static void uring_free(struct uring *uring)
{
	pthread_mutex_destroy(&uring->lock);
	posix_io_fini(&uring->base);
	if (uring->kick_fd >= 0)
		close(uring->kick_fd);
	free(uring);
}

static void uring_stop(struct posix_io *base)
{
	struct uring *uring = container_of(base, struct uring, base);

	pthread_mutex_lock(&uring->lock);
	uring->stopping = true;
	kick(uring);
	pthread_mutex_unlock(&uring->lock);
	pthread_join(uring->thread, NULL);
	io_uring_queue_exit(&uring->ring);
	uring->pool->stop(uring->pool);
	uring_free(uring);
}

/*
 * No IORING_SETUP_COOP_TASKRUN: a completion would wait for the submitter's next system call, and
 * that may be busy copying. No SQPOLL: a thread that spins is not worth it to save one call for a
 * whole chain.
 */
static int ring_open(struct io_uring *ring)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL,
		.cq_entries = COMPLETION_ENTRIES,
	};
	int err = io_uring_queue_init_params(SUBMISSION_ENTRIES, ring, &params);

	if (err != -EINVAL)
		return err;
	/* Linux before 5.18: a refused request ends the batch, and the rest takes another call. */
	params.flags &= ~IORING_SETUP_SUBMIT_ALL;
	return io_uring_queue_init_params(SUBMISSION_ENTRIES, ring, &params);
}

/* 0 if the kernel knows all requests that steps are made of. */
static int ring_probe(struct io_uring *ring)
{
	static const int needed[] = {
		IORING_OP_READ,
		IORING_OP_WRITE,
		IORING_OP_READV,
		IORING_OP_WRITEV,
	};
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	int err = probe ? 0 : -ENOSYS;

	for (size_t i = 0; probe && i < ARRAY_SIZE(needed); i++)
		if (!io_uring_opcode_supported(probe, needed[i]))
			err = -ENOSYS;
	io_uring_free_probe(probe);
	return err;
}

static int ring_start(struct uring *uring)
{
	int err = ring_open(&uring->ring);

	if (err)
		return err;
	err = ring_probe(&uring->ring);
	if (!err) {
		/* One for the kick. */
		uring->in_flight_max = *uring->ring.cq.kring_entries - 1;
		err = posix_thread_start(&uring->thread, completion_main, uring, "wbfs-io");
	}
	if (err)
		io_uring_queue_exit(&uring->ring);
	return err;
}

int uring_start(const struct wb_env *env, struct posix_io **io)
{
	struct uring *uring = calloc(1, sizeof(*uring));
	int err;

	if (!uring)
		return -ENOMEM;
	posix_io_init(&uring->base, &uring_ops, env);
	uring->base.stop = uring_stop;
	pthread_mutex_init(&uring->lock, NULL);
	uring->tail = &uring->head;
	uring->kick_fd = eventfd(0, EFD_CLOEXEC);
	err = uring->kick_fd < 0 ? -errno : threads_start(env, &uring->pool);
	if (!err)
		err = ring_start(uring);
	if (err) {
		if (uring->pool)
			uring->pool->stop(uring->pool);
		uring_free(uring);
		return err;
	}
	*io = &uring->base;
	return 0;
}
