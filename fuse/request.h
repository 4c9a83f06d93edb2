/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Request contexts: everything that one FUSE request needs until it is answered, allocated once.
 * A receiver holds one to receive into. A request that can't be answered before its
 * handler returns takes the context along (request_take) and gives it back when it has answered
 * (request_put), on whatever thread that is; the receiver meanwhile goes on with another one, or
 * waits for one if all are in use.
 *
 * While requests come without a pause, a receiver collects small writes and submits several at
 * once: the engine then takes its mutex once for all of them.
 */
#ifndef FUSE_REQUEST_H
#define FUSE_REQUEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/wb.h"
#include "fuse/lowlevel.h"

enum {
	REQUEST_MAX_IO = 1 << 20,     /* longest read or write, bytes */
	REQUEST_MAX_BACKGROUND = 256, /* what the kernel keeps in flight by itself */
	/*
	 * Contexts. What threads wait for themselves is not limited by the kernel, and commands
	 * have to get through even when a full log holds all of that up.
	 */
	REQUEST_NR = 2048,
	REQUEST_HELD_MAX = 16, /* submitted at once */
};

struct export;
struct server;

struct request {
	/* const after request_pool_init */
	struct request_pool *pool;
	struct fuse_buf received; /* mem is const, size is that of the request */
	char *data;  /* block-aligned; a write's data arrives here, a read's is put here */
	void *pages; /* for struct wb_io */

	/* the holder's */
	fuse_req_t req; /* NULL: it has been answered */
	struct server *server;
	size_t len; /* of the reply: bytes written, or to be read */
	struct wb_io io;
	void (*job)(struct request *request); /* for the control worker */
	char *text;	       /* control files: what was written, in received, or a name */
	struct export *export; /* attach, detach */
	struct bdev *dev;      /* attach: that takes the place of another */
	int err;	       /* attach, detach: the result */
	atomic_uint nr_users;  /* drain */
	atomic_bool cancelled; /* drain: by an interrupt */
	struct request *next;  /* in a list of the holder, or of free ones (pool.lock) */
};

struct request_pool {
	/* const after request_pool_init */
	struct server *server;
	struct request *requests;
	char *areas;
	unsigned int nr;

	int fd; /* of /dev/fuse; const while there are receivers */

	pthread_mutex_t lock;
	pthread_cond_t freed;
	/* protected by lock */
	struct request *free;
	unsigned int nr_prepared; /* the others have never been used and cost no memory */
	unsigned int nr_waiting;
	bool closed;
};

int request_pool_init(struct request_pool *pool, struct server *server) WB_CHECK;
/* All requests have been given back. */
void request_pool_fini(struct request_pool *pool);

/*
 * Receivers: a context to receive into. NULL: none is free, or the pool is closed. Who then waits
 * for one may hold nothing back, since others may wait for that.
 */
struct request *request_hold(struct request_pool *pool);
/* Blocks; NULL once the pool is closed. */
struct request *request_wait(struct request_pool *pool);

/* No receiver shall wait any more. */
void request_pool_close(struct request_pool *pool);

/*
 * Receivers: from request_lend to request_return, handlers on this thread may take the context.
 * Returns it, or NULL if it was taken and is not back.
 */
void request_lend(struct request *request);
struct request *request_return(void);

/* Handlers: keep the context beyond the handler. Once in a handler. */
struct request *request_take(fuse_req_t req);

/*
 * Answer a write of request->len bytes; request->req is NULL then. As fuse_reply_write, but with the
 * answer in one piece: the kernel pins the page of each piece. Any thread.
 */
void request_answer_write(struct request *request);

/* The request is answered, and nobody needs its memory. Any thread. */
void request_put(struct request *request);

/*
 * Handlers, after request_take: submit request->io, now or soon, perhaps in a chain with that of
 * others (linked by next).
 */
void request_submit(struct request *request, void (*submit)(struct wb_io *chain));

/*
 * Receivers: a handler has returned; before request_return. True now and then while there has been
 * no pause for long: the receiver can't keep up.
 */
bool request_handled(void);
/* There is none now: submit what is held back. */
void request_none_came(void);
/* Submit what is held back. */
void request_submit_held(void);

#endif
