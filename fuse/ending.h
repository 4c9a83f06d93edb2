/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a daemon whose mount is gone. */
#ifndef FUSE_ENDING_H
#define FUSE_ENDING_H

#include <sys/types.h>

#include "common/exit_status.h"

/*
 * Wait for the end of the daemon that holds this lock (run_lock.h), whose mount had the number dev,
 * showing how far it got, or who still has the mount in another mount namespace. Its exit
 * status is ours, with a message unless it is 0. Stopped by SIGINT or SIGTERM: says what is left,
 * which the daemon does all the same. `object` and `action` begin messages.
 */
enum exit_status ending_wait(int lock, dev_t dev, const char *object, const char *action);

/* From now on SIGINT and SIGTERM end such a wait, which may begin later. */
void ending_catch_signals(void);

/*
 * If the last daemon of this cache has lost its mount and still makes things durable, wait for it.
 * What becomes of it doesn't matter. 0, or -EINTR after a message.
 */
int ending_wait_for_cache(const char *cache, const char *mount_point)
	__attribute__((warn_unused_result));

#endif
