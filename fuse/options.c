/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of mount options, and lists of them. Runs in main's thread, before there are others. */
#include "config.h"

#include "fuse/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/nearest.h"

enum { MAX_BUFFERS = 4096, MIN_BUFFERS = 2, OPTION_LEN = 64 };

/* What mount(8), fstab and systemd know and a file system may ignore; "*" stands for any ending. */
static const char *const ignored_options[] = {
	"async",      "atime",	  "auto",	"comment=*",	 "default_permissions",
	"defaults",   "dev",	  "diratime",	"exec",		 "fsname=*",
	"group",      "iversion", "lazytime",	"loud",		 "mand",
	"_netdev",    "noauto",	  "nodiratime", "nofail",	 "noiversion",
	"nolazytime", "nomand",	  "norelatime", "nostrictatime", "nouser",
	"owner",      "relatime", "rw",		"silent",	 "strictatime",
	"subtype=*",  "suid",	  "user",	"user=*",	 "users",
	"X-*",	      "x-*",
};

/* What the kernel does for every file system. */
static const char *const passed_options[] = {
	"dirsync", "noatime", "nodev", "noexec", "nosuid", "sync",
};

int name_list_add(struct name_list *list, const char *name)
{
	char **names = realloc(list->names, (list->nr + 1) * sizeof(*names));

	if (!names)
		return -ENOMEM;
	list->names = names;
	names[list->nr] = strdup(name);
	if (!names[list->nr])
		return -ENOMEM;
	list->nr++;
	return 0;
}

bool name_list_has(const struct name_list *list, const char *name)
{
	for (size_t i = 0; i < list->nr; i++)
		if (strcmp(list->names[i], name) == 0)
			return true;
	return false;
}

static void name_list_free(struct name_list *list)
{
	for (size_t i = 0; i < list->nr; i++)
		free(list->names[i]);
	free(list->names);
}

static int refuse(const struct mount_options *options, const struct arg_option *row,
		  const char *value, const char *why)
{
	message(MESSAGE_ERROR, "%s: %s=%s: %s", options->command, row->name, value, why);
	return -EINVAL;
}

/* ---- what the rows do ---- */

static int set_cache(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	if (!*value)
		return refuse(options, row, value, "needs a path");
	free(options->cache);
	options->cache = strdup(value);
	return options->cache ? 0 : -ENOMEM;
}

static int set_device(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;
	struct device_option *devices;
	int err;

	devices = realloc(options->devices, (options->nr_devices + 1) * sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	options->devices = devices;
	err = device_option_parse(options->command, value, &devices[options->nr_devices]);
	if (err)
		return err;
	for (size_t i = 0; i < options->nr_devices; i++) {
		if (strcmp(devices[i].name, devices[options->nr_devices].name) == 0) {
			device_option_free(&devices[options->nr_devices]);
			return refuse(options, row, value, "this name is given twice");
		}
	}
	options->nr_devices++;
	return 0;
}

static int set_without(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	(void)row;
	return name_list_add(&options->without, value);
}

static int set_force_backing(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	(void)row;
	return name_list_add(&options->force_backing, value);
}

static int set_foreground(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	(void)value;
	((struct mount_options *)ctx)->foreground = true;
	return 0;
}

static int set_read_only(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	(void)value;
	((struct mount_options *)ctx)->read_only = true;
	return 0;
}

static int set_allow_other(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	(void)value;
	((struct mount_options *)ctx)->allow_other = true;
	return 0;
}

static int set_recover(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	if (strcmp(value, "truncate") != 0)
		return refuse(options, row, value, "not truncate");
	options->recover_truncate = true;
	return 0;
}

static int set_io(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	if (strcmp(value, "uring") == 0)
		options->io = POSIX_IO_URING;
	else if (strcmp(value, "threads") == 0)
		options->io = POSIX_IO_THREADS;
	else
		return refuse(options, row, value, "neither uring nor threads");
	return 0;
}

static int set_buffers(void *ctx, const struct arg_option *row, const char *value)
{
	static const struct wb_knob range = {.min = MIN_BUFFERS, .max = MAX_BUFFERS};
	struct mount_options *options = ctx;
	char why[KNOB_REASON_LEN];

	if (knob_parse(&range, value, &options->buffers, why))
		return refuse(options, row, value, why);
	return 0;
}

static int set_log_level(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;

	if (!message_level_parse(value, &options->log_level))
		return refuse(options, row, value, "not one of error, warning, info, debug");
	return 0;
}

static int set_list(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	return options_parse_list(ctx, value);
}

static int set_knob(void *ctx, const struct arg_option *row, const char *value)
{
	struct mount_options *options = ctx;
	char why[KNOB_REASON_LEN];

	for (int i = 0; i < WB_NR_KNOBS; i++) {
		struct knob_setting *knob = &options->knobs[i];

		if (strcmp(wb_knobs[i].name, row->name) != 0)
			continue;
		if (knob_parse(&wb_knobs[i], value, &knob->value, why))
			return refuse(options, row, value, why);
		knob->set = true;
		return 0;
	}
	return -EINVAL;
}

const struct arg_option option_rows[] = {
	{"cache", 0, "CACHE", "device or image made by mkwbfs", set_cache},
	{"device", 'd', "NAME=PATH[,OPT...]",
	 "show PATH as NAME; OPT: cache=none, sim=hdd, a knob of it", set_device},
	{"options", 'o', "OPT[,OPT...]", "any of these as name or name=value", set_list},
	{"foreground", 'f', NULL, "don't fork", set_foreground},
	{"ro", 'r', NULL, "read only: write neither cache nor backings", set_read_only},
	{"without", 0, "NAME", "leave a backing out and keep its blocks in the log", set_without},
	{"force-backing", 0, "NAME", "accept that a backing has another size or identity",
	 set_force_backing},
	{"recover", 0, "truncate", "give up what lies behind damage in the log", set_recover},
	{"buffers", 0, "N", "segment buffers in RAM (64)", set_buffers},
	{"io", 0, "uring|threads", "how devices are read and written (uring)", set_io},
	{"log-level", 0, "error|warning|info|debug", "leave out messages of less weight (info)",
	 set_log_level},
	{"allow_other", 0, NULL, "other users may look inside (always so for root)",
	 set_allow_other},
	{0},
};

static int set_offline(void *ctx, const struct arg_option *row, const char *value)
{
	(void)row;
	(void)value;
	((struct mount_options *)ctx)->offline = OFFLINE_BACKINGS;
	return 0;
}

const struct arg_option offline_rows[] = {
	{"offline", 0, NULL, "of a cache that is not mounted", set_offline},
	{"device", 'd', "NAME=PATH", "a backing is at PATH now", set_device},
	{"without", 0, "NAME", "leave a backing out and keep its blocks in the log", set_without},
	{"force-backing", 0, "NAME", "accept that a backing has another size or identity",
	 set_force_backing},
	{"recover", 0, "truncate", "give up what lies behind damage in the log", set_recover},
	{"buffers", 0, "N", "segment buffers in RAM (64)", set_buffers},
	{"io", 0, "uring|threads", "how devices are read and written (uring)", set_io},
	{0},
};

const struct arg_option *options_find_knob(const char *name)
{
	static struct arg_option row = {.value_name = "VALUE", .set = set_knob};

	for (int i = 0; i < WB_NR_KNOBS; i++) {
		if (strcmp(wb_knobs[i].name, name) == 0) {
			row.name = wb_knobs[i].name;
			return &row;
		}
	}
	return NULL;
}

/* ---- lists ---- */

static bool matches(const char *pattern, const char *text)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, text, len - 1) == 0;
	return strcmp(pattern, text) == 0;
}

static int unknown_in_list(const struct mount_options *options, const char *name)
{
	struct nearest nearest = nearest_to(name);

	if (options->sloppy)
		return 0;
	for (const struct arg_option *row = option_rows; row->name; row++)
		nearest_offer(&nearest, row->name);
	for (int i = 0; i < WB_NR_KNOBS; i++)
		nearest_offer(&nearest, wb_knobs[i].name);
	message(MESSAGE_ERROR, "%s: -o %s: unknown option", options->command, name);
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	return -EINVAL;
}

static const struct arg_option *find_row(const char *name)
{
	for (const struct arg_option *row = option_rows; row->name; row++)
		if (args_same_name(row->name, name))
			return row;
	return options_find_knob(name);
}

static int apply_one(struct mount_options *options, const char *text)
{
	const char *equals = strchr(text, '=');
	const struct arg_option *row;
	char name[OPTION_LEN];

	for (size_t i = 0; i < sizeof(ignored_options) / sizeof(ignored_options[0]); i++)
		if (matches(ignored_options[i], text))
			return 0;
	for (size_t i = 0; i < sizeof(passed_options) / sizeof(passed_options[0]); i++)
		if (matches(passed_options[i], text))
			return name_list_add(&options->pass, text);
	snprintf(name, sizeof(name), "%.*s", equals ? (int)(equals - text) : OPTION_LEN, text);
	row = find_row(name);
	if (!row)
		return unknown_in_list(options, name);
	if (row->value_name && !equals)
		return refuse(options, row, "", "needs a value");
	if (!row->value_name && equals)
		return refuse(options, row, equals + 1, "takes no value");
	return row->set(options, row, equals ? equals + 1 : NULL);
}

/* Cut one option off: up to a comma that is neither quoted nor behind a backslash. */
static char *next_in_list(char **rest)
{
	char *from = *rest, *to = *rest, *option = *rest;
	bool quoted = false;

	for (; *from && (quoted || *from != ','); from++) {
		if (*from == '"')
			quoted = !quoted;
		else if (*from == '\\' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return option;
}

int options_parse_list(struct mount_options *options, const char *list)
{
	CLEANUP_FREE char *copy = strdup(list);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	while (*rest) {
		char *option = next_in_list(&rest);
		int err = *option ? apply_one(options, option) : 0;

		if (err)
			return err;
	}
	return 0;
}

/* ---- life ---- */

void options_init(struct mount_options *options)
{
	*options = (struct mount_options){
		.allow_other = geteuid() == 0,
		.command = "mount",
		.log_level = MESSAGE_INFO,
	};
}

void options_free(struct mount_options *options)
{
	for (size_t i = 0; i < options->nr_devices; i++)
		device_option_free(&options->devices[i]);
	free(options->devices);
	name_list_free(&options->without);
	name_list_free(&options->force_backing);
	name_list_free(&options->only);
	name_list_free(&options->pass);
	free(options->cache);
	free(options->mount_point);
}

void options_print_help(void)
{
	args_print_options(option_rows);
	printf("\nknobs, also as -o name=value and in .control/:\n");
	for (int i = 0; i < WB_NR_KNOBS; i++) {
		const struct wb_knob *knob = &wb_knobs[i];
		char text[KNOB_TEXT_LEN];

		printf("      --%-28s %s (%s)\n", knob->name, knob->help,
		       knob_text(knob, knob->initial, text));
	}
}
