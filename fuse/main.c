/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs: the table of commands, help, and what we are called as. */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/nearest.h"
#include "fuse/options.h"

const struct command commands[] = {
	{"mount",
	 "--cache CACHE [-d NAME=PATH[,OPT...]]... [-o OPTS] [-f] MOUNTPOINT\n"
	 "MOUNTPOINT",
	 "show slow devices as fast files", command_mount, NULL, options_print_help},
	{"umount", "[--drain] [--detach] MOUNTPOINT", "unmount, and wait until the daemon is gone",
	 command_umount, umount_options, NULL},
	{"status", "[--json] [MOUNTPOINT]", "state and figures", command_status, status_options,
	 NULL},
	{"flush", "MOUNTPOINT", "make everything written durable on the cache", command_flush, NULL,
	 NULL},
	{"drain", "MOUNTPOINT", "write everything back to the backings", command_drain, NULL, NULL},
	{"get", "MOUNTPOINT[/NAME] [KNOB]", "show a knob, or all", command_get, NULL, NULL},
	{"set", "MOUNTPOINT[/NAME] KNOB=VALUE...", "turn a knob", command_set, NULL, NULL},
	{"attach", "MOUNTPOINT NAME=PATH[,OPT...]",
	 "add a backing, or go on with one that was gone and is back", command_attach, NULL, NULL},
	{"detach", "[--discard-dirty [--yes]] MOUNTPOINT NAME",
	 "write a backing's blocks back and take it away", command_detach, detach_options, NULL},
	{"resize", "MOUNTPOINT NAME", "let the exposed file grow as its backing has",
	 command_resize, NULL, NULL},
	{"loop",
	 "[--detach] [--link PATH] MOUNTPOINT NAME\n[--detach] [--link PATH] MOUNTPOINT/NAME",
	 "a block device for an exposed file", command_loop, loop_options, NULL},
	{0},
};

static void print_overview(FILE *to)
{
	fprintf(to, "usage: wbfs COMMAND [ARGUMENT...]\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-8s %s\n", c->name, c->help);
	fprintf(to, "\nwbfs COMMAND --help tells more. For example, with a cache made by mkwbfs:\n"
		    "  wbfs mount --cache /dev/nvme0n1p4 -d hdd0=/dev/sdb /mnt/wb\n");
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

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
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
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	message(MESSAGE_ERROR, "standard output: write: failed");
	return status ? status : EXIT_STATUS_IO;
}

static int run(const struct command *command, int argc, char **argv)
{
	if (args_want_help(argc, argv)) {
		print_help(command);
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
		print_overview(stdout);
		return finish(EXIT_STATUS_DONE);
	}
	if (is_one_of(argv[1], "-V", "--version")) {
		printf("wbfs %s\n", PACKAGE_VERSION);
		return finish(EXIT_STATUS_DONE);
	}
	if (looks_like_helper(argc, argv))
		return mount_helper(argc, argv);
	return (int)unknown_command(argv[1]);
}
