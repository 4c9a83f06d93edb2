/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that turn into reading or writing one control file. Run in main's thread. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/wb.h"
#include "fuse/commands.h"
#include "fuse/control_client.h"
#include "fuse/interrupt.h"
#include "fuse/mount_status.h"
#include "fuse/names.h"
#include "fuse/nearest.h"
#include "fuse/options.h"
#include "fuse/terminal.h"

enum { FILE_LEN = NAME_MAX + 128 };

/* The words of a command, the first of which is a mount point. Their number or -errno. */
static int parse(const struct arg_option *options, void *ctx, int argc, char **argv, int min_words,
		 int max_words, struct mount_entry *mount, char below[NAME_MAX + 1])
{
	const struct args args = {
		.command = argv[0],
		.options = options,
		.ctx = ctx,
		.min_words = min_words,
		.max_words = max_words,
	};
	const char *command = argv[0];
	int words = args_parse(&args, argc, argv);

	if (words >= 0 && !mounts_find_for(command, argv[0], mount, below))
		return -EINVAL;
	return words;
}

/* For commands on a mount as a whole. */
static int parse_whole(int argc, char **argv, int words, struct mount_entry *mount)
{
	const char *command = argv[0];
	char below[NAME_MAX + 1];
	int n = parse(NULL, NULL, argc, argv, words, words, mount, below);

	if (n >= 0 && below[0]) {
		message(MESSAGE_ERROR, "%s: %s: not a mount point of wbfs", argv[0], command);
		return -EINVAL;
	}
	return n;
}

enum exit_status command_flush(int argc, char **argv)
{
	struct mount_entry mount;
	int err = parse_whole(argc, argv, 1, &mount);

	if (err < 0)
		return exit_status_of(err);
	interrupt_catch(mount.point, "flush", INTERRUPT_STOPPED);
	err = control_set(&mount, "flush_current_buffer", "1");
	return exit_status_of(err);
}

/* ---- knobs ---- */

static bool is_knob_of(int id, const char *backing)
{
	return (id < WB_NR_KNOBS) == !*backing;
}

static bool is_of_other(const char *name, const char *backing)
{
	for (int id = 0; id < WB_NR_ALL_KNOBS; id++)
		if (!is_knob_of(id, backing) && strcmp(wb_knobs[id].name, name) == 0)
			return true;
	return false;
}

static int check_knob(const char *name, const char *backing)
{
	struct nearest nearest = nearest_to(name);

	for (int id = 0; id < WB_NR_ALL_KNOBS; id++) {
		if (!is_knob_of(id, backing))
			continue;
		if (strcmp(wb_knobs[id].name, name) == 0)
			return 0;
		nearest_offer(&nearest, wb_knobs[id].name);
	}
	message(MESSAGE_ERROR, "%s: no such knob of a %s", name, *backing ? "backing" : "cache");
	if (is_of_other(name, backing))
		hint(*backing ? "it is one of the cache: wbfs COMMAND MOUNTPOINT %s"
			      : "it is one of each backing: wbfs COMMAND MOUNTPOINT/NAME %s",
		     name);
	else if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	else
		hint("wbfs get MOUNTPOINT%s%s lists them", *backing ? "/" : "", backing);
	return -EINVAL;
}

static void knob_file(const char *backing, const char *knob, char file[FILE_LEN])
{
	if (*backing)
		snprintf(file, FILE_LEN, "devices/%s/%.100s", backing, knob);
	else
		snprintf(file, FILE_LEN, "%.100s", knob);
}

/* Without the newline. */
static int read_knob(const struct mount_entry *mount, const char *backing, const char *knob,
		     struct text *value)
{
	char file[FILE_LEN];
	int err;

	knob_file(backing, knob, file);
	err = control_get(mount, file, value);
	if (!err && value->bytes)
		value->bytes[strcspn(value->bytes, "\n")] = '\0';
	return err;
}

/* ---- get ---- */

enum column { COLUMN_OF, COLUMN_KNOB, COLUMN_VALUE, COLUMN_DEFAULT, COLUMN_RANGE, COLUMN_HELP };

#define USUAL_COLUMNS "OF,KNOB,VALUE,DEFAULT,RANGE,HELP"
#define NARROW_COLUMNS "KNOB,VALUE,OF"

const struct table_column knob_columns[] = {
	[COLUMN_OF] = {"OF", TABLE_CUT, "the cache, or a backing's name"},
	[COLUMN_KNOB] = {"KNOB", 0, "its name"},
	[COLUMN_VALUE] = {"VALUE", 0, "what it is now"},
	[COLUMN_DEFAULT] = {"DEFAULT", 0, "what it is at first"},
	[COLUMN_RANGE] = {"RANGE", 0, "what it can be, and its unit"},
	[COLUMN_HELP] = {"HELP", TABLE_CUT, "what it is for"},
	{0},
};

const struct arg_option get_options[] = {
	{"json", 'J', NULL, "all knobs as JSON", table_set_json},
	TABLE_OPTION_OUTPUT,
	TABLE_OPTION_RAW,
	TABLE_OPTION_NOHEADINGS,
	{0},
};

void get_print_options(void)
{
	args_print_options(get_options);
	table_print_columns(knob_columns);
}

static void put_range(struct table *table, struct libscols_line *row, const struct wb_knob *knob)
{
	TEXT_SCOPE range = {0};

	if (knob->choices)
		for (unsigned int c = 0; c <= knob->max; c++)
			text_printf(&range, "%s%s", c ? "/" : "", knob->choices[c]);
	else
		text_printf(&range, "%u..%u%s%s", knob->min, knob->max, *knob->unit ? " " : "",
			    knob->unit);
	if (range.bytes)
		table_put(table, row, COLUMN_RANGE, range.bytes);
}

/* All knobs of the cache (backing ""), or of a backing. */
static int add_knobs(struct table *table, const struct mount_entry *mount, const char *backing)
{
	for (int id = 0; id < WB_NR_ALL_KNOBS; id++) {
		const struct wb_knob *knob = &wb_knobs[id];
		char initial[KNOB_TEXT_LEN];
		TEXT_SCOPE value = {0};
		struct libscols_line *row;
		int err;

		if (!is_knob_of(id, backing))
			continue;
		err = read_knob(mount, backing, knob->name, &value);
		if (err)
			return err;
		row = table_row(table, NULL);
		table_put(table, row, COLUMN_OF, *backing ? backing : "cache");
		table_put(table, row, COLUMN_KNOB, knob->name);
		table_put(table, row, COLUMN_VALUE, value.bytes ? value.bytes : "");
		table_put(table, row, COLUMN_DEFAULT, knob_text(knob, knob->initial, initial));
		put_range(table, row, knob);
		table_put(table, row, COLUMN_HELP, knob->help);
	}
	return 0;
}

static int show_knobs(const struct mount_entry *mount, const char *backing,
		      const struct table_options *options)
{
	TABLE_SCOPE table = {0};
	MOUNT_STATUS_SCOPE status = {0};
	int err = table_begin(&table, "get", "knobs", knob_columns, USUAL_COLUMNS, NARROW_COLUMNS,
			      options);

	if (!err)
		err = add_knobs(&table, mount, backing);
	if (!err && !*backing)
		err = mount_status_read(mount, &status);
	for (unsigned int i = 0; !err && i < mount_status_nr_backings(&status); i++) {
		const struct json_object *b = mount_status_backing(&status, i);

		if (status_number(b, "attached"))
			err = add_knobs(&table, mount, status_text(b, "name"));
	}
	return err ? err : table_print(&table, "get");
}

enum exit_status command_get(int argc, char **argv)
{
	struct table_options options = {.json = false};
	char backing[NAME_MAX + 1];
	struct mount_entry mount;
	TEXT_SCOPE value = {0};
	int words = parse(get_options, &options, argc, argv, 1, 2, &mount, backing);
	int err = words < 0 ? words : 0;

	terminal_init();
	if (!err && *backing)
		err = names_check("get", &mount, backing);
	if (!err && words == 1)
		err = show_knobs(&mount, backing, &options);
	if (err || words == 1)
		return exit_status_of(err);
	err = check_knob(argv[1], backing);
	if (!err)
		err = read_knob(&mount, backing, argv[1], &value);
	if (!err)
		printf("%s\n", value.bytes ? value.bytes : "");
	return exit_status_of(err);
}

/* ---- set ---- */

/* One of those to be set, with what it was before. */
struct setting {
	const char *knob, *value;
	struct text before;
};

static int prepare(const struct mount_entry *mount, const char *backing, char *assignment,
		   struct setting *setting)
{
	char *equals = strchr(assignment, '=');
	int err;

	if (!equals) {
		message(MESSAGE_ERROR, "set: %s: needs the form KNOB=VALUE", assignment);
		return -EINVAL;
	}
	*equals = '\0';
	if (!equals[1]) {
		message(MESSAGE_ERROR, "set: %s=: needs a value", assignment);
		return -EINVAL;
	}
	setting->knob = assignment;
	setting->value = equals + 1;
	err = check_knob(setting->knob, backing);
	return err ? err : read_knob(mount, backing, setting->knob, &setting->before);
}

static int turn(const struct mount_entry *mount, const char *backing, const char *knob,
		const char *value)
{
	char file[FILE_LEN];

	knob_file(backing, knob, file);
	return control_set(mount, file, value);
}

/* All, or after an error none. */
static int turn_all(const struct mount_entry *mount, const char *backing, struct setting *settings,
		    int nr)
{
	int err = 0, back_err = 0, done = 0;

	while (done < nr && !err) {
		err = turn(mount, backing, settings[done].knob, settings[done].value);
		done += !err;
	}
	while (err && !back_err && done--)
		back_err = turn(mount, backing, settings[done].knob, settings[done].before.bytes);
	return err;
}

enum exit_status command_set(int argc, char **argv)
{
	struct mount_entry mount;
	char backing[NAME_MAX + 1];
	int words = parse(NULL, NULL, argc, argv, 2, ARGS_ANY, &mount, backing);
	int nr = words < 0 ? 0 : words - 1;
	CLEANUP_FREE struct setting *settings = calloc((size_t)nr + 1, sizeof(*settings));
	int err = words < 0 ? words : 0;

	if (!settings)
		return EXIT_STATUS_RESOURCES;
	if (!err && *backing)
		err = names_check("set", &mount, backing);
	for (int i = 0; !err && i < nr; i++)
		err = prepare(&mount, backing, argv[i + 1], &settings[i]);
	if (!err)
		err = turn_all(&mount, backing, settings, nr);
	for (int i = 0; i < nr; i++)
		text_free(&settings[i].before);
	return exit_status_of(err);
}
