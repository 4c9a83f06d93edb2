/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs loop: a block device for an exposed file, and taking it away. Runs in main's thread. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/holders.h"
#include "fuse/loops.h"
#include "fuse/mounts.h"
#include "fuse/names.h"

#define RUN_DIRECTORY "/run/wbfs"

enum { USUAL_SECTOR = 512 };

struct loop_flags {
	bool detach;
	const char *link;
};

static int set_detach(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct loop_flags *)ctx)->detach = true;
	return 0;
}

static int set_link(void *ctx, const struct arg_option *option, const char *value)
{
	if (*value != '/') {
		message(MESSAGE_ERROR, "loop: --%s %s: not an absolute path", option->name, value);
		return -EINVAL;
	}
	((struct loop_flags *)ctx)->link = value;
	return 0;
}

const struct arg_option loop_options[] = {
	{"detach", 'd', NULL, "take the loop devices of the file away", set_detach},
	{"link", 0, "PATH", "a symbolic link to the device, which is always the same", set_link},
	{0},
};

/* What was asked for lately the kernel still answers, but not this. */
static bool is_dead(const struct mount_entry *mount)
{
	struct statvfs fs;

	return statvfs(mount->point, &fs) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

struct removal {
	const char *file;
	ino_t file_ino; /* 0: not known, the daemon is gone */
	unsigned int nr;
	int err;
};

static bool remove_if_on(const struct loop *loop, void *ctx)
{
	struct removal *removal = ctx;

	if (removal->file_ino ? loop->file_ino != removal->file_ino
			      : strcmp(loop->file, removal->file) != 0)
		return true;
	removal->nr++;
	removal->err = holders_tell_loop(loop) ? -EBUSY : loop_remove(loop);
	return !removal->err;
}

static int remove_loops(dev_t dev, const char *file, ino_t file_ino, const char *link_path)
{
	struct removal removal = {.file = file, .file_ino = file_ino};
	int err = loops_each(dev, remove_if_on, &removal);

	if (!err)
		err = removal.err;
	if (!err && !removal.nr) {
		message(MESSAGE_ERROR, "%s: detach: no loop device shows it", file);
		err = -ENOENT;
	}
	if (!err && link_path && unlink(link_path) < 0 && errno != ENOENT)
		message(MESSAGE_WARNING, "%s: remove: %s", link_path, reason(errno));
	return err;
}

/*
 * What is put on the loop device should also work on the backing alone, so its sectors are those of
 * the backing.
 */
static unsigned int sector_of_backing(const struct mount_entry *mount, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 64];
	CLEANUP_CLOSE int fd = -1;
	struct stat attr;
	int sector = 0;

	snprintf(path, sizeof(path), "%s/.control/devices/%.255s/device", mount->point, name);
	if (stat(path, &attr) < 0 || !S_ISBLK(attr.st_mode))
		return USUAL_SECTOR;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKSSZGET, &sector) < 0)
		return USUAL_SECTOR;
	return sector > 0 ? (unsigned int)sector : USUAL_SECTOR;
}

/* Links in a directory of ours; one that is left over from the last time is replaced. */
static int make_link(const char *device, const char *path)
{
	CLEANUP_FREE char *parent = strdup(path);
	struct stat attr;
	int err = parent ? 0 : -ENOMEM;

	if (!err && mkdir(RUN_DIRECTORY, 0755) < 0 && errno != EEXIST)
		err = -errno;
	if (!err && mkdir(dirname(parent), 0755) < 0 && errno != EEXIST)
		err = -errno;
	if (!err && lstat(path, &attr) == 0 && S_ISLNK(attr.st_mode))
		unlink(path);
	if (!err && symlink(device, path) < 0)
		err = -errno;
	if (err)
		message(MESSAGE_ERROR, "%s: link to %s: %s", path, device, reason(err));
	return err;
}

static bool warn_if_on(const struct loop *loop, void *ctx)
{
	const ino_t *file_ino = ctx;

	if (loop->file_ino == *file_ino)
		message(MESSAGE_WARNING, "%s: loop: %s shows it already", loop->file, loop->device);
	return loop->file_ino != *file_ino;
}

/* Two file systems on the same file destroy it. */
static void warn_of_others(const struct stat *attr)
{
	ino_t ino = attr->st_ino;

	if (loops_each(attr->st_dev, warn_if_on, &ino))
		message(MESSAGE_DEBUG, "loop devices: can't be listed");
}

static int create_loop(const char *file, unsigned int sector, const char *link_path)
{
	char device[LOOP_NAME_LEN];
	struct statvfs fs;
	bool read_only = statvfs(file, &fs) == 0 && fs.f_flag & ST_RDONLY;
	int err = loop_create(file, read_only, sector, device);

	if (err)
		return err;
	err = link_path ? make_link(device, link_path) : 0;
	if (err) {
		loop_forget(device);
		return err;
	}
	/* One that nobody has been told of would stay; main says what went wrong. */
	if (printf("%s\n", device) < 0 || fflush(stdout) < 0)
		loop_forget(device);
	return 0;
}

/* MOUNTPOINT NAME, or MOUNTPOINT/NAME. The name, or NULL after a message. */
static const char *find_backing(int words, char **argv, struct mount_entry *mount,
				char below[NAME_MAX + 1])
{
	if (!mounts_find_for("loop", argv[0], mount, below))
		return NULL;
	if (words == 2 && !below[0])
		return argv[1];
	if (words == 1 && below[0])
		return below;
	message(MESSAGE_ERROR, "loop: needs a mount point and a name");
	hint("wbfs loop --help");
	return NULL;
}

enum exit_status command_loop(int argc, char **argv)
{
	struct loop_flags flags = {.detach = false};
	const struct args args = {
		.command = argv[0],
		.options = loop_options,
		.ctx = &flags,
		.min_words = 1,
		.max_words = 2,
	};
	char file[PATH_MAX + NAME_MAX + 2];
	char below[NAME_MAX + 1];
	struct mount_entry mount;
	const char *name = NULL;
	struct stat attr;
	int words = args_parse(&args, argc, argv);
	int err;

	if (words > 0)
		name = find_backing(words, argv, &mount, below);
	if (!name)
		return EXIT_STATUS_USAGE;
	snprintf(file, sizeof(file), "%s/%.255s", mount.point, name);
	if (flags.detach && is_dead(&mount))
		return exit_status_of(remove_loops(mount.dev, file, 0, flags.link));
	err = names_check("loop", &mount, name);
	if (err)
		return exit_status_of(err);
	if (stat(file, &attr) < 0 || !S_ISREG(attr.st_mode)) {
		message(MESSAGE_ERROR, "%s: loop: no such exposed file", file);
		hint("wbfs status %s", mount.point);
		return EXIT_STATUS_USAGE;
	}
	if (flags.detach)
		return exit_status_of(remove_loops(mount.dev, file, attr.st_ino, flags.link));
	warn_of_others(&attr);
	return exit_status_of(create_loop(file, sector_of_backing(&mount, name), flags.link));
}
