/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs bench: what the cache does for a device, with and without in turns. Main's thread. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/message.h"
#include "fuse/bench.h"
#include "fuse/commands.h"

#define SECONDS_DEFAULT 6.0
#define SECONDS_MAX 3600.0

static int set_cache(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option;
	((struct bench_options *)ctx)->cache = value;
	return 0;
}

static int set_device(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option;
	((struct bench_options *)ctx)->device = value;
	return 0;
}

static int set_seconds(void *ctx, const struct arg_option *option, const char *value)
{
	double seconds;
	char *end;

	seconds = strtod(value, &end);
	if (end == value || *end || !(seconds >= 0.3 && seconds <= SECONDS_MAX)) {
		message(MESSAGE_ERROR, "bench: %s=%s: not a number of seconds in 0.3..%.0f",
			option->name, value, SECONDS_MAX);
		return -EINVAL;
	}
	((struct bench_options *)ctx)->seconds = seconds;
	return 0;
}

static int set_report(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option;
	((struct bench_options *)ctx)->report = value;
	return 0;
}

static int set_force(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct bench_options *)ctx)->force = true;
	return 0;
}

static int set_from(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option;
	((struct bench_options *)ctx)->from = value;
	return 0;
}

const struct arg_option bench_options[] = {
	{"cache", 0, "PATH", "use this image or device as cache, and overwrite it", set_cache},
	{"device", 0, "PATH", "measure with and without before this one, and overwrite it",
	 set_device},
	{"seconds", 0, "N", "measure each figure for up to N seconds in all (6)", set_seconds},
	{"report", 0, "FILE", "also write an HTML page with charts", set_report},
	{"force", 'f', NULL, "even if the cache or device holds something", set_force},
	{0},
};

/* For who makes results by other means: see results.h. Not for users, so not in help. */
static const struct arg_option *find_hidden(const char *name)
{
	static const struct arg_option from = {"from", 0, "FILE", "a report of results in a file",
					       set_from};

	return strcmp(name, from.name) == 0 ? &from : NULL;
}

/* Before minutes are spent on what then can't be written. */
static int check_report(const char *path)
{
	bool existed = access(path, F_OK) == 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0) {
		int err = -errno;

		message(MESSAGE_ERROR, "%s: write: %s", path, reason(err));
		return err;
	}
	close(fd);
	if (!existed)
		unlink(path);
	return 0;
}

static int measure(struct bench *bench)
{
	int err = bench_take_targets(bench);

	if (!err)
		err = bench_fill_images(bench);
	if (!err)
		err = bench_run_all(bench);
	if (!err && bench->options->report)
		err = bench_run_long(bench);
	return err;
}

static int write_report(const struct bench *bench)
{
	const char *path = bench->options->report;
	int err = path ? results_write_html(&bench->results, path) : 0;

	if (path && !err)
		printf("\nreport: %s\n", path);
	return err;
}

static int run(struct bench *bench)
{
	int err = trial_begin(&bench->trial, "bench");

	if (err)
		return err;
	err = measure(bench);
	trial_end(&bench->trial);
	bench_leave_targets(bench);
	if (err == -EINTR)
		chart_text(&bench->chart, CHART_PLAIN, "Stopped; everything is removed again.");
	if (err)
		return err;
	bench_tell(bench);
	if (bench->results.failed)
		return -ENOMEM;
	bench_print(bench);
	return write_report(bench);
}

static int run_from(struct bench *bench)
{
	int err = results_read(&bench->results, bench->options->from);

	return err ? err : write_report(bench);
}

static int check_values(const struct bench_options *options)
{
	if (options->from && !options->report) {
		message(MESSAGE_ERROR, "bench: --from: needs --report");
		return -EINVAL;
	}
	return options->report ? check_report(options->report) : 0;
}

enum exit_status command_bench(int argc, char **argv)
{
	static struct bench bench;
	struct bench_options options = {.seconds = SECONDS_DEFAULT};
	const struct args args = {
		.command = argv[0],
		.options = bench_options,
		.find = find_hidden,
		.ctx = &options,
	};
	int err = args_parse(&args, argc, argv);

	if (err >= 0)
		err = check_values(&options);
	if (err < 0)
		return exit_status_of(err);
	bench.options = &options;
	bench.chart = chart_open();
	bench.seed = (uint64_t)time(NULL);
	err = options.from ? run_from(&bench) : run(&bench);
	results_free(&bench.results);
	return exit_status_of(err);
}
