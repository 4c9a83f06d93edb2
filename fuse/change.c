/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backing that stays but changes: its device has grown, or was gone and is back. What blocks is
 * done in the control worker; waiting for the engine is not, its done callbacks go on. While it
 * changes it can't leave, and one change at a time: from exports_change to exports_stay.
 */
#include "config.h"

#include "fuse/change.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/control.h"
#include "fuse/messages.h"
#include "fuse/server.h"

static void end(struct request *request, int err)
{
	exports_stay(&request->server->exports, request->export);
	control_answer(request, err);
}

static void go_on(struct request *request, void (*job)(struct request *request))
{
	request->job = job;
	control_post(&request->server->control, request);
}

static void end_job(struct request *request)
{
	end(request, request->err);
}

/* Engine callbacks end here: who made the engine call them may have exports.lock. */
static void end_later(struct request *request, int err)
{
	request->err = err;
	go_on(request, end_job);
}

static struct wb_backing *backing_of(const struct request *request)
{
	return atomic_load(&request->export->backing);
}

/* ---- resize ---- */

/*
 * The kernel must not go on believing in the old size, nor in what it has of the last page. Bytes
 * stored at the new end, none, make it take over the size at once: who has the file open, such as
 * a loop device, does not ask for it.
 */
static void tell_kernel(struct server *server, const struct export *export, uint64_t old_size)
{
	struct node node = {
		.kind = NODE_EXPORT,
		.slot = (unsigned int)(export - server->exports.slot),
	};
	struct fuse_bufvec nothing = FUSE_BUFVEC_INIT(0);
	off_t last = (off_t)(old_size / WB_BLOCK_SIZE * WB_BLOCK_SIZE);

	fuse_lowlevel_notify_inval_inode(server->session, node_id(node),
					 old_size % WB_BLOCK_SIZE ? last : -1, 0);
	fuse_lowlevel_notify_store(server->session, node_id(node), (off_t) export->size, &nothing,
				   (enum fuse_buf_copy_flags)0);
}

static void grown(struct request *request)
{
	struct export *export = request->export;
	uint64_t old_size = export->size;

	exports_grow(&request->server->exports, export, export->dev->size);
	exports_stay(&request->server->exports, export);
	tell_kernel(request->server, export, old_size);
	message(MESSAGE_INFO, "%s: resize: %" PRIu64 " bytes, were %" PRIu64, export->name,
		(uint64_t) export->size, old_size);
	control_answer(request, 0);
}

static int refuse_resize(struct request *request, int err, const char *why)
{
	return control_refuse(&request->server->control, err, "resize: %s: %s",
			      request->export->name, why);
}

static void resized(void *ctx, int err)
{
	struct request *request = ctx;

	if (err)
		end_later(request, refuse_resize(request, err, reason(err)));
	else
		go_on(request, grown);
}

static void grow(struct request *request)
{
	uint64_t size;
	int err = device_read_size(request->export->dev, &size);

	if (err) {
		end(request, refuse_resize(request, err, messages_last()));
		return;
	}
	device_grow(request->export->dev, size);
	wb_resize(request->server->wb, backing_of(request), resized, request);
}

/* Nobody may have the last block in hand while it grows. */
static void grow_secluded(struct request *request)
{
	int err = exports_seclude(&request->server->exports, request->export);

	if (err)
		end(request, refuse_resize(request, err,
					   "in use, and its old size is no multiple of 4096 bytes: "
					   "close it first"));
	else
		grow(request);
}

static void drained(void *ctx, int err)
{
	struct request *request = ctx;

	if (err)
		end_later(request, refuse_resize(request, err, reason(err)));
	else
		go_on(request, grow_secluded);
}

static void resize_job(struct request *request)
{
	struct server *server = request->server;
	struct export *export = request->export;
	uint64_t size;
	int err;

	messages_forget_last();
	err = control_is_closing(&server->control) ? -ESHUTDOWN : 0;
	if (err)
		refuse_resize(request, err, reason(err));
	else if ((err = device_read_size(export->dev, &size)))
		refuse_resize(request, err, messages_last());
	else if (size < export->size)
		err = control_refuse(&server->control, -EINVAL,
				     "resize: %s: has shrunk from %" PRIu64 " to %" PRIu64 " bytes",
				     export->name, (uint64_t) export->size, size);
	else if (size > export->size && server->options->read_only)
		err = refuse_resize(request, -EROFS, "mounted read-only");
	if (err || size == export->size)
		end(request, err);
	else if (export->cached && export->size % WB_BLOCK_SIZE)
		wb_drain(server->wb, backing_of(request), drained, request);
	else
		grow(request);
}

int control_resize(struct control_store *store)
{
	struct export *export;
	int err = exports_change(&store->server->exports, store->slot, &export);

	if (err)
		return control_refuse(&store->server->control, err, "resize: %s", reason(err));
	return control_post_store(store, export, resize_job);
}

/* ---- another device ---- */

static int refuse_device(struct request *request, int err, const char *why)
{
	return control_refuse(&request->server->control, err, "attach: %s: %s",
			      request->export->name, why);
}

static void resumed(void *ctx, int err)
{
	struct request *request = ctx;

	if (err)
		refuse_device(request, err, reason(err));
	else
		err = request->err;
	end_later(request, err);
}

static void exchange_job(struct request *request)
{
	struct server *server = request->server;
	struct bdev *other = request->dev;
	char identity[WB_IDENTITY_LEN];

	messages_forget_last();
	device_identity(other, identity);
	if (!request->err) {
		LOCK_SCOPE(&server->exports.lock);
		request->err = device_exchange(request->export->dev, other);
	}
	if (request->err)
		refuse_device(request, request->err,
			      *messages_last() ? messages_last() : reason(request->err));
	wb_resume(server->wb, backing_of(request), request->err ? NULL : request->export->dev->path,
		  identity, resumed, request);
	bdev_close(other);
}

static void suspended(void *ctx, int err)
{
	struct request *request = ctx;

	request->err = err;
	go_on(request, exchange_job);
}

/* 0: the new one is open. */
static int open_other(struct request *request, const struct device_option *device,
		      const struct wb_backing_info *info)
{
	const struct exports *exports = &request->server->exports;
	bool buffered = request->export->dev->logical_block_size < WB_SECTOR_SIZE;
	char identity[WB_IDENTITY_LEN];
	int err = device_open(exports->io, device->path,
			      exports->device_flags | (buffered ? DEVICE_BUFFERED : 0),
			      &request->dev);

	if (err)
		return refuse_device(request, err, messages_last());
	device_identity(request->dev, identity);
	if (request->dev->size != info->size)
		err = refuse_device(request, -ESTALE, "its size has changed");
	else if (strncmp(identity, info->identity, WB_IDENTITY_LEN - 1) != 0)
		err = refuse_device(request, -ESTALE, "this is another device than the one before");
	if (err)
		bdev_close(request->dev);
	return err;
}

static bool find_info(struct server *server, const struct export *export,
		      struct wb_backing_info *info)
{
	LOCK_SCOPE(&server->exports.lock);

	return exports_info(&server->exports, (unsigned int)(export - server->exports.slot), info);
}

/* Not what wb_resume would take for granted: that its blocks can go to the device. */
static int check_gone(struct request *request, const struct device_option *device,
		      const struct wb_backing_info *info, bool works)
{
	if (!request->export->cached)
		return refuse_device(request, -EEXIST,
				     "the name is in use; what is not cached must be detached "
				     "before another device can take its place");
	if (device->uncached)
		return refuse_device(request, -EEXIST, "the name is in use, with the cache");
	if (info->state == WB_HEALTHY && works)
		return refuse_device(request, -EEXIST, "the name is in use");
	return 0;
}

void change_device(struct request *request, const struct device_option *device, unsigned int slot)
{
	struct server *server = request->server;
	struct wb_backing_info info;
	int err = exports_change(&server->exports, slot, &request->export);
	bool works;

	if (err) {
		control_refuse(&server->control, err, "attach: %s: %s", device->name, reason(err));
		control_answer(request, err);
		return;
	}
	works = device_works(request->export->dev);
	request->err = 0;
	if (!find_info(server, request->export, &info))
		err = -ENOENT;
	else
		err = check_gone(request, device, &info, works);
	if (!err && device_is_at(request->export->dev, device->path)) {
		if (works) {
			wb_resume(server->wb, backing_of(request), info.path, info.identity,
				  resumed, request);
			return;
		}
		err = refuse_device(request, -EIO, "the device still can't be read");
	}
	if (!err)
		err = open_other(request, device, &info);
	if (err)
		end(request, err);
	else
		wb_suspend(server->wb, backing_of(request), suspended, request);
}
