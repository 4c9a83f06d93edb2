/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of /run/mount/utab, by libmount. A failure only means that umount(8) doesn't wait. Runs
 * in the main thread of a daemon or a command.
 */
#include "config.h"

#include "fuse/mount_table.h"

#include <errno.h>
#include <unistd.h>

#include "common/message.h"

#ifdef HAVE_LIBMOUNT

#include <libmount.h>

/* fs NULL: take away. */
static int update(const char *mount_point, struct libmnt_fs *fs)
{
	struct libmnt_update *change = mnt_new_update();
	int err;

	if (!change)
		return -ENOMEM;
	err = mnt_update_set_fs(change, 0, fs ? NULL : mount_point, fs);
	if (!err)
		err = mnt_update_table(change, NULL);
	mnt_free_update(change);
	return err < 0 ? err : 0;
}

static int add(const char *source, const char *mount_point, const char *type)
{
	struct libmnt_fs *fs = mnt_new_fs();
	int err = fs ? 0 : -ENOMEM;

	if (!err)
		err = mnt_fs_set_source(fs, source);
	if (!err)
		err = mnt_fs_set_target(fs, mount_point);
	if (!err)
		err = mnt_fs_set_fstype(fs, type);
	if (!err)
		err = mnt_fs_set_options(fs, "uhelper=wbfs");
	if (!err)
		err = update(mount_point, fs);
	mnt_unref_fs(fs);
	return err;
}

void mount_table_add(const char *source, const char *mount_point, const char *type)
{
	int err = geteuid() == 0 ? add(source, mount_point, type) : 0;

	if (err)
		message(MESSAGE_DEBUG, "%s: /run/mount/utab: add: %s", mount_point, reason(err));
}

void mount_table_remove(const char *mount_point)
{
	int err = geteuid() == 0 ? update(mount_point, NULL) : 0;

	if (err)
		message(MESSAGE_DEBUG, "%s: /run/mount/utab: remove: %s", mount_point, reason(err));
}

#else

void mount_table_add(const char *source, const char *mount_point, const char *type)
{
	(void)source, (void)mount_point, (void)type;
}

void mount_table_remove(const char *mount_point)
{
	(void)mount_point;
}

#endif
