/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control files as commands use them. Runs in a command's threads. */
#include "config.h"

#include "fuse/control_client.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/message.h"
#include "fuse/errand.h"

enum { CONTROL_PATH_LEN = PATH_MAX + 512 };

/* There is nobody to ask for a reason. */
static bool is_gone(int err)
{
	return err == -ENOTCONN || err == -ECONNABORTED || err == -ETIMEDOUT;
}

/* Returns the error that a command ends with. */
static int complain(const struct mount_entry *mount, const char *action, int err)
{
	if (err == -ETIMEDOUT) {
		message(MESSAGE_ERROR, "%s: %s: its daemon doesn't answer, for %d s by now",
			mount->point, action, ERRAND_PATIENCE);
		return err;
	}
	if (is_gone(err)) {
		message(MESSAGE_ERROR, "%s: %s: the daemon of this mount is gone", mount->point,
			action);
		hint("wbfs umount %s", mount->point);
		return -EIO;
	}
	message(MESSAGE_ERROR, "%s: %s: %s", mount->point, action, reason(err));
	if (err == -EACCES)
		hint("only the user who mounted it may; others may look if it has "
		     "allow_other");
	return err;
}

static void path_of(const struct mount_entry *mount, const char *path, char full[CONTROL_PATH_LEN])
{
	snprintf(full, CONTROL_PATH_LEN, "%s/.control/%s", mount->point, path);
}

int control_peek(const struct mount_entry *mount, const char *path, struct text *text)
{
	char full[CONTROL_PATH_LEN];

	path_of(mount, path, full);
	return errand_read(full, text);
}

int control_get(const struct mount_entry *mount, const char *path, struct text *text)
{
	int err = control_peek(mount, path, text);

	return err ? complain(mount, path, err) : 0;
}

/* Only what is refused as such has a reason there; other errors say it themselves. */
static bool complain_as_told(const struct mount_entry *mount)
{
	TEXT_SCOPE why = {0};

	if (control_peek(mount, "last_error", &why) || why.len <= 1)
		return false;
	why.bytes[strcspn(why.bytes, "\n")] = '\0';
	message(MESSAGE_ERROR, "%s: %s", mount->point, why.bytes);
	return true;
}

int control_set(const struct mount_entry *mount, const char *path, const char *value)
{
	char full[CONTROL_PATH_LEN];
	bool opened;
	int err;

	path_of(mount, path, full);
	err = errand_write(full, value, &opened);
	if (!err)
		return 0;
	if (!opened || is_gone(err) || !complain_as_told(mount))
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
