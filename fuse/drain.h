/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing everything back, with progress: for wbfs drain and wbfs umount --drain. */
#ifndef FUSE_DRAIN_H
#define FUSE_DRAIN_H

#include "fuse/mounts.h"

/*
 * All of it, or what is of one backing. `what` is how progress and messages call it. Blocks. 0 or
 * -errno after a message, -EINTR when interrupted; then both arguments may not go away.
 */
int drain(const char *what, const struct mount_entry *mount, const char *backing)
	__attribute__((warn_unused_result));

#endif
