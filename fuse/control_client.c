/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control files as commands use them. Runs in a command's threads. */
#include "config.h"

#include "fuse/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"

enum { CONTROL_PATH_LEN = PATH_MAX + 128, READ_LEN = 64 << 10, REASON_LEN = 512 };

/* Returns the error that a command ends with. */
static int complain(const struct mount_entry *mount, const char *action, int err)
{
	if (err != -ENOTCONN && err != -ECONNABORTED) {
		message(MESSAGE_ERROR, "%s: %s: %s", mount->point, action, reason(err));
		if (err == -EACCES)
			hint("only the user who mounted it may; others may look if it has "
			     "allow_other");
		return err;
	}
	message(MESSAGE_ERROR, "%s: %s: the daemon of this mount is gone", mount->point, action);
	hint("wbfs umount %s", mount->point);
	return -EIO;
}

static int open_file(const struct mount_entry *mount, const char *path, int flags)
{
	char full[CONTROL_PATH_LEN];
	int fd;

	snprintf(full, sizeof(full), "%s/.control/%s", mount->point, path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_all(int fd, struct text *text)
{
	static char part[READ_LEN];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0)
		text_printf(text, "%.*s", (int)n, part);
	if (n < 0)
		return -errno;
	return text->failed ? -ENOMEM : 0;
}

int control_peek(const struct mount_entry *mount, const char *path, struct text *text)
{
	CLEANUP_CLOSE int fd = open_file(mount, path, O_RDONLY);

	return fd < 0 ? fd : read_all(fd, text);
}

int control_get(const struct mount_entry *mount, const char *path, struct text *text)
{
	int err = control_peek(mount, path, text);

	return err ? complain(mount, path, err) : 0;
}

/* Only what is refused as such has a reason there; other errors say it themselves. */
static bool complain_as_told(const struct mount_entry *mount)
{
	CLEANUP_CLOSE int fd = open_file(mount, "last_error", O_RDONLY);
	char why[REASON_LEN];
	ssize_t n = fd < 0 ? -1 : read(fd, why, sizeof(why) - 1);

	if (n <= 1)
		return false;
	why[n] = '\0';
	why[strcspn(why, "\n")] = '\0';
	message(MESSAGE_ERROR, "%s: %s", mount->point, why);
	return true;
}

int control_set(const struct mount_entry *mount, const char *path, const char *value)
{
	CLEANUP_CLOSE int fd = open_file(mount, path, O_WRONLY);
	size_t len = strlen(value);
	int err;

	if (fd < 0)
		return complain(mount, path, fd);
	if (write(fd, value, len) == (ssize_t)len)
		return 0;
	err = -errno;
	if (err == -EINTR)
		return err; /* who has interrupted us knows */
	if (err == -ENOTCONN || err == -ECONNABORTED || !complain_as_told(mount))
		err = complain(mount, path, err);
	return err;
}

bool control_figure(const struct text *status, const char *name, unsigned long long *value)
{
	size_t len = strlen(name);

	for (const char *line = status->bytes; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return sscanf(line + len + 1, "%llu", value) == 1;
	}
	return false;
}
