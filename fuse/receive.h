/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving requests: two threads. The first looks for the next request without sleeping for a
 * little while after the last one, because being woken up takes longer than most requests; how
 * long depends on whether that paid lately. The second sleeps until the first has got a large
 * request or can't keep up, and then takes what is queued behind it.
 *
 * A short I/O that a request brings about when nothing else is under way, such as a sync's, the
 * first carries out itself instead of waking an I/O thread. Should requests come meanwhile, they
 * wake the second, which goes on until the first is back, be that never.
 */
#ifndef FUSE_RECEIVE_H
#define FUSE_RECEIVE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fuse/lowlevel.h"
#include "fuse/request.h"

enum { RECEIVE_LARGE = 128 << 10 }; /* bytes; from here on a request is worth a second thread */

struct receive {
	struct fuse_session *session; /* const after receive_init */
	struct request_pool *pool;    /* the same */
	pthread_t first, second;      /* const after receive_start */
	bool started;		      /* the same */
	int stop_fd;		      /* eventfd, readable when the receivers shall end; const */
	int ended_fd;		      /* eventfd, readable when the session is at its end; const */
	int second_fd;		      /* epoll: what wakes the second; const */
	int help_fd;		      /* eventfd, in second_fd: the first asks for help; const */
	atomic_bool helping;	      /* the second is awake */
	atomic_bool unwatched;	      /* the first is in I/O, and requests don't wake the second */
	atomic_uint nr_second;	      /* requests that the second has received */
	pthread_mutex_t present;      /* held by the first while it isn't */
	atomic_bool end;
};

/* 0 or -errno. The session is there until receive_fini. */
int receive_init(struct receive *receive, struct fuse_session *session, struct request_pool *pool)
	WB_CHECK;

/* Start the threads. 0 or -errno. */
int receive_start(struct receive *receive) WB_CHECK;

/*
 * Whether or not the session is at its end: when this returns, no handler runs any more. The first
 * thread may still be in I/O, perhaps for ever.
 */
void receive_stop(struct receive *receive);

/* Wait for that I/O too, and free everything. */
void receive_fini(struct receive *receive);

/* Handlers: this request moves len bytes. */
void receive_moves(struct receive *receive, size_t len);

#endif
