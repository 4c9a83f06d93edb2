/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock file for each mount, /run/wbfs/MAJOR:MINOR after the number of the mount's file system.
 * The daemon holds a lock on it as long as it lives, however it ends; so `wbfs umount` can wait
 * for a daemon without its pid, and without touching the mount. In the file: what became of it.
 */
#ifndef FUSE_RUN_LOCK_H
#define FUSE_RUN_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* Daemon: create and lock. A descriptor to be kept open, or -errno: then nobody can wait. */
int run_lock_take(dev_t dev);

/* Daemon, at the end: leave the exit status for who waits, and remove the name. */
void run_lock_leave(int fd, dev_t dev, int exit_status);

/* Others: a descriptor for run_lock_wait, taken before the daemon is asked to end; or -errno. */
int run_lock_open(dev_t dev);

/* Does the daemon still live? */
bool run_lock_is_held(int fd);

/* Wait for the daemon's end. Its exit status, -ECHILD if it died, or -errno. */
int run_lock_wait(int fd);

/* The daemon's pid, or 0. */
pid_t run_lock_pid(int fd);

#endif
