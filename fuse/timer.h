/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's clock and its one timer, with the thread that calls it back. */
#ifndef FUSE_TIMER_H
#define FUSE_TIMER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct timer {
	int fd;		  /* timerfd; const from timer_init to timer_fini */
	pthread_t thread; /* const from timer_start to timer_stop */
	atomic_bool stopping;
	void (*expired)(void *ctx); /* const after timer_start */
	void *ctx;
};

/* 0 or -errno. From here on timer_set may be called. */
int timer_init(struct timer *timer) __attribute__((warn_unused_result));
void timer_fini(struct timer *timer);

/* Call expired(ctx) on a thread of its own whenever the timer runs out. 0 or -errno. */
int timer_start(struct timer *timer, void (*expired)(void *ctx), void *ctx)
	__attribute__((warn_unused_result));
void timer_stop(struct timer *timer);

/* CLOCK_MONOTONIC in ns. Any thread. */
uint64_t timer_now(void);

/* Let it run out at `when`; replaces what was asked before. Any thread, never waits. */
void timer_set(struct timer *timer, uint64_t when);

#endif
