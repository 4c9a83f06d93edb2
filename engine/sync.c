/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syncs, and everybody else who waits for a number to be reached.
 *
 * A sync waits until the last record that holds something acknowledged is durable. If nothing is
 * under way that record is sealed at once, else when what is under way has ended, so that those
 * who come in between share one record and one flush; but never later than barrier_deadline_ms.
 */
#include "config.h"

#include <errno.h>

#include "engine/engine.h"

/* 0: all is on the backings. -EIO: one can't take what it should. -EAGAIN: not yet. */
static int drain_verdict(struct wb *wb, const struct waiter *waiter)
{
	int verdict = 0;

	list_for_each(node, tmp, &wb->backings) {
		const struct wb_backing *b = container_of(node, struct wb_backing, link);

		if ((waiter->backing && waiter->backing != b) || backing_drained(b, waiter->target))
			continue;
		if (backing_pending(b) && backing_unable(b))
			return -EIO;
		verdict = -EAGAIN;
	}
	return verdict;
}

static int result(struct wb *wb, const struct waiter *waiter)
{
	switch (waiter->what) {
	case WAIT_MIGRATED:
		return drain_verdict(wb, waiter);
	case WAIT_STOPPED:
		return wb->failed ? -EIO : 0;
	case WAIT_DURABLE:
	case WAIT_SUPER:
	case WAIT_NO_BATCH:
	case WAIT_UNUSED:
		break;
	}
	return 0;
}

static bool has_batch(const struct wb_backing *b)
{
	return b->batch || b->carried;
}

static bool reached(struct wb *wb, const struct waiter *waiter)
{
	switch (waiter->what) {
	case WAIT_DURABLE:
		return waiter->target <= wb->ladder.durable;
	case WAIT_MIGRATED:
		return drain_verdict(wb, waiter) != -EAGAIN;
	case WAIT_SUPER:
		return waiter->target <= wb->super.done;
	case WAIT_NO_BATCH:
		return !has_batch(waiter->backing);
	case WAIT_UNUSED:
		return !has_batch(waiter->backing) && !waiter->backing->nr_placed;
	case WAIT_STOPPED:
		return wb_has_stopped(wb);
	}
	return false;
}

static void finish_reached(struct wb *wb)
{
	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->what == WAIT_STOPPED)
			continue;
		if (reached(wb, waiter))
			waiter_finish(wb, waiter, result(wb, waiter));
		else if (wb->failed)
			waiter_finish(wb, waiter, -EIO);
		else if (wb->stopping && waiter->what == WAIT_MIGRATED)
			waiter_finish(wb, waiter, -ESHUTDOWN);
	}
}

/* After the others, which have to be told before. */
static void finish_stopped(struct wb *wb)
{
	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->what != WAIT_STOPPED || !reached(wb, waiter))
			continue;
		wb->stopped = true;
		waiter_finish(wb, waiter, result(wb, waiter));
	}
}

/* Seal the open record if a sync waits for it and it is time. */
static void seal_for_syncs(struct wb *wb)
{
	uint64_t held = wb->knobs[WB_KNOB_BARRIER_DEADLINE_MS] * NS_PER_MS;
	bool under_way = wb->log.flushing;
	struct waiter *oldest = NULL;

	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->what != WAIT_DURABLE)
			continue;
		if (waiter->target <= wb->head.ended)
			under_way = true;
		else if (!oldest)
			oldest = waiter;
	}
	if (!oldest || !wb->head.open)
		return;
	if (!under_way || oldest->since + held <= wb_now(wb))
		head_seal(wb, false);
	else
		wb_wake_at(wb, oldest->since + held);
}

void sync_pump(struct wb *wb)
{
	if (list_empty(&wb->waiters))
		return;
	finish_reached(wb);
	finish_stopped(wb);
	seal_for_syncs(wb);
}

static void sync_straight(struct wb *wb, struct wb_io *io)
{
	struct request *r = request_of(io);

	r->wb = wb;
	wb_lock(wb);
	if (wb->stopping)
		request_answer(wb, r, -ESHUTDOWN);
	else
		request_straight(wb, r, BDEV_FLUSH, NULL);
	wb_unlock(wb);
}

static void sync_log(struct wb *wb, struct wb_io *io)
{
	struct request *r = request_of(io);

	waiter_init(&r->waiter);
	wb_lock(wb);
	wb->figures.nr_syncs++;
	if (wb->failed || wb->stopping) {
		r->waiter.err = wb->failed ? -EIO : -ESHUTDOWN;
		wb_answer(wb, &r->waiter.work);
	} else if (head_last(wb) <= wb->ladder.durable || wb->read_only) {
		histogram_add(&wb->figures.sync_ns, 0);
		wb_answer(wb, &r->waiter.work);
	} else {
		waiter_add(wb, &r->waiter, WAIT_DURABLE, head_last(wb));
	}
	wb_unlock(wb);
}

void wb_sync(struct wb *wb, struct wb_io *io)
{
	if (io->backing && !io->backing->entry.id)
		sync_straight(wb, io);
	else
		sync_log(wb, io);
}

void wb_drain(struct wb *wb, struct wb_backing *backing, wb_done_fn done, void *ctx)
{
	struct waiter *waiter = waiter_alloc(done, ctx);

	if (!waiter)
		return;
	wb_lock(wb);
	if (wb->read_only && wb->ladder.migrated < wb->ladder.durable) {
		waiter->err = -EROFS;
		wb_answer(wb, &waiter->work);
	} else {
		wb->log.wanted = head_last(wb);
		head_seal(wb, false);
		waiter_add_drain(wb, waiter, backing, wb->log.wanted);
	}
	wb_unlock(wb);
}

void wb_drain_cancel(struct wb *wb, const void *ctx)
{
	wb_lock(wb);
	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->what == WAIT_MIGRATED && waiter->ctx == ctx)
			waiter_finish(wb, waiter, -EINTR);
	}
	wb_unlock(wb);
}

void wb_commit(struct wb *wb, wb_done_fn done, void *ctx)
{
	struct waiter *waiter = waiter_alloc(done, ctx);

	if (!waiter)
		return;
	wb_lock(wb);
	if (wb->stopping || wb->read_only) {
		waiter->err = wb->stopping ? -ESHUTDOWN : 0;
		wb_answer(wb, &waiter->work);
	} else {
		waiter_add(wb, waiter, WAIT_SUPER, super_commit(wb, false));
	}
	wb_unlock(wb);
}
