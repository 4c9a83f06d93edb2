/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lock files of daemons. Called in a daemon's main thread, and by commands. */
#include "config.h"

#include "fuse/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { LOCK_PATH_LEN = 256, CONTENT_LEN = 64 };

/* Root's are where all look; others have a directory of their own. */
static void lock_directory(char path[LOCK_PATH_LEN])
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(path, LOCK_PATH_LEN, "/run/wbfs");
	else if (own && *own)
		snprintf(path, LOCK_PATH_LEN, "%.200s/wbfs", own);
	else
		snprintf(path, LOCK_PATH_LEN, "/tmp/wbfs-%u", geteuid());
}

/* In /tmp somebody else may have made it first. */
static int make_directory(const char *path)
{
	struct stat attr;

	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &attr) < 0)
		return -errno;
	if (!S_ISDIR(attr.st_mode) || attr.st_uid != geteuid() ||
	    attr.st_mode & (S_IWGRP | S_IWOTH))
		return -EACCES;
	return 0;
}

static void lock_path(dev_t dev, char path[LOCK_PATH_LEN])
{
	size_t len;

	lock_directory(path);
	len = strlen(path);
	snprintf(path + len, LOCK_PATH_LEN - len, "/%u:%u", major(dev), minor(dev));
}

int run_lock_take(dev_t dev)
{
	CLEANUP_CLOSE int fd = -1;
	char path[LOCK_PATH_LEN];
	int result;

	lock_directory(path);
	result = make_directory(path);
	if (result)
		return result;
	lock_path(dev, path);
	/* Left behind by one that was killed; nobody else can have this number now. */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || dprintf(fd, "pid %d\n", getpid()) < 0)
		return -errno;
	result = fd;
	fd = -1;
	return result;
}

/* The device number is free since the mount has gone: the file may be that of a later mount. */
static bool is_ours(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

void run_lock_leave(int fd, dev_t dev, int exit_status)
{
	char path[LOCK_PATH_LEN];

	if (fd < 0)
		return;
	dprintf(fd, "exit %d\n", exit_status);
	lock_path(dev, path);
	if (is_ours(fd, path))
		unlink(path);
}

int run_lock_open(dev_t dev)
{
	char path[LOCK_PATH_LEN];
	int fd;

	lock_path(dev, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool run_lock_is_held(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

static void read_content(int fd, char content[CONTENT_LEN])
{
	ssize_t len = pread(fd, content, CONTENT_LEN - 1, 0);

	content[len > 0 ? len : 0] = '\0';
}

int run_lock_wait(int fd)
{
	char content[CONTENT_LEN];
	const char *line;

	while (flock(fd, LOCK_SH) < 0)
		if (errno != EINTR)
			return -errno;
	read_content(fd, content);
	line = strstr(content, "\nexit ");
	return line ? atoi(line + strlen("\nexit ")) : -ECHILD;
}

pid_t run_lock_pid(int fd)
{
	char content[CONTENT_LEN];
	int pid = 0;

	read_content(fd, content);
	return sscanf(content, "pid %d", &pid) == 1 ? pid : 0;
}
