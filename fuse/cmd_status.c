/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs status: what .control/status says, of one mount or of all. Runs in main's thread. */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/control_client.h"

struct status_flags {
	bool json;
};

static int set_json(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct status_flags *)ctx)->json = true;
	return 0;
}

const struct arg_option status_options[] = {
	{"json", 0, NULL, "as JSON: an object, or a list of them for all mounts", set_json},
	{0},
};

static int show(const struct mount_entry *mount, const struct status_flags *flags)
{
	TEXT_SCOPE text = {0};
	int err = control_get(mount, flags->json ? "status.json" : "status", &text);

	if (!err)
		printf("%s", text.bytes ? text.bytes : "");
	return err;
}

struct all {
	const struct status_flags *flags;
	unsigned int nr;
	int err;
};

static bool show_one_of_all(const struct mount_entry *mount, void *ctx)
{
	struct all *all = ctx;
	int err;

	if (!mounts_is_ours(mount))
		return true;
	if (all->nr)
		printf(all->flags->json ? ",\n" : "\n");
	err = show(mount, all->flags);
	if (err)
		all->err = err;
	else
		all->nr++;
	return true;
}

static int show_all(const struct status_flags *flags)
{
	struct all all = {.flags = flags};
	int err;

	if (flags->json)
		printf("[");
	err = mounts_each(show_one_of_all, &all);
	if (flags->json)
		printf("]\n");
	else if (!all.nr && !all.err && !err)
		printf("no wbfs is mounted\n");
	return err ? err : all.err;
}

enum exit_status command_status(int argc, char **argv)
{
	struct status_flags flags = {.json = false};
	const struct args args = {
		.command = argv[0],
		.options = status_options,
		.ctx = &flags,
		.max_words = 1,
	};
	int words = args_parse(&args, argc, argv);
	char below[NAME_MAX + 1];
	struct mount_entry mount;

	if (words < 0)
		return exit_status_of(words);
	if (words == 0)
		return exit_status_of(show_all(&flags));
	if (!mounts_find_for("status", argv[0], &mount, below))
		return EXIT_STATUS_USAGE;
	return exit_status_of(show(&mount, &flags));
}
