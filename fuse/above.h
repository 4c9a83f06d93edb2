/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands on a mount of ours: loop devices on its files, what is mounted of these, loop devices
 * on files in there, and so on. Looks at numbers in /proc and /sys only, which doesn't touch a
 * mount that may hang. Runs in a command's main thread.
 */
#ifndef FUSE_ABOVE_H
#define FUSE_ABOVE_H

#include <stddef.h>

#include "fuse/loops.h"
#include "fuse/mounts.h"

struct above {
	enum above_kind { ABOVE_LOOP, ABOVE_MOUNT } kind;
	struct loop loop;	  /* the device, or the one that is mounted */
	struct mount_entry mount; /* ABOVE_MOUNT */
};

/* What is below comes before what stands on it. */
struct above_list {
	struct above *items;
	size_t nr;
};

#define ABOVE_SCOPE __attribute__((cleanup(above_free))) struct above_list

/* 0 or -errno; also then the list is to be freed. */
int above_find(const struct mount_entry *mount, struct above_list *list)
	__attribute__((warn_unused_result));
void above_free(struct above_list *list);

#endif
