/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The backings at the start of a mount. The log must not lose sight of one that it has blocks of:
 * it has to be there, or be left out by name. Runs in the daemon's main thread.
 */
#include "config.h"

#include "fuse/backings.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/message.h"

static const struct device_option *asked_for(const struct mount_options *options, const char *name)
{
	for (size_t i = 0; i < options->nr_devices; i++)
		if (strcmp(options->devices[i].name, name) == 0)
			return &options->devices[i];
	return NULL;
}

/* The same file, or two nodes of one block device. */
static bool same_device(const char *a, const char *b)
{
	struct stat sa, sb;

	if (stat(a, &sa) < 0 || stat(b, &sb) < 0)
		return false;
	if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
		return sa.st_rdev == sb.st_rdev;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* The lock would refuse it too, but could only say that it is in use. */
static int check_not_used(const struct server *server, const struct device_option *device)
{
	const struct mount_options *options = server->options;

	if (same_device(device->path, options->cache)) {
		message(MESSAGE_ERROR, "%s: %s: attach: is the cache itself", device->name,
			device->path);
		return -EBUSY;
	}
	for (size_t i = 0; i < options->nr_devices; i++) {
		const struct device_option *other = &options->devices[i];

		if (other == device)
			return 0;
		if (same_device(device->path, other->path)) {
			message(MESSAGE_ERROR, "%s: %s: attach: in use as %s", device->name,
				device->path, other->name);
			return -EBUSY;
		}
	}
	return 0;
}

static int attach(struct server *server, const struct device_option *device)
{
	bool force = name_list_has(&server->options->force_backing, device->name);
	struct export *export;
	int err = check_not_used(server, device);

	if (!err)
		err = exports_attach(&server->exports, device, force, &export);
	if (!err)
		exports_show(&server->exports, export);
	if (err == -ESTALE)
		hint("--force-backing %s accepts it, --without %s leaves it out", device->name,
		     device->name);
	return err;
}

/* A device that isn't there: bad if the log has what should be on it, else no reason to stop. */
static int miss(const struct device_option *device, bool in_log)
{
	if (!in_log) {
		message(MESSAGE_WARNING, "%s: %s: attach: missing, left out", device->name,
			device->path);
		return 0;
	}
	message(MESSAGE_ERROR, "%s: %s: attach: missing, and the log has blocks of it",
		device->name, device->path);
	hint("--without %s leaves it out and keeps its blocks", device->name);
	return -ESTALE;
}

/* One that the cache remembers. */
static int attach_remembered(struct server *server, struct wb_backing_info *info)
{
	const struct device_option *asked = asked_for(server->options, info->name);
	struct device_option device = {
		.name = info->name,
		.path = asked ? asked->path : info->path,
	};

	if (access(device.path, F_OK) < 0 && (info->in_log || !asked))
		return miss(&device, info->in_log);
	return attach(server, asked ? asked : &device);
}

static bool is_remembered(struct server *server, const char *name)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++)
		if (strcmp(info.name, name) == 0)
			return true;
	return false;
}

static bool is_left_out(const struct mount_options *options, const char *name)
{
	return name_list_has(&options->without, name) ||
	       (options->only.nr && !name_list_has(&options->only, name));
}

/* Without a mount nothing can become a backing. */
static int check_offline(struct server *server)
{
	const struct mount_options *options = server->options;

	for (size_t i = 0; options->offline && i < options->nr_devices; i++) {
		if (is_remembered(server, options->devices[i].name))
			continue;
		message(MESSAGE_ERROR, "%s: --device: the cache has no backing of this name",
			options->devices[i].name);
		return -EINVAL;
	}
	return 0;
}

/* A name that stands nowhere else is a mistake that would otherwise pass unnoticed. */
static int check_names(struct server *server, const struct name_list *list, const char *option)
{
	for (size_t i = 0; i < list->nr; i++) {
		if (is_remembered(server, list->names[i]) ||
		    asked_for(server->options, list->names[i]))
			continue;
		message(MESSAGE_ERROR, "%s: --%s: no backing of this name", list->names[i], option);
		return -EINVAL;
	}
	return 0;
}

int backings_attach(struct server *server)
{
	const struct mount_options *options = server->options;
	struct wb_backing_info info;
	int err = check_names(server, &options->without, "without");

	if (!err)
		err = check_names(server, &options->force_backing, "force-backing");
	if (!err)
		err = check_offline(server);
	/* Attaching one of these moves none of them. */
	for (unsigned int i = 0; !err && wb_backing_info(server->wb, i, &info); i++)
		if (!info.attached && !is_left_out(options, info.name))
			err = attach_remembered(server, &info);
	for (size_t i = 0; !err && i < options->nr_devices; i++) {
		const struct device_option *device = &options->devices[i];

		if (!is_remembered(server, device->name) &&
		    !name_list_has(&options->without, device->name))
			err = attach(server, device);
	}
	return err;
}
