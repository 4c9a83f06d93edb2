/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lock files of daemons: "left N N" (always as wide, so that it can be overwritten; the largest
 * number: not ending), "pid N", "cache PATH", and at last "exit N". Called in a daemon's main
 * thread, and by commands.
 */
#include "config.h"

#include "fuse/run_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { LOCK_PATH_LEN = 256, CONTENT_LEN = PATH_MAX + 128 };

#define LEFT_LINE "left %020" PRIu64 " %020" PRIu64 "\n"
#define NOT_ENDING UINT64_MAX

/* Root's are where all look; others have a directory of their own. */
static void own_directory(char path[LOCK_PATH_LEN])
{
	const char *own = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(path, LOCK_PATH_LEN, "/run/wbfs");
	else if (own && *own)
		snprintf(path, LOCK_PATH_LEN, "%.200s/wbfs", own);
	else
		snprintf(path, LOCK_PATH_LEN, "/tmp/wbfs-%u", geteuid());
}

/* In /tmp somebody else may have made it. */
static bool is_trusted(const char *path, uid_t owner)
{
	struct stat attr;

	return lstat(path, &attr) == 0 && S_ISDIR(attr.st_mode) && attr.st_uid == owner &&
	       !(attr.st_mode & (S_IWGRP | S_IWOTH));
}

static int make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	return is_trusted(path, geteuid()) ? 0 : -EACCES;
}

static void lock_path(const char *directory, dev_t dev, char path[LOCK_PATH_LEN])
{
	snprintf(path, LOCK_PATH_LEN, "%.220s/%u:%u", directory, major(dev), minor(dev));
}

static int write_first(int fd, const char *cache)
{
	/* A line is a line. */
	const char *shown = strchr(cache, '\n') ? "" : cache;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    dprintf(fd, LEFT_LINE "pid %d\ncache %s\n", NOT_ENDING, NOT_ENDING, getpid(), shown) <
		    0)
		return -errno;
	return 0;
}

int run_lock_take(dev_t dev, const char *cache)
{
	char directory[LOCK_PATH_LEN], path[LOCK_PATH_LEN];
	int fd, err;

	own_directory(directory);
	err = make_directory(directory);
	if (err)
		return err;
	lock_path(directory, dev, path);
	/* Left behind by one that was killed; nobody else can have this number now. */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	err = write_first(fd, cache);
	if (!err)
		return fd;
	close(fd);
	return err;
}

void run_lock_ending(int fd, uint64_t unsynced, uint64_t unwritten)
{
	char line[64];
	int len = snprintf(line, sizeof(line), LEFT_LINE, unsynced, unwritten);

	/* Who waits would only see less. */
	if (fd >= 0 && pwrite(fd, line, (size_t)len, 0) < 0)
		return;
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
	char directory[LOCK_PATH_LEN], path[LOCK_PATH_LEN];

	if (fd < 0)
		return;
	dprintf(fd, "exit %d\n", exit_status);
	own_directory(directory);
	lock_path(directory, dev, path);
	if (is_ours(fd, path))
		unlink(path);
}

static int open_in(const char *directory, dev_t dev)
{
	char path[LOCK_PATH_LEN];
	int fd;

	lock_path(directory, dev, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int run_lock_open(dev_t dev, uid_t owner)
{
	static const char *const places[] = {"/run/user/%u/wbfs", "/tmp/wbfs-%u"};
	char directory[LOCK_PATH_LEN];
	int fd = -ENOENT;

	own_directory(directory);
	if (owner == geteuid())
		return open_in(directory, dev);
	if (owner == 0)
		return open_in("/run/wbfs", dev);
	for (size_t i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(directory, sizeof(directory), places[i], owner);
		if (is_trusted(directory, owner))
			fd = open_in(directory, dev);
	}
	return fd;
}

int run_lock_find(const char *cache, dev_t *dev)
{
	char directory[LOCK_PATH_LEN];
	struct run_lock lock;
	struct dirent *entry;
	DIR *list;
	int found = -ENOENT;

	own_directory(directory);
	list = opendir(directory);
	while (list && found < 0 && (entry = readdir(list))) {
		unsigned int major_number, minor_number;
		int fd;

		if (sscanf(entry->d_name, "%u:%u", &major_number, &minor_number) != 2)
			continue;
		*dev = makedev(major_number, minor_number);
		fd = open_in(directory, *dev);
		if (fd < 0)
			continue;
		if (run_lock_is_held(fd) && run_lock_read(fd, &lock) &&
		    strcmp(lock.cache, cache) == 0)
			found = fd;
		else
			close(fd);
	}
	if (list)
		closedir(list);
	return found;
}

bool run_lock_is_held(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return false;
}

bool run_lock_read(int fd, struct run_lock *lock)
{
	char content[CONTENT_LEN];
	ssize_t len = pread(fd, content, sizeof(content) - 1, 0);
	int pid = 0;
	char *end;

	*lock = (struct run_lock){.exit_status = -1};
	content[len > 0 ? len : 0] = '\0';
	if (sscanf(content, "left %" SCNu64 " %" SCNu64 " pid %d", &lock->unsynced,
		   &lock->unwritten, &pid) != 3)
		return false;
	lock->pid = pid;
	lock->ending = lock->unsynced != NOT_ENDING;
	end = strstr(content, "\nexit ");
	if (end)
		sscanf(end, "\nexit %d", &lock->exit_status);
	end = strstr(content, "\ncache ");
	if (!end)
		return false;
	end += strlen("\ncache ");
	snprintf(lock->cache, sizeof(lock->cache), "%.*s", (int)strcspn(end, "\n"), end);
	return true;
}
