/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backings as people name them, NAME=PATH[,option...], and the paths of a mount made absolute.
 * Runs in main's thread, and in the control worker for what is attached later.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/util.h"
#include "fuse/nearest.h"
#include "fuse/options.h"

static int refuse(const char *command, const char *what, const char *why)
{
	message(MESSAGE_ERROR, "%s: %s: %s", command, what, why);
	return -EINVAL;
}

/* The options that are one word each, and the flags that they set. */
static const struct word {
	const char *text;
	size_t flag; /* offset of a bool in struct device_option */
} words[] = {
	{"cache=none", offsetof(struct device_option, uncached)},
	{"sim=hdd", offsetof(struct device_option, sim_hdd)},
};

static int unknown(const char *command, const char *text, const struct device_option *device)
{
	const struct wb_knob *knob = &wb_knobs[WB_KNOB_MIGRATE_THRESHOLD];
	struct nearest nearest = nearest_to(text);

	message(MESSAGE_ERROR, "%s: %s: %s: unknown option of a backing", command, device->name,
		text);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		nearest_offer(&nearest, words[i].text);
	nearest_offer(&nearest, knob->name);
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	else
		hint("known are cache=none, sim=hdd and %s=%u..%u", knob->name, knob->min,
		     knob->max);
	return -EINVAL;
}

static int apply_one(const char *command, const char *text, struct device_option *device)
{
	const struct wb_knob *knob = &wb_knobs[WB_KNOB_MIGRATE_THRESHOLD];
	size_t len = strlen(knob->name);
	char why[KNOB_REASON_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i].text) == 0) {
			*(bool *)((char *)device + words[i].flag) = true;
			return 0;
		}
	}
	if (strncmp(text, knob->name, len) != 0 || text[len] != '=')
		return unknown(command, text, device);
	if (knob_parse(knob, text + len + 1, &device->migrate_threshold.value, why))
		return refuse(command, text, why);
	device->migrate_threshold.set = true;
	return 0;
}

/* A path ends at a comma unless a backslash is before it. Cuts it there; returns what follows. */
static char *end_path(char *path)
{
	char *from = path, *to = path;

	for (; *from && *from != ','; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	from = *from ? from + 1 : from;
	*to = '\0';
	return from;
}

static int parse_behind_name(const char *command, char *path, struct device_option *device)
{
	char *rest = end_path(path);
	char *option;
	int err = 0;

	if (!*path)
		return refuse(command, device->name, "needs a path");
	if (strlen(path) >= WB_PATH_LEN)
		return refuse(command, device->name, "path too long");
	device->path = strdup(path);
	if (!device->path)
		return -ENOMEM;
	while (!err && (option = strsep(&rest, ",")))
		err = *option ? apply_one(command, option, device) : 0;
	return err;
}

int device_option_parse(const char *command, const char *text, struct device_option *device)
{
	CLEANUP_FREE char *copy = strdup(text);
	char *equals = copy ? strchr(copy, '=') : NULL;
	const char *why;
	int err;

	*device = (struct device_option){0};
	if (!copy)
		return -ENOMEM;
	if (!equals)
		return refuse(command, text, "needs the form NAME=PATH");
	*equals = '\0';
	why = wb_name_error(copy);
	if (why) {
		message(MESSAGE_ERROR, "%s: '%.80s': unfit as a name: %s", command, copy, why);
		return -EINVAL;
	}
	device->name = strdup(copy);
	if (!device->name)
		return -ENOMEM;
	err = parse_behind_name(command, equals + 1, device);
	if (err)
		device_option_free(device);
	return err;
}

void device_option_free(struct device_option *device)
{
	free(device->name);
	free(device->path);
	*device = (struct device_option){0};
}

/*
 * A path that doesn't depend on where we are. One that can't be resolved stays as it was typed,
 * made absolute: whoever opens it will say why it can't be.
 */
static char *absolute(const char *path)
{
	CLEANUP_FREE char *here = NULL;
	char *result = realpath(path, NULL);

	if (result)
		return result;
	if (*path == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	if (!here || asprintf(&result, "%s/%s", here, path) < 0)
		return NULL;
	return result;
}

static int resolve_one(const char *command, char **path)
{
	char *resolved = absolute(*path);

	if (!resolved) {
		message(MESSAGE_ERROR, "%s: %s: %s", command, *path, reason(errno));
		return -errno;
	}
	if (strlen(resolved) >= WB_PATH_LEN) {
		message(MESSAGE_ERROR, "%s: %s: path too long", command, resolved);
		free(resolved);
		return -ENAMETOOLONG;
	}
	free(*path);
	*path = resolved;
	return 0;
}

int options_resolve(struct mount_options *options)
{
	int err = resolve_one(options->command, &options->cache);

	if (!err && options->mount_point)
		err = resolve_one(options->command, &options->mount_point);
	for (size_t i = 0; !err && i < options->nr_devices; i++)
		err = resolve_one(options->command, &options->devices[i].path);
	return err;
}
