/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The FUSE session: mounting and unmounting. Steps of start.c. */
#ifndef FUSE_SESSION_H
#define FUSE_SESSION_H

#include "fuse/server.h"

int session_start(struct server *server) WB_CHECK;
int session_stop(struct server *server);

/* How we want to talk with the kernel: for INIT. */
void session_negotiate(struct fuse_conn_info *conn);

/* Block until the kernel has said INIT. 0 or -errno after a message. */
int session_wait_for_init(struct server *server) WB_CHECK;

/*
 * Take the mount out of the tree. Blocks until the kernel has written what it still has; the
 * receivers have to be at work. Who has files open keeps it alive.
 */
void session_detach(struct server *server);

/* Is the mount gone, or cut off? */
bool session_is_over(struct server *server);

#endif
