/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock file for each mount, /run/wbfs/MAJOR:MINOR after the number of the mount's file system.
 * The daemon holds a lock on it as long as it lives, however it ends; so others can wait for a
 * daemon without its pid, and without touching the mount. In the file: how it is, and what became
 * of it.
 */
#ifndef FUSE_RUN_LOCK_H
#define FUSE_RUN_LOCK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Daemon: create and lock. A descriptor to be kept open, or -errno: then nobody can wait. */
int run_lock_take(dev_t dev, const char *cache);

/* Daemon: the mount is at its end; so many bytes are not durable, so many of these not written. */
void run_lock_ending(int fd, uint64_t unsynced, uint64_t unwritten);

/* Daemon, at the end: leave the exit status for who waits, and remove the name. */
void run_lock_leave(int fd, dev_t dev, int exit_status);

struct run_lock {
	pid_t pid;
	bool ending;
	uint64_t unsynced, unwritten; /* bytes, once it is ending */
	int exit_status;	      /* -1: it has not ended, or died */
	char cache[PATH_MAX];
};

/* Others: a descriptor of the lock of owner's mount, taken before the daemon ends; or -errno. */
int run_lock_open(dev_t dev, uid_t owner);

/* The lock of a living daemon of ours that has this cache, or -ENOENT. */
int run_lock_find(const char *cache, dev_t *dev);

/* Does the daemon still live? */
bool run_lock_is_held(int fd);

/* What the file says. False if that is not understood. */
bool run_lock_read(int fd, struct run_lock *lock);

#endif
