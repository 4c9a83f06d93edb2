/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's timer: a timerfd and a thread that reads it. */
#include "config.h"

#include "fuse/timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull
#define FAR_AWAY (100ull * 365 * 24 * 3600 * NS_PER_S) /* what the kernel still takes */

int timer_init(struct timer *timer)
{
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return timer->fd < 0 ? -errno : 0;
}

void timer_fini(struct timer *timer)
{
	close(timer->fd);
}

static void *wait_and_call(void *arg)
{
	struct timer *timer = arg;
	uint64_t times;

	while (!atomic_load(&timer->stopping))
		if (read(timer->fd, &times, sizeof(times)) == (ssize_t)sizeof(times) &&
		    !atomic_load(&timer->stopping))
			timer->expired(timer->ctx);
	return NULL;
}

int timer_start(struct timer *timer, void (*expired)(void *ctx), void *ctx)
{
	timer->expired = expired;
	timer->ctx = ctx;
	atomic_store(&timer->stopping, false);
	return -pthread_create(&timer->thread, NULL, wait_and_call, timer);
}

void timer_stop(struct timer *timer)
{
	atomic_store(&timer->stopping, true);
	timer_set(timer, 0);
	pthread_join(timer->thread, NULL);
}

uint64_t timer_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void timer_set(struct timer *timer, uint64_t when)
{
	struct itimerspec spec = {0};

	/* 0 would disarm it. */
	if (when == 0)
		when = 1;
	if (when > FAR_AWAY)
		when = FAR_AWAY;
	spec.it_value.tv_sec = (time_t)(when / NS_PER_S);
	spec.it_value.tv_nsec = (long)(when % NS_PER_S);
	timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}
