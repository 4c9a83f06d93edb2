/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of backings as people type them. Belongs to a command's main thread. */
#include "config.h"

#include "fuse/names.h"

#include <errno.h>

#include "common/message.h"
#include "fuse/mount_status.h"
#include "fuse/nearest.h"

int names_check(const char *command, const struct mount_entry *mount, const char *name)
{
	struct nearest nearest = nearest_to(name);
	MOUNT_STATUS_SCOPE status = {0};
	int err = mount_status_read(mount, &status);

	if (err || mount_status_find(&status, name))
		return err;
	for (unsigned int i = 0; i < mount_status_nr_backings(&status); i++)
		nearest_offer(&nearest, status_text(mount_status_backing(&status, i), "name"));
	message(MESSAGE_ERROR, "%s: %s: %s: no such backing", mount->point, command, name);
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	else
		hint("wbfs status %s", mount->point);
	return -ENOENT;
}
