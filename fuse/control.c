/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests for control files. What is read is made when reading starts at the beginning and kept
 * for the handle, so that several reads see one state; if it got lost it is made again. Runs on
 * receivers. Allocates: this is not the way of data.
 */
#include "config.h"

#include "fuse/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuse/server.h"

enum { MAX_VALUE = 4096 };

const struct control_file *control_file(const struct control *control, struct node node)
{
	const struct control_file *files;

	if (node.kind == NODE_CONTROL_FILE)
		files = control->cache_files;
	else if (node.kind == NODE_DEVICE_FILE)
		files = control->device_files;
	else
		return NULL;
	return node.row < CONTROL_MAX_FILES && files[node.row].name ? &files[node.row] : NULL;
}

int control_refuse(struct control *control, int err, const char *format, ...)
{
	LOCK_SCOPE(&control->lock);
	va_list args;

	va_start(args, format);
	vsnprintf(control->last_error, sizeof(control->last_error), format, args);
	va_end(args);
	return err;
}

void control_last_error(struct control *control, char reason[CONTROL_REASON_LEN])
{
	LOCK_SCOPE(&control->lock);

	strcpy(reason, control->last_error);
}

/* ---- making the text ---- */

static int show_device(struct server *server, struct node node, struct control_show *show)
{
	LOCK_SCOPE(&server->exports.lock);
	struct wb_backing_info info;

	if (!exports_info(&server->exports, node.slot, &info))
		return -ENODEV;
	show->slot = node.slot;
	show->info = &info;
	show->file->show(show);
	return 0;
}

static int make_text(struct server *server, struct node node, struct text *text)
{
	struct control_show show = {
		.server = server,
		.file = control_file(&server->control, node),
		.text = text,
	};
	int err = 0;

	if (!show.file || !show.file->show)
		return -EACCES;
	if (node.kind == NODE_DEVICE_FILE)
		err = show_device(server, node, &show);
	else
		show.file->show(&show);
	return err ? err : text->failed ? -ENOMEM : 0;
}

static void reply_part(fuse_req_t req, const struct text *text, size_t len, off_t off)
{
	size_t left = (size_t)off < text->len ? text->len - (size_t)off : 0;

	fuse_reply_buf(req, text->bytes + (left ? off : 0), len < left ? len : left);
}

/* ---- open, read, release ---- */

static struct snapshot *snapshot_of(struct control *control, uint64_t handle)
{
	return &control->snapshots[handle % CONTROL_SNAPSHOTS];
}

static void keep_snapshot(struct control *control, uint64_t handle, struct text *text)
{
	LOCK_SCOPE(&control->lock);
	struct snapshot *snapshot = snapshot_of(control, handle);

	text_free(&snapshot->text);
	snapshot->handle = handle;
	snapshot->text = *text;
	*text = (struct text){0};
}

static bool reply_from_snapshot(struct control *control, fuse_req_t req, uint64_t handle,
				size_t len, off_t off)
{
	LOCK_SCOPE(&control->lock);
	struct snapshot *snapshot = snapshot_of(control, handle);

	if (snapshot->handle != handle)
		return false;
	reply_part(req, &snapshot->text, len, off);
	return true;
}

void control_open(struct server *server, fuse_req_t req, struct node node,
		  struct fuse_file_info *fi)
{
	struct control *control = &server->control;
	const struct control_file *file = control_file(control, node);
	int access = fi->flags & O_ACCMODE;

	/* Also for root, as in sysfs. */
	if (!file || (access != O_WRONLY && !file->show) || (access != O_RDONLY && !file->store)) {
		fuse_reply_err(req, file ? EACCES : ENOENT);
		return;
	}
	pthread_mutex_lock(&control->lock);
	fi->fh = ++control->last_handle;
	pthread_mutex_unlock(&control->lock);
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

void control_release(struct control *control, uint64_t handle)
{
	LOCK_SCOPE(&control->lock);
	struct snapshot *snapshot = snapshot_of(control, handle);

	if (snapshot->handle != handle)
		return;
	text_free(&snapshot->text);
	snapshot->handle = 0;
}

void control_read(struct server *server, fuse_req_t req, struct node node, size_t len, off_t off,
		  struct fuse_file_info *fi)
{
	TEXT_SCOPE text = {0};
	int err;

	if (off && reply_from_snapshot(&server->control, req, fi->fh, len, off))
		return;
	err = make_text(server, node, &text);
	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	reply_part(req, &text, len, off);
	keep_snapshot(&server->control, fi->fh, &text);
}

void control_readlink(struct server *server, fuse_req_t req, struct node node)
{
	TEXT_SCOPE text = {0};
	const struct control_file *file = control_file(&server->control, node);
	int err = file && S_ISLNK(file->mode) ? make_text(server, node, &text) : -EINVAL;

	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_readlink(req, text.bytes);
}

/* ---- write ---- */

/* The value with its newline cut off, in place. False if it can't be one. */
static bool cut_value(char *value, size_t len)
{
	if (len > MAX_VALUE)
		return false;
	if (len && value[len - 1] == '\n')
		len--;
	value[len] = '\0'; /* a request's memory goes on behind its data */
	return strlen(value) == len;
}

void control_write(struct server *server, fuse_req_t req, struct node node, const char *data,
		   size_t len)
{
	struct control_store store = {
		.server = server,
		.file = control_file(&server->control, node),
		.slot = node.slot,
		.req = req,
		.value = (char *)data,
		.len = len,
	};
	int err;

	if (!store.file || !store.file->store)
		err = -EACCES;
	else if (!cut_value(store.value, len))
		err = control_refuse(&server->control, -EINVAL, "%s: not a line of text",
				     store.file->name);
	else
		err = store.file->store(&store);
	if (err < 0)
		fuse_reply_err(req, -err);
	else if (err != CONTROL_LATER)
		fuse_reply_write(req, len);
}

/* ---- the worker ---- */

void control_post(struct control *control, struct request *request)
{
	LOCK_SCOPE(&control->lock);

	request->next = NULL;
	*control->last_job = request;
	control->last_job = &request->next;
	pthread_cond_signal(&control->work);
}

/* The next job, or NULL at the end. Blocks. */
static struct request *next_job(struct control *control)
{
	LOCK_SCOPE(&control->lock);
	struct request *request;

	while (!control->first_job && !control->stopping)
		pthread_cond_wait(&control->work, &control->lock);
	request = control->first_job;
	if (request) {
		control->first_job = request->next;
		if (!control->first_job)
			control->last_job = &control->first_job;
	}
	return request;
}

static void *do_jobs(void *arg)
{
	struct control *control = arg;
	struct request *request;

	while ((request = next_job(control)))
		request->job(request);
	return NULL;
}

int control_start(struct control *control)
{
	*control = (struct control){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.work = PTHREAD_COND_INITIALIZER,
	};
	control->last_job = &control->first_job;
	control_fill_cache_files(control->cache_files);
	control_fill_device_files(control->device_files);
	return -pthread_create(&control->worker, NULL, do_jobs, control);
}

void control_close(struct control *control)
{
	LOCK_SCOPE(&control->lock);

	control->closing = true;
}

void control_stop(struct control *control)
{
	pthread_mutex_lock(&control->lock);
	control->stopping = true;
	pthread_cond_signal(&control->work);
	pthread_mutex_unlock(&control->lock);
	pthread_join(control->worker, NULL);
	for (int i = 0; i < CONTROL_SNAPSHOTS; i++)
		text_free(&control->snapshots[i].text);
}
