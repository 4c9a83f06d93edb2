/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted, from /proc/self/mountinfo: nothing here touches a file system that may hang. */
#ifndef FUSE_MOUNTS_H
#define FUSE_MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct mount_entry {
	int id, parent; /* of the mount, and the one that it is mounted on */
	dev_t dev;	/* of its file system */
	uid_t owner;	/* who has mounted it, if it is of FUSE */
	char point[PATH_MAX];
	char source[PATH_MAX];
	char type[64];
};

/* Call fn for each mount, in order, until it returns false. 0 or -errno. */
int mounts_each(bool (*fn)(const struct mount_entry *entry, void *ctx), void *ctx)
	__attribute__((warn_unused_result));

bool mounts_is_ours(const struct mount_entry *entry);

/* The mount of ours on exactly this path, the topmost if there are several. False if none. */
bool mounts_find(const char *point, struct mount_entry *entry);

/*
 * A mount of ours by a path that a user gave for it, which may end in what is below it: *below
 * then is "NAME", else "". path need not be readable. False after a message.
 */
bool mounts_find_for(const char *command, const char *path, struct mount_entry *entry,
		     char below[NAME_MAX + 1]);

/*
 * Unmount it, by fusermount3 if only the owner may; flags as for umount2. 0 or -errno;
 * fusermount3 doesn't tell why, which is taken for -EBUSY.
 */
int mounts_unmount(const struct mount_entry *mount, int flags) __attribute__((warn_unused_result));

#endif
