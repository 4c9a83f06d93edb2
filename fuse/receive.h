/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving requests: two threads. The first looks for the next request without sleeping for a
 * little while after the last one, because being woken up takes longer than most requests; how
 * long depends on whether that paid lately. The second sleeps until the first has got a large
 * request or can't keep up, and then takes what is queued behind it.
 */
#ifndef FUSE_RECEIVE_H
#define FUSE_RECEIVE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fuse/lowlevel.h"
#include "fuse/request.h"

enum { RECEIVE_LARGE = 128 << 10 }; /* bytes; from here on a request is worth a second thread */

struct receive {
	struct fuse_session *session; /* const after receive_start */
	struct request_pool *pool;    /* the same */
	pthread_t first, second;      /* the same */
	int stop_fd;		      /* eventfd, readable when the receivers shall end; const */
	int ended_fd;		      /* eventfd, readable when the session is at its end; const */
	sem_t help;		      /* wakes the second */
	atomic_bool helping;	      /* the second is awake */
	atomic_bool end;
	uint64_t window; /* ns to look before sleeping; the first thread's */
};

/* Start the threads. 0 or -errno. */
int receive_start(struct receive *receive, struct fuse_session *session, struct request_pool *pool)
	WB_CHECK;

/* End them, whether or not the session is at its end. */
void receive_stop(struct receive *receive);

/* Handlers: this request moves len bytes. */
void receive_moves(struct receive *receive, size_t len);

#endif
