/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of wbfs. Each runs in main's thread; argv[0] is the command's name. */
#ifndef FUSE_COMMANDS_H
#define FUSE_COMMANDS_H

#include "common/exit_status.h"
#include "fuse/args.h"

struct command {
	const char *name;
	const char *usage; /* what comes behind the name; lines separated by newlines */
	const char *help;  /* one line */
	enum exit_status (*run)(int argc, char **argv);
	const struct arg_option *options; /* for help, or NULL */
	void (*print_options)(void);	  /* instead, or NULL */
};

extern const struct command commands[]; /* name NULL ends */

enum exit_status command_mount(int argc, char **argv);
enum exit_status command_umount(int argc, char **argv);
enum exit_status command_status(int argc, char **argv);
enum exit_status command_flush(int argc, char **argv);
enum exit_status command_drain(int argc, char **argv);
enum exit_status command_get(int argc, char **argv);
enum exit_status command_set(int argc, char **argv);
enum exit_status command_attach(int argc, char **argv);
enum exit_status command_detach(int argc, char **argv);
enum exit_status command_resize(int argc, char **argv);
enum exit_status command_loop(int argc, char **argv);

extern const struct arg_option umount_options[];
extern const struct arg_option status_options[];
extern const struct arg_option detach_options[];
extern const struct arg_option loop_options[];

/* SOURCE DIRECTORY [-sfnrv] [-o OPTIONS], as mount(8) calls a helper; returns mount(8)'s status. */
int mount_helper(int argc, char **argv);

/* DIRECTORY [-flnrv], as umount(8) calls a helper; the same. */
int umount_helper(int argc, char **argv);

#endif
