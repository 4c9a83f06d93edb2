/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that waits for something asynchronous. */
#include "config.h"

#include "fuse/waiter.h"

#include <time.h>

#include "common/cleanup.h"

void waiter_done(void *ctx, int err)
{
	struct waiter *waiter = ctx;
	LOCK_SCOPE(&waiter->lock);

	waiter->done = true;
	waiter->err = err;
	/* With the lock held: the waiter may be gone as soon as it is free. */
	pthread_cond_signal(&waiter->cond);
}

int waiter_wait(struct waiter *waiter)
{
	LOCK_SCOPE(&waiter->lock);

	while (!waiter->done)
		pthread_cond_wait(&waiter->cond, &waiter->lock);
	waiter->done = false;
	return waiter->err;
}

bool waiter_wait_ms(struct waiter *waiter, unsigned int ms)
{
	struct timespec until;
	LOCK_SCOPE(&waiter->lock);

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (!waiter->done)
		if (pthread_cond_clockwait(&waiter->cond, &waiter->lock, CLOCK_MONOTONIC, &until))
			break;
	return waiter->done;
}
