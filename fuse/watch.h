/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon tells while it starts, serves and ends: progress on its terminal, if it still has
 * one; a status line for a service manager; what is left for who waits. In its main thread.
 */
#ifndef FUSE_WATCH_H
#define FUSE_WATCH_H

#include "fuse/server.h"
#include "fuse/waiter.h"

/* Has a signal asked us to end? It stays to be read. */
bool watch_asked_to_end(const struct server *server);

/* struct wb_options.progress; ctx is the server. -EINTR when asked to end. */
int watch_recovery(void *ctx, enum wb_progress what, uint64_t done, uint64_t total);
void watch_recovery_ends(bool complete);

/* Tell how the mount is. Returns after how many ms it wants to be called again, -1: never. */
int watch_serving(struct server *server);

/* The mount is gone: who waits for us has something to look at. */
void watch_ending(struct server *server);

/* waiter_wait for the end of wb_stop. */
int watch_stop(struct server *server, struct waiter *waiter) WB_CHECK;

#endif
