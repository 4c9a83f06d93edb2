/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs stat: what was done, in all and by backing; since the mount, and then interval by interval.
 * Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/mount_status.h"
#include "fuse/table.h"
#include "fuse/terminal.h"
#include "fuse/timer.h"

enum { MAX_WORDS = 3, NAME_WIDTH = 14, LONGEST_S = 86400, SECOND = 1000000000 };

struct stat_flags {
	struct table_options table; /* first, as table.h wants it */
	bool not_first;
	const char *path; /* NULL: all mounts */
	double interval;  /* s; 0: one report */
	unsigned long count;
};

static int set_not_first(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct stat_flags *)ctx)->not_first = true;
	return 0;
}

const struct arg_option stat_options[] = {
	{"skip-first", 'y', NULL, "leave the report since the mount out", set_not_first},
	TABLE_OPTION_BYTES,
	TABLE_OPTION_NOHEADINGS,
	{"raw", 'r', NULL, "exact numbers, separated by tabs", table_set_raw},
	{0},
};

/* ---- one row ---- */

enum kind { KIND_COUNT, KIND_SIZE, KIND_TIME };

/* What is counted during the report; rates are by second. Times are of all backings together. */
struct row {
	const char *name;
	double dirty, back, read, written, reads, writes, syncs, p50, p99;
	bool has_syncs;
};

static const struct shown {
	const char *heading, *help;
	int width;
	enum kind kind;
	size_t off; /* in struct row */
	bool of_syncs;
} columns[] = {
	{"dirty", "what is only in the cache", 8, KIND_SIZE, offsetof(struct row, dirty), false},
	{"back/s", "written back", 8, KIND_SIZE, offsetof(struct row, back), false},
	{"read/s", "read", 8, KIND_SIZE, offsetof(struct row, read), false},
	{"write/s", "written", 8, KIND_SIZE, offsetof(struct row, written), false},
	{"r/s", "read requests", 7, KIND_COUNT, offsetof(struct row, reads), false},
	{"w/s", "write requests", 7, KIND_COUNT, offsetof(struct row, writes), false},
	{"syncs/s", "sync requests of all", 8, KIND_COUNT, offsetof(struct row, syncs), true},
	{"sync50", "time in which half of them were durable", 8, KIND_TIME,
	 offsetof(struct row, p50), true},
	{"sync99", "time in which 99 % of them were durable", 8, KIND_TIME,
	 offsetof(struct row, p99), true},
};
enum { NR_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

void stat_print_options(void)
{
	args_print_options(stat_options);
	printf("\ncolumns (those that don't fit a terminal are left out):\n");
	for (int i = 0; i < NR_COLUMNS; i++)
		printf("  %-12s %s\n", columns[i].heading, columns[i].help);
}

static void format(const struct shown *column, const struct row *row, bool exact,
		   char text[TABLE_SIZE_LEN])
{
	double value;

	memcpy(&value, (const char *)row + column->off, sizeof(value));
	if (column->of_syncs && !row->has_syncs)
		strcpy(text, "-");
	else if (exact && column->kind == KIND_TIME)
		snprintf(text, TABLE_SIZE_LEN, "%.6f", value);
	else if (exact || (column->kind == KIND_COUNT && value >= 10))
		snprintf(text, TABLE_SIZE_LEN, "%.0f", value);
	else if (column->kind == KIND_COUNT)
		snprintf(text, TABLE_SIZE_LEN, "%.1f", value);
	else if (column->kind == KIND_SIZE)
		table_size((uint64_t)value, text);
	else if (value == 0)
		strcpy(text, "-");
	else if (value < 1e-3)
		snprintf(text, TABLE_SIZE_LEN, "%.0fus", value * 1e6);
	else if (value < 1)
		snprintf(text, TABLE_SIZE_LEN, "%.1fms", value * 1e3);
	else
		snprintf(text, TABLE_SIZE_LEN, "%.1fs", value);
}

/* How many columns fit. */
static int nr_fitting(const struct stat_flags *flags)
{
	unsigned int width = NAME_WIDTH;
	int nr = 0;

	if (flags->table.raw || !isatty(STDOUT_FILENO))
		return NR_COLUMNS;
	while (nr < NR_COLUMNS && width + (unsigned int)columns[nr].width <= terminal_width())
		width += (unsigned int)columns[nr++].width;
	return nr;
}

static void print_headings(const struct stat_flags *flags)
{
	int nr = nr_fitting(flags);

	printf("%-*s", NAME_WIDTH, "name");
	for (int i = 0; i < nr; i++)
		printf("%*s", columns[i].width, columns[i].heading);
	printf("\n");
}

static void print_row(const struct stat_flags *flags, const char *indent, const struct row *row)
{
	int nr = nr_fitting(flags);
	char text[TABLE_SIZE_LEN];

	if (flags->table.raw)
		printf("%s", row->name);
	else
		printf("%s%-*s", indent, (int)(NAME_WIDTH - strlen(indent)), row->name);
	for (int i = 0; i < nr; i++) {
		bool exact = flags->table.raw ||
			     (flags->table.bytes && columns[i].kind == KIND_SIZE);

		format(&columns[i], row, exact, text);
		if (flags->table.raw)
			printf("\t%s", text);
		else
			printf(" %*s", columns[i].width - 1, text);
	}
	printf("\n");
}

/* ---- what happened between two looks ---- */

struct watched {
	struct mount_entry mount;
	struct mount_status before; /* nothing read yet: since the mount */
};

/* A counter that became smaller was cleared, or its backing came back. */
static double grown(const struct json_object *now, const struct json_object *before,
		    const char *name)
{
	uint64_t n = status_number(now, name), old = status_number(before, name);

	return (double)(n >= old ? n - old : n);
}

static void add_backing(const struct json_object *now, const struct json_object *before,
			double seconds, struct row *row)
{
	row->dirty += (double)status_number(now, "dirty_bytes");
	row->back += grown(now, before, "migrated_bytes") / seconds;
	row->read += grown(now, before, "read_bytes") / seconds;
	row->written += grown(now, before, "write_bytes") / seconds;
	row->reads += grown(now, before, "nr_reads") / seconds;
	row->writes += grown(now, before, "nr_writes") / seconds;
}

/* For how long the daemon has counted between the two. */
static double seconds_between(const struct mount_status *now, const struct mount_status *before)
{
	double end = status_real(now->cache, "counted_for");
	double begin = status_real(before->cache, "counted_for");
	double seconds = end > begin ? end - begin : end;

	return seconds > 1e-3 ? seconds : 1e-3;
}

static void print_report(const struct stat_flags *flags, const char *name,
			 const struct mount_status *now, const struct mount_status *before)
{
	double seconds = seconds_between(now, before);
	unsigned int nr = mount_status_nr_backings(now);
	struct row total = {.name = name, .has_syncs = true};

	for (unsigned int i = 0; i < nr; i++) {
		const struct json_object *backing = mount_status_backing(now, i);

		add_backing(backing, mount_status_find(before, status_text(backing, "name")),
			    seconds, &total);
	}
	total.syncs = grown(now->cache, before->cache, "nr_syncs") / seconds;
	total.p50 = (double)status_percentile(now->cache, before->cache, "sync_latency", 50) / 1e9;
	total.p99 = (double)status_percentile(now->cache, before->cache, "sync_latency", 99) / 1e9;
	print_row(flags, "", &total);
	for (unsigned int i = 0; i < nr; i++) {
		const struct json_object *backing = mount_status_backing(now, i);
		const char *own_name = status_text(backing, "name");
		struct row row = {.name = own_name};

		add_backing(backing, mount_status_find(before, own_name), seconds, &row);
		print_row(flags, "  ", &row);
	}
}

/* ---- all mounts, again and again ---- */

struct watch {
	const struct stat_flags *flags;
	struct watched *mounts;
	unsigned int nr;
	unsigned int rows_left; /* of a screen, until there are new headings */
	bool headed;
	bool failed; /* no memory */
	int err;     /* of the last that was left out */
};

static bool add_mount(const struct mount_entry *mount, void *ctx)
{
	struct watch *watch = ctx;
	struct mount_entry topmost;
	struct watched *mounts;

	if (!mounts_is_ours(mount) || !mounts_find(mount->point, &topmost) ||
	    topmost.dev != mount->dev)
		return true;
	mounts = realloc(watch->mounts, (watch->nr + 1) * sizeof(*mounts));
	watch->failed = !mounts;
	if (!mounts)
		return false;
	watch->mounts = mounts;
	mounts[watch->nr++] = (struct watched){.mount = *mount};
	return true;
}

static unsigned int terminal_rows(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

/* Once, and on a terminal on each screen. */
static void head(struct watch *watch, unsigned int rows)
{
	bool scrolled = isatty(STDOUT_FILENO) && watch->rows_left < rows;

	if (!watch->flags->table.noheadings && !watch->flags->table.raw &&
	    (!watch->headed || scrolled)) {
		print_headings(watch->flags);
		watch->rows_left = terminal_rows() > rows + 1 ? terminal_rows() - 2 : rows;
		watch->headed = true;
	}
	watch->rows_left -= rows < watch->rows_left ? rows : watch->rows_left;
}

static int look(struct watch *watch, struct watched *watched, bool print, bool many)
{
	struct mount_status now;
	int err = mount_status_read(&watched->mount, &now);

	if (err)
		return err;
	if (print) {
		head(watch, mount_status_nr_backings(&now) + 1);
		print_report(watch->flags, many ? watched->mount.point : "total", &now,
			     &watched->before);
	}
	mount_status_free(&watched->before);
	watched->before = now;
	return 0;
}

static void leave_out(struct watch *watch, unsigned int i)
{
	mount_status_free(&watch->mounts[i].before);
	watch->nr--;
	memmove(&watch->mounts[i], &watch->mounts[i + 1], (watch->nr - i) * sizeof(*watch->mounts));
}

/* One that doesn't answer is told of once, and the others go on. */
static int look_at_all(struct watch *watch, bool print)
{
	bool many = watch->nr > 1;

	for (unsigned int i = 0; i < watch->nr;) {
		int err = look(watch, &watch->mounts[i], print, many);

		if (!err) {
			i++;
			continue;
		}
		watch->err = err;
		leave_out(watch, i);
	}
	return watch->nr ? 0 : watch->err;
}

/* An endless command that can't write any more has to end. main tells why. */
static int flush_report(void)
{
	if (fflush(stdout) == 0)
		return 0;
	return -EIO;
}

static int repeat(struct watch *watch)
{
	const struct stat_flags *flags = watch->flags;
	uint64_t interval = (uint64_t)(flags->interval * SECOND), next = timer_now();
	unsigned long reports = 0;
	int err = look_at_all(watch, !flags->not_first);

	reports += !flags->not_first;
	while (!err && interval && (!flags->count || reports < flags->count)) {
		struct timespec until;

		err = flush_report();
		next += interval;
		until = (struct timespec){.tv_sec = (time_t)(next / SECOND),
					  .tv_nsec = (long)(next % SECOND)};
		while (!err &&
		       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
		if (!err)
			err = look_at_all(watch, true);
		reports++;
	}
	return err ? err : watch->err;
}

/* ---- words ---- */

static bool is_number(const char *word, double *value)
{
	char *end;

	*value = strtod(word, &end);
	return end != word && !*end && isfinite(*value);
}

static int refuse(const char *word, const char *why)
{
	message(MESSAGE_ERROR, "stat: %s: %s", word, why);
	hint("wbfs stat [-y] [MOUNTPOINT] [INTERVAL [COUNT]]");
	return -EINVAL;
}

/* What is no number is the mount point, before or behind the numbers. */
static int take_words(char **words, int nr, struct stat_flags *flags)
{
	int numbers = 0;
	double value;

	for (int i = 0; i < nr; i++) {
		if (!is_number(words[i], &value)) {
			if (flags->path)
				return refuse(words[i], "one mount point, or none for all");
			flags->path = words[i];
		} else if (++numbers == 1) {
			if (value < 0.01 || value > LONGEST_S)
				return refuse(words[i], "not an interval in seconds, 0.01..86400");
			flags->interval = value;
		} else {
			if (numbers > 2 || value < 1 || value > 1e9 || value != floor(value))
				return refuse(words[i], "not a number of reports");
			flags->count = (unsigned long)value;
		}
	}
	if (flags->not_first && !flags->interval)
		return refuse("-y", "leaves nothing to report without an interval");
	return 0;
}

static int find_mounts(struct watch *watch)
{
	CLEANUP_FREE struct mount_entry *mount = malloc(sizeof(*mount));
	char below[NAME_MAX + 1];
	int err = 0;

	if (!mount)
		return -ENOMEM;
	if (!watch->flags->path)
		err = mounts_each(add_mount, watch);
	else if (!mounts_find_for("stat", watch->flags->path, mount, below))
		return -EINVAL;
	else
		add_mount(mount, watch);
	if (!err && !watch->nr && !watch->failed) {
		message(MESSAGE_ERROR, "stat: find mounts: no wbfs is mounted");
		return -EINVAL;
	}
	return watch->failed ? -ENOMEM : err;
}

enum exit_status command_stat(int argc, char **argv)
{
	struct stat_flags flags = {.count = 0};
	struct watch watch = {.flags = &flags};
	const struct args args = {
		.command = argv[0],
		.options = stat_options,
		.ctx = &flags,
		.max_words = MAX_WORDS,
	};
	int words = args_parse(&args, argc, argv);
	int err = words < 0 ? words : take_words(argv, words, &flags);

	terminal_init();
	if (!err)
		err = find_mounts(&watch);
	if (!err)
		err = repeat(&watch);
	for (unsigned int i = 0; i < watch.nr; i++)
		mount_status_free(&watch.mounts[i].before);
	free(watch.mounts);
	return exit_status_of(err);
}
