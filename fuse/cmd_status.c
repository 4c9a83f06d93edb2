/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs status: how one mount or all are, in sentences, a drawing of the log and a tree; or as
 * tables, JSON or an exit status for scripts. Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/control_client.h"
#include "fuse/ring.h"
#include "fuse/status_scan.h"
#include "fuse/status_tree.h"
#include "fuse/terminal.h"
#include "fuse/verdict.h"

struct status_flags {
	struct table_options table; /* first, as table.h wants it */
	bool verbose, test, scan;
};

static int set_verbose(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct status_flags *)ctx)->verbose = true;
	return 0;
}

static int set_test(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct status_flags *)ctx)->test = true;
	return 0;
}

static int set_scan(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct status_flags *)ctx)->scan = true;
	return 0;
}

const struct arg_option status_options[] = {
	{"json", 'J', NULL, "all figures as JSON; with --output or --scan the table",
	 table_set_json},
	TABLE_OPTION_OUTPUT,
	TABLE_OPTION_RAW,
	TABLE_OPTION_BYTES,
	TABLE_OPTION_NOHEADINGS,
	{"verbose", 'v', NULL, "all figures, a line each", set_verbose},
	{"test", 't', NULL, "say only what is wrong; exit 0: well, 8: attention, 6: failed",
	 set_test},
	{"scan", 's', NULL, "find caches, mounted or not: on all devices, or on those given",
	 set_scan},
	{0},
};

void status_print_options(void)
{
	args_print_options(status_options);
	table_print_columns(status_columns);
	printf("\nand with --scan:\n");
	for (const struct table_column *c = scan_columns; c->name; c++)
		printf("  %-12s %s\n", c->name, c->help);
}

/* What is done with each mount. */
struct show {
	const struct status_flags *flags;
	struct table *table;
	bool all;	 /* mounts, not one that was named */
	unsigned int nr; /* of mounts looked at */
	int err;	 /* the last */
	enum exit_status worst;
};

/* ---- for people ---- */

static void print_line(const char *indent, const char *what, const char *text)
{
	TEXT_SCOPE line = {0};

	text_printf(&line, "%s%s%s", indent, what, text);
	terminal_paragraph(line.bytes, (unsigned int)strlen(indent) + 2);
}

static void print_verdict(const char *name, const struct verdict *verdict, const char *more)
{
	TEXT_SCOPE line = {0};

	text_printf(&line, "%s: %s%s%s", name,
		    verdict->sentence.len ? verdict->sentence.bytes : "healthy", *more ? "; " : "",
		    more);
	terminal_paragraph(line.bytes, 2);
	if (verdict->reason.len)
		print_line("  ", "reason: ", verdict->reason.bytes);
	if (verdict->hint.len)
		print_line("  ", "hint: ", verdict->hint.bytes);
}

static void print_ring(const struct mount_status *status)
{
	const struct ring ring = {
		.nr_segments = status_number(status->cache, "nr_segments"),
		.nr_free = status_number(status->cache, "nr_free_segments"),
		.current = status_number(status->cache, "current_segment_id"),
		.flushed = status_number(status->cache, "last_flushed_segment_id"),
		.durable = status_number(status->cache, "last_durable_segment_id"),
	};
	enum { AROUND = sizeof("log [] 100 % in use") - 1, MOST = 100 };
	unsigned int columns = terminal_width() - AROUND;
	uint64_t used = ring.nr_segments - ring.nr_free;
	TEXT_SCOPE line = {0}, legend = {0};

	if (!ring.nr_segments)
		return;
	if (terminal_width() <= AROUND)
		columns = 1;
	ring_draw(&ring, columns < MOST ? columns : MOST, terminal_is_utf8(), &line);
	ring_legend(terminal_is_utf8(), &legend);
	if (line.bytes && legend.bytes) {
		printf("log [%s] %u %% in use\n", line.bytes,
		       (unsigned int)((used * 100 + ring.nr_segments / 2) / ring.nr_segments));
		print_line("    ", "", legend.bytes);
	}
}

static void print_sentences(const struct mount_entry *mount, const struct mount_status *status)
{
	unsigned int nr = mount_status_nr_backings(status);
	TEXT_SCOPE power_cut = {0};
	VERDICT_SCOPE cache;

	verdict_of_cache(mount, status, &cache);
	verdict_power_cut(status, &power_cut);
	if (cache.sentence.len || cache.reason.len || !nr)
		print_verdict("cache", &cache, "");
	for (unsigned int i = 0; i < nr; i++) {
		const struct json_object *backing = mount_status_backing(status, i);
		TEXT_SCOPE name = {0};
		VERDICT_SCOPE verdict;

		verdict_name(backing, &name);
		verdict_of_backing(mount, status, backing, &verdict);
		print_verdict(name.bytes ? name.bytes : "", &verdict,
			      nr == 1 && power_cut.len ? power_cut.bytes : "");
	}
	if (nr > 1 && power_cut.len)
		terminal_paragraph(power_cut.bytes, 2);
}

/* ---- for scripts ---- */

static void say_if_unwell(const struct mount_entry *mount, const char *name,
			  const struct verdict *verdict, struct show *show)
{
	if (verdict->status == EXIT_STATUS_DONE)
		return;
	message(MESSAGE_ERROR, "%s: %s: %s%s%s", mount->point, name,
		verdict->sentence.len ? verdict->sentence.bytes : "unwell",
		verdict->reason.len ? ": " : "", verdict->reason.len ? verdict->reason.bytes : "");
	if (verdict->hint.len)
		hint("%s", verdict->hint.bytes);
	if (verdict->status == EXIT_STATUS_IO || show->worst == EXIT_STATUS_DONE)
		show->worst = verdict->status;
}

static void test(const struct mount_entry *mount, const struct mount_status *status,
		 struct show *show)
{
	VERDICT_SCOPE cache;

	verdict_of_cache(mount, status, &cache);
	say_if_unwell(mount, "cache", &cache, show);
	for (unsigned int i = 0; i < mount_status_nr_backings(status); i++) {
		const struct json_object *backing = mount_status_backing(status, i);
		VERDICT_SCOPE verdict;

		verdict_of_backing(mount, status, backing, &verdict);
		say_if_unwell(mount, status_text(backing, "name"), &verdict, show);
	}
}

/* As the daemon has made it. */
static int print_file(const struct mount_entry *mount, const char *file, const char *before)
{
	TEXT_SCOPE text = {0};
	int err = control_get(mount, file, &text);

	if (!err)
		printf("%s%s", before, text.bytes ? text.bytes : "");
	return err;
}

/* ---- all of it ---- */

/* Of a mount whose daemon doesn't say it. */
static const char *silent_state(int err)
{
	return err == -EIO ? "dead" : err == -ETIMEDOUT ? "no answer" : "unknown";
}

/* What is known without its daemon, so that it isn't missing on the list. */
static void print_silent(const struct mount_entry *mount, int err, const char *before)
{
	TEXT_SCOPE text = {0};

	text_printf(&text, "%s{\n  \"mount_point\": ", before);
	text_json_string(&text, mount->point);
	text_printf(&text, ", \"device\": ");
	text_json_string(&text, mount->source);
	text_printf(&text, ", \"state\": \"%s\"\n}\n", silent_state(err));
	if (text.bytes)
		printf("%s", text.bytes);
}

static bool is_table_only(const struct status_flags *flags)
{
	return flags->table.output || flags->table.raw || flags->table.json;
}

static int show_status(const struct mount_entry *mount, struct show *show)
{
	MOUNT_STATUS_SCOPE status = {0};
	int err = mount_status_read(mount, &status);

	if (show->flags->test) {
		if (!err)
			test(mount, &status, show);
		return err;
	}
	if (err) {
		status_tree_add_silent(show->table, mount, silent_state(err));
		return err;
	}
	if (!is_table_only(show->flags)) {
		print_sentences(mount, &status);
		print_ring(&status);
		printf("\n");
	}
	status_tree_add(show->table, mount, &status);
	return 0;
}

static bool is_json_of_daemon(const struct status_flags *flags)
{
	return flags->table.json && !flags->table.output && !flags->test;
}

static int show_one(const struct mount_entry *mount, struct show *show)
{
	const char *before = show->nr ? "\n" : "";
	int err;

	if (is_json_of_daemon(show->flags)) {
		err = print_file(mount, "status.json", show->nr ? "," : "");
		if (err && show->all)
			print_silent(mount, err, show->nr ? "," : "");
	} else if (show->flags->verbose && !show->flags->test) {
		err = print_file(mount, "status", before);
	} else {
		err = show_status(mount, show);
	}
	if (err)
		show->err = err;
	show->nr++;
	return err;
}

static bool show_if_ours(const struct mount_entry *mount, void *ctx)
{
	struct show *show = ctx;
	struct mount_entry topmost;

	/* What is hidden by another mount can't be reached. */
	if (mounts_is_ours(mount) && mounts_find(mount->point, &topmost) &&
	    topmost.dev == mount->dev)
		show_one(mount, show);
	return true;
}

static int show_all(struct show *show)
{
	bool json = is_json_of_daemon(show->flags);
	int err;

	if (json)
		printf("[");
	err = mounts_each(show_if_ours, show);
	if (json)
		printf("]\n");
	if (err || show->nr || show->err || json)
		return err;
	if (show->flags->test)
		message(MESSAGE_ERROR, "status: test: no wbfs is mounted");
	else if (!is_table_only(show->flags))
		printf("no wbfs is mounted\n");
	return show->flags->test ? -EINVAL : 0;
}

static enum exit_status show_mounts(const char *path, const struct status_flags *flags)
{
	TABLE_SCOPE table = {0};
	struct show show = {.flags = flags, .table = &table, .all = !path};
	char below[NAME_MAX + 1];
	struct mount_entry mount;
	int err = status_tree_begin(&table, &flags->table);

	if (err)
		return exit_status_of(err);
	if (path && !mounts_find_for("status", path, &mount, below))
		return EXIT_STATUS_USAGE;
	err = path ? show_one(&mount, &show) : show_all(&show);
	if (!err)
		err = show.err;
	if (!flags->test && !flags->verbose && !is_json_of_daemon(flags) &&
	    (show.nr || is_table_only(flags)) && (!err || !path) && table_print(&table, "status"))
		return EXIT_STATUS_RESOURCES;
	return err ? exit_status_of(err) : show.worst;
}

enum exit_status command_status(int argc, char **argv)
{
	struct status_flags flags = {.verbose = false};
	const struct args args = {
		.command = argv[0],
		.options = status_options,
		.ctx = &flags,
		.max_words = ARGS_ANY,
	};
	int words = args_parse(&args, argc, argv);

	terminal_init();
	if (words < 0)
		return exit_status_of(words);
	if (flags.scan)
		return exit_status_of(status_scan(argv, words, &flags.table));
	if (words > 1) {
		message(MESSAGE_ERROR, "status: too many arguments");
		hint("wbfs status --help");
		return EXIT_STATUS_USAGE;
	}
	return show_mounts(words ? argv[0] : NULL, &flags);
}
