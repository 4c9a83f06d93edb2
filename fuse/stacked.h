/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies on a block device: its partitions, the mapped devices that hold it, and where these are
 * mounted, from sysfs and mountinfo. No state; touches no device and no file system.
 */
#ifndef FUSE_STACKED_H
#define FUSE_STACKED_H

#include <limits.h>
#include <stdint.h>

enum { STACKED_NAME_LEN = 64 };

struct stacked {
	char name[STACKED_NAME_LEN]; /* "loop0", "loop0p1", "dm-3" */
	const char *type;	     /* "loop", "part", "dm" */
	uint64_t size;		     /* bytes */
	char point[PATH_MAX];	     /* where it is mounted, or "" */
};

/*
 * Tell of a device ("loop0") and all above it. add gets what it returned for the one below (parent
 * at first), and returns what those above get.
 */
void stacked_tell(const char *name, const char *type, void *parent,
		  void *(*add)(void *ctx, void *parent, const struct stacked *device), void *ctx);

#endif
