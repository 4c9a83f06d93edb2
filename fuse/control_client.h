/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control files as commands use them: MOUNTPOINT/.control/... */
#ifndef FUSE_CONTROL_CLIENT_H
#define FUSE_CONTROL_CLIENT_H

#include <stdbool.h>

#include "fuse/mounts.h"
#include "fuse/text.h"

/*
 * Read a control file, path below .control/. 0 or -errno after a message; -ETIMEDOUT: its daemon
 * hangs.
 */
int control_get(const struct mount_entry *mount, const char *path, struct text *text)
	__attribute__((warn_unused_result));

/* The same without a message, for who only looks. */
int control_peek(const struct mount_entry *mount, const char *path, struct text *text)
	__attribute__((warn_unused_result));

/*
 * Write one. Blocks until it has taken effect, or until the daemon doesn't even open it. 0 or
 * -errno after a message, for which .control/last_error is asked.
 */
int control_set(const struct mount_entry *mount, const char *path, const char *value)
	__attribute__((warn_unused_result));

/* A figure of a status text, or false. */
bool control_figure(const struct text *status, const char *name, unsigned long long *value);

#endif
