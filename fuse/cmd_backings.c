/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands for backings that come, go and grow while mounted. Run in main's thread. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/wb_format.h"
#include "fuse/commands.h"
#include "fuse/control_client.h"
#include "fuse/drain.h"
#include "fuse/interrupt.h"
#include "fuse/names.h"

/* The mount point, and the word behind it. 0 or -EINVAL after a message. */
static int parse(const struct arg_option *options, void *ctx, int argc, char **argv,
		 struct mount_entry *mount)
{
	const struct args args = {
		.command = argv[0],
		.options = options,
		.ctx = ctx,
		.min_words = 2,
		.max_words = 2,
	};
	const char *command = argv[0];
	char below[NAME_MAX + 1];

	if (args_parse(&args, argc, argv) < 0 || !mounts_find_for(command, argv[0], mount, below))
		return -EINVAL;
	if (!below[0])
		return 0;
	message(MESSAGE_ERROR, "%s: %s: not a mount point of wbfs", argv[0], command);
	return -EINVAL;
}

/* Ctrl-C while the daemon is at it. */
static void stop_only_waiting(const struct mount_entry *mount, const char *command)
{
	interrupt_catch(mount->point, command, "stopped waiting: the daemon may still do it");
}

/* ---- attach ---- */

/* NAME=PATH[,...] with PATH as the daemon understands it. */
static int make_absolute(const char *text, char **result)
{
	const char *path = strchr(text, '=');
	CLEANUP_FREE char *resolved = NULL;
	CLEANUP_FREE char *copy = path ? strdup(path + 1) : NULL;
	char *comma = copy ? strchr(copy, ',') : NULL;

	if (!path) {
		message(MESSAGE_ERROR, "attach: %s: needs the form NAME=PATH", text);
		return -EINVAL;
	}
	if (comma)
		*comma = '\0';
	resolved = copy ? realpath(copy, NULL) : NULL;
	if (!resolved) {
		message(MESSAGE_ERROR, "%s: attach: %s", copy ? copy : text, reason(errno));
		return -errno;
	}
	comma = strchr(path, ',');
	if (asprintf(result, "%.*s=%s%s", (int)(path - text), text, resolved, comma ? comma : "") <
	    0)
		return -ENOMEM;
	return 0;
}

enum exit_status command_attach(int argc, char **argv)
{
	struct mount_entry mount;
	CLEANUP_FREE char *value = NULL;
	int err = parse(NULL, NULL, argc, argv, &mount);

	if (!err)
		err = make_absolute(argv[1], &value);
	if (err)
		return exit_status_of(err);
	stop_only_waiting(&mount, "attach");
	err = control_set(&mount, "attach", value);
	return exit_status_of(err);
}

/* ---- resize ---- */

enum exit_status command_resize(int argc, char **argv)
{
	char file[NAME_MAX + 32];
	struct mount_entry mount;
	int err = parse(NULL, NULL, argc, argv, &mount);

	if (!err)
		err = names_check("resize", &mount, argv[1]);
	if (err)
		return exit_status_of(err);
	snprintf(file, sizeof(file), "devices/%.255s/resize", argv[1]);
	stop_only_waiting(&mount, "resize");
	return exit_status_of(control_set(&mount, file, "1"));
}

/* ---- detach ---- */

struct detach_flags {
	bool discard, yes;
};

static int set_discard(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct detach_flags *)ctx)->discard = true;
	return 0;
}

static int set_yes(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct detach_flags *)ctx)->yes = true;
	return 0;
}

const struct arg_option detach_options[] = {
	{"discard-dirty", 0, NULL,
	 "give up what is not yet on the backing, instead of writing it back", set_discard},
	{"yes", 'y', NULL, "don't ask", set_yes},
	{0},
};

/* What the status says of one backing. */
struct figures {
	unsigned long long attached, in_log, nr_dirty;
};

static int find_figures(const struct mount_entry *mount, const char *name, struct figures *figures)
{
	TEXT_SCOPE status = {0};
	char head[NAME_MAX + 16];
	struct text section;
	char *end;
	int err = control_get(mount, "status", &status);

	if (err)
		return err;
	snprintf(head, sizeof(head), "\nbacking %.200s:\n", name);
	section = (struct text){.bytes = status.bytes ? strstr(status.bytes, head) : NULL};
	if (!section.bytes) {
		err = names_check("detach", mount, name);
		return err ? err : -ENOENT;
	}
	section.bytes++;
	end = strstr(section.bytes, "\nbacking ");
	if (end)
		*end = '\0';
	if (control_figure(&section, "  attached", &figures->attached) &&
	    control_figure(&section, "  in_log", &figures->in_log) &&
	    control_figure(&section, "  nr_dirty", &figures->nr_dirty))
		return 0;
	message(MESSAGE_ERROR, "%s: status: %s: not understood", mount->point, name);
	return -EPROTO;
}

/* Opened by somebody: refused at the end, so better before everything is written back. */
static bool is_open(const struct mount_entry *mount, const char *name)
{
	enum { TRIES = 25, PAUSE_US = 20000 };
	char file[NAME_MAX + 32];

	snprintf(file, sizeof(file), "devices/%.200s/nr_open", name);
	/* The kernel lets go of a closed file a little later. */
	for (int i = 0; i < TRIES; i++) {
		TEXT_SCOPE text = {0};

		if (control_get(mount, file, &text) || !text.bytes ||
		    strtoul(text.bytes, NULL, 10) == 0)
			return false;
		usleep(PAUSE_US);
	}
	message(MESSAGE_ERROR, "%s: detach: %s: in use: its file is open", mount->point, name);
	hint("wbfs loop --detach %s %s, if it is a loop device", mount->point, name);
	return true;
}

static bool said_yes(void)
{
	char answer[16];

	fprintf(stderr, "Go on? [y/N] ");
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

static int discard(const struct mount_entry *mount, const char *name, const struct figures *figures,
		   bool yes)
{
	bool ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	char lost[SIZE_TEXT_LEN];

	format_size(figures->nr_dirty * WB_BLOCK_SIZE, lost);
	if (figures->in_log && !yes && !ask) {
		message(MESSAGE_ERROR,
			"%s: detach: %s: %s not yet on the backing would be lost: needs --yes",
			mount->point, name, lost);
		return -EINVAL;
	}
	if (figures->in_log && !yes) {
		message(MESSAGE_WARNING, "%s: detach: %s: %s not yet on the backing will be lost",
			mount->point, name, lost);
		if (!said_yes())
			return -EINTR;
	}
	stop_only_waiting(mount, "detach");
	return control_set(mount, "detach_discard", name);
}

static int write_back_and_detach(const struct mount_entry *mount, const char *name,
				 const struct figures *figures)
{
	int err = 0;

	if (figures->attached && figures->in_log)
		err = drain("detach", mount, name);
	if (!err) {
		stop_only_waiting(mount, "detach");
		err = control_set(mount, "detach", name);
	}
	if (err == -EIO)
		hint("wbfs detach --discard-dirty %s %s gives them up", mount->point, name);
	return err;
}

enum exit_status command_detach(int argc, char **argv)
{
	static struct mount_entry mount; /* see drain() */
	struct detach_flags flags = {.discard = false};
	struct figures figures;
	int err = parse(detach_options, &flags, argc, argv, &mount);

	if (!err)
		interrupt_catch(mount.point, "detach", "stopped: nothing is detached");
	if (!err)
		err = find_figures(&mount, argv[1], &figures);
	if (!err && figures.attached && is_open(&mount, argv[1]))
		err = -EBUSY;
	if (err)
		return exit_status_of(err);
	return exit_status_of(flags.discard ? discard(&mount, argv[1], &figures, flags.yes)
					    : write_back_and_detach(&mount, argv[1], &figures));
}
