/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that serves a mount. */
#ifndef FUSE_DAEMON_H
#define FUSE_DAEMON_H

#include "common/exit_status.h"
#include "fuse/options.h"

/*
 * Serve a mount until it is unmounted or a signal ends it. Unless in the foreground, another
 * process does that, and this one returns as soon as the mount serves requests, or with the
 * other's exit status if it doesn't come to that. Messages have been given.
 */
enum exit_status daemon_run(const struct mount_options *options);

#endif
