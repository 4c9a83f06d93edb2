/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs drain: of a mount, or of a cache that isn't mounted. Runs in main's thread. */
#include "config.h"

#include <errno.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/drain.h"
#include "fuse/mounts.h"
#include "fuse/offline.h"
#include "fuse/options.h"

static bool has_offline_options(const struct mount_options *options)
{
	return options->nr_devices || options->without.nr || options->force_backing.nr ||
	       options->recover_truncate || options->buffers || options->io != POSIX_IO_AUTO;
}

/* What is mounted has its backings already. */
static int drain_mount(const struct mount_options *options, const char *point)
{
	static struct mount_entry mount; /* see drain() */
	char below[NAME_MAX + 1];

	if (has_offline_options(options)) {
		message(MESSAGE_ERROR, "drain: an option was given that needs --offline");
		hint("wbfs drain --help");
		return -EINVAL;
	}
	if (!mounts_find_for("drain", point, &mount, below))
		return -EINVAL;
	if (below[0]) {
		message(MESSAGE_ERROR, "%s: drain: not a mount point of wbfs", point);
		return -EINVAL;
	}
	return drain("drain", &mount, NULL);
}

enum exit_status command_drain(int argc, char **argv)
{
	struct mount_options options;
	const struct args args = {
		.command = argv[0],
		.options = offline_rows,
		.ctx = &options,
		.min_words = 1,
		.max_words = 1,
	};
	int err;

	options_init(&options);
	options.command = "drain";
	err = args_parse(&args, argc, argv);
	if (err >= 0)
		err = options.offline ? offline_drain(&options, argv[0])
				      : drain_mount(&options, argv[0]);
	options_free(&options);
	return exit_status_of(err);
}
