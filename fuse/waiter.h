/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that waits for something asynchronous. Never a receiver: those must not sleep. */
#ifndef FUSE_WAITER_H
#define FUSE_WAITER_H

#include <pthread.h>
#include <stdbool.h>

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done; /* protected by lock */
	int err;   /* the same */
};

#define WAITER_INIT \
	{ \
		.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER \
	}

/* A wb_done_fn: ctx is the waiter. */
void waiter_done(void *ctx, int err);

/* Block until waiter_done, and return its err. The waiter can be used again afterwards. */
int waiter_wait(struct waiter *waiter);

/* Block for at most so long. True if waiter_wait would not block any more. */
bool waiter_wait_ms(struct waiter *waiter, unsigned int ms);

#endif
