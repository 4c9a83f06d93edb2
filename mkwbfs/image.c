/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image file that --size creates. All of it is allocated, so that the log never runs into a
 * full file system, and never has to wait for one to look for room.
 */
#include "config.h"

#include "mkwbfs/image.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"

#define PIECE_LEN (1024ull * 1024 * 1024) /* allocated at a time, so that ^C is heard */
#define ZEROS_LEN (1024u * 1024)

static int refuse(const struct image *image, int err, const char *action, const char *why)
{
	message(MESSAGE_ERROR, "%s: %s: %s", image->path, action, why);
	return err;
}

/* The directory of a path, which may be without any. */
static void directory_of(const char *path, char directory[PATH_MAX])
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(directory, PATH_MAX, "%s", dirname(copy));
}

/* image->path for a file that isn't there yet: the directory has to be. */
static int find_directory(struct image *image, const char *path)
{
	char copy[PATH_MAX], directory[PATH_MAX], real[PATH_MAX];
	int n;

	directory_of(path, directory);
	if (!realpath(directory, real)) {
		int err = -errno;

		message(MESSAGE_ERROR, "%s: create: its directory: %s", path, reason(err));
		return err;
	}
	snprintf(copy, sizeof(copy), "%s", path);
	n = snprintf(image->path, sizeof(image->path), "%s/%s", strcmp(real, "/") ? real : "",
		     basename(copy));
	if (n >= (int)sizeof(image->path)) {
		message(MESSAGE_ERROR, "%s: create: %s", path, reason(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	if (access(real, W_OK) < 0) {
		int err = -errno;

		return refuse(image, err, "create", reason(err));
	}
	return 0;
}

static int plan_new(struct image *image, const char *path, uint64_t size)
{
	if (size == 0) {
		message(MESSAGE_ERROR, "%s: open: no such file or directory", path);
		hint("mkwbfs --size 1G %s", path);
		return -ENOENT;
	}
	image->size = size;
	return find_directory(image, path);
}

int image_plan(struct image *image, const char *path, uint64_t size)
{
	char text[SIZE_TEXT_LEN];
	struct stat st;

	*image = (struct image){0};
	if (!realpath(path, image->path)) {
		if (errno == ENOENT)
			return plan_new(image, path, size);
		int err = -errno;

		message(MESSAGE_ERROR, "%s: open: %s", path, reason(err));
		return err;
	}
	if (stat(image->path, &st) < 0) {
		int err = -errno;

		return refuse(image, err, "open", reason(err));
	}
	image->exists = true;
	if (size == 0)
		return 0;
	if (S_ISBLK(st.st_mode))
		return refuse(image, -EINVAL, "resize", "a block device has its size");
	if (!S_ISREG(st.st_mode))
		return 0; /* device_open says what is wrong with it */
	image->size = size;
	image->empty = st.st_size == 0;
	if (image->empty || (uint64_t)st.st_size == size)
		return 0;
	message(MESSAGE_ERROR,
		"%s: create: exists with a size of %s (%jd bytes); remove it, or leave --size out",
		image->path, format_size((uint64_t)st.st_size, text), (intmax_t)st.st_size);
	return -EEXIST;
}

/*
 * On file systems that copy on write, a log would allocate for each write after all. Only works
 * while the file is empty, and only there; elsewhere there is nothing to do.
 */
static void forbid_copy_on_write(int fd)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_NOCOW_FL;
		if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
			return;
	}
}

static int write_zeros(int fd, uint64_t off, uint64_t len, const volatile bool *stopped)
{
	static const char zeros[ZEROS_LEN];
	ssize_t n;

	while (len) {
		if (*stopped)
			return -EINTR;
		n = pwrite(fd, zeros, len < ZEROS_LEN ? len : ZEROS_LEN, (off_t)off);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			off += (uint64_t)n;
			len -= (uint64_t)n;
		}
	}
	return 0;
}

static int allocate(int fd, uint64_t size, const volatile bool *stopped)
{
	uint64_t off = 0, len;

	while (off < size) {
		if (*stopped)
			return -EINTR;
		len = size - off < PIECE_LEN ? size - off : PIECE_LEN;
		if (fallocate(fd, 0, (off_t)off, (off_t)len) == 0)
			off += len;
		else if (errno == EOPNOTSUPP || errno == ENOSYS)
			return write_zeros(fd, off, size - off, stopped);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Make the new name durable too. */
static int sync_directory(const struct image *image)
{
	char directory[PATH_MAX];

	directory_of(image->path, directory);
	CLEANUP_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems have no fsync for directories, and no need of it. */
	return fsync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

int image_allocate(struct image *image, const volatile bool *stopped)
{
	int create = image->exists ? 0 : O_CREAT | O_EXCL;
	CLEANUP_CLOSE int fd = open(image->path, O_RDWR | O_CLOEXEC | create, 0600);
	int err;

	if (fd < 0) {
		err = -errno;
		return refuse(image, err, image->exists ? "open" : "create", reason(err));
	}
	image->created = !image->exists || image->empty;
	if (image->created)
		forbid_copy_on_write(fd);
	err = allocate(fd, image->size, stopped);
	if (err)
		return refuse(image, err, "allocate", err == -EINTR ? "interrupted" : reason(err));
	err = fsync(fd) < 0 ? -errno : sync_directory(image);
	if (err)
		return refuse(image, err, "sync", reason(err));
	return 0;
}

void image_undo(struct image *image)
{
	if (!image->created)
		return;
	image->created = false;
	if (image->exists ? truncate(image->path, 0) : unlink(image->path))
		message(MESSAGE_ERROR, "%s: clean up: %s", image->path, reason(errno));
}
