/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps a mount from being unmounted: loop devices, mounts on them, processes. */
#ifndef FUSE_HOLDERS_H
#define FUSE_HOLDERS_H

#include "fuse/mounts.h"

/* A message for each of them, at most a handful. */
void holders_tell(const struct mount_entry *mount);

/*
 * Unmount what is on loop devices on the mount's files, and take the devices away. 0 or -errno
 * after a message.
 */
int holders_detach_loops(const struct mount_entry *mount) __attribute__((warn_unused_result));

#endif
