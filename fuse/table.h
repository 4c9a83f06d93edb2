/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables of commands, by libsmartcols: columns to choose from, as a tree, raw or JSON, with the
 * options that lsblk and findmnt have for that. Belongs to a command's main thread.
 */
#ifndef FUSE_TABLE_H
#define FUSE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuse/args.h"

struct libscols_table;
struct libscols_line;

enum table_flags {
	TABLE_TREE = 1,	  /* children are drawn below their parents here */
	TABLE_RIGHT = 2,  /* aligned to the right */
	TABLE_NUMBER = 4, /* and a number in JSON */
	TABLE_BYTES = 8,  /* 1.5G, or with --bytes a number */
	TABLE_CUT = 16,	  /* may be cut if the terminal is narrow */
};

struct table_column {
	const char *name; /* NULL ends */
	unsigned int flags;
	const char *help;
};

/* First in the context of a command's options, for the rows below. */
struct table_options {
	bool json, raw, bytes, noheadings;
	const char *output; /* NULL: what is usual; "+COL,..." adds to that */
};

/* Rows for a command's table of options. */
#define TABLE_OPTION_BYTES \
	{ \
		"bytes", 'b', NULL, "sizes in bytes", table_set_bytes \
	}
#define TABLE_OPTION_NOHEADINGS \
	{ \
		"noheadings", 'n', NULL, "no line of headings", table_set_noheadings \
	}
#define TABLE_OPTION_OUTPUT \
	{ \
		"output", 'o', "COLS", "these columns of the table only; +COLS: these too", \
			table_set_output \
	}
#define TABLE_OPTION_RAW \
	{ \
		"raw", 'r', NULL, "the table only, for scripts", table_set_raw \
	}
int table_set_json(void *ctx, const struct arg_option *option, const char *value);
int table_set_bytes(void *ctx, const struct arg_option *option, const char *value);
int table_set_noheadings(void *ctx, const struct arg_option *option, const char *value);
int table_set_output(void *ctx, const struct arg_option *option, const char *value);
int table_set_raw(void *ctx, const struct arg_option *option, const char *value);

/* For help: the columns and what they are. */
void table_print_columns(const struct table_column *columns);

enum { TABLE_MAX_COLUMNS = 32 };

struct table {
	struct libscols_table *scols;
	bool bytes;
	int place[TABLE_MAX_COLUMNS]; /* of a column among those shown, or -1 */
	int nr_shown;
	bool failed; /* no memory */
};

#define TABLE_SCOPE __attribute__((cleanup(table_end))) struct table

/*
 * Begin one. name: in JSON. usual: the columns if there is no --output, and narrow on a terminal of
 * less than 60 columns. command: for messages.
 * 0, -EINVAL for unknown columns, -ENOMEM, after a message.
 */
int table_begin(struct table *table, const char *command, const char *name,
		const struct table_column *columns, const char *usual, const char *narrow,
		const struct table_options *options) __attribute__((warn_unused_result));
void table_end(struct table *table);

/* A new row below parent (NULL: at the top). */
struct libscols_line *table_row(struct table *table, struct libscols_line *parent);

/* Fill a cell, by the column's index among all; nothing happens if it isn't shown. */
void table_put(struct table *table, struct libscols_line *row, int column, const char *value);
void table_put_bytes(struct table *table, struct libscols_line *row, int column, uint64_t value);
void table_put_number(struct table *table, struct libscols_line *row, int column, uint64_t value);

/* To standard output. 0, or -ENOMEM after a message. */
int table_print(struct table *table, const char *command) __attribute__((warn_unused_result));

/* "512", "1.5G": rounded to a tenth. */
#define TABLE_SIZE_LEN 24
const char *table_size(uint64_t bytes, char text[TABLE_SIZE_LEN]);

#endif
