/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop devices on exposed files. */
#ifndef FUSE_LOOPS_H
#define FUSE_LOOPS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "fuse/mounts.h"

enum { LOOP_NAME_LEN = 32 }; /* "/dev/loop1048575" */

struct loop {
	char device[LOOP_NAME_LEN];
	dev_t number;
	dev_t file_dev; /* the file it shows */
	ino_t file_ino;
	char file[PATH_MAX];
};

/*
 * Call fn for each loop device whose file lies on the file system with that number, until it
 * returns false. 0 or -errno.
 */
int loops_each(dev_t file_dev, bool (*fn)(const struct loop *loop, void *ctx), void *ctx)
	__attribute__((warn_unused_result));

/*
 * Make one for a file, with direct I/O: everything is written once, and to us. Its sectors have so
 * many bytes (512 if that doesn't divide the file). 0 or -errno after a message.
 */
int loop_create(const char *file, bool read_only, unsigned int sector, char device[LOOP_NAME_LEN])
	__attribute__((warn_unused_result));

/* Take one away that was just made. */
void loop_forget(const char *device);

/* Whether it, or a partition of it, is what is mounted there. */
bool loop_has_mount(const struct loop *loop, const struct mount_entry *entry);

/*
 * Call fn with the name of each device ("dm-0", "swap space") made of it, until it returns false.
 */
void loop_each_claim(const struct loop *loop, bool (*fn)(const char *name, void *ctx), void *ctx);

/* Where it is mounted, the topmost place. False if nowhere. */
bool loop_find_mount(const struct loop *loop, char point[PATH_MAX]);

/*
 * Take one away. Blocks until it is gone, for a little while. 0 or -errno after a message; -EBUSY
 * if it is mounted, or in use for longer.
 */
int loop_remove(const struct loop *loop) __attribute__((warn_unused_result));

#endif
