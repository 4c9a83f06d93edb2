/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs mount, and being mount(8)'s helper. Everything that depends on where we are and what the
 * user typed is settled here, before the daemon forks.
 */
#include "config.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/daemon.h"
#include "fuse/ending.h"
#include "fuse/mount_table.h"
#include "fuse/mounts.h"
#include "fuse/options.h"

enum { STALE_TRIES = 10, STALE_PAUSE_NS = 20000000 };

/* ---- fstab ---- */

static const char *fstab_path(void)
{
	const char *path = getenv("LIBMOUNT_FSTAB"); /* as mount(8) */

	return path ? path : "/etc/fstab";
}

static bool is_line_for(const struct mntent *line, const char *mount_point)
{
	char *resolved;
	bool same;

	if (strcmp(line->mnt_type, "fuse.wbfs") != 0 && strcmp(line->mnt_type, "wbfs") != 0)
		return false;
	resolved = realpath(line->mnt_dir, NULL);
	same = strcmp(line->mnt_dir, mount_point) == 0 ||
	       (resolved && strcmp(resolved, mount_point) == 0);
	free(resolved);
	return same;
}

/* The command line's options come after these and win. 0 or -errno after a message. */
static int apply_line(struct mount_options *options, const struct mntent *line)
{
	options->cache = strdup(line->mnt_fsname);
	if (!options->cache)
		return -ENOMEM;
	return options_parse_list(options, line->mnt_opts);
}

static int take_from_fstab(struct mount_options *options)
{
	char *resolved = realpath(options->mount_point, NULL);
	const char *mount_point = resolved ? resolved : options->mount_point;
	FILE *file = setmntent(fstab_path(), "re");
	struct mntent *line = NULL;
	int err = -ENOENT;

	if (file)
		while ((line = getmntent(file)) && !is_line_for(line, mount_point))
			;
	if (line)
		err = apply_line(options, line);
	else
		message(MESSAGE_ERROR,
			"%s: mount: no --cache given, and no line of type fuse.wbfs "
			"in %s",
			mount_point, fstab_path());
	if (!line)
		hint("wbfs mount --cache CACHE -d NAME=PATH %s", mount_point);
	if (file)
		endmntent(file);
	free(resolved);
	return err;
}

/* ---- the mount point ---- */

/* One of ours whose daemon is gone. */
static int remove_stale(const char *point)
{
	struct mount_entry entry;
	int err;

	if (!mounts_find(point, &entry)) {
		message(MESSAGE_ERROR, "%s: mount: a dead mount of something else is there", point);
		return -EBUSY;
	}
	err = mounts_unmount(&entry, MNT_DETACH);
	if (err) {
		message(MESSAGE_ERROR, "%s: unmount what a dead daemon left: %s", point,
			reason(err));
		return err;
	}
	mount_table_remove(point);
	message(MESSAGE_INFO, "%s: mount: removed what a dead daemon left", point);
	return 0;
}

/* Asks the daemon, if there is one: what stat says may come from the kernel's memory. */
static bool is_stale(const char *point)
{
	struct statvfs fs;

	return statvfs(point, &fs) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* A daemon that was killed a moment ago may still be on its way out. */
static bool becomes_stale(const char *point)
{
	const struct timespec pause = {.tv_nsec = STALE_PAUSE_NS};
	struct mount_entry entry;

	for (int i = 0; i < STALE_TRIES; i++) {
		if (is_stale(point))
			return true;
		if (!mounts_find(point, &entry))
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

static int check_mount_point(const char *point)
{
	struct mount_entry entry;
	struct stat attr;
	int err;

	if (becomes_stale(point)) {
		err = remove_stale(point);
		if (err)
			return err;
	}
	err = stat(point, &attr) < 0 ? -errno : 0;
	if (!err && !S_ISDIR(attr.st_mode))
		err = -ENOTDIR;
	if (err) {
		message(MESSAGE_ERROR, "%s: mount: %s", point, reason(err));
		return err;
	}
	if (!mounts_find(point, &entry))
		return 0;
	message(MESSAGE_ERROR, "%s: mount: in use: %s is mounted there", point, entry.source);
	return -EBUSY;
}

/* ---- the command ---- */

static int prepare(struct mount_options *options, const char *mount_point)
{
	int err;

	options->mount_point = strdup(mount_point);
	if (!options->mount_point)
		return -ENOMEM;
	if (!options->cache) {
		err = take_from_fstab(options);
		if (err)
			return err;
	}
	err = options_resolve(options);
	if (!err)
		err = check_mount_point(options->mount_point);
	return err ? err : ending_wait_for_cache(options->cache, options->mount_point);
}

enum exit_status command_mount(int argc, char **argv)
{
	struct mount_options options;
	const struct args args = {
		.command = "mount",
		.options = option_rows,
		.find = options_find_knob,
		.ctx = &options,
		.min_words = 1,
		.max_words = 1,
	};
	enum exit_status status;
	int err;

	options_init(&options);
	err = args_parse(&args, argc, argv);
	if (err >= 0)
		err = prepare(&options, argv[0]);
	status = err < 0 ? exit_status_of(err) : daemon_run(&options);
	options_free(&options);
	return status;
}

/* ---- as mount(8)'s helper ---- */

struct helper {
	struct mount_options options;
	bool fake;
};

static int helper_ignore(void *ctx, const struct arg_option *row, const char *value)
{
	(void)ctx, (void)row, (void)value;
	return 0;
}

static int helper_fake(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row, (void)value;
	((struct helper *)ctx)->fake = true;
	return 0;
}

static int helper_sloppy(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row, (void)value;
	((struct helper *)ctx)->options.sloppy = true;
	return 0;
}

static int helper_read_only(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row, (void)value;
	((struct helper *)ctx)->options.read_only = true;
	return 0;
}

static int helper_list(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	return options_parse_list(&((struct helper *)ctx)->options, value);
}

static const struct arg_option helper_rows[] = {
	{"options", 'o', "OPT[,OPT...]", "mount options", helper_list},
	{"fake", 'f', NULL, "only check", helper_fake},
	{"no-mtab", 'n', NULL, "ignored", helper_ignore},
	{"sloppy", 's', NULL, "ignore unknown options", helper_sloppy},
	{"verbose", 'v', NULL, "ignored", helper_ignore},
	{"types", 't', "TYPE", "ignored", helper_ignore},
	{"namespace", 'N', "NS", "ignored", helper_ignore},
	{"read-only", 'r', NULL, "read only", helper_read_only},
	{0},
};

int mount_helper(int argc, char **argv)
{
	struct helper helper = {.fake = false};
	const struct args args = {
		.command = "mount",
		.options = helper_rows,
		.ctx = &helper,
		.min_words = 2,
		.max_words = 2,
	};
	enum exit_status status = EXIT_STATUS_DONE;
	int err;

	options_init(&helper.options);
	err = args_parse(&args, argc, argv);
	if (err >= 0) {
		free(helper.options.cache);
		helper.options.cache = strdup(argv[0]);
		err = prepare(&helper.options, argv[1]);
	}
	if (err < 0)
		status = exit_status_of(err);
	else if (!helper.fake)
		status = daemon_run(&helper.options);
	options_free(&helper.options);
	return exit_status_for_mount(status);
}
