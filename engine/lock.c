/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/lock.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/engine.h"

#define SPINS 60u /* some ten microseconds */
#define PAUSES 4u

/* In answers, each some microseconds. */
#define LITTLE_EFFORT 32u
#define MUCH_EFFORT 1000u

static void pause_for(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("isb");
#endif
	}
}

/*
 * The mutex is held for so short a time that to sleep and to be woken would cost many times that.
 */
void wb_lock(struct wb *wb)
{
	for (unsigned int i = 0; i < SPINS; i++) {
		if (pthread_mutex_trylock(&wb->mutex) == 0)
			return;
		pause_for(PAUSES);
	}
	pthread_mutex_lock(&wb->mutex);
}

/*
 * What this thread is calling now and has still to call. Work that a callback brings about joins
 * the queue instead of nesting, so that callbacks come in the order in which they were due, on a
 * stack that doesn't grow.
 */
static _Thread_local struct {
	bool running;
	unsigned int effort; /* of all of it */
	struct work *head, **tail;
	struct wb *wb;	    /* it has to be told of works that were called; or NULL */
	uint64_t nr_called; /* so many */
} queue;

/*
 * Submit a list of I/Os, those of the same device that follow each other as one chain. If there is
 * not much else to do here, this thread may carry one out itself afterwards.
 */
static void submit_all(struct bdev_io *io)
{
	bool soon = queue.effort <= LITTLE_EFFORT;

	while (io) {
		struct bdev *dev = io->dev;
		struct bdev_io *chain = io, *last = io;

		last->by_submitter = soon;
		while (last->next && last->next->dev == dev) {
			last = last->next;
			last->by_submitter = soon;
		}
		io = last->next;
		last->next = NULL;
		dev->ops->submit(dev, chain);
	}
}

static void enqueue(struct work *works, struct work **tail, unsigned int effort)
{
	if (!works)
		return;
	if (!queue.head)
		queue.tail = &queue.head;
	*queue.tail = works;
	queue.tail = tail;
	queue.effort += effort;
}

static void tell_called(void)
{
	if (queue.wb)
		atomic_fetch_add_explicit(&queue.wb->nr_called, queue.nr_called,
					  memory_order_release);
	queue.wb = NULL;
	queue.nr_called = 0;
}

static void count_called(struct wb *wb)
{
	if (queue.wb != wb)
		tell_called();
	queue.wb = wb;
	queue.nr_called++;
}

static void call_all(void)
{
	if (queue.running)
		return;
	queue.running = true;
	while (queue.head) {
		struct work *work = queue.head;
		unsigned int effort = work->effort; /* fn may free it */
		struct wb *wb = work->wb;

		queue.head = work->next;
		work->fn(work);
		queue.effort -= effort;
		if (wb)
			count_called(wb);
	}
	tell_called();
	queue.running = false;
}

const struct work *wb_next_due(void)
{
	return queue.head;
}

void wb_call_next(struct work *work)
{
	assert(queue.running);
	work->wb = NULL; /* who is calling us is counted */
	work->effort = 1;
	work->next = queue.head;
	if (!queue.head)
		queue.tail = &work->next;
	queue.head = work;
	queue.effort += work->effort;
}

void wb_unlock(struct wb *wb)
{
	struct bdev_io *ios;
	struct work *works, **works_tail;
	unsigned int effort;

	if (wb->pending.kicked)
		wb_pump(wb);
	ios = wb->pending.head;
	wb->pending.head = NULL;
	wb->pending.tail = &wb->pending.head;
	works = wb->pending.works;
	works_tail = wb->pending.works_tail;
	wb->pending.works = NULL;
	wb->pending.works_tail = &wb->pending.works;
	effort = wb->pending.effort;
	wb->pending.effort = 0;
	/* A timer that runs out too early is harmless, so it is never put off. */
	if (wb->pending.wake_at < wb->pending.timer) {
		wb->pending.timer = wb->pending.wake_at;
		wb->env.set_timer(wb->env.ctx, wb->pending.timer);
	}
	pthread_mutex_unlock(&wb->mutex);

	enqueue(works, works_tail, effort);
	submit_all(ios);
	call_all();
}

void wb_kick(struct wb *wb)
{
	wb->pending.kicked = true;
}

void wb_submit_later(struct wb *wb, struct bdev *dev, struct bdev_io *io)
{
	io->dev = dev;
	io->next = NULL;
	*wb->pending.tail = io;
	wb->pending.tail = &io->next;
}

static void defer(struct wb *wb, struct work *work, unsigned int effort)
{
	work->next = NULL;
	work->wb = wb;
	work->effort = effort;
	wb->pending.nr_due++;
	wb->pending.effort += effort;
	*wb->pending.works_tail = work;
	wb->pending.works_tail = &work->next;
}

void wb_defer(struct wb *wb, struct work *work)
{
	defer(wb, work, MUCH_EFFORT);
}

void wb_answer(struct wb *wb, struct work *work)
{
	defer(wb, work, 1);
}

void wb_answer_last(struct wb *wb, struct work *work)
{
	wb_answer(wb, work);
	wb->pending.nr_due--;
	work->wb = NULL;
}

bool wb_all_called(struct wb *wb)
{
	return atomic_load_explicit(&wb->nr_called, memory_order_acquire) == wb->pending.nr_due;
}

void wb_wake_at(struct wb *wb, uint64_t when)
{
	if (when < wb->pending.wake_at)
		wb->pending.wake_at = when;
}

uint64_t wb_now(struct wb *wb)
{
	return wb->env.now(wb->env.ctx);
}

void wb_log(struct wb *wb, enum wb_log_level level, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	wb->env.log(wb->env.ctx, level, message);
}
