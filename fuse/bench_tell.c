/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wbfs bench has measured: as a table on standard output, and for the HTML page. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/size.h"
#include "fuse/bench.h"

enum { WIDE = 64, LINE_LEN = 256, LABEL_WIDTH = 15, FIGURE_WIDTH = 9, SHORT_WIDTH = 9 };

static const char *const sides[BENCH_SIDES] = {
	[BENCH_WITHOUT] = "without cache", [BENCH_WITH] = "with cache"};
static const char *const short_sides[BENCH_SIDES] = {"without", "with"};

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static struct results_figure figure_of(const struct bench_row *row, enum bench_side side)
{
	double sorted[BENCH_RUNS];

	if (row->too_short[side])
		return (struct results_figure){NAN, NAN, NAN};
	memcpy(sorted, row->figures[side], sizeof(sorted));
	qsort(sorted, BENCH_RUNS, sizeof(*sorted), compare);
	return (struct results_figure){sorted[0], sorted[BENCH_RUNS / 2], sorted[BENCH_RUNS - 1]};
}

static void add_rows(struct bench *bench)
{
	for (unsigned int i = 0; i < BENCH_WORKS; i++) {
		const struct bench_work *work = &bench_works[i];
		char unit[LINE_LEN];
		struct results_row *row;

		snprintf(unit, sizeof(unit), "%s: %s", work->unit, work->detail);
		row = results_add_row(&bench->results, work->name, unit);
		if (!row)
			return;
		for (int side = 0; side < BENCH_SIDES; side++)
			row->figures[side] = figure_of(&bench->rows[i], (enum bench_side)side);
		row->ratio = row->figures[BENCH_WITH].median / row->figures[BENCH_WITHOUT].median;
	}
}

/* ---- how it was measured ---- */

/* The first value of a "key : value" line of /proc. */
static const char *proc_line(const char *path, const char *key, char line[LINE_LEN])
{
	FILE *file = fopen(path, "re");
	const char *value = "unknown";

	while (file && fgets(line, LINE_LEN, file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, key, strlen(key)) != 0 || !colon)
			continue;
		value = colon + 1 + strspn(colon + 1, " \t");
		line[strcspn(line, "\n")] = '\0';
		break;
	}
	if (file)
		fclose(file);
	return value;
}

static void add_facts(struct bench *bench)
{
	const struct bench_options *options = bench->options;
	struct results *results = &bench->results;
	char line[LINE_LEN], size[SIZE_TEXT_LEN];
	time_t now = time(NULL);
	struct utsname system;
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(line, sizeof(line), "%Y-%m-%d %H:%M", &tm);
	results_add_fact(results, "measured", "%s, wbfs %s", line, PACKAGE_VERSION);
	results_add_fact(results, "processor", "%s",
			 proc_line("/proc/cpuinfo", "model name", line));
	results_add_fact(results, "memory", "%s", proc_line("/proc/meminfo", "MemTotal", line));
	if (uname(&system) == 0)
		results_add_fact(results, "kernel", "%s %s", system.sysname, system.release);
	results_add_fact(results, "cache", "%s%s",
			 options->cache ? options->cache : "an image file of ",
			 options->cache ? "" : format_size(bench->cache_size, size));
	if (bench->simulated)
		results_add_fact(
			results, "device",
			"an image file of %s, simulated: a hard disk of 7200 rpm, 150 MB/s",
			format_size(bench->device_size, size));
	else
		results_add_fact(results, "device", "%s, of which %s are used", options->device,
				 format_size(bench->device_size, size));
	results_add_fact(results, "each figure",
			 "%d runs of up to %.2g s on each side, taking turns", BENCH_RUNS,
			 options->seconds / BENCH_RUNS);
}

static void add_notes(struct bench *bench)
{
	struct results *results = &bench->results;
	bool too_short = false;

	for (unsigned int i = 0; i < BENCH_WORKS; i++)
		too_short |= bench->rows[i].too_short[0] || bench->rows[i].too_short[1];
	if (bench->simulated)
		results_add_fact(
			results, NULL,
			"The device is simulated: its times are those of a model of a hard "
			"disk. The cache is a real file on this machine.");
	results_add_fact(
		results, NULL,
		"With the cache, writes stop when the log is half full: bursts. Writes that "
		"never pause are in the end as fast as migration.");
	if (bench->buffered)
		results_add_fact(
			results, NULL,
			"Direct I/O is refused here: figures are those of the page cache.");
	if (too_short)
		results_add_fact(
			results, NULL,
			"\"-\": too few I/Os, or too short, to tell. A longer run (--seconds) "
			"or a larger cache may.");
}

/* ---- distributions ---- */

static void add_distribution(struct results *results, const uint64_t latency[LATENCY_BUCKETS],
			     const char *name)
{
	struct results_series *series = results_add_series(results, name);
	unsigned int first = LATENCY_BUCKETS, last = 0;
	uint64_t nr = 0;

	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++) {
		nr += latency[i];
		if (latency[i] && first == LATENCY_BUCKETS)
			first = i;
		if (latency[i])
			last = i;
	}
	for (unsigned int i = first; nr && i <= last; i++)
		results_add_point(results, series, (double)latency_bucket_end(i - (i > 0)) / 1e9,
				  100.0 * (double)latency[i] / (double)nr);
	if (nr)
		results_add_point(results, series, (double)latency_bucket_end(last) / 1e9, 0);
}

static void add_distributions(struct bench *bench)
{
	static const unsigned int works[] = {0, 2, 3};

	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		const struct bench_work *work = &bench_works[works[i]];
		char title[LINE_LEN];

		snprintf(title, sizeof(title), "How long one takes: %s", work->name);
		if (!results_add_chart(&bench->results, CHART_STEPS, title, "s", "% of them",
				       work->detail))
			return;
		for (int side = 0; side < BENCH_SIDES; side++)
			add_distribution(&bench->results, bench->rows[works[i]].latency[side],
					 sides[side]);
	}
}

void bench_tell(struct bench *bench)
{
	results_set_title(&bench->results, "wbfs bench");
	results_set_columns(&bench->results,
			    bench->simulated ? "without cache (simulated disk)" : "without cache",
			    bench->simulated ? "with cache (simulated disk)" : "with cache");
	add_facts(bench);
	add_notes(bench);
	add_rows(bench);
	add_distributions(bench);
}

/* ---- the table ---- */

static void print_side(struct bench *bench, const struct results_row *row, int side)
{
	static const enum chart_colour colours[] = {CHART_SLOW, CHART_FAST};
	const struct results_figure *figure = &row->figures[side];
	unsigned int used = 2 + LABEL_WIDTH + 3 * FIGURE_WIDTH;
	double other = row->figures[!side].median;
	const double values[] = {figure->min, figure->median, figure->max};
	char text[CHART_NUMBER_LEN];
	bool wide = bench->chart.columns >= WIDE;

	printf("  %-*s", wide ? LABEL_WIDTH : SHORT_WIDTH, wide ? sides[side] : short_sides[side]);
	for (int i = 0; i < 3; i++)
		printf("%*s", FIGURE_WIDTH, isnan(values[i]) ? "-" : chart_number(values[i], text));
	if (wide && !isnan(figure->median)) {
		printf("  ");
		(void)chart_put_bar(&bench->chart, colours[side], figure->median,
				    other > figure->median ? other : figure->median,
				    bench->chart.columns - used - 3);
	}
	printf("\n");
}

void bench_print(struct bench *bench)
{
	const struct results *results = &bench->results;
	char text[CHART_NUMBER_LEN];

	for (size_t i = 0; i < results->nr_facts; i++) {
		if (results->facts[i].name)
			chart_text(&bench->chart, CHART_PLAIN, "%s: %s", results->facts[i].name,
				   results->facts[i].text);
		else
			chart_text(&bench->chart, CHART_DIM, "%s", results->facts[i].text);
	}
	printf("\n%-*s%*s%*s%*s\n",
	       bench->chart.columns >= WIDE ? LABEL_WIDTH + 2 : SHORT_WIDTH + 2, "", FIGURE_WIDTH,
	       "min", FIGURE_WIDTH, "median", FIGURE_WIDTH, "max");
	for (size_t i = 0; i < results->nr_rows; i++) {
		const struct results_row *row = &results->rows[i];

		chart_heading(&bench->chart, "%s (%s): %s", row->name, bench_works[i].unit,
			      chart_ratio(row->ratio, text));
		if (bench->chart.columns >= WIDE)
			chart_text(&bench->chart, CHART_DIM, "%s", bench_works[i].detail);
		for (int side = 0; side < BENCH_SIDES; side++)
			print_side(bench, row, side);
	}
	fflush(stdout);
}
