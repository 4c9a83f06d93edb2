/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding caches by their superblocks. They are read as anybody may read them, without locks, also
 * under a daemon that has them open. Runs in a command's main thread.
 */
#include "config.h"

#include "fuse/status_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/wb.h"
#include "fuse/mount_status.h"
#include "fuse/mounts.h"
#include "fuse/report.h"

enum column {
	COLUMN_DEVICE,
	COLUMN_LABEL,
	COLUMN_UUID,
	COLUMN_SIZE,
	COLUMN_STATE,
	COLUMN_DIRTY,
	COLUMN_MOUNTPOINT,
	NR_COLUMNS,
};

#define USUAL_COLUMNS "DEVICE,LABEL,UUID,SIZE,STATE,DIRTY,MOUNTPOINT"
#define NARROW_COLUMNS "DEVICE,STATE,DIRTY"

const struct table_column scan_columns[NR_COLUMNS + 1] = {
	[COLUMN_DEVICE] = {"DEVICE", TABLE_CUT, "path of the device or image"},
	[COLUMN_LABEL] = {"LABEL", TABLE_CUT, "label of the cache"},
	[COLUMN_UUID] = {"UUID", TABLE_CUT, "uuid of the cache"},
	[COLUMN_SIZE] = {"SIZE", TABLE_BYTES, "size of the device or image"},
	[COLUMN_STATE] = {"STATE", 0,
			  "mounted, daemon dead, no answer, clean, not closed (in use or crashed), "
			  "damaged"},
	[COLUMN_DIRTY] = {"DIRTY", TABLE_RIGHT,
			  "what is not on its backings: a size if mounted, else no or perhaps"},
	[COLUMN_MOUNTPOINT] = {"MOUNTPOINT", TABLE_CUT, "where it is mounted"},
	[NR_COLUMNS] = {0},
};

struct scan {
	struct table *table;
	bool asked;		  /* for these paths: what is no cache is an error */
	unsigned int nr_refused;  /* that may not be read */
	struct mount_entry mount; /* room for one */
	int err;
};

/* ---- a device that can only be read ---- */

struct reader {
	struct bdev bdev;
	int fd;
};

static void read_chain(struct bdev *dev, struct bdev_io *chain)
{
	struct reader *reader = (struct reader *)dev;

	for (struct bdev_io *io = chain; io; io = io->next) {
		ssize_t n = io->op == BDEV_READ
				    ? preadv(reader->fd, io->iov, io->nr_iov, (off_t)io->off)
				    : 0;

		io->err = n < 0 ? -errno : (uint64_t)n == io->len ? 0 : -EIO;
	}
}

/* It is done when submit returns. */
static void wait_for_it(struct bdev *dev, struct bdev_io *io)
{
	(void)dev, (void)io;
}

static const struct bdev_ops reader_ops = {.submit = read_chain, .wait = wait_for_it};

/* What is smaller, or neither a file nor a block device, is as good as empty. */
static int reader_open(struct reader *reader, const char *path)
{
	struct stat attr;
	uint64_t size = 0;

	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reader->fd < 0 || fstat(reader->fd, &attr) < 0)
		return -errno;
	if (S_ISREG(attr.st_mode))
		size = (uint64_t)attr.st_size;
	else if (!S_ISBLK(attr.st_mode))
		return -EMEDIUMTYPE;
	else if (ioctl(reader->fd, BLKGETSIZE64, &size) < 0)
		return -errno;
	reader->bdev = (struct bdev){
		.ops = &reader_ops,
		.size = size,
		.logical_block_size = 1,
		.memory_align = 1,
		.read_only = true,
		.path = path,
	};
	return size < WB_SLOTS_OFF ? -EMEDIUMTYPE : 0;
}

/* ---- where it is mounted ---- */

struct search {
	struct stat attr; /* of the device */
	struct mount_entry *mount;
	bool found;
};

static bool is_of_device(const struct mount_entry *entry, void *ctx)
{
	struct search *search = ctx;
	struct stat attr;

	if (!mounts_is_ours(entry) || stat(entry->source, &attr) < 0)
		return true;
	if (S_ISBLK(attr.st_mode)
		    ? S_ISBLK(search->attr.st_mode) && attr.st_rdev == search->attr.st_rdev
		    : attr.st_dev == search->attr.st_dev && attr.st_ino == search->attr.st_ino) {
		*search->mount = *entry;
		search->found = true;
	}
	return true; /* the last is the topmost */
}

static bool find_mount(struct scan *scan, int fd)
{
	struct search search = {.mount = &scan->mount};

	return fstat(fd, &search.attr) == 0 && mounts_each(is_of_device, &search) == 0 &&
	       search.found;
}

static void put_mounted(struct scan *scan, struct libscols_line *row)
{
	MOUNT_STATUS_SCOPE status = {0};
	int err = mount_status_read(&scan->mount, &status);

	/* A dead mount, or another user's, is on the list all the same. */
	table_put(scan->table, row, COLUMN_STATE,
		  err == -EIO	      ? "daemon dead"
		  : err == -ETIMEDOUT ? "no answer"
				      : "mounted");
	table_put(scan->table, row, COLUMN_MOUNTPOINT, scan->mount.point);
	if (err)
		table_put(scan->table, row, COLUMN_DIRTY, "perhaps");
	else
		table_put_bytes(scan->table, row, COLUMN_DIRTY,
				status_number(status.cache, "dirty_bytes"));
}

/* ---- one after the other ---- */

static void put_probe(struct scan *scan, struct libscols_line *row, const struct reader *reader,
		      const struct wb_probe *probe)
{
	char label[WB_LABEL_LEN + 1] = "";
	char uuid[UUID_TEXT_LEN];

	memcpy(label, probe->label, WB_LABEL_LEN);
	table_put(scan->table, row, COLUMN_LABEL, label);
	table_put(scan->table, row, COLUMN_UUID, report_uuid(probe->uuid, uuid));
	if (find_mount(scan, reader->fd)) {
		put_mounted(scan, row);
		return;
	}
	table_put(scan->table, row, COLUMN_STATE, probe->clean ? "clean" : "not closed");
	table_put(scan->table, row, COLUMN_DIRTY, probe->has_dirty ? "perhaps" : "no");
}

static void complain(struct scan *scan, const char *path, int err)
{
	if (!scan->asked) {
		scan->nr_refused += err == -EACCES || err == -EPERM;
		return; /* no medium, no cache */
	}
	message(MESSAGE_ERROR, "%s: scan: %s", path, reason(err));
	scan->err = err;
}

static void look_at(struct scan *scan, const char *path)
{
	struct reader reader = {.fd = -1};
	struct libscols_line *row;
	struct wb_probe probe;
	int err = reader_open(&reader, path);

	if (!err)
		err = wb_probe(&reader.bdev, &probe);
	if (err && err != -EUCLEAN) {
		complain(scan, path, err);
	} else {
		row = table_row(scan->table, NULL);
		table_put(scan->table, row, COLUMN_DEVICE, path);
		table_put_bytes(scan->table, row, COLUMN_SIZE, reader.bdev.size);
		if (err)
			table_put(scan->table, row, COLUMN_STATE, "damaged");
		else
			put_probe(scan, row, &reader, &probe);
		if (err && scan->asked)
			complain(scan, path, err);
	}
	if (reader.fd >= 0)
		close(reader.fd);
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int is_device(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void look_at_devices(struct scan *scan)
{
	struct dirent **names = NULL;
	int nr = scandir("/sys/class/block", &names, is_device, compare_names);
	char path[NAME_MAX + 8];

	for (int i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "/dev/%s", names[i]->d_name);
		for (char *c = path; *c; c++)
			if (*c == '!') /* sysfs has no slashes in names */
				*c = '/';
		look_at(scan, path);
		free(names[i]);
	}
	free(names);
}

static bool look_at_image(const struct mount_entry *entry, void *ctx)
{
	struct stat attr;

	if (mounts_is_ours(entry) && stat(entry->source, &attr) == 0 && S_ISREG(attr.st_mode))
		look_at(ctx, entry->source);
	return true;
}

static int look_around(struct scan *scan)
{
	int err;

	look_at_devices(scan);
	err = mounts_each(look_at_image, scan);
	/* What root may not read is none of this container's. */
	if (!scan->nr_refused || geteuid() == 0)
		return err;
	message(MESSAGE_ERROR, "status: scan: %u block devices can't be read: %s", scan->nr_refused,
		reason(EACCES));
	hint("as root, or wbfs status --scan FILE...");
	return -EACCES;
}

int status_scan(char **paths, int nr, const struct table_options *options)
{
	TABLE_SCOPE table = {0};
	CLEANUP_FREE struct scan *scan = calloc(1, sizeof(*scan));
	int err = table_begin(&table, "status", "caches", scan_columns, USUAL_COLUMNS,
			      NARROW_COLUMNS, options);

	if (err || !scan)
		return err ? err : -ENOMEM;
	scan->table = &table;
	scan->asked = nr;
	for (int i = 0; i < nr; i++)
		look_at(scan, paths[i]);
	if (!nr)
		err = look_around(scan);
	if (!err)
		err = scan->err;
	return table_print(&table, "status") ? -ENOMEM : err;
}
