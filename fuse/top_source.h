/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wbfs top asks of the daemon, on threads of its own: a daemon that doesn't answer must not
 * keep anybody from quitting. Called by the command's main thread.
 */
#ifndef FUSE_TOP_SOURCE_H
#define FUSE_TOP_SOURCE_H

#include "fuse/mounts.h"
#include "fuse/top_sample.h"

enum { TOP_NOTICE_LEN = 256 };

/* Read one now. Blocks until the daemon answers. 0 or -errno after a message. */
int top_source_read(const struct mount_entry *mount, struct top_sample *sample)
	__attribute__((warn_unused_result));

/*
 * From now on read one every `interval` seconds, and collect messages of this process instead of
 * writing them. A descriptor that can be read when there is something new, or -errno.
 */
int top_source_start(const struct mount_entry *mount, double interval)
	__attribute__((warn_unused_result));

/*
 * Has a new one come? 1: yes; 0: no; else -errno: there will be no more. *asked is since when
 * (ns) the daemon owes an answer, or 0.
 */
int top_source_take(struct top_sample *sample, uint64_t *asked);

/* Do something meanwhile, one thing at a time. */
void top_source_flush(void);
void top_source_pause(const struct top_sample *sample, bool pause);

/* What came of that, or the last message. */
void top_source_notice(char notice[TOP_NOTICE_LEN]);

/* Messages are written again. The threads end with the process: they may wait for the daemon. */
void top_source_stop(void);

#endif
