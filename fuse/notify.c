/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling a service manager how we are. Never blocks. Runs in the daemon's main thread. */
#include "config.h"

#include "fuse/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/message.h"

enum { NOTIFY_LEN = 1024, STATUS_LEN = 512, PATIENCE_US = 30000000 };

static int manager = -1;
static char last_status[STATUS_LEN];

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, err;

	if ((*path != '/' && *path != '@') || len < 2 || len >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0'; /* an abstract name: its length is part of it */
	else
		len++;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (!path || !*path)
		return;
	manager = connect_to(path);
	if (manager < 0)
		message(MESSAGE_WARNING, "%s: notify: %s", path, reason(manager));
	unsetenv("NOTIFY_SOCKET");
}

void notify_close(void)
{
	if (manager >= 0)
		close(manager);
	manager = -1;
}

bool notify_is_open(void)
{
	return manager >= 0;
}

void notify(const char *format, ...)
{
	char text[NOTIFY_LEN];
	va_list args;
	int len;

	if (manager < 0)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	if (send(manager, text, (size_t)len, MSG_NOSIGNAL) < 0)
		message(MESSAGE_DEBUG, "notify: %s", reason(errno));
}

void notify_status(bool working, const char *format, ...)
{
	char status[STATUS_LEN];
	va_list args;

	if (manager < 0)
		return;
	va_start(args, format);
	vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	status[strcspn(status, "\n")] = '\0';
	if (strcmp(status, last_status) == 0)
		return;
	strcpy(last_status, status);
	if (working)
		notify("STATUS=%s\nEXTEND_TIMEOUT_USEC=%d", status, PATIENCE_US);
	else
		notify("STATUS=%s", status);
}
