/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing everything back, with progress: for wbfs drain and wbfs umount --drain. */
#ifndef FUSE_DRAIN_H
#define FUSE_DRAIN_H

#include "fuse/mounts.h"

/* Blocks. 0 or -errno after a message. */
int drain(const struct mount_entry *mount) __attribute__((warn_unused_result));

#endif
