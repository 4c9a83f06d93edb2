/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words behind a command: options by table, in any place, and what is left. Parser and help
 * come from the same rows. Runs before there are threads.
 */
#ifndef FUSE_ARGS_H
#define FUSE_ARGS_H

#include <limits.h>
#include <stdbool.h>

struct arg_option {
	const char *name;	/* the long form, without dashes; NULL ends a table */
	char letter;		/* the short form, or 0 */
	const char *value_name; /* how help calls its value; NULL if it takes none */
	const char *help;	/* one line, lower case */
	/* 0, or -EINVAL after a message. value is NULL if it takes none. */
	int (*set)(void *ctx, const struct arg_option *option, const char *value);
};

/* No limit to words. */
#define ARGS_ANY INT_MAX

struct args {
	const char *command;		  /* for messages */
	const struct arg_option *options; /* NULL: none */
	/* Find an option that is not in the table, or NULL; may be NULL itself. */
	const struct arg_option *(*find)(const char *name);
	void *ctx;		  /* for set */
	int min_words, max_words; /* what has to remain when the options are taken away */
};

/*
 * Parse argv[1..argc-1]. The remaining words are moved to the front of argv, in their order, and
 * followed by NULL. Returns their number, or -EINVAL after a message.
 */
int args_parse(const struct args *args, int argc, char **argv) __attribute__((warn_unused_result));

/* Is one of the words -h or --help, before any "--"? */
bool args_want_help(int argc, char **argv);
/* The same of -V and --version. */
bool args_want_version(int argc, char **argv);

/* Two columns: options, and what they do. */
void args_print_options(const struct arg_option *options);

#endif
