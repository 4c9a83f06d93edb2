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
#include "fuse/nearest.h"
#include "fuse/options.h"

enum { FILE_LEN = NAME_MAX + 128, ALL_WORDS = 1000 };

/* The words of a command, the first of which is a mount point. Their number or -errno. */
static int parse(int argc, char **argv, int min_words, int max_words, struct mount_entry *mount,
		 char below[NAME_MAX + 1])
{
	const struct args args = {
		.command = argv[0],
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
	int n = parse(argc, argv, words, words, mount, below);

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

	if (err >= 0)
		err = control_set(&mount, "flush_current_buffer", "1");
	return exit_status_of(err);
}

/* ---- knobs ---- */

static bool is_knob_of(int id, const char *backing)
{
	return (id < WB_NR_KNOBS) == !*backing;
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
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	return -EINVAL;
}

static void knob_file(const char *backing, const char *knob, char file[FILE_LEN])
{
	if (*backing)
		snprintf(file, FILE_LEN, "devices/%s/%.100s", backing, knob);
	else
		snprintf(file, FILE_LEN, "%.100s", knob);
}

static int show_knob(const struct mount_entry *mount, const char *backing, const char *knob,
		     bool with_name)
{
	TEXT_SCOPE text = {0};
	char file[FILE_LEN];
	int err;

	knob_file(backing, knob, file);
	err = control_get(mount, file, &text);
	if (!err)
		printf("%s%s%s", with_name ? knob : "", with_name ? "=" : "",
		       text.bytes ? text.bytes : "\n");
	return err;
}

enum exit_status command_get(int argc, char **argv)
{
	struct mount_entry mount;
	char backing[NAME_MAX + 1];
	int words = parse(argc, argv, 1, 2, &mount, backing);
	int err = 0;

	if (words < 0)
		return exit_status_of(words);
	if (words == 2) {
		err = check_knob(argv[1], backing);
		return exit_status_of(err ? err : show_knob(&mount, backing, argv[1], false));
	}
	for (int id = 0; !err && id < WB_NR_ALL_KNOBS; id++)
		if (is_knob_of(id, backing))
			err = show_knob(&mount, backing, wb_knobs[id].name, true);
	return exit_status_of(err);
}

static int set_knob(const struct mount_entry *mount, const char *backing, char *assignment)
{
	char *equals = strchr(assignment, '=');
	char file[FILE_LEN];
	int err;

	if (!equals) {
		message(MESSAGE_ERROR, "set: %s: needs the form KNOB=VALUE", assignment);
		return -EINVAL;
	}
	*equals = '\0';
	err = check_knob(assignment, backing);
	if (err)
		return err;
	knob_file(backing, assignment, file);
	return control_set(mount, file, equals + 1);
}

enum exit_status command_set(int argc, char **argv)
{
	struct mount_entry mount;
	char backing[NAME_MAX + 1];
	int words = parse(argc, argv, 2, ALL_WORDS, &mount, backing);
	int err = words < 0 ? words : 0;

	for (int i = 1; !err && i < words; i++)
		err = set_knob(&mount, backing, argv[i]);
	return exit_status_of(err);
}
