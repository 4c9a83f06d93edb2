/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the daemon. Whoever has one only puts it into a ring; a thread of its own writes
 * them out, because standard error or syslog may end on a file system that waits for us.
 * There is one ring for the process.
 */
#ifndef FUSE_MESSAGES_H
#define FUSE_MESSAGES_H

#include <time.h>

#include "common/message.h"

enum { MESSAGES_RECENT = 8, MESSAGES_RECENT_LEN = 256 };

struct recent_message {
	enum message_level level;
	time_t time;			/* since the epoch */
	char text[MESSAGES_RECENT_LEN]; /* may be cut */
};

/* From now on message() goes through the ring, to standard error. 0 or -errno. */
int messages_start(void) __attribute__((warn_unused_result));

/* From now on they go to syslog: standard error is about to be given up. */
void messages_to_syslog(void);

/* Wait until everything up to now is written. */
void messages_flush(void);

/* Flush and end the thread; message() writes to standard error again. */
void messages_stop(void);

/* The newest messages of all threads, the newest first, without hints. Returns how many. */
unsigned int messages_recent(struct recent_message recent[MESSAGES_RECENT]);

/* The last message of this thread, or ""; valid until its next one. */
const char *messages_last(void);
void messages_forget_last(void);

#endif
