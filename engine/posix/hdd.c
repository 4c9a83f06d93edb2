/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated hard disk.
 *
 * Threads: any thread submits; threads of the real device say that it has done its part; one thread
 * sleeps until the disk would be done, then calls done.
 * Locks: `lock` protects everything but what is const. The real device's locks are taken under it
 * when an I/O is handed on; never the other way round, and never while done is called.
 *
 * Nothing is allocated for an I/O: there are as many slots as the disk's queue has room, and the
 * others wait in a list.
 */
#include "config.h"

#include "engine/posix/hdd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "common/cleanup.h"
#include "engine/posix/hdd_model.h"
#include "engine/posix/io.h"

#define NS_PER_S 1000000000u
#define TIMER_SLACK_NS 1000u /* the default of 50 us is half a sequential I/O */

struct slot {
	struct bdev_io *io; /* NULL: free */
	struct bdev_io real;
	struct hdd_request request;
	bool served;	/* its time is over */
	bool real_done; /* the real device has done it */
};

struct hdd {
	struct bdev bdev;
	struct bdev *real; /* const */
	pthread_t thread;  /* owned by open and close */
	pthread_mutex_t lock;
	pthread_cond_t changed;	  /* something for the thread */
	pthread_cond_t completed; /* some io->completed became true */
	/* protected by lock */
	struct hdd_model model;
	struct slot slots[HDD_QUEUE];
	struct bdev_io *head, **tail; /* waiting for a slot; progress is when they arrived */
	bool stopping;
};

static struct hdd *hdd_of(const struct bdev *dev)
{
	return container_of(dev, struct hdd, bdev);
}

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void real_done(struct bdev_io *real)
{
	struct slot *slot = container_of(real, struct slot, real);
	struct hdd *hdd = real->owner;

	LOCK_SCOPE(&hdd->lock);
	slot->real_done = true;
	if (slot->served)
		pthread_cond_signal(&hdd->changed);
}

static struct slot *free_slot(struct hdd *hdd)
{
	for (int i = 0; i < HDD_QUEUE; i++)
		if (!hdd->slots[i].io)
			return &hdd->slots[i];
	return NULL;
}

/* From the list into the disk's queue, as much as there is room for. */
static void admit_locked(struct hdd *hdd, uint64_t when)
{
	struct bdev_io *io;
	struct slot *slot;

	while ((io = hdd->head) && (slot = free_slot(hdd))) {
		hdd->head = io->next;
		if (!hdd->head)
			hdd->tail = &hdd->head;
		*slot = (struct slot){
			.io = io,
			.request = {.off = io->off, .len = io->len, .flush = io->op == BDEV_FLUSH},
			.real = {.op = io->op, .off = io->off, .len = io->len},
		};
		slot->real.iov = io->iov;
		slot->real.nr_iov = io->nr_iov;
		slot->real.done = real_done;
		slot->real.owner = hdd;
		hdd_model_add(&hdd->model, &slot->request, max_u64(io->progress, when));
		bdev_submit(hdd->real, &slot->real);
	}
}

static void hdd_submit(struct bdev *dev, struct bdev_io *chain)
{
	struct hdd *hdd = hdd_of(dev);

	LOCK_SCOPE(&hdd->lock);
	uint64_t now = clock_now();

	*hdd->tail = chain;
	for (struct bdev_io *io = chain; io; io = io->next) {
		io->dev = dev;
		io->progress = now;
		io->completed = false;
		hdd->tail = &io->next;
	}
	admit_locked(hdd, now);
	pthread_cond_signal(&hdd->changed);
}

static void hdd_wait(struct bdev *dev, struct bdev_io *io)
{
	struct hdd *hdd = hdd_of(dev);

	LOCK_SCOPE(&hdd->lock);
	while (!io->completed)
		pthread_cond_wait(&hdd->completed, &hdd->lock);
}

/* Take out what is complete, as a chain, and let others in for it. */
static struct bdev_io *reap_locked(struct hdd *hdd)
{
	struct bdev_io *chain = NULL, **tail = &chain;
	uint64_t now = clock_now(), when;
	struct hdd_request *request;

	do {
		request = hdd_model_next(&hdd->model, now);
		when = request ? request->due : now;
		if (request)
			container_of(request, struct slot, request)->served = true;
		for (int i = 0; i < HDD_QUEUE; i++) {
			struct slot *slot = &hdd->slots[i];

			if (!slot->io || !slot->served || !slot->real_done)
				continue;
			slot->io->err = slot->real.err;
			*tail = slot->io;
			tail = &slot->io->next;
			slot->io = NULL;
		}
		admit_locked(hdd, when);
	} while (request);
	*tail = NULL;
	return chain;
}

static void sleep_locked(struct hdd *hdd)
{
	uint64_t due = hdd_model_due(&hdd->model);
	struct timespec ts = {
		.tv_sec = (time_t)(due / NS_PER_S),
		.tv_nsec = (long)(due % NS_PER_S),
	};

	if (due == HDD_IDLE)
		pthread_cond_wait(&hdd->changed, &hdd->lock);
	else
		pthread_cond_timedwait(&hdd->changed, &hdd->lock, &ts);
}

static void complete(struct hdd *hdd, struct bdev_io *io)
{
	if (io->done) {
		io->done(io);
		return;
	}
	LOCK_SCOPE(&hdd->lock);
	io->completed = true;
	pthread_cond_broadcast(&hdd->completed);
}

static void *thread_main(void *arg)
{
	struct hdd *hdd = arg;
	struct bdev_io *chain, *next;

	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	pthread_mutex_lock(&hdd->lock);
	while (!hdd->stopping) {
		chain = reap_locked(hdd);
		if (!chain) {
			sleep_locked(hdd);
			continue;
		}
		pthread_mutex_unlock(&hdd->lock);
		for (; chain; chain = next) {
			next = chain->next;
			complete(hdd, chain);
		}
		pthread_mutex_lock(&hdd->lock);
	}
	pthread_mutex_unlock(&hdd->lock);
	return NULL;
}

static void hdd_free(struct hdd *hdd)
{
	pthread_cond_destroy(&hdd->completed);
	pthread_cond_destroy(&hdd->changed);
	pthread_mutex_destroy(&hdd->lock);
	free(hdd);
}

static void hdd_close(struct bdev *dev)
{
	struct hdd *hdd = hdd_of(dev);

	pthread_mutex_lock(&hdd->lock);
	hdd->stopping = true;
	pthread_cond_signal(&hdd->changed);
	pthread_mutex_unlock(&hdd->lock);
	pthread_join(hdd->thread, NULL);
	bdev_close(hdd->real);
	hdd_free(hdd);
}

static const struct bdev_ops hdd_ops = {
	.submit = hdd_submit,
	.wait = hdd_wait,
	.close = hdd_close,
};

static void init_locks(struct hdd *hdd)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&hdd->lock, NULL);
	pthread_cond_init(&hdd->completed, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&hdd->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int hdd_open(struct bdev *real, struct bdev **dev)
{
	struct hdd *hdd = calloc(1, sizeof(*hdd));
	int err;

	if (!hdd)
		return -ENOMEM;
	hdd->bdev = *real;
	hdd->bdev.ops = &hdd_ops;
	hdd->real = real;
	hdd->tail = &hdd->head;
	hdd_model_init(&hdd->model, real->size);
	init_locks(hdd);
	err = posix_thread_start(&hdd->thread, thread_main, hdd, "wbfs-hdd");
	if (err) {
		hdd_free(hdd);
		return err;
	}
	*dev = &hdd->bdev;
	return 0;
}

uint64_t hdd_busy_ns(const struct bdev *dev)
{
	struct hdd *hdd = hdd_of(dev);

	LOCK_SCOPE(&hdd->lock);
	return hdd_model_busy(&hdd->model, clock_now());
}

void hdd_grow(struct bdev *dev, uint64_t size)
{
	struct hdd *hdd = hdd_of(dev);

	LOCK_SCOPE(&hdd->lock);
	hdd->bdev.size = size;
	hdd->model.size = size;
}

struct bdev *hdd_real(const struct bdev *dev)
{
	return dev->ops == &hdd_ops ? hdd_of(dev)->real : NULL;
}
