/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables by libsmartcols. Belongs to a command's main thread. */
#include "config.h"

#include "fuse/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/nearest.h"
#include "fuse/terminal.h"

enum { NARROW = 60 };

/* ---- options ---- */

int table_set_json(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct table_options *)ctx)->json = true;
	return 0;
}

int table_set_bytes(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct table_options *)ctx)->bytes = true;
	return 0;
}

int table_set_noheadings(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct table_options *)ctx)->noheadings = true;
	return 0;
}

int table_set_output(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option;
	((struct table_options *)ctx)->output = value;
	return 0;
}

int table_set_raw(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct table_options *)ctx)->raw = true;
	return 0;
}

void table_print_columns(const struct table_column *columns)
{
	printf("\ncolumns for --output:\n");
	for (const struct table_column *c = columns; c->name; c++)
		printf("  %-12s %s\n", c->name, c->help);
}

/* ---- columns ---- */

static int find_column(const struct table_column *columns, const char *name)
{
	for (int i = 0; columns[i].name; i++)
		if (strcasecmp(columns[i].name, name) == 0)
			return i;
	return -1;
}

static int unknown_column(const char *command, const struct table_column *columns, char *name)
{
	struct nearest nearest = nearest_to(name);

	message(MESSAGE_ERROR, "%s: --output: %s: unknown column", command, name);
	for (char *c = name; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	for (const struct table_column *c = columns; c->name; c++)
		nearest_offer(&nearest, c->name);
	if (nearest_word(&nearest))
		hint("did you mean %s?", nearest_word(&nearest));
	else
		hint("wbfs %s --help", command);
	return -EINVAL;
}

static int show_column(struct table *table, const struct table_column *column, int index,
		       const struct table_options *options)
{
	bool is_number = column->flags & TABLE_NUMBER ||
			 (column->flags & TABLE_BYTES && options->bytes);
	bool is_tree = column->flags & TABLE_TREE && !options->raw;
	struct libscols_column *shown;
	int flags = 0;

	if (table->place[index] >= 0)
		return 0;
	if (is_tree)
		flags |= SCOLS_FL_TREE;
	if (column->flags & (TABLE_RIGHT | TABLE_NUMBER | TABLE_BYTES))
		flags |= SCOLS_FL_RIGHT;
	if (column->flags & TABLE_CUT)
		flags |= SCOLS_FL_TRUNC;
	shown = scols_table_new_column(table->scols, column->name, 0, flags);
	if (!shown)
		return -ENOMEM;
	scols_column_set_json_type(shown, is_number ? SCOLS_JSON_NUMBER : SCOLS_JSON_STRING);
	table->place[index] = table->nr_shown++;
	return 0;
}

static int show_columns(struct table *table, const char *command,
			const struct table_column *columns, const char *list,
			const struct table_options *options)
{
	CLEANUP_FREE char *copy = strdup(list);
	char *save = NULL;
	int err = copy ? 0 : -ENOMEM;

	for (char *name = copy ? strtok_r(copy, ",", &save) : NULL; !err && name;
	     name = strtok_r(NULL, ",", &save)) {
		int index = find_column(columns, name);

		if (index < 0)
			return unknown_column(command, columns, name);
		err = show_column(table, &columns[index], index, options);
	}
	if (err)
		message(MESSAGE_ERROR, "%s: table: %s", command, reason(err));
	return err;
}

/* ---- life ---- */

int table_begin(struct table *table, const char *command, const char *name,
		const struct table_column *columns, const char *usual, const char *narrow,
		const struct table_options *options)
{
	const char *own = options->output;
	bool is_for_programs = options->json || options->raw;
	int err = 0;

	*table = (struct table){.scols = scols_new_table(), .bytes = options->bytes};
	for (int i = 0; i < TABLE_MAX_COLUMNS; i++)
		table->place[i] = -1;
	if (!table->scols) {
		message(MESSAGE_ERROR, "%s: table: %s", command, reason(ENOMEM));
		return -ENOMEM;
	}
	scols_table_set_name(table->scols, name);
	scols_table_enable_json(table->scols, options->json);
	scols_table_enable_raw(table->scols, options->raw && !options->json);
	scols_table_enable_noheadings(table->scols, options->noheadings);
	scols_table_enable_ascii(table->scols, !terminal_is_utf8());
	if (!own || *own == '+')
		err = show_columns(table, command, columns,
				   !is_for_programs && isatty(STDOUT_FILENO) &&
						   terminal_width() < NARROW
					   ? narrow
					   : usual,
				   options);
	if (!err && own)
		err = show_columns(table, command, columns, own + (*own == '+'), options);
	if (!err && !table->nr_shown) {
		message(MESSAGE_ERROR, "%s: --output: no columns given", command);
		err = -EINVAL;
	}
	return err;
}

void table_end(struct table *table)
{
	scols_unref_table(table->scols); /* takes NULL */
	table->scols = NULL;
}

struct libscols_line *table_row(struct table *table, struct libscols_line *parent)
{
	struct libscols_line *row = scols_table_new_line(table->scols, parent);

	if (!row)
		table->failed = true;
	return row;
}

void table_put(struct table *table, struct libscols_line *row, int column, const char *value)
{
	if (!row || table->place[column] < 0 || !*value)
		return;
	if (scols_line_set_data(row, (size_t)table->place[column], value) < 0)
		table->failed = true;
}

void table_put_bytes(struct table *table, struct libscols_line *row, int column, uint64_t value)
{
	char text[TABLE_SIZE_LEN];

	if (table->bytes)
		table_put_number(table, row, column, value);
	else
		table_put(table, row, column, table_size(value, text));
}

void table_put_number(struct table *table, struct libscols_line *row, int column, uint64_t value)
{
	char text[TABLE_SIZE_LEN];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	table_put(table, row, column, text);
}

int table_print(struct table *table, const char *command)
{
	int err = table->failed ? -ENOMEM : scols_print_table(table->scols);

	if (err)
		message(MESSAGE_ERROR, "%s: table: %s", command, reason(err));
	return err;
}

const char *table_size(uint64_t bytes, char text[TABLE_SIZE_LEN])
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1023.95 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	if (!unit)
		snprintf(text, TABLE_SIZE_LEN, "%" PRIu64 "B", bytes);
	else
		snprintf(text, TABLE_SIZE_LEN, "%.1f%c", value, units[unit]);
	if (unit && strstr(text, ".0"))
		snprintf(text, TABLE_SIZE_LEN, "%.0f%c", value, units[unit]);
	return text;
}
