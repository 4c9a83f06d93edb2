/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes that use a file or a file system, from /proc. Of others' only root learns everything.
 */
#ifndef FUSE_USERS_H
#define FUSE_USERS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct user {
	pid_t pid;
	char comm[64];
	const char *how;     /* "has open", "works in", ... */
	char path[PATH_MAX]; /* what */
};

/*
 * Call fn once for each process, but ourselves, that uses `path`, or with `below` something in it,
 * until it returns false.
 */
void users_each(const char *path, bool below, bool (*fn)(const struct user *user, void *ctx),
		void *ctx);

/* A process in a mount namespace that isn't ours, where this file system is mounted too. */
bool users_find_elsewhere(dev_t dev, struct user *user);

#endif
