/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of wbfs. Each runs in main's thread; argv[0] is the command's name. */
#ifndef FUSE_COMMANDS_H
#define FUSE_COMMANDS_H

#include "common/exit_status.h"
#include "fuse/args.h"
#include "fuse/table.h"

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
enum exit_status command_stat(int argc, char **argv);
enum exit_status command_status(int argc, char **argv);
enum exit_status command_check(int argc, char **argv);
enum exit_status command_inspect(int argc, char **argv);
enum exit_status command_replay(int argc, char **argv);
enum exit_status command_top(int argc, char **argv);
enum exit_status command_flush(int argc, char **argv);
enum exit_status command_drain(int argc, char **argv);
enum exit_status command_get(int argc, char **argv);
enum exit_status command_set(int argc, char **argv);
enum exit_status command_attach(int argc, char **argv);
enum exit_status command_detach(int argc, char **argv);
enum exit_status command_resize(int argc, char **argv);
enum exit_status command_loop(int argc, char **argv);
enum exit_status command_demo(int argc, char **argv);
enum exit_status command_bench(int argc, char **argv);
enum exit_status command_doctor(int argc, char **argv);

extern const struct arg_option umount_options[];
extern const struct arg_option status_options[];
extern const struct arg_option stat_options[];
extern const struct arg_option get_options[];
extern const struct arg_option check_options[];
extern const struct arg_option inspect_options[];
extern const struct arg_option top_options[];
extern const struct arg_option detach_options[];
extern const struct arg_option loop_options[];
extern const struct arg_option bench_options[];

/* Help with more than the table of options. */
void status_print_options(void);
void stat_print_options(void);
void get_print_options(void);

extern const struct table_column knob_columns[];

/* SOURCE DIRECTORY [-sfnrv] [-o OPTIONS], as mount(8) calls a helper; returns mount(8)'s status. */
int mount_helper(int argc, char **argv);

/* DIRECTORY [-flnrv], as umount(8) calls a helper; the same. */
int umount_helper(int argc, char **argv);

#endif
