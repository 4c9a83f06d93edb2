/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures as Prometheus metrics, in its text format and base units: seconds, bytes, ratios.
 * Runs on receivers.
 * Source: prometheus.io/docs/instrumenting/exposition_formats, .../practices/naming.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "fuse/report.h"
#include "fuse/server.h"

static void describe(struct text *text, const char *metric, enum figure_type type, const char *help)
{
	static const char *const types[] = {
		[FIGURE_GAUGE] = "gauge",
		[FIGURE_COUNTER] = "counter",
		[FIGURE_HISTOGRAM] = "histogram",
	};
	const char *suffix = type == FIGURE_COUNTER ? "_total" : "";

	text_printf(text, "# HELP wbfs_%s%s %s\n# TYPE wbfs_%s%s %s\n", metric, suffix, help,
		    metric, suffix, types[type]);
}

/* {device="NAME",le="END"}, without what there is not. */
static void put_labels(struct text *text, const char *device, const char *end)
{
	if (!device && !end)
		return;
	text_printf(text, "{");
	if (device) {
		text_printf(text, "device=");
		text_label(text, device);
	}
	if (end)
		text_printf(text, "%sle=\"%s\"", device ? "," : "", end);
	text_printf(text, "}");
}

static double in_base_units(const struct figure *figure, uint64_t amount)
{
	switch (figure->scale) {
	case SCALE_NS:
		return (double)amount / 1e9;
	case SCALE_PERCENT:
		return (double)amount / 100;
	case SCALE_ONE:
		break;
	}
	return (double)amount;
}

static void put_bucket(struct text *text, const struct figure *figure, const char *device,
		       const char *end, uint64_t nr)
{
	text_printf(text, "wbfs_%s_bucket", figure->metric);
	put_labels(text, device, end);
	text_printf(text, " %" PRIu64 "\n", nr);
}

static void put_histogram(struct text *text, const struct figure *figure, const char *device,
			  const struct wb_histogram *h)
{
	unsigned int first, last;
	char end[32];
	uint64_t nr = 0;

	figure_buckets(figure, &first, &last);
	for (unsigned int i = 0; i <= last; i++) {
		nr += h->nr[i];
		if (i < first)
			continue;
		snprintf(end, sizeof(end), "%.12g", in_base_units(figure, 1ull << i));
		put_bucket(text, figure, device, end, nr);
	}
	put_bucket(text, figure, device, "+Inf", wb_histogram_nr(h));
	text_printf(text, "wbfs_%s_sum", figure->metric);
	put_labels(text, device, NULL);
	text_printf(text, " %.15g\nwbfs_%s_count", in_base_units(figure, h->sum), figure->metric);
	put_labels(text, device, NULL);
	text_printf(text, " %" PRIu64 "\n", wb_histogram_nr(h));
}

static void put_figure(struct text *text, const struct figure *figure, const char *device,
		       const void *of)
{
	if (figure->type == FIGURE_HISTOGRAM) {
		put_histogram(text, figure, device, figure_histogram(figure, of));
		return;
	}
	text_printf(text, "wbfs_%s%s", figure->metric,
		    figure->type == FIGURE_COUNTER ? "_total" : "");
	put_labels(text, device, NULL);
	if (figure->scale == SCALE_ONE)
		text_printf(text, " %" PRIu64 "\n", figure_value(figure, of));
	else
		text_printf(text, " %.15g\n", in_base_units(figure, figure_value(figure, of)));
}

/* What tells this mount from others, and since when it is there. */
static void put_info(struct text *text, const struct server *server, const struct wb_status *status)
{
	char uuid[UUID_TEXT_LEN], label[WB_LABEL_LEN + 1];

	snprintf(label, sizeof(label), "%.*s", (int)sizeof(status->label), status->label);
	describe(text, "info", FIGURE_GAUGE, "the cache and the mount, in labels; always 1");
	text_printf(text, "wbfs_info{cache=");
	text_label(text, server->cache->path);
	text_printf(text, ",uuid=\"%s\",label=", report_uuid(status->uuid, uuid));
	text_label(text, label);
	text_printf(text, ",mount_point=");
	text_label(text, server->options->mount_point);
	text_printf(text, ",version=\"%s\"} 1\n", PACKAGE_VERSION);
	describe(text, "start_time_seconds", FIGURE_GAUGE, "when the mount began, Unix time");
	text_printf(text, "wbfs_start_time_seconds %lld.%03ld\n",
		    (long long)server->start_time.tv_sec, server->start_time.tv_nsec / 1000000);
}

static void put_state(struct text *text, const struct wb_status *status)
{
	describe(text, "state", FIGURE_GAUGE, "1 for the state that the cache is in");
	for (enum wb_state s = WB_HEALTHY; s <= WB_FAILED; s++)
		text_printf(text, "wbfs_state{state=\"%s\"} %d\n", wb_state_name(s),
			    s == status->state);
}

static void put_backing_state(struct text *text, const struct wb_backing_info *info)
{
	for (enum wb_state s = WB_HEALTHY; s <= WB_FAILED; s++) {
		text_printf(text, "wbfs_backing_state{device=");
		text_label(text, info->name);
		text_printf(text, ",state=\"%s\"} %d\n", wb_state_name(s), s == info->state);
	}
}

static void put_stat(struct text *text, const struct wb_status *status)
{
	describe(text, "blocks", FIGURE_COUNTER, "blocks read and written, by where they were");
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		text_printf(text,
			    "wbfs_blocks_total{op=\"%s\",hit=\"%d\",on_buffer=\"%d\","
			    "full_size=\"%d\"} %" PRIu64 "\n",
			    i & WB_STAT_WRITE ? "write" : "read", !!(i & WB_STAT_HIT),
			    !!(i & WB_STAT_ON_BUFFER), !!(i & WB_STAT_FULLSIZE), status->stat[i]);
}

static void put_backings(struct text *text, const struct report_figures *figures)
{
	describe(text, "backing_state", FIGURE_GAUGE, "1 for the state that the backing is in");
	for (unsigned int i = 0; i < figures->nr; i++)
		put_backing_state(text, &figures->infos[i]);
	for (const struct figure *f = backing_figures; f->name; f++) {
		describe(text, f->metric, f->type, f->help);
		for (unsigned int i = 0; i < figures->nr; i++)
			put_figure(text, f, figures->infos[i].name, &figures->infos[i]);
	}
	describe(text, "backing_simulated", FIGURE_GAUGE,
		 "1 if the time that the backing takes is simulated (sim=hdd)");
	for (unsigned int i = 0; i < figures->nr; i++) {
		text_printf(text, "wbfs_backing_simulated");
		put_labels(text, figures->infos[i].name, NULL);
		text_printf(text, " %d\n", figures->simulates[i] != NULL);
	}
}

void report_metrics(struct server *server, struct text *text)
{
	FIGURES_SCOPE figures;

	if (!figures_take(server, &figures)) {
		text->failed = true;
		return;
	}
	put_info(text, server, &figures.status);
	put_state(text, &figures.status);
	for (const struct figure *f = cache_figures; f->name; f++) {
		describe(text, f->metric, f->type, f->help);
		put_figure(text, f, NULL, &figures.status);
	}
	put_stat(text, &figures.status);
	put_backings(text, &figures);
}
