/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What umount(8) knows of a mount. Without an entry in /run/mount/utab it takes a FUSE mount of
 * root's for nothing special and asks no helper, so it would not wait for the daemon.
 */
#ifndef FUSE_MOUNT_TABLE_H
#define FUSE_MOUNT_TABLE_H

/* Have umount(8) call umount.wbfs for it. Without libmount, or if not root, nothing is done. */
void mount_table_add(const char *source, const char *mount_point, const char *type);

/* The mount is gone. */
void mount_table_remove(const char *mount_point);

#endif
