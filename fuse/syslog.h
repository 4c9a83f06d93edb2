/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's log, as datagrams to /dev/log. libc's syslog() waits for ever if nobody reads them,
 * and then a daemon could not end. For one thread.
 */
#ifndef FUSE_SYSLOG_H
#define FUSE_SYSLOG_H

#include <stdbool.h>

#include "common/message.h"

/* Waits for at most a moment. False: it is lost. */
bool syslog_send(enum message_level level, const char *text);

#endif
