/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the daemon. Whoever has one only puts it into a ring; a thread of its own writes
 * them out, because standard error or syslog may end on a file system that waits for us.
 * There is one ring for the process.
 */
#ifndef FUSE_MESSAGES_H
#define FUSE_MESSAGES_H

/* From now on message() goes through the ring, to standard error. 0 or -errno. */
int messages_start(void) __attribute__((warn_unused_result));

/* From now on they go to syslog: standard error is about to be given up. */
void messages_to_syslog(void);

/* Wait until everything up to now is written. */
void messages_flush(void);

/* Flush and end the thread; message() writes to standard error again. */
void messages_stop(void);

/* The last message of this thread, or ""; valid until its next one. */
const char *messages_last(void);
void messages_forget_last(void);

#endif
