/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backings that come and go while mounted: what is written into .control/attach, detach and
 * detach_discard. Opening and closing devices blocks, so it happens in the control worker; waiting
 * for the engine does not, its done callbacks go on. They leave what needs exports.lock to the
 * worker: who made the engine call them may have it. The request is answered at the end.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/change.h"
#include "fuse/control.h"
#include "fuse/messages.h"
#include "fuse/server.h"

/* The kernel releases closed files a little later than close() returns. */
enum { LEAVE_TRIES = 50, LEAVE_PAUSE_NS = 10000000 };

int control_post_store(struct control_store *store, struct export *export,
		       void (*job)(struct request *request))
{
	struct request *request = request_take(store->req);

	request->export = export;
	request->len = store->len;
	request->text = store->value;
	request->job = job;
	control_post(&store->server->control, request);
	return CONTROL_LATER;
}

void control_answer(struct request *request, int err)
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

bool control_is_closing(struct control *control)
{
	LOCK_SCOPE(&control->lock);

	return control->closing;
}

/* ---- attach ---- */

static void attach_undone(struct request *request)
{
	exports_gone(&request->server->exports, request->export);
	control_answer(request, request->err);
}

static void attach_undoing(void *ctx, int err)
{
	struct request *request = ctx;

	/* If it can't even be taken back, it stays in the engine, unseen, until the end. */
	if (err) {
		control_answer(request, request->err);
		return;
	}
	request->job = attach_undone;
	control_post(&request->server->control, request);
}

static void attach_show(struct request *request)
{
	exports_show(&request->server->exports, request->export);
	modulator_poke(&request->server->modulator);
	control_answer(request, 0);
}

static void attach_committed(void *ctx, int err)
{
	struct request *request = ctx;
	struct server *server = request->server;

	if (!err) {
		request->job = attach_show;
		control_post(&server->control, request);
		return;
	}
	control_refuse(&server->control, err, "attach: %s: %s", request->export->name, reason(err));
	request->err = err;
	wb_detach(server->wb, atomic_load(&request->export->backing), false, attach_undoing,
		  request);
}

/* A name that is there already: perhaps its device was gone and is back. */
static void attach_device(struct request *request, const struct device_option *device)
{
	struct server *server = request->server;
	int slot = exports_find(&server->exports, device->name);
	int err;

	if (slot >= 0) {
		change_device(request, device, (unsigned int)slot);
		return;
	}
	err = exports_attach(&server->exports, device, false, &request->export);
	if (err)
		control_answer(request, refuse_as_said(request, err));
	else
		wb_commit(server->wb, attach_committed, request);
}

static void attach_job(struct request *request)
{
	struct server *server = request->server;
	struct device_option device;
	int err;

	messages_forget_last();
	err = control_is_closing(&server->control)
		      ? -ESHUTDOWN
		      : device_option_parse("attach", request->text, &device);
	if (err) {
		control_answer(request, refuse_as_said(request, err));
		return;
	}
	if (device.path[0] == '/')
		attach_device(request, &device);
	else
		control_answer(request,
			       control_refuse(&server->control, -EINVAL,
					      "attach: %s: not an absolute path", device.path));
	device_option_free(&device);
}

int control_attach(struct control_store *store)
{
	return control_post_store(store, NULL, attach_job);
}

/* ---- detach ---- */

static void detach_gone(struct request *request)
{
	exports_gone(&request->server->exports, request->export);
	control_answer(request, 0);
}

static bool find_info(struct server *server, const char *name, struct wb_backing_info *info)
{
	for (unsigned int i = 0; wb_backing_info(server->wb, i, info); i++)
		if (strcmp(info->name, name) == 0)
			return true;
	return false;
}

int control_refuse_to_go(struct server *server, const char *action, const char *name, int err)
{
	struct wb_backing_info info;

	if (err == -EIO && find_info(server, name, &info) && info.in_log)
		return control_refuse(&server->control, err,
				      "%s: %s: %" PRIu64 " blocks can't be written back: %s",
				      action, name, info.nr_dirty, info.reason);
	return control_refuse(&server->control, err, "%s: %.80s: %s", action, name,
			      err == -ENOENT  ? "no such backing"
			      : err == -EBUSY ? "in use: its file is open"
					      : reason(err));
}

static void detach_stay(struct request *request)
{
	exports_stay(&request->server->exports, request->export);
	control_answer(request, request->err);
}

static void detach_done(void *ctx, int err)
{
	struct request *request = ctx;
	struct server *server = request->server;

	if (err)
		control_refuse_to_go(server, "detach",
				     request->export ? request->export->name : request->text, err);
	if (!request->export) {
		control_answer(request, err);
		return;
	}
	request->err = err;
	request->job = err ? detach_stay : detach_gone;
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

/* One that the cache remembers but that isn't there. */
static struct wb_backing *find_missing(struct server *server, const char *name)
{
	struct wb_backing_info info;

	return find_info(server, name, &info) && !info.attached ? info.backing : NULL;
}

static void detach(struct request *request, bool discard)
{
	struct server *server = request->server;
	struct wb_backing *missing = find_missing(server, request->text);
	int err = 0;

	request->export = NULL;
	if (control_is_closing(&server->control))
		err = -ESHUTDOWN;
	else if (!missing)
		err = leave(server, request->text, &request->export);
	if (err) {
		control_answer(request, control_refuse_to_go(server, "detach", request->text, err));
		return;
	}
	if (!missing)
		forget_names(server, request->export->name);
	wb_detach(server->wb, missing ? missing : atomic_load(&request->export->backing), discard,
		  detach_done, request);
}

static void detach_job(struct request *request)
{
	detach(request, false);
}

static void discard_job(struct request *request)
{
	detach(request, true);
}

int control_detach(struct control_store *store)
{
	return control_post_store(store, NULL, detach_job);
}

int control_detach_discard(struct control_store *store)
{
	return control_post_store(store, NULL, discard_job);
}
