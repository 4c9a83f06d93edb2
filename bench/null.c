/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon without an engine: the receive loop of wbfs with nothing behind it, so what FUSE itself
 * allows. Files called 0, 1, 2, ... whose writes are dropped and whose reads are all the same; or,
 * with --file, ranges of a file or device, read and written plainly by the same code that the
 * engine uses. In the foreground until it is unmounted or gets a signal.
 *
 * Threads: handlers run on the receivers, completions on the I/O thread, the rest in main's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/exit_status.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "engine/util.h"
#include "fuse/memory.h"
#include "fuse/receive.h"
#include "fuse/request.h"
#include "fuse/session.h"

enum { FIRST_FILE = FUSE_ROOT_ID + 1, FILES_MAX = 1024, VALID = 60 /* s */ };

/* Const once there are receivers. */
static struct null {
	const char *mount_point;
	const char *path; /* --file, or NULL */
	unsigned int nr_files;
	uint64_t size; /* of each */
	bool sync;     /* a sync flushes the file */
	struct wb_env env;
	struct posix_io *io;
	struct bdev *dev; /* NULL: no file */
	struct request_pool requests;
	struct receive receive;
	struct fuse_session *session;
} null = {.nr_files = 1, .size = (uint64_t)1 << 30};

/* Of the requests, by their place in the pool. */
static struct bdev_io transfers[REQUEST_NR];

/* ---- what it looks like ---- */

static void on_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	session_negotiate(conn);
}

static bool has_file(fuse_ino_t id)
{
	return id >= FIRST_FILE && id < FIRST_FILE + null.nr_files;
}

static int attributes(fuse_ino_t id, struct stat *attr)
{
	*attr = (struct stat){.st_ino = id, .st_nlink = 1, .st_blksize = WB_BLOCK_SIZE};
	if (id == FUSE_ROOT_ID) {
		attr->st_mode = S_IFDIR | 0755;
		attr->st_nlink = 2;
		return 0;
	}
	attr->st_mode = S_IFREG | 0600;
	attr->st_size = (off_t)null.size;
	return has_file(id) ? 0 : -ENOENT;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.attr_timeout = VALID, .entry_timeout = VALID};
	char *end;

	(void)parent;
	errno = 0;
	entry.ino = FIRST_FILE + strtoul(name, &end, 10);
	if (errno || end == name || *end || attributes(entry.ino, &entry.attr))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &entry);
}

static void on_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct stat attr;

	(void)fi;
	if (attributes(id, &attr))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_attr(req, &attr, VALID);
}

static void on_setattr(fuse_req_t req, fuse_ino_t id, struct stat *wanted, int which,
		       struct fuse_file_info *fi)
{
	(void)wanted, (void)which;
	on_getattr(req, id, fi);
}

/* As wbfs: see fuse/fs_io.c. */
static void on_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct fuse_open_out out = {.fh = id};

	if (fi->flags & O_DIRECT)
		out.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void on_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id, (void)fi;
	fuse_reply_err(req, 0);
}

/* ---- data ---- */

static void answer_writes(struct wb_io *chain)
{
	for (struct wb_io *io = chain, *next; io; io = next) {
		struct request *request = io->ctx;

		next = io->next;
		request_answer_write(request);
		request_put(request);
	}
}

static void drop_write(fuse_req_t req, size_t len)
{
	struct request *request = request_take(req);

	request->len = len;
	request->io.len = len;
	request->io.ctx = request;
	request_submit(request, answer_writes);
}

static struct bdev_io *transfer_of(const struct request *request)
{
	return &transfers[request - null.requests.requests];
}

static void transfer_done(struct bdev_io *io)
{
	struct request *request = io->owner;

	if (io->err)
		fuse_reply_err(request->req, -io->err);
	else if (io->op == BDEV_WRITE)
		fuse_reply_write(request->req, io->len);
	else if (io->op == BDEV_READ)
		fuse_reply_buf(request->req, request->data, io->len);
	else
		fuse_reply_err(request->req, 0);
	request_put(request);
}

static void transfer(fuse_req_t req, enum bdev_op op, uint64_t off, void *buf, size_t len)
{
	struct request *request = request_take(req);
	struct bdev_io *io = transfer_of(request);

	request->len = len;
	bdev_io_init(io, op, off, buf ? buf : request->data, len);
	io->owner = request;
	io->done = transfer_done;
	bdev_submit(null.dev, io);
}

static uint64_t place(fuse_ino_t id, uint64_t off)
{
	return (id - FIRST_FILE) * null.size + off;
}

static size_t clip(uint64_t off, size_t len)
{
	if (off >= null.size)
		return 0;
	return min_u64(min_u64(len, null.size - off), REQUEST_MAX_IO);
}

static void on_read(fuse_req_t req, fuse_ino_t id, size_t len, off_t off, struct fuse_file_info *fi)
{
	static char same[REQUEST_MAX_IO];

	(void)fi;
	len = clip((uint64_t)off, len);
	receive_moves(&null.receive, len);
	if (null.dev && len)
		transfer(req, BDEV_READ, place(id, (uint64_t)off), NULL, len);
	else
		fuse_reply_buf(req, same, len);
}

static void on_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t len, off_t off,
		     struct fuse_file_info *fi)
{
	(void)fi;
	len = clip((uint64_t)off, len);
	receive_moves(&null.receive, len);
	if (!len)
		fuse_reply_err(req, ENOSPC);
	else if (null.dev)
		transfer(req, BDEV_WRITE, place(id, (uint64_t)off), (char *)data, len);
	else
		drop_write(req, len);
}

static void on_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi)
{
	(void)id, (void)datasync, (void)fi;
	if (null.dev && null.sync)
		transfer(req, BDEV_FLUSH, 0, NULL, 0);
	else
		fuse_reply_err(req, 0);
}

static void on_fallocate(fuse_req_t req, fuse_ino_t id, int mode, off_t off, off_t len,
			 struct fuse_file_info *fi)
{
	(void)id, (void)mode, (void)off, (void)len, (void)fi;
	fuse_reply_err(req, null.dev ? EOPNOTSUPP : 0);
}

static const struct fuse_lowlevel_ops ops = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.setattr = on_setattr,
	.open = on_open,
	.release = on_release,
	.read = on_read,
	.write = on_write,
	.fsync = on_fsync,
	.fallocate = on_fallocate,
};

/* ---- from the beginning to the end ---- */

static void log_io(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

static int open_file(void)
{
	int err;

	if (!null.path)
		return 0;
	null.env.log = log_io;
	err = posix_io_start(POSIX_IO_AUTO, &null.env, &null.io);
	if (!err)
		err = device_open(null.io, null.path, 0, &null.dev);
	if (!err && null.dev->size / null.nr_files < null.size)
		null.size = null.dev->size / null.nr_files / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
	return err;
}

static int mount_it(void)
{
	char *argv[] = {"null", "-o", "subtype=wbfs-null,fsname=null,default_permissions", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	null.session = fuse_session_new(&args, &ops, sizeof(ops), &null);
	if (!null.session)
		return -ENOMEM;
	return fuse_session_mount(null.session, null.mount_point) < 0 ? -EPERM : 0;
}

/* Until the mount is gone, or a signal says that it shall go. */
static void wait_for_end(int signals)
{
	struct pollfd fds[] = {
		{.fd = null.receive.ended_fd, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};

	while (poll(fds, 2, -1) < 0)
		;
	if (!fds[0].revents)
		umount2(null.mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static int serve(void)
{
	sigset_t set;
	int signals, err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	memory_lock_all();
	err = signals < 0 ? -errno : open_file();
	if (!err)
		err = request_pool_init(&null.requests, NULL);
	if (!err)
		err = mount_it();
	if (!err)
		err = receive_init(&null.receive, null.session, &null.requests);
	if (!err) {
		err = receive_start(&null.receive);
		if (!err) {
			wait_for_end(signals);
			receive_stop(&null.receive);
		}
		receive_fini(&null.receive);
	}
	if (null.session) {
		fuse_session_unmount(null.session);
		fuse_session_destroy(null.session);
	}
	/* Nothing is in flight any more: the kernel has let go of all files. */
	if (null.dev)
		bdev_close(null.dev);
	return err;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench/null [OPTION...] DIRECTORY\n"
		"  --files N     files 0 to N-1 (1)\n"
		"  --size SIZE   of each (1G)\n"
		"  --file PATH   read and write this file or device; what is in it is lost\n"
		"  --sync        flush it when asked to; otherwise syncs are answered at once\n");
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"files", required_argument, NULL, 'n'}, {"size", required_argument, NULL, 's'},
		{"file", required_argument, NULL, 'f'},	 {"sync", no_argument, NULL, 'y'},
		{"help", no_argument, NULL, 'h'},	 {0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			null.nr_files = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'f')
			null.path = optarg;
		else if (option == 'y')
			null.sync = true;
		else if (option != 's' || parse_size(optarg, &null.size))
			return -EINVAL;
	}
	if (optind != argc - 1 || !null.nr_files || null.nr_files > FILES_MAX)
		return -EINVAL;
	null.mount_point = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	int err;

	message_set_program("bench/null");
	if (parse(argc, argv)) {
		usage();
		return EXIT_STATUS_USAGE;
	}
	err = serve();
	if (err)
		message(MESSAGE_ERROR, "%s: serve: %s", null.mount_point, reason(err));
	return exit_status_of(err);
}
