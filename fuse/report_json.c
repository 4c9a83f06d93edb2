/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures for programs: JSON and Prometheus metrics. Runs on receivers. */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "fuse/report.h"
#include "fuse/server.h"

/* ---- JSON ---- */

static void put_string(struct text *text, const char *key, const char *value)
{
	text_printf(text, "\"%s\": ", key);
	text_json_string(text, value);
	text_printf(text, ", ");
}

static void put_figures(struct text *text, const struct figure *figures, const void *of)
{
	for (const struct figure *f = figures; f->name; f++)
		text_printf(text, "%s\"%s\": %" PRIu64, f == figures ? "" : ", ", f->name,
			    figure_value(f, of));
}

struct backings {
	const struct server *server;
	bool some; /* put before */
};

static void put_backing(struct text *text, const struct wb_backing_info *info, void *ctx)
{
	struct backings *backings = ctx;
	const char *simulates = exports_simulates(&backings->server->exports, info->backing);

	text_printf(text, "%s\n    {", backings->some ? "," : "");
	backings->some = true;
	put_string(text, "name", info->name);
	put_string(text, "device", info->path);
	put_string(text, "identity", info->identity);
	put_string(text, "state", wb_state_name(info->state));
	put_string(text, "reason", info->reason);
	if (simulates)
		put_string(text, "simulated", simulates);
	else
		text_printf(text, "\"simulated\": null, ");
	text_printf(text, "\"id\": %u, ", info->id);
	put_figures(text, backing_figures, info);
	text_printf(text, "}");
}

static void put_knobs(struct server *server, struct text *text)
{
	text_printf(text, "  \"knobs\": {");
	for (int i = 0; i < WB_NR_KNOBS; i++) {
		unsigned int value = wb_knob_get(server->wb, NULL, i);

		text_printf(text, "%s\"%s\": ", i ? ", " : "", wb_knobs[i].name);
		if (wb_knobs[i].choices)
			text_json_string(text, wb_knobs[i].choices[value]);
		else
			text_printf(text, "%u", value);
	}
	text_printf(text, "},\n");
}

static void put_head(struct server *server, const struct wb_status *status, struct text *text)
{
	char uuid[UUID_TEXT_LEN];
	char label[WB_LABEL_LEN + 1] = "";

	memcpy(label, status->label, sizeof(status->label));
	put_string(text, "version", PACKAGE_VERSION);
	put_string(text, "mount_point", server->options->mount_point);
	text_printf(text, "\"pid\": %d,\n  ", (int)getpid());
	put_string(text, "state", wb_state_name(status->state));
	put_string(text, "reason", status->reason);
	put_string(text, "device", server->cache->path);
	put_string(text, "uuid", report_uuid(status->uuid, uuid));
	put_string(text, "label", label);
	text_printf(text, "\"read_only\": %s, \"was_clean\": %s,\n",
		    status->read_only ? "true" : "false", status->was_clean ? "true" : "false");
}

void report_json(struct server *server, struct text *text)
{
	char name[STAT_NAME_LEN];
	struct wb_status status;
	struct backings backings = {.server = server};

	wb_status(server->wb, &status);
	text_printf(text, "{\n  ");
	put_head(server, &status, text);
	text_printf(text, "  ");
	put_figures(text, cache_figures, &status);
	text_printf(text, ",\n  \"stat\": {");
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		text_printf(text, "%s\"%s\": %" PRIu64, i ? ", " : "", stat_name(i, name),
			    status.stat[i]);
	text_printf(text, "},\n");
	put_knobs(server, text);
	text_printf(text, "  \"backings\": [");
	report_each_backing(server, text, put_backing, &backings);
	text_printf(text, "]\n}\n");
}

/* ---- Prometheus ---- */

static void describe(struct text *text, const char *metric, enum figure_type type, const char *help)
{
	bool counter = type == FIGURE_COUNTER;
	const char *suffix = counter ? "_total" : "";

	text_printf(text, "# HELP wbfs_%s%s %s\n# TYPE wbfs_%s%s %s\n", metric, suffix, help,
		    metric, suffix, counter ? "counter" : "gauge");
}

static void put_metric(struct text *text, const struct wb_backing_info *info, void *ctx)
{
	const struct figure *figure = ctx;

	text_printf(text, "wbfs_%s%s{device=", figure->metric,
		    figure->type == FIGURE_COUNTER ? "_total" : "");
	text_label(text, info->name);
	text_printf(text, "} %" PRIu64 "\n", figure_value(figure, info));
}

static void put_simulated(struct text *text, const struct wb_backing_info *info, void *ctx)
{
	const struct server *server = ctx;

	text_printf(text, "wbfs_backing_simulated{device=");
	text_label(text, info->name);
	text_printf(text, "} %d\n", exports_simulates(&server->exports, info->backing) != NULL);
}

static void put_state(struct text *text, const struct wb_status *status)
{
	describe(text, "state", FIGURE_GAUGE, "1 for the state that the cache is in");
	for (enum wb_state s = WB_HEALTHY; s <= WB_FAILED; s++)
		text_printf(text, "wbfs_state{state=\"%s\"} %d\n", wb_state_name(s),
			    s == status->state);
}

static void put_backing_state(struct text *text, const struct wb_backing_info *info, void *ctx)
{
	(void)ctx;
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

void report_metrics(struct server *server, struct text *text)
{
	struct wb_status status;

	wb_status(server->wb, &status);
	put_state(text, &status);
	for (const struct figure *f = cache_figures; f->name; f++) {
		describe(text, f->metric, f->type, f->help);
		text_printf(text, "wbfs_%s%s %" PRIu64 "\n", f->metric,
			    f->type == FIGURE_COUNTER ? "_total" : "", figure_value(f, &status));
	}
	put_stat(text, &status);
	describe(text, "backing_state", FIGURE_GAUGE, "1 for the state that the backing is in");
	report_each_backing(server, text, put_backing_state, NULL);
	for (const struct figure *f = backing_figures; f->name; f++) {
		describe(text, f->metric, f->type, f->help);
		report_each_backing(server, text, put_metric, (void *)f);
	}
	describe(text, "backing_simulated", FIGURE_GAUGE,
		 "1 if the time that the backing takes is simulated (sim=hdd)");
	report_each_backing(server, text, put_simulated, server);
}
