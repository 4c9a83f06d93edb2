/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs umount: when it returns 0 the daemon is gone, and with it the locks on cache and backings,
 * and everything that was written is durable. Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/drain.h"
#include "fuse/ending.h"
#include "fuse/holders.h"
#include "fuse/interrupt.h"
#include "fuse/mount_table.h"
#include "fuse/mounts.h"
#include "fuse/run_lock.h"

/* The kernel lets go of a loop device's file a little later than of the device. */
enum { TRIES = 10, TRIES_AFTER_DETACH = 50, PAUSE_NS = 20000000 };

struct umount_flags {
	bool drain;
	bool detach;
	int kernel; /* MNT_DETACH, MNT_FORCE */
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
	{"detach", 0, NULL,
	 "first take loop devices on the exposed files away, and what is mounted of them",
	 set_detach},
	{0},
};

static int unmount(const struct mount_entry *mount, const struct umount_flags *flags)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int tries = flags->detach ? TRIES_AFTER_DETACH : TRIES;
	int err = mounts_unmount(mount, flags->kernel);

	while (err == -EBUSY && tries-- > 0) {
		nanosleep(&pause, NULL);
		err = mounts_unmount(mount, flags->kernel);
	}
	if (err == -EBUSY && holders_tell(mount) == 0)
		message(MESSAGE_ERROR, "%s: unmount: in use, perhaps by another user's process",
			mount->point);
	else if (err && err != -EBUSY)
		message(MESSAGE_ERROR, "%s: unmount: %s", mount->point, reason(err));
	return err;
}

struct others {
	const struct mount_entry *mount;
	bool found;
};

static bool is_other_point(const struct mount_entry *entry, void *ctx)
{
	struct others *others = ctx;

	others->found = entry->dev == others->mount->dev && entry->id != others->mount->id;
	return !others->found;
}

/* At another place too: unmounting here would not end it, and we would wait for that. */
static bool is_mounted_twice(const struct mount_entry *mount)
{
	struct others others = {.mount = mount};

	return mounts_each(is_other_point, &others) == 0 && others.found;
}

/* Before something that takes long, or changes something, is done in vain. */
static int check_unused(const struct mount_entry *mount, const struct umount_flags *flags)
{
	if (flags->kernel || (!flags->drain && !is_mounted_twice(mount)))
		return 0;
	return holders_tell(mount) ? -EBUSY : 0;
}

static enum exit_status umount_it(const struct mount_entry *mount, const struct umount_flags *flags)
{
	CLEANUP_CLOSE int lock = run_lock_open(mount->dev, mount->owner);
	bool alive = lock >= 0 && run_lock_is_held(lock);
	int err;

	interrupt_catch(mount->point, "unmount", "stopped: it is still mounted");
	err = flags->detach ? holders_detach(mount) : check_unused(mount, flags);

	/* What was above has written its last by now. */
	if (!err && flags->drain)
		err = drain("drain", mount, NULL);
	if (!err) {
		ending_catch_signals(); /* from now on there is no way back */
		err = unmount(mount, flags);
	}
	if (err)
		return exit_status_of(err);
	if (!alive)
		mount_table_remove(mount->point);
	/* Lazily: it ends when the last has gone, which the caller won't wait for. */
	return alive && !(flags->kernel & MNT_DETACH)
		       ? ending_wait(lock, mount->dev, mount->point, "unmount")
		       : EXIT_STATUS_DONE;
}

static bool find_mount(const char *word, struct mount_entry *mount)
{
	char below[NAME_MAX + 1];

	if (!mounts_find_for("umount", word, mount, below))
		return false;
	if (!below[0])
		return true;
	message(MESSAGE_ERROR, "%s: umount: not a mount point of wbfs", word);
	return false;
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

	if (args_parse(&args, argc, argv) < 0 || !find_mount(argv[0], &mount))
		return EXIT_STATUS_USAGE;
	return umount_it(&mount, &flags);
}

/* ---- as umount(8)'s helper ---- */

static int helper_lazy(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct umount_flags *)ctx)->kernel |= MNT_DETACH;
	return 0;
}

static int helper_force(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct umount_flags *)ctx)->kernel |= MNT_FORCE;
	return 0;
}

static int helper_ignore(void *ctx, const struct arg_option *option, const char *value)
{
	(void)ctx, (void)option, (void)value;
	return 0;
}

static const struct arg_option helper_rows[] = {
	{"force", 'f', NULL, "cut it off", helper_force},
	{"lazy", 'l', NULL, "when nobody uses it any more", helper_lazy},
	{"no-mtab", 'n', NULL, "ignored", helper_ignore},
	{"read-only", 'r', NULL, "ignored", helper_ignore},
	{"verbose", 'v', NULL, "ignored", helper_ignore},
	{"types", 't', "TYPE", "ignored", helper_ignore},
	{"namespace", 'N', "NS", "ignored", helper_ignore},
	{0},
};

int umount_helper(int argc, char **argv)
{
	static struct mount_entry mount;
	struct umount_flags flags = {.drain = false};
	const struct args args = {
		.command = "umount",
		.options = helper_rows,
		.ctx = &flags,
		.min_words = 1,
		.max_words = 1,
	};

	if (args_parse(&args, argc, argv) < 0 || !find_mount(argv[0], &mount))
		return exit_status_for_mount(EXIT_STATUS_USAGE);
	return exit_status_for_mount(umount_it(&mount, &flags));
}
