/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs umount: when it returns 0 the daemon is gone, and with it the locks on cache and backings,
 * and everything that was written is durable. Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/drain.h"
#include "fuse/holders.h"
#include "fuse/mounts.h"
#include "fuse/run_lock.h"

/* The kernel lets go of a loop device's file a little later than of the device. */
enum { UNMOUNT_TRIES = 50, PAUSE_NS = 20000000 };

struct umount_flags {
	bool drain;
	bool detach;
};

static int set_drain(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct umount_flags *)ctx)->drain = true;
	return 0;
}

static int set_detach(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct umount_flags *)ctx)->detach = true;
	return 0;
}

const struct arg_option umount_options[] = {
	{"drain", 0, NULL, "first write everything back to the backings", set_drain},
	{"detach", 0, NULL, "first unmount and detach loop devices on the exposed files",
	 set_detach},
	{0},
};

/* For who may not unmount, but did mount. */
static int unmount_by_helper(const char *point)
{
	pid_t child = fork();
	int how;

	if (child < 0)
		return -errno;
	if (child == 0) {
		execlp("fusermount3", "fusermount3", "-u", "--", point, (char *)NULL);
		_exit(127);
	}
	if (waitpid(child, &how, 0) < 0)
		return -errno;
	return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? 0 : -EPERM;
}

static int unmount_once(const char *point)
{
	if (umount2(point, UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EPERM ? unmount_by_helper(point) : -errno;
}

static int unmount(const struct mount_entry *mount, bool patient)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int err = unmount_once(mount->point);

	for (int i = 0; patient && err == -EBUSY && i < UNMOUNT_TRIES; i++) {
		nanosleep(&pause, NULL);
		err = unmount_once(mount->point);
	}
	if (err == -EBUSY)
		holders_tell(mount);
	else if (err)
		message(MESSAGE_ERROR, "%s: unmount: %s", mount->point, reason(err));
	return err;
}

/* The daemon's exit status is ours. */
static enum exit_status wait_for_daemon(const struct mount_entry *mount, int lock)
{
	int status = run_lock_wait(lock);

	if (status == 0)
		return EXIT_STATUS_DONE;
	if (status == -ECHILD) {
		message(MESSAGE_ERROR, "%s: unmount: the daemon died; what was not synced is lost",
			mount->point);
		return EXIT_STATUS_IO;
	}
	if (status < 0) {
		message(MESSAGE_ERROR, "%s: wait for the daemon: %s", mount->point, reason(status));
		return exit_status_of(status);
	}
	message(MESSAGE_ERROR, "%s: unmount: the daemon ended with an error, see its messages",
		mount->point);
	return (enum exit_status)status;
}

static enum exit_status umount_it(const struct mount_entry *mount, const struct umount_flags *flags)
{
	CLEANUP_CLOSE int lock = run_lock_open(mount->dev);
	bool alive = lock >= 0 && run_lock_is_held(lock);
	int err = flags->drain ? drain("drain", mount, NULL) : 0;

	if (!err && flags->detach)
		err = holders_detach_loops(mount);
	if (!err)
		err = unmount(mount, flags->detach);
	if (err)
		return exit_status_of(err);
	return alive ? wait_for_daemon(mount, lock) : EXIT_STATUS_DONE;
}

enum exit_status command_umount(int argc, char **argv)
{
	static struct mount_entry mount; /* see drain() */
	struct umount_flags flags = {.drain = false};
	const struct args args = {
		.command = argv[0],
		.options = umount_options,
		.ctx = &flags,
		.min_words = 1,
		.max_words = 1,
	};
	char below[NAME_MAX + 1];

	if (args_parse(&args, argc, argv) < 0)
		return EXIT_STATUS_USAGE;
	if (!mounts_find_for("umount", argv[0], &mount, below))
		return EXIT_STATUS_USAGE;
	if (below[0]) {
		message(MESSAGE_ERROR, "%s: umount: not a mount point of wbfs", argv[0]);
		return EXIT_STATUS_USAGE;
	}
	return umount_it(&mount, &flags);
}
