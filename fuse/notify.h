/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a service manager is told: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. Without
 * that variable all of this does nothing. One in a process; called in the daemon's main thread.
 */
#ifndef FUSE_NOTIFY_H
#define FUSE_NOTIFY_H

#include <stdbool.h>

/* Look whether anybody wants to know. Our children are not to be taken for us. */
void notify_open(void);
void notify_close(void);
bool notify_is_open(void);

/* Lines such as "READY=1\nSTATUS=serving". What can't be sent is dropped. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The line that `systemctl status` shows, sent if it is another one than before. If so and
 * `working`, the manager's patience is extended, since something goes on.
 */
void notify_status(bool working, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
