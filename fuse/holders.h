/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps a mount from being unmounted: loop devices, mounts, processes; and taking it away. */
#ifndef FUSE_HOLDERS_H
#define FUSE_HOLDERS_H

#include <stdbool.h>

#include "fuse/loops.h"
#include "fuse/mounts.h"

/* A message for each of them, at most a handful. Returns how many were told of. */
unsigned int holders_tell(const struct mount_entry *mount);

/* The same for who uses a loop device. */
unsigned int holders_tell_loop(const struct loop *loop);

/*
 * Take away what stands on a mount (above.h), and its other mount points, from the top down. If
 * somebody uses any of it all stays as it is: -EBUSY after messages. 0 or another -errno after a
 * message.
 */
int holders_detach(const struct mount_entry *mount) __attribute__((warn_unused_result));

#endif
