/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The FUSE session: mounting and unmounting. Runs in the daemon's main thread. */
#include "config.h"

#include "fuse/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/message.h"
#include "fuse/fs.h"
#include "fuse/mounts.h"

enum { FUSE_TEXT_LEN = 256 };

/* libfuse's words, without its name and newline, in our form. */
static void log_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	char text[FUSE_TEXT_LEN];
	const char *start = text;

	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	if (strncmp(start, "fuse: ", strlen("fuse: ")) == 0)
		start += strlen("fuse: ");
	if (*start)
		message(level <= FUSE_LOG_ERR ? MESSAGE_ERROR : MESSAGE_DEBUG, "/dev/fuse: %s",
			start);
}

void session_negotiate(struct fuse_conn_info *conn)
{
	conn->max_write = REQUEST_MAX_IO;
	conn->max_background = REQUEST_MAX_BACKGROUND;
	conn->congestion_threshold = REQUEST_MAX_BACKGROUND * 3 / 4;
	/*
	 * Splicing copies page by page. Nothing but us changes the files, so the kernel need not
	 * guess from times whether its pages are stale. O_TRUNC shall be refused, not done. The
	 * kernel's write-back cache would acknowledge writes that we have never seen.
	 */
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA |
				      FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_WRITEBACK_CACHE);
}

static int add_options(struct server *server, struct fuse_args *args)
{
	const struct mount_options *options = server->options;
	char *list = NULL;
	int bad = 0;

	bad |= fuse_opt_add_opt(&list, "subtype=wbfs");
	bad |= fuse_opt_add_opt(&list, "default_permissions");
	bad |= fuse_opt_add_opt(&list, options->read_only ? "ro" : "rw");
	if (options->allow_other)
		bad |= fuse_opt_add_opt(&list, "allow_other");
	for (size_t i = 0; i < options->pass.nr; i++)
		bad |= fuse_opt_add_opt(&list, options->pass.names[i]);
	if (!bad) {
		char source[WB_PATH_LEN + sizeof("fsname=")];

		snprintf(source, sizeof(source), "fsname=%s", options->cache);
		bad |= fuse_opt_add_opt_escaped(&list, source);
	}
	bad |= fuse_opt_add_arg(args, "wbfs") || fuse_opt_add_arg(args, "-o") ||
	       (list && fuse_opt_add_arg(args, list));
	free(list);
	return bad ? -ENOMEM : 0;
}

static int check_device(void)
{
	int err = access("/dev/fuse", R_OK | W_OK) < 0 ? -errno : 0;

	if (!err)
		return 0;
	message(MESSAGE_ERROR, "/dev/fuse: open: %s", reason(err));
	hint(err == -ENOENT ? "modprobe fuse" : "wbfs doctor");
	return err == -ENOENT ? -EPERM : err;
}

static int create(struct server *server)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int err = add_options(server, &args);

	if (!err) {
		server->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), server);
		err = server->session ? 0 : -ENOMEM;
	}
	fuse_opt_free_args(&args);
	return err;
}

static int mount_it(struct server *server)
{
	struct mount_entry entry;

	errno = 0;
	if (fuse_session_mount(server->session, server->options->mount_point) < 0)
		return errno ? -errno : -EPERM;
	if (mounts_find(server->options->mount_point, &entry))
		server->mount_dev = entry.dev;
	return 0;
}

int session_start(struct server *server)
{
	int err = check_device();

	if (err)
		return err;
	fuse_set_log_func(log_fuse);
	server->initialised_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = server->initialised_fd < 0 ? -errno : create(server);
	if (!err) {
		err = mount_it(server);
		if (err)
			fuse_session_destroy(server->session);
	}
	if (err) {
		message(MESSAGE_ERROR, "%s: mount: %s", server->options->mount_point, reason(err));
		if (err == -EPERM || err == -EACCES)
			hint("wbfs doctor");
		if (server->initialised_fd >= 0)
			close(server->initialised_fd);
	}
	return err;
}

/* Somebody else may have unmounted it, and perhaps mounted something else there. */
static bool is_mounted(const struct server *server)
{
	struct mount_entry entry;

	return mounts_find(server->options->mount_point, &entry) && entry.dev == server->mount_dev;
}

int session_stop(struct server *server)
{
	if (is_mounted(server) || session_is_over(server)) {
		fuse_session_unmount(server->session);
		fuse_session_destroy(server->session);
	} else {
		/*
		 * libfuse would unmount whatever is there now. Closing the descriptor cuts off who
		 * still has files open; the rest of the session goes with the process.
		 */
		close(fuse_session_fd(server->session));
	}
	close(server->initialised_fd);
	return 0;
}

void session_detach(struct server *server)
{
	if (is_mounted(server))
		umount2(server->options->mount_point, MNT_DETACH | UMOUNT_NOFOLLOW);
}

int session_wait_for_init(struct server *server)
{
	struct pollfd fds[] = {
		{.fd = server->initialised_fd, .events = POLLIN},
		{.fd = server->receive.ended_fd, .events = POLLIN},
	};

	while (poll(fds, 2, -1) < 0)
		;
	if (fds[0].revents)
		return 0;
	message(MESSAGE_ERROR, "%s: mount: ended before it began", server->options->mount_point);
	return -ECANCELED;
}

bool session_is_over(struct server *server)
{
	struct pollfd fd = {.fd = fuse_session_fd(server->session)};

	return poll(&fd, 1, 0) == 1 && fd.revents & POLLERR;
}
