/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool of request contexts. Big areas are address space that gets memory when it is first
 * used; free contexts are kept on a stack, so that few are used again and again.
 *
 * An area: a page whose end takes the headers of a request, so that the data behind them is
 * aligned; data, and two blocks more because a read may begin and end inside a block; the
 * engine's pages. By the time a read fills the data, its request has been parsed.
 */
#include "config.h"

#include "fuse/request.h"

#include <errno.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

enum {
	HEADERS = sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in),
	DATA_OFF = WB_BLOCK_SIZE,
	DATA_LEN = REQUEST_MAX_IO + 2 * WB_BLOCK_SIZE,
	PAGES_OFF = DATA_OFF + DATA_LEN,
	AREA_LEN = PAGES_OFF + WB_IO_PAGES * WB_BLOCK_SIZE,
	REQUEST_MIN = 64,
	NR_AT_ONCE = 4, /* areas that have their memory from the start */
	NR_KEPT = 64,	/* areas that keep it; that of the others is given back */
	LARGE = 64 << 10,
	HELD_LEN = 64 << 10, /* the most data in what is held back */
	MANY = 64,	     /* requests without a pause that let more be held back */
};

/* What the receiver on this thread has lent to handlers. */
static _Thread_local struct request *lent, *taken;

/* What the receiver on this thread holds back. */
static _Thread_local struct {
	void (*submit)(struct wb_io *chain);
	struct wb_io *first, **last;
	unsigned int nr;   /* requests since the first of them, with those that are not held */
	uint64_t len;	   /* bytes */
	unsigned int most; /* so many at a time */
	unsigned int run;  /* requests since there was none, or since that many came */
} held = {.most = 1};

static void *map(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* Address space for that many, or not. */
static bool map_pool(struct request_pool *pool, unsigned int nr)
{
	pool->nr = nr;
	pool->areas = map((size_t)nr * AREA_LEN);
	pool->requests = map(nr * sizeof(struct request));
	if (pool->areas && pool->requests)
		return true;
	if (pool->areas)
		munmap(pool->areas, (size_t)nr * AREA_LEN);
	if (pool->requests)
		munmap(pool->requests, nr * sizeof(struct request));
	return false;
}

int request_pool_init(struct request_pool *pool, struct server *server)
{
	unsigned int nr = REQUEST_NR;

	*pool = (struct request_pool){
		.server = server,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.freed = PTHREAD_COND_INITIALIZER,
	};
	/* Where even address space is short, fewer will do. */
	while (!map_pool(pool, nr)) {
		nr /= 2;
		if (nr < REQUEST_MIN)
			return -ENOMEM;
	}
	madvise(pool->areas, (size_t)NR_AT_ONCE * AREA_LEN, MADV_POPULATE_WRITE);
	return 0;
}

void request_pool_fini(struct request_pool *pool)
{
	munmap(pool->areas, (size_t)pool->nr * AREA_LEN);
	munmap(pool->requests, pool->nr * sizeof(struct request));
}

/* The first use of a context. */
static struct request *prepare(struct request_pool *pool)
{
	struct request *request = &pool->requests[pool->nr_prepared];
	char *area = pool->areas + (size_t)pool->nr_prepared * AREA_LEN;

	pool->nr_prepared++;
	request->pool = pool;
	request->server = pool->server;
	request->received.mem = area + DATA_OFF - HEADERS;
	request->data = area + DATA_OFF;
	request->pages = area + PAGES_OFF;
	return request;
}

static struct request *hold_free(struct request_pool *pool, bool wait)
{
	LOCK_SCOPE(&pool->lock);
	struct request *request;

	while (wait && !pool->free && pool->nr_prepared == pool->nr && !pool->closed) {
		pool->nr_waiting++;
		pthread_cond_wait(&pool->freed, &pool->lock);
		pool->nr_waiting--;
	}
	if (pool->closed)
		return NULL;
	if (!pool->free)
		return pool->nr_prepared < pool->nr ? prepare(pool) : NULL;
	request = pool->free;
	pool->free = request->next;
	return request;
}

struct request *request_hold(struct request_pool *pool)
{
	return hold_free(pool, false);
}

struct request *request_wait(struct request_pool *pool)
{
	return hold_free(pool, true);
}

void request_pool_close(struct request_pool *pool)
{
	LOCK_SCOPE(&pool->lock);

	pool->closed = true;
	pthread_cond_broadcast(&pool->freed);
}

void request_lend(struct request *request)
{
	lent = request;
	taken = NULL;
}

struct request *request_return(void)
{
	struct request *request = lent;

	lent = NULL;
	taken = NULL;
	return request;
}

struct request *request_take(fuse_req_t req)
{
	struct request *request = lent;

	lent = NULL;
	taken = request;
	request->req = req;
	return request;
}

/* A burst of large requests must not cost its memory for ever. */
static void trim(struct request *request)
{
	if (request - request->pool->requests >= NR_KEPT &&
	    (request->received.size > LARGE || request->len > LARGE))
		madvise(request->data, DATA_LEN, MADV_DONTNEED_LOCKED);
}

void request_put(struct request *request)
{
	struct request_pool *pool = request->pool;

	/* Answered before its handler returned: the receiver goes on with it. */
	if (request == taken) {
		taken = NULL;
		lent = request;
		return;
	}
	trim(request);
	LOCK_SCOPE(&pool->lock);
	request->next = pool->free;
	pool->free = request;
	if (pool->nr_waiting)
		pthread_cond_signal(&pool->freed);
}

void request_answer_write(struct request *request)
{
	const struct fuse_in_header *asked = request->received.mem;
	const struct {
		struct fuse_out_header header;
		struct fuse_write_out out;
	} answer = {
		.header = {.len = sizeof(answer), .unique = asked->unique},
		.out = {.size = (uint32_t)request->len},
	};

	/* It fails if nobody waits any more. */
	if (write(request->pool->fd, &answer, sizeof(answer)) < 0 && errno != ENOENT)
		message(MESSAGE_DEBUG, "answer a write: %s", reason(-errno));
	fuse_reply_none(request->req);
	request->req = NULL;
}

void request_submit_held(void)
{
	struct wb_io *first = held.first;

	held.first = NULL;
	held.nr = 0;
	held.len = 0;
	if (first)
		held.submit(first);
}

void request_submit(struct request *request, void (*submit)(struct wb_io *chain))
{
	struct wb_io *io = &request->io;

	if (submit != held.submit)
		request_submit_held();
	held.submit = submit;
	io->next = NULL;
	if (!held.first)
		held.last = &held.first;
	*held.last = io;
	held.last = &io->next;
	held.len += io->len;
	if (held.len >= HELD_LEN)
		request_submit_held();
}

bool request_handled(void)
{
	if (held.first && ++held.nr >= held.most)
		request_submit_held();
	if (++held.run < MANY)
		return false;
	held.run = 0;
	if (held.most == REQUEST_HELD_MAX)
		return true;
	held.most *= 2;
	return false;
}

/* To hold back as many as are in flight would make the other side wait for us, and us for it. */
void request_none_came(void)
{
	request_submit_held();
	held.run = 0;
	if (held.most > 1)
		held.most /= 2;
}
