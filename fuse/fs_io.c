/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Open files: data goes between the kernel and the engine. Handlers run on receivers; the replies
 * come from the engine's done callbacks, on whatever thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <string.h>

#include "fuse/fs.h"
#include "fuse/node.h"

static struct export *open_export(struct server *server, fuse_ino_t id)
{
	struct node node = node_of(id);

	return node.kind == NODE_EXPORT ? exports_get(&server->exports, node.slot) : NULL;
}

/* ---- open and close ---- */

/* As fuse_reply_open, which doesn't know all flags. */
static int reply_open(fuse_req_t req, uint64_t handle, uint32_t flags)
{
	struct fuse_open_out out = {.fh = handle, .open_flags = flags};

	return fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

/*
 * Descriptors that are not meant for direct I/O go through the kernel's page cache, so that they
 * can be mapped; direct ones past it, which lets direct writes to one file run side by side. (On
 * an older kernel the page cache carries out direct I/O itself, one write after the other.)
 */
static void open_file(fuse_req_t req, struct server *server, unsigned int slot, int flags)
{
	bool keep_pages;
	int err = exports_open(&server->exports, slot, &keep_pages);
	uint32_t how = 0;

	if (err) {
		fuse_reply_err(req, -err);
		return;
	}
	if (flags & O_DIRECT && atomic_load(&server->direct_io))
		how |= FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
	if (keep_pages)
		how |= FOPEN_KEEP_CACHE;
	/* If the caller is gone, nobody will release it. */
	if (reply_open(req, slot, how) < 0)
		exports_release(&server->exports, slot);
}

void fs_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct node node = node_of(id);

	if (node.kind == NODE_EXPORT)
		open_file(req, server, node.slot, fi->flags);
	else
		control_open(server, req, node, fi);
}

void fs_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct node node = node_of(id);

	if (node.kind == NODE_EXPORT)
		exports_release(&server->exports, node.slot);
	else
		control_release(&server->control, fi->fh);
	fuse_reply_err(req, 0);
}

/* ---- reading ---- */

static void read_done(struct wb_io *io, int err)
{
	struct request *request = io->ctx;

	if (err)
		fuse_reply_err(request->req, -err);
	else
		fuse_reply_buf(request->req, request->data + io->off % WB_BLOCK_SIZE, io->len);
	request_put(request);
}

void fs_read(fuse_req_t req, fuse_ino_t id, size_t len, off_t off, struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct export *export = open_export(server, id);
	struct request *request;

	if (!export) {
		control_read(server, req, node_of(id), len, off, fi);
		return;
	}
	if ((uint64_t)off >= export->size) {
		fuse_reply_buf(req, NULL, 0);
		return;
	}
	if (len > export->size - (uint64_t)off)
		len = export->size - (uint64_t)off;
	if (len > REQUEST_MAX_IO)
		len = REQUEST_MAX_IO;
	receive_moves(&server->receive, len);
	request = request_take(req);
	request->len = len;
	request->io.backing = atomic_load_explicit(&export->backing, memory_order_acquire);
	request->io.off = (uint64_t)off;
	request->io.len = len;
	request->io.buf = request->data;
	request->io.pages = request->pages;
	request->io.flags = 0;
	request->io.done = read_done;
	request->io.ctx = request;
	wb_read(server->wb, &request->io);
}

/* ---- writing ---- */

/* The writer gets going while its data is copied. */
static void write_acknowledged(struct wb_io *io)
{
	request_answer_write(io->ctx);
}

static void write_done(struct wb_io *io, int err)
{
	struct request *request = io->ctx;

	if (err)
		fuse_reply_err(request->req, -err);
	else if (request->req)
		request_answer_write(request);
	request_put(request);
}

/* With direct I/O the kernel sends no FSYNC after such a write: the flags are all there is. */
static unsigned int durability(const struct fuse_file_info *fi)
{
	return fi->flags & (O_DSYNC | O_SYNC) ? WB_IO_DSYNC : 0;
}

static void prepare_write(struct request *request, const struct export *export, uint64_t off,
			  uint64_t len)
{
	request->io.backing = atomic_load_explicit(&export->backing, memory_order_acquire);
	request->io.off = off;
	request->io.len = len;
	request->io.pages = request->pages;
	request->io.ctx = request;
}

static void submit_writes(struct wb_io *chain)
{
	const struct request *request = chain->ctx;

	wb_write_all(request->server->wb, chain);
}

/* As a block device does it: what crosses the end is cut short, what is behind it is refused. */
void fs_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t len, off_t off,
	      struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct export *export = open_export(server, id);
	struct request *request;

	if (!export) {
		control_write(server, req, node_of(id), data, len);
		return;
	}
	if (len && (uint64_t)off >= export->size) {
		fuse_reply_err(req, ENOSPC);
		return;
	}
	if (len > export->size - (uint64_t)off)
		len = export->size - (uint64_t)off;
	if (!len) {
		fuse_reply_write(req, 0);
		return;
	}
	receive_moves(&server->receive, len);
	request = request_take(req);
	prepare_write(request, export, (uint64_t)off, len);
	request->len = len;
	request->io.buf = (char *)data;
	request->io.flags = durability(fi);
	request->io.done = write_done;
	request->io.acknowledged = write_acknowledged;
	request_submit(request, submit_writes);
}

/* ---- zeroing and syncing ---- */

static void error_done(struct wb_io *io, int err)
{
	struct request *request = io->ctx;

	fuse_reply_err(request->req, -err);
	request_put(request);
}

/* What part of a range exists. Only ranges that are told to keep the size may go beyond the end. */
static int clip_zero(const struct export *export, int mode, uint64_t off, uint64_t *len)
{
	uint64_t left = off < export->size ? export->size - off : 0;

	if (*len <= left)
		return 0;
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		return -ENOSPC;
	*len = left;
	return 0;
}

void fs_fallocate(fuse_req_t req, fuse_ino_t id, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct export *export = open_export(server, id);
	uint64_t zero_len = (uint64_t)len;
	struct request *request;
	int err;

	(void)fi; /* has no flags here */
	if (!export)
		err = -ENODEV;
	else if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) &&
		 (mode & ~FALLOC_FL_KEEP_SIZE) != FALLOC_FL_ZERO_RANGE)
		err = -EOPNOTSUPP;
	else
		err = clip_zero(export, mode, (uint64_t)off, &zero_len);
	if (err || !zero_len) {
		fuse_reply_err(req, -err);
		return;
	}
	request = request_take(req);
	prepare_write(request, export, (uint64_t)off, zero_len);
	request->io.buf = NULL;
	request->io.flags = 0;
	request->io.done = error_done;
	wb_zero(server->wb, &request->io);
}

static void sync_backing(fuse_req_t req, struct server *server, struct wb_backing *backing)
{
	struct request *request = request_take(req);

	request->io.backing = backing;
	request->io.flags = 0;
	request->io.done = error_done;
	request->io.ctx = request;
	wb_sync(server->wb, &request->io);
}

void fs_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	struct export *export = open_export(server, id);

	(void)datasync, (void)fi;
	if (export)
		sync_backing(req, server, atomic_load(&export->backing));
	else
		fuse_reply_err(req, 0);
}

/* On a directory: everything. */
void fs_fsyncdir(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi)
{
	(void)id, (void)datasync, (void)fi;
	sync_backing(req, fuse_req_userdata(req), NULL);
}
