/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backings that come and go while mounted: what is written into .control/attach and detach.
 * Opening and closing devices blocks, so it happens in the control worker; waiting for the engine
 * does not, its done callbacks go on. The request is answered at the end.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/control.h"
#include "fuse/messages.h"
#include "fuse/server.h"

/* The kernel releases closed files a little later than close() returns. */
enum { LEAVE_TRIES = 50, LEAVE_PAUSE_NS = 10000000 };

static int post(struct control_store *store, void (*job)(struct request *))
{
	struct request *request = request_take(store->req);

	request->len = store->len;
	request->text = store->value;
	request->job = job;
	control_post(&store->server->control, request);
	return CONTROL_LATER;
}

static void answer(struct request *request, int err)
{
	if (err)
		fuse_reply_err(request->req, -err);
	else
		fuse_reply_write(request->req, request->len);
	request_put(request);
}

/* Whoever failed has said why, in a message of this thread. */
static int refuse_as_said(struct request *request, int err)
{
	const char *said = messages_last();

	return control_refuse(&request->server->control, err, "%s", *said ? said : reason(err));
}

static bool is_closing(struct control *control)
{
	LOCK_SCOPE(&control->lock);

	return control->closing;
}

/* ---- attach ---- */

static void attach_undone(struct request *request)
{
	exports_gone(&request->server->exports, request->export);
	answer(request, request->err);
}

static void attach_undoing(void *ctx, int err)
{
	struct request *request = ctx;

	/* If it can't even be taken back, it stays in the engine, unseen, until the end. */
	if (err) {
		answer(request, request->err);
		return;
	}
	request->job = attach_undone;
	control_post(&request->server->control, request);
}

static void attach_committed(void *ctx, int err)
{
	struct request *request = ctx;
	struct server *server = request->server;

	if (!err) {
		exports_show(&server->exports, request->export);
		modulator_poke(&server->modulator);
		answer(request, 0);
		return;
	}
	control_refuse(&server->control, err, "attach: %s: %s", request->export->name, reason(err));
	request->err = err;
	wb_detach(server->wb, atomic_load(&request->export->backing), false, attach_undoing,
		  request);
}

static void attach_job(struct request *request)
{
	struct server *server = request->server;
	struct device_option device;
	int err;

	messages_forget_last();
	err = is_closing(&server->control) ? -ESHUTDOWN
					   : device_option_parse("attach", request->text, &device);
	if (err) {
		answer(request, refuse_as_said(request, err));
		return;
	}
	if (device.path[0] != '/')
		err = control_refuse(&server->control, -EINVAL, "attach: %s: not an absolute path",
				     device.path);
	else
		err = exports_attach(&server->exports, &device, false, &request->export);
	if (err && device.path[0] == '/')
		refuse_as_said(request, err);
	device_option_free(&device);
	if (err)
		answer(request, err);
	else
		wb_commit(server->wb, attach_committed, request);
}

int control_attach(struct control_store *store)
{
	return post(store, attach_job);
}

/* ---- detach ---- */

static void detach_gone(struct request *request)
{
	exports_gone(&request->server->exports, request->export);
	modulator_poke(&request->server->modulator);
	answer(request, 0);
}

static void detach_done(void *ctx, int err)
{
	struct request *request = ctx;
	struct server *server = request->server;

	if (err) {
		control_refuse(&server->control, err, "detach: %s: %s", request->export->name,
			       reason(err));
		exports_stay(&server->exports, request->export);
		answer(request, err);
		return;
	}
	request->job = detach_gone;
	control_post(&server->control, request);
}

static int leave(struct server *server, const char *name, struct export **export)
{
	const struct timespec pause = {.tv_nsec = LEAVE_PAUSE_NS};
	int err = exports_leave(&server->exports, name, export);

	for (int i = 0; err == -EBUSY && i < LEAVE_TRIES; i++) {
		nanosleep(&pause, NULL);
		err = exports_leave(&server->exports, name, export);
	}
	return err;
}

/* The kernel must not go on believing in the names. It may ask us something before it returns. */
static void forget_names(struct server *server, const char *name)
{
	fuse_ino_t devices = node_id((struct node){.kind = NODE_DEVICES});
	size_t len = strlen(name);

	fuse_lowlevel_notify_inval_entry(server->session, FUSE_ROOT_ID, name, len);
	fuse_lowlevel_notify_inval_entry(server->session, devices, name, len);
}

static void detach_job(struct request *request)
{
	struct server *server = request->server;
	int err = is_closing(&server->control) ? -ESHUTDOWN
					       : leave(server, request->text, &request->export);

	if (err) {
		control_refuse(&server->control, err, "detach: %.80s: %s", request->text,
			       err == -ENOENT ? "no such backing" : reason(err));
		answer(request, err);
		return;
	}
	forget_names(server, request->export->name);
	wb_detach(server->wb, atomic_load(&request->export->backing), false, detach_done, request);
}

int control_detach(struct control_store *store)
{
	return post(store, detach_job);
}
