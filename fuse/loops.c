/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop devices on exposed files, by loop(4) and sysfs. Runs in a command's main thread. */
#include "config.h"

#include "fuse/loops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/mounts.h"

enum {
	SYSFS_LEN = 320,
	CREATE_TRIES = 64,
	REMOVE_TRIES = 200,
	PAUSE_NS = 10000000, /* 10 ms */
	SMALLEST_SECTOR = 512,
	MOST_PARTITIONS = 16, /* that are looked at */
};

static void pause_a_little(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	nanosleep(&pause, NULL);
}

/* A line of sysfs. False if there is none: no loop device, or one without a file. */
static bool read_attribute(const char *name, const char *attribute, char *line, size_t len)
{
	CLEANUP_CLOSE int fd = -1;
	char path[SYSFS_LEN];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/block/%s/%s", name, attribute);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, len - 1);
	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool look_at(const char *name, struct loop *loop)
{
	CLEANUP_CLOSE int fd = -1;
	struct loop_info64 info;
	unsigned int major_number, minor_number;
	char number[32];

	if (!read_attribute(name, "loop/backing_file", loop->file, sizeof(loop->file)) ||
	    !read_attribute(name, "dev", number, sizeof(number)) ||
	    sscanf(number, "%u:%u", &major_number, &minor_number) != 2)
		return false;
	loop->number = makedev(major_number, minor_number);
	snprintf(loop->device, sizeof(loop->device), "/dev/%.20s", name);
	fd = open(loop->device, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return false;
	loop->file_dev = (dev_t)info.lo_device;
	loop->file_ino = (ino_t)info.lo_inode;
	return true;
}

int loops_each(dev_t file_dev, bool (*fn)(const struct loop *loop, void *ctx), void *ctx)
{
	DIR *directory = opendir("/sys/block");
	struct dirent *entry;
	struct loop loop;
	bool more = true;

	if (!directory)
		return -errno;
	while (more && (entry = readdir(directory)))
		if (strncmp(entry->d_name, "loop", strlen("loop")) == 0 &&
		    look_at(entry->d_name, &loop) && loop.file_dev == file_dev)
			more = fn(&loop, ctx);
	closedir(directory);
	return 0;
}

static int refuse(const char *file, int err)
{
	message(MESSAGE_ERROR, "%s: loop device: %s", file, reason(err));
	return err;
}

static int refuse_control(int err)
{
	refuse("/dev/loop-control", err);
	if (err == -ENOENT)
		hint("modprobe loop");
	else if (err == -EACCES || err == -EPERM)
		hint("only root can make loop devices; others use the exposed file as it is");
	return err;
}

/* Try the device that the kernel says is free; somebody else may be quicker. */
static int configure(int control, const struct loop_config *config, char device[LOOP_NAME_LEN])
{
	CLEANUP_CLOSE int fd = -1;
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	if (number < 0)
		return -errno;
	snprintf(device, LOOP_NAME_LEN, "/dev/loop%d", number);
	fd = open(device, O_RDWR | O_CLOEXEC);
	return fd < 0 || ioctl(fd, LOOP_CONFIGURE, config) < 0 ? -errno : 0;
}

/* What is written into the file must end at a sector's end. */
static uint32_t fitting_sector(int fd, unsigned int sector)
{
	struct stat attr;

	return fstat(fd, &attr) == 0 && attr.st_size % sector == 0 ? sector : SMALLEST_SECTOR;
}

int loop_create(const char *file, bool read_only, unsigned int sector, char device[LOOP_NAME_LEN])
{
	int access = read_only ? O_RDONLY : O_RDWR;
	CLEANUP_CLOSE int fd = open(file, access | O_DIRECT | O_CLOEXEC);
	CLEANUP_CLOSE int control = -1;
	struct loop_config config = {
		.fd = (uint32_t)fd,
		.block_size = fd < 0 ? 0 : fitting_sector(fd, sector),
		.info.lo_flags = LO_FLAGS_DIRECT_IO | (read_only ? LO_FLAGS_READ_ONLY : 0),
	};
	int err;

	if (fd < 0)
		return refuse(file, -errno);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return refuse_control(-errno);
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", file);
	err = configure(control, &config, device);
	for (int i = 0; err == -EBUSY && i < CREATE_TRIES; i++) {
		pause_a_little();
		err = configure(control, &config, device);
	}
	return err ? refuse(file, err) : 0;
}

void loop_forget(const char *device)
{
	CLEANUP_CLOSE int fd = open(device, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, LOOP_CLR_FD) < 0)
		message(MESSAGE_WARNING, "%s: detach: %s", device, reason(errno));
}

/* The kernel lets go of a device only when the last who has it open closes it. */
static bool is_gone(const struct loop *loop)
{
	struct loop now;

	return !look_at(loop->device + strlen("/dev/"), &now) || now.file_dev != loop->file_dev ||
	       now.file_ino != loop->file_ino;
}

static bool is_partition_mounted(const struct loop *loop, const struct mount_entry *entry)
{
	const char *name = loop->device + strlen("/dev/");
	unsigned int major_number, minor_number;
	char attribute[SYSFS_LEN], number[32];
	size_t len = strlen(loop->device);

	/* By its name: file systems such as btrfs have numbers of their own. */
	if (strncmp(entry->source, loop->device, len) == 0 && entry->source[len] == 'p')
		return true;
	for (unsigned int i = 1; i <= MOST_PARTITIONS; i++) {
		snprintf(attribute, sizeof(attribute), "%.20sp%u/dev", name, i);
		if (!read_attribute(name, attribute, number, sizeof(number)))
			continue;
		if (sscanf(number, "%u:%u", &major_number, &minor_number) == 2 &&
		    makedev(major_number, minor_number) == entry->dev)
			return true;
	}
	return false;
}

bool loop_has_mount(const struct loop *loop, const struct mount_entry *entry)
{
	return entry->dev == loop->number || strcmp(entry->source, loop->device) == 0 ||
	       is_partition_mounted(loop, entry);
}

static bool is_swapped_to(const struct loop *loop)
{
	FILE *file = fopen("/proc/swaps", "re");
	size_t len = strlen(loop->device);
	char line[PATH_MAX];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strncmp(line, loop->device, len) == 0 && strchr(" \t", line[len]);
	if (file)
		fclose(file);
	return found;
}

void loop_each_claim(const struct loop *loop, bool (*fn)(const char *name, void *ctx), void *ctx)
{
	char path[SYSFS_LEN];
	struct dirent *entry;
	bool more = true;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/block/%.20s/holders", loop->device + strlen("/dev/"));
	directory = opendir(path);
	while (directory && more && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			more = fn(entry->d_name, ctx);
	if (directory)
		closedir(directory);
	if (more && is_swapped_to(loop))
		fn("swap space", ctx);
}

struct on_loop {
	const struct loop *loop;
	char *point;
	bool found;
};

static bool is_on_loop(const struct mount_entry *entry, void *ctx)
{
	struct on_loop *on = ctx;

	if (loop_has_mount(on->loop, entry)) {
		strcpy(on->point, entry->point);
		on->found = true;
	}
	return true; /* the last is the topmost */
}

bool loop_find_mount(const struct loop *loop, char point[PATH_MAX])
{
	struct on_loop on = {.loop = loop, .point = point};

	return mounts_each(is_on_loop, &on) == 0 && on.found;
}

int loop_remove(const struct loop *loop)
{
	char point[PATH_MAX];
	int fd, err;

	/* The kernel would only note that it is to go when it is unmounted. */
	if (loop_find_mount(loop, point)) {
		message(MESSAGE_ERROR, "%s: detach: mounted on %s", loop->device, point);
		return -EBUSY;
	}
	fd = open(loop->device, O_RDWR | O_CLOEXEC | O_EXCL); /* the same for any other claim */
	err = fd < 0 || ioctl(fd, LOOP_CLR_FD) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	for (int i = 0; (!err || err == -ENXIO) && i < REMOVE_TRIES; i++) {
		if (is_gone(loop))
			return 0;
		pause_a_little();
	}
	message(MESSAGE_ERROR, "%s: detach: %s", loop->device, reason(err ? err : -EBUSY));
	return err ? err : -EBUSY;
}
