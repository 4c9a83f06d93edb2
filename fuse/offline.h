/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Working on a cache without a mount: the same steps as a daemon's (start.c), but for those that
 * have to do with FUSE. One at a time in a process, in its main thread.
 */
#ifndef FUSE_OFFLINE_H
#define FUSE_OFFLINE_H

#include "fuse/options.h"
#include "fuse/server.h"

/*
 * Open cache, log and backings as options->offline says. Ctrl-C ends the process until then, and is
 * left to the caller afterwards (interrupt.h). 0 or -errno after a message.
 */
int offline_start(struct mount_options *options, const char *cache, struct server **server)
	WB_CHECK;
/* Undo it. 0 or the first error, after a message. */
int offline_stop(struct server *server) WB_CHECK;

/*
 * Write everything back and close the cache in order, with progress. 0 or -errno after a message;
 * -EINTR: stopped by Ctrl-C.
 */
int offline_drain(struct mount_options *options, const char *cache) WB_CHECK;

#endif
