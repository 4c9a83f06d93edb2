/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs: the table of commands, help, and what we are called as. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/nearest.h"
#include "fuse/options.h"
#include "fuse/status_scan.h"
#include "fuse/status_tree.h"

const struct command commands[] = {
	{"mount",
	 "--cache CACHE [-d NAME=PATH[,OPT...]]... [-o OPTS] [-f] MOUNTPOINT\n"
	 "MOUNTPOINT",
	 "show slow devices as fast files", command_mount, option_rows, options_print_help},
	{"umount", "[--drain] [--detach] MOUNTPOINT", "unmount, and wait until the daemon is gone",
	 command_umount, umount_options, NULL},
	{"status",
	 "[-v|--verbose] [MOUNTPOINT]\n"
	 "[-t|--test] [MOUNTPOINT]\n"
	 "[--json] [--output COLS] [--raw] [--bytes] [--noheadings] [MOUNTPOINT]\n"
	 "--scan [FILE...]",
	 "how it is: health, log, and what lies on what", command_status, status_options,
	 status_print_options},
	{"stat", "[-y] [MOUNTPOINT] [INTERVAL [COUNT]]", "what is done, interval by interval",
	 command_stat, stat_options, stat_print_options},
	{"top", "[-b] [-n N] [-d SECONDS] MOUNTPOINT", "figures as they change", command_top,
	 top_options, NULL},
	{"flush", "MOUNTPOINT", "make everything written durable on the cache", command_flush, NULL,
	 NULL},
	{"drain",
	 "MOUNTPOINT\n"
	 "--offline [-d NAME=PATH]... [--without NAME]... CACHE",
	 "write everything back to the backings", command_drain, offline_rows, NULL},
	{"get", "MOUNTPOINT[/NAME] [KNOB]",
	 "show a knob, or all with their ranges and what they are for", command_get, get_options,
	 get_print_options},
	{"set", "MOUNTPOINT[/NAME] KNOB=VALUE...", "turn knobs: all of them, or none", command_set,
	 NULL, NULL},
	{"attach", "MOUNTPOINT NAME=PATH[,OPT...]",
	 "add a backing, or go on with one that was gone and is back", command_attach, NULL, NULL},
	{"detach", "[--discard-dirty [--yes]] MOUNTPOINT NAME",
	 "write a backing's blocks back and take it away", command_detach, detach_options, NULL},
	{"resize", "MOUNTPOINT NAME", "let the exposed file grow as its backing has",
	 command_resize, NULL, NULL},
	{"loop",
	 "[--detach] [--link PATH] MOUNTPOINT NAME\n[--detach] [--link PATH] MOUNTPOINT/NAME",
	 "a block device for an exposed file", command_loop, loop_options, NULL},
	{"check", "[--json] CACHE", "read all of a cache and say what is wrong with it",
	 command_check, check_options, NULL},
	{"inspect", "[--superblock] [--table] [--segments] [--segment N] [--json] CACHE",
	 "show what is on a cache, decoded", command_inspect, inspect_options, NULL},
	{"replay",
	 "[-d NAME=PATH]... [--without NAME]... CACHE\n"
	 "[-d NAME=PATH]... CACHE NAME=OUTPUT...",
	 "apply the log to the backings, or to a copy of one", command_replay, offline_rows + 1,
	 NULL},
	{"demo", "", "what it is good for, shown on image files in under a minute", command_demo,
	 NULL, NULL},
	{"bench", "[--cache PATH] [--device PATH] [--seconds N] [--report FILE] [--force]",
	 "measure what a cache does for a device", command_bench, bench_options, NULL},
	{"doctor", "[MOUNTPOINT|CACHE|BACKING]...", "what may keep wbfs from working here",
	 command_doctor, NULL, NULL},
	{0},
};

#define USAGE "usage: wbfs COMMAND [ARGUMENT...]\n\n"
#define EXAMPLE \
	"\nfor example, with a cache made by mkwbfs:\n" \
	"  wbfs mount --cache /dev/nvme0n1p4 -d hdd0=/dev/sdb /mnt/wb\n"

/* What a new user needs first; the others are only named. */
static bool is_common(const char *name)
{
	static const char *const common[] = {
		"mount", "umount", "status", "drain", "loop", "demo", "doctor",
	};

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcmp(common[i], name) == 0)
			return true;
	return false;
}

static void print_overview(FILE *to)
{
	enum { WIDTH = 72 };
	int at;

	fprintf(to, USAGE);
	for (const struct command *c = commands; c->name; c++)
		if (is_common(c->name))
			fprintf(to, "  %-8s %s\n", c->name, c->help);
	at = fprintf(to, "\nalso:");
	for (const struct command *c = commands; c->name; c++) {
		if (is_common(c->name))
			continue;
		if (at + 1 + (int)strlen(c->name) > WIDTH)
			at = fprintf(to, "\n     ") - 1;
		at += fprintf(to, " %s", c->name);
	}
	fprintf(to,
		"\n" EXAMPLE "wbfs --help says what each command does, wbfs COMMAND --help how.\n");
}

static void print_all_commands(void)
{
	printf(USAGE);
	for (const struct command *c = commands; c->name; c++)
		printf("  %-8s %s\n", c->name, c->help);
	printf("\n  -h, --help     this, or behind a command what it takes\n"
	       "  -V, --version  the version of wbfs\n" EXAMPLE
	       "wbfs COMMAND --help tells more about a command.\n");
}

static void print_help(const struct command *command)
{
	const char *line = command->usage;

	printf("wbfs %s: %s\n\n", command->name, command->help);
	while (line) {
		const char *end = strchr(line, '\n');

		printf("usage: wbfs %s %.*s\n", command->name,
		       end ? (int)(end - line) : (int)strlen(line), line);
		line = end ? end + 1 : NULL;
	}
	printf("\n");
	if (command->print_options)
		command->print_options();
	else
		args_print_options(command->options);
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static enum exit_status unknown_command(const char *word)
{
	struct nearest nearest = nearest_to(word);

	for (const struct command *c = commands; c->name; c++)
		nearest_offer(&nearest, c->name);
	message(MESSAGE_ERROR, "%s: unknown command", word);
	if (nearest_word(&nearest))
		hint("did you mean wbfs %s?", nearest_word(&nearest));
	else
		hint("wbfs --help");
	return EXIT_STATUS_USAGE;
}

static enum exit_status unknown_option(const char *word)
{
	static const char *const options[] = {"--help", "--version"};
	struct nearest nearest = nearest_to(word);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		nearest_offer(&nearest, options[i]);
	message(MESSAGE_ERROR, "%s: unknown option", word);
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	else
		hint("wbfs COMMAND [OPTION...]: options come behind the command");
	return EXIT_STATUS_USAGE;
}

/* ---- the tables, for completion and tests ---- */

static void list_option(const struct arg_option *option)
{
	printf("--%s\t", option->name);
	if (option->letter)
		printf("-%c", option->letter);
	printf("\t%s\n", option->value_name ? option->value_name : "");
}

/* "--NAME\t-LETTER\tVALUE" a line. */
static enum exit_status list_options(const char *name)
{
	const struct command *command = name ? find_command(name) : NULL;

	if (!command)
		return unknown_command(name ? name : "--list-options");
	for (const struct arg_option *o = command->options; o && o->name; o++)
		list_option(o);
	for (int i = 0; command->run == command_mount && i < WB_NR_KNOBS; i++)
		list_option(options_find_knob(wb_knobs[i].name));
	printf("--help\t-h\t\n");
	return EXIT_STATUS_DONE;
}

static void list_columns(void)
{
	for (const struct table_column *c = status_columns; c->name; c++)
		printf("status\t%s\n", c->name);
	for (const struct table_column *c = scan_columns; c->name; c++)
		printf("scan\t%s\n", c->name);
	for (const struct table_column *c = knob_columns; c->name; c++)
		printf("get\t%s\n", c->name);
}

static bool list_wanted(const char *word)
{
	return strncmp(word, "--list-", strlen("--list-")) == 0;
}

static enum exit_status list(const char *what, const char *of)
{
	if (strcmp(what, "--list-options") == 0)
		return list_options(of);
	if (strcmp(what, "--list-commands") == 0)
		for (const struct command *c = commands; c->name; c++)
			printf("%s\n", c->name);
	else if (strcmp(what, "--list-knobs") == 0)
		for (int i = 0; i < WB_NR_ALL_KNOBS; i++)
			printf("%s\t%s\n", wb_knobs[i].name, i < WB_NR_KNOBS ? "cache" : "backing");
	else if (strcmp(what, "--list-columns") == 0)
		list_columns();
	else
		return unknown_option(what);
	return EXIT_STATUS_DONE;
}

/* Whether we are called as the helper of mount(8) or umount(8). */
static bool is_helper_name(const char *path, const char *action)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t len = strlen(action);

	return strncmp(name, action, len) == 0 &&
	       (strcmp(name + len, ".fuse.wbfs") == 0 || strcmp(name + len, ".wbfs") == 0);
}

/* libfuse's mount.fuse starts `wbfs SOURCE DIRECTORY -o OPTIONS`. */
static bool looks_like_helper(int argc, char **argv)
{
	return argc >= 3 && strchr(argv[1], '/') && argv[1][0] != '-' && argv[2][0] != '-';
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* A closed or full standard output must not look like success. */
static int finish(int status)
{
	bool flushed = fflush(stdout) == 0;

	if (flushed && !ferror(stdout))
		return status;
	/* An error of earlier on has no number any more. */
	message(MESSAGE_ERROR, "standard output: write: %s", flushed ? "failed" : reason(errno));
	return status ? status : EXIT_STATUS_IO;
}

static void print_version(void)
{
	printf("wbfs %s\n", PACKAGE_VERSION);
}

static int run(const struct command *command, int argc, char **argv)
{
	if (args_want_help(argc, argv)) {
		print_help(command);
		return EXIT_STATUS_DONE;
	}
	if (args_want_version(argc, argv)) {
		print_version();
		return EXIT_STATUS_DONE;
	}
	return (int)command->run(argc, argv);
}

/* A descriptor that was closed must not become something else's; using it still fails. */
static void occupy_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const struct command *command;

	occupy_standard_descriptors();
	message_set_program("wbfs");
	if (argc >= 1 && is_helper_name(argv[0], "mount"))
		return mount_helper(argc, argv);
	if (argc >= 1 && is_helper_name(argv[0], "umount"))
		return umount_helper(argc, argv);
	if (argc < 2) {
		print_overview(stderr);
		return EXIT_STATUS_USAGE;
	}
	command = find_command(argv[1]);
	if (command)
		return finish(run(command, argc - 1, argv + 1));
	if (is_one_of(argv[1], "-h", "--help")) {
		print_all_commands();
		return finish(EXIT_STATUS_DONE);
	}
	if (is_one_of(argv[1], "-V", "--version")) {
		print_version();
		return finish(EXIT_STATUS_DONE);
	}
	if (list_wanted(argv[1]))
		return finish((int)list(argv[1], argc > 2 ? argv[2] : NULL));
	if (looks_like_helper(argc, argv))
		return mount_helper(argc, argv);
	return (int)(argv[1][0] == '-' ? unknown_option(argv[1]) : unknown_command(argv[1]));
}
