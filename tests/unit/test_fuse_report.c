/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/figures.c, fuse/report*.c: the same figures as text, JSON and metrics. */
#include "config.h"

#include <stdio.h>

#include "tests/unit/engine_harness.h"

/* The engine has requests, too. */
#define request daemon_request
#include "fuse/report.h"
#include "fuse/server.h"
#undef request

static struct server server; /* no more of it than reports use */
static struct mount_options options;

static void setup(void)
{
	harness_setup_ring();
	server.exports.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	server.wb = t.wb;
	server.cache = &t.cache->bdev;
	options.mount_point = "/mnt/wb";
	server.options = &options;
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_write(1, 0, 2 * BLOCK, 'b'), 0);
	ck_assert_int_eq(do_drain(), 0);
	write_and_sync(0, 2, 'c');
}

static const char *made(void (*report)(struct server *server, struct text *text))
{
	static struct text text;

	text_free(&text);
	text = (struct text){0};
	report(&server, &text);
	ck_assert(!text.failed);
	return text.bytes;
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

/* What stands behind a metric's name and labels. */
static double metric(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
		if ((at == text || at[-1] == '\n') && at[len] == ' ')
			return strtod(at + len, NULL);
	ck_abort_msg("no %s", name);
}

START_TEST(names_and_metrics_are_there_once)
{
	const struct figure *const tables[] = {cache_figures, backing_figures};

	for (unsigned int table = 0; table < 2; table++) {
		for (const struct figure *f = tables[table]; f->name; f++) {
			ck_assert_str_ne(f->help, "");
			for (const struct figure *g = f + 1; g->name; g++)
				ck_assert_str_ne(f->name, g->name);
			for (unsigned int other = table; other < 2; other++)
				for (const struct figure *g = tables[other]; g->name; g++)
					ck_assert(f == g || strcmp(f->metric, g->metric));
		}
	}
}
END_TEST

START_TEST(each_figure_is_in_all_three)
{
	char key[128], *text = strdup(made(report_status));
	char *json = strdup(made(report_json));
	const char *metrics = made(report_metrics);

	for (const struct figure *f = cache_figures; f->name; f++) {
		snprintf(key, sizeof(key), "\n%s: ", f->name);
		ck_assert_msg(strstr(text, key), "no %s in status", f->name);
		snprintf(key, sizeof(key), "\"%s\": ", f->name);
		ck_assert_msg(strstr(json, key), "no %s in status.json", f->name);
		snprintf(key, sizeof(key), "# TYPE wbfs_%s%s ", f->metric,
			 f->type == FIGURE_COUNTER ? "_total" : "");
		ck_assert_msg(strstr(metrics, key), "no %s in metrics.prom", f->metric);
	}
	free(text);
	free(json);
}
END_TEST

START_TEST(figures_agree_with_each_other)
{
	char *text = strdup(made(report_status));
	char *json = strdup(made(report_json));
	const char *metrics = made(report_metrics);

	ck_assert(has_line(text, "nr_dirty: 1 blocks"));
	ck_assert(has_line(text, "  nr_dirty: 1 blocks"));
	ck_assert(has_line(text, "nr_migrated_blocks: 3 blocks"));
	ck_assert(has_line(text, "  nr_migrated_blocks: 2 blocks"));
	ck_assert_ptr_nonnull(strstr(json, "\"nr_migrated_blocks\": 3, "));
	ck_assert_double_eq(metric(metrics, "wbfs_migrated_blocks_total"), 3);
	ck_assert_double_eq(metric(metrics, "wbfs_backing_migrated_blocks_total{device=\"slow1\"}"),
			    2);
	ck_assert_double_eq(metric(metrics, "wbfs_backing_migrated_blocks_total{device=\"slow0\"}"),
			    1);
	ck_assert_double_eq(metric(metrics, "wbfs_dirty_bytes"), 4096);
	free(text);
	free(json);
}
END_TEST

START_TEST(metrics_are_in_base_units)
{
	struct wb_status s;
	const char *metrics;

	sim_sleep(&t.sim, 1500 * NS_PER_MS);
	wb_set_utilisation(t.wb, t.b[0], 42);
	metrics = made(report_metrics);
	s = status();
	ck_assert_double_ge(metric(metrics, "wbfs_oldest_dirty_age_seconds"), 1.5);
	ck_assert_double_le(metric(metrics, "wbfs_oldest_dirty_age_seconds"), 3);
	ck_assert_double_eq(metric(metrics, "wbfs_backing_utilisation_ratio{device=\"slow0\"}"),
			    0.42);
	ck_assert_double_eq_tol(metric(metrics, "wbfs_sync_seconds_sum"),
				(double)s.sync_ns.sum / 1e9, 1e-12);
	ck_assert(has_line(made(report_status), "  utilisation: 42 %"));
}
END_TEST

START_TEST(histogram_metrics_are_cumulative)
{
	const char *metrics = made(report_metrics);
	double last = 0, inf;
	char name[128];

	ck_assert_ptr_nonnull(strstr(metrics, "# TYPE wbfs_migration_write_bytes histogram\n"));
	for (unsigned int i = 9; i <= 20; i++) {
		snprintf(name, sizeof(name), "wbfs_migration_write_bytes_bucket{le=\"%u\"}",
			 1u << i);
		ck_assert_double_ge(metric(metrics, name), last);
		last = metric(metrics, name);
	}
	ck_assert_double_eq(metric(metrics, "wbfs_migration_write_bytes_bucket{le=\"4096\"}"), 1);
	ck_assert_double_eq(metric(metrics, "wbfs_migration_write_bytes_bucket{le=\"8192\"}"), 2);
	inf = metric(metrics, "wbfs_migration_write_bytes_bucket{le=\"+Inf\"}");
	ck_assert_double_eq(inf, 2);
	ck_assert_double_eq(metric(metrics, "wbfs_migration_write_bytes_count"), inf);
	ck_assert_double_eq(metric(metrics, "wbfs_migration_write_bytes_sum"), 12288);
	ck_assert_double_eq(
		metric(metrics,
		       "wbfs_backing_migration_write_bytes_bucket{device=\"slow1\",le=\"+Inf\"}"),
		1);
}
END_TEST

START_TEST(help_and_type_are_said_once_and_before_the_samples)
{
	const char *metrics = made(report_metrics);
	char line[512], name[256];
	int len;

	for (const char *at = strstr(metrics, "# TYPE "); at; at = strstr(at + 1, "# TYPE ")) {
		ck_assert_int_eq(sscanf(at, "# TYPE %255s%n", name, &len), 1);
		snprintf(line, sizeof(line), "# TYPE %s ", name);
		ck_assert_msg(!strstr(at + 1, line), "%s twice", name);
		snprintf(line, sizeof(line), "\n%s", name);
		ck_assert_msg(strstr(metrics, line) > at, "%s too early", name);
	}
}
END_TEST

START_TEST(json_has_as_many_buckets_as_metrics)
{
	const char *at = strstr(made(report_json), "\"migration_write_size\": ");
	unsigned int nr = 1;

	ck_assert_ptr_nonnull(at);
	at = strstr(at, "\"buckets\": [");
	for (; *at != ']'; at++)
		nr += *at == ',';
	ck_assert_uint_eq(nr, 20 - 9 + 2);
}
END_TEST

START_TEST(text_tells_percentiles_of_what_there_is)
{
	const char *text = made(report_status);

	ck_assert(has_line(text, "read_miss_latency: 0 requests"));
	ck_assert(has_line(text, "migration_write_size: 2 writes, p50 4096 bytes, p99 8192 bytes, "
				 "max 8192 bytes"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		names_and_metrics_are_there_once,
		each_figure_is_in_all_three,
		figures_agree_with_each_other,
		metrics_are_in_base_units,
		histogram_metrics_are_cumulative,
		help_and_type_are_said_once_and_before_the_samples,
		json_has_as_many_buckets_as_metrics,
		text_tells_percentiles_of_what_there_is,
	};

	return harness_run("fuse_report", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
