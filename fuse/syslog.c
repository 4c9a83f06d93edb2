/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's log. For one thread.
 * Source of the format: RFC 3164, 4.1, as sent by libc: without the host's name.
 */
#include "config.h"

#include "fuse/syslog.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 100, HEAD_LEN = 80 };

static int log_socket = -1;

static void connect_socket(void)
{
	static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};

	if (log_socket >= 0)
		close(log_socket);
	log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_socket < 0)
		return;
	if (connect(log_socket, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return;
	close(log_socket);
	log_socket = -1;
}

/* A reader that is slow for a moment is waited for. */
static bool send_line(const char *line, size_t len)
{
	struct pollfd writable = {.fd = log_socket, .events = POLLOUT};

	if (log_socket < 0) {
		errno = ENOTCONN; /* not what went wrong elsewhere */
		return false;
	}
	if (send(log_socket, line, len, MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN || poll(&writable, 1, PATIENCE_MS) <= 0)
		return false;
	return send(log_socket, line, len, MSG_NOSIGNAL) >= 0;
}

bool syslog_send(enum message_level level, const char *text)
{
	char line[MESSAGE_LEN + HEAD_LEN], stamp[32] = "";
	time_t now = time(NULL);
	struct tm local;
	int len;

	if (localtime_r(&now, &local))
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &local);
	len = snprintf(line, sizeof(line), "<%d>%s wbfs[%d]: %s",
		       LOG_DAEMON | message_priority(level), stamp, (int)getpid(), text);
	if (len < 0)
		return false;
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (send_line(line, (size_t)len))
		return true;
	if (errno == EAGAIN)
		return false;
	/* The reader may be another one now. */
	connect_socket();
	return send_line(line, (size_t)len);
}
