/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Those who wait until a number has reached a target: syncs, drains, commits. sync.c lets them go.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"

static void end_request(struct work *work)
{
	struct waiter *waiter = container_of(work, struct waiter, work);
	struct wb_io *io = io_of(container_of(waiter, struct request, waiter));

	io->done(io, waiter->err);
}

void waiter_init(struct waiter *waiter)
{
	waiter->work.fn = end_request;
	waiter->done = NULL;
	waiter->err = 0;
}

void waiter_add(struct wb *wb, struct waiter *waiter, enum waiter_for what, uint64_t target)
{
	waiter->what = what;
	waiter->target = target;
	waiter->since = wb_now(wb);
	list_add_tail(&wb->waiters, &waiter->link);
	wb_kick(wb);
}

static unsigned int *drains(struct wb *wb, const struct waiter *waiter)
{
	return waiter->backing ? &waiter->backing->nr_drains : &wb->nr_drains;
}

void waiter_add_drain(struct wb *wb, struct waiter *waiter, struct wb_backing *backing,
		      uint64_t target)
{
	waiter->backing = backing;
	++*drains(wb, waiter);
	waiter_add(wb, waiter, WAIT_MIGRATED, target);
}

void waiter_finish(struct wb *wb, struct waiter *waiter, int err)
{
	list_del(&waiter->link);
	if (waiter->what == WAIT_MIGRATED)
		--*drains(wb, waiter);
	if (waiter->what == WAIT_DURABLE && !err)
		histogram_add(&wb->figures.sync_ns, wb_now(wb) - waiter->since);
	waiter->err = err;
	if (waiter->what == WAIT_STOPPED)
		wb_answer_last(wb, &waiter->work);
	else
		wb_answer(wb, &waiter->work);
}

static void call_and_free(struct work *work)
{
	struct waiter *waiter = container_of(work, struct waiter, work);

	waiter->done(waiter->ctx, waiter->err);
	free(waiter);
}

struct waiter *waiter_alloc(wb_done_fn done, void *ctx)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter) {
		done(ctx, -ENOMEM);
		return NULL;
	}
	waiter->work.fn = call_and_free;
	waiter->done = done;
	waiter->ctx = ctx;
	return waiter;
}

struct waiter *waiter_first(struct wb *wb, enum waiter_for what)
{
	struct waiter *first = NULL;

	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->what == what && (!first || waiter->target < first->target))
			first = waiter;
	}
	return first;
}
