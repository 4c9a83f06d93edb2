/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The triggers called drain. They can take hours, so who waits may give up: the drain is cancelled,
 * and the write into the trigger ends. Runs on receivers and on the engine's threads.
 */
#include "config.h"

#include <errno.h>

#include "common/message.h"
#include "fuse/control.h"
#include "fuse/server.h"

/* Whose drain this thread is cancelling. */
static _Thread_local const struct request *cancelling;

static void interrupted(fuse_req_t req, void *data)
{
	struct request *request = data;

	(void)req;
	atomic_store(&request->cancelled, true);
	cancelling = request;
	wb_drain_cancel(request->server->wb, request);
	cancelling = NULL;
}

/* Both who begins the drain and who ends it have the context. */
static void drop(struct request *request)
{
	if (atomic_fetch_sub(&request->nr_users, 1) == 1)
		request_put(request);
}

static void refuse(const struct request *request, int err)
{
	struct server *server = request->server;

	if (request->export)
		control_refuse_to_go(server, "drain", request->export->name, err);
	else
		control_refuse(&server->control, err, "drain: %s", reason(err));
}

static void drained(void *ctx, int err)
{
	struct request *request = ctx;

	atomic_fetch_sub(&request->server->nr_drains, 1);
	/* Returns when no interrupt is looking at the context. */
	if (request != cancelling)
		fuse_req_interrupt_func(request->req, NULL, NULL);
	if (err && err != -EINTR)
		refuse(request, err);
	if (err)
		fuse_reply_err(request->req, -err);
	else
		fuse_reply_write(request->req, request->len);
	drop(request);
}

static int drain(struct control_store *store, struct export *export)
{
	struct request *request = request_take(store->req);
	struct wb_backing *backing = export ? atomic_load(&export->backing) : NULL;
	struct server *server = store->server;

	atomic_store(&request->nr_users, 2);
	atomic_store(&request->cancelled, false);
	request->export = export;
	request->len = store->len;
	atomic_fetch_add(&server->nr_drains, 1);
	fuse_req_interrupt_func(store->req, interrupted, request);
	if (fuse_req_interrupted(store->req))
		drained(request, -EINTR);
	else
		wb_drain(server->wb, backing, drained, request);
	/* An interrupt that came in between has found nothing to cancel. */
	if (atomic_load(&request->cancelled))
		wb_drain_cancel(server->wb, request);
	drop(request);
	return CONTROL_LATER;
}

int control_drain(struct control_store *store)
{
	return drain(store, NULL);
}

int control_drain_device(struct control_store *store)
{
	struct exports *exports = &store->server->exports;
	struct export *export;
	int err = exports_hold(exports, store->slot, &export);

	if (err)
		return control_refuse(&store->server->control, err, "drain: %s", reason(err));
	err = drain(store, export);
	exports_release(exports, store->slot);
	return err;
}
