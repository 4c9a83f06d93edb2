/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of backings as people type them. Belongs to a command's main thread. */
#ifndef FUSE_NAMES_H
#define FUSE_NAMES_H

#include "fuse/mounts.h"

/* Whether a mount knows a backing: 0, or -ENOENT or what reading it gave, after a message. */
int names_check(const char *command, const struct mount_entry *mount, const char *name)
	__attribute__((warn_unused_result));

#endif
