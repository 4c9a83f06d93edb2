/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures as JSON. Runs on receivers. */
#include "config.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "fuse/messages.h"
#include "fuse/report.h"
#include "fuse/server.h"

static void put_string(struct text *text, const char *key, const char *value)
{
	text_printf(text, "\"%s\": ", key);
	text_json_string(text, value);
	text_printf(text, ", ");
}

static void put_histogram(struct text *text, const struct figure *figure, const void *of)
{
	const struct wb_histogram *h = figure_histogram(figure, of);
	unsigned int first, last;
	uint64_t nr = 0;

	figure_buckets(figure, &first, &last);
	text_printf(text, "{\"unit\": \"%s\", \"nr\": %" PRIu64 ", \"sum\": %" PRIu64,
		    figure->scale == SCALE_NS ? "ns" : "bytes", wb_histogram_nr(h), h->sum);
	text_printf(text, ", \"max\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p99\": %" PRIu64, h->max,
		    wb_histogram_percentile(h, 50), wb_histogram_percentile(h, 99));
	text_printf(text, ", \"first_bucket_end\": %llu, \"buckets\": [", 1ull << first);
	for (unsigned int i = 0; i < WB_HISTOGRAM_BUCKETS; i++) {
		nr += h->nr[i];
		if ((i < first || i > last) && i != WB_HISTOGRAM_BUCKETS - 1)
			continue;
		text_printf(text, "%s%" PRIu64, i == first ? "" : ", ", nr);
		nr = 0;
	}
	text_printf(text, "]}");
}

static void put_figures(struct text *text, const struct figure *figures, const void *of)
{
	for (const struct figure *f = figures; f->name; f++) {
		text_printf(text, "%s\"%s\": ", f == figures ? "" : ", ", f->name);
		if (f->type == FIGURE_HISTOGRAM)
			put_histogram(text, f, of);
		else if (f->scale == SCALE_NS)
			text_printf(text, "%.3f", (double)figure_value(f, of) / 1e9);
		else
			text_printf(text, "%" PRIu64, figure_value(f, of));
	}
}

static void put_backing(struct text *text, const struct wb_backing_info *info,
			const char *simulates)
{
	text_printf(text, "\n    {");
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

static void put_knobs(const struct wb_status *status, struct text *text)
{
	text_printf(text, "  \"knobs\": {");
	for (int i = 0; i < WB_NR_KNOBS; i++) {
		text_printf(text, "%s\"%s\": ", i ? ", " : "", wb_knobs[i].name);
		if (wb_knobs[i].choices)
			text_json_string(text, wb_knobs[i].choices[status->knobs[i]]);
		else
			text_printf(text, "%u", status->knobs[i]);
	}
	text_printf(text, "},\n");
}

/* What the daemon last said, the newest first. */
static void put_messages(struct text *text)
{
	static const char *const levels[] = {
		[MESSAGE_ERROR] = "error",
		[MESSAGE_WARNING] = "warning",
		[MESSAGE_INFO] = "info",
		[MESSAGE_DEBUG] = "debug",
	};
	struct recent_message recent[MESSAGES_RECENT];
	unsigned int nr = messages_recent(recent);

	text_printf(text, "  \"messages\": [");
	for (unsigned int i = 0; i < nr; i++) {
		text_printf(text, "%s\n    {", i ? "," : "");
		put_string(text, "level", levels[recent[i].level]);
		put_string(text, "text", recent[i].text);
		text_printf(text, "\"time\": %lld}", (long long)recent[i].time);
	}
	text_printf(text, "]\n");
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
	FIGURES_SCOPE figures;
	const struct wb_status *status = &figures.status;

	if (!figures_take(server, &figures)) {
		text->failed = true;
		return;
	}
	text_printf(text, "{\n  ");
	put_head(server, status, text);
	text_printf(text, "  ");
	put_figures(text, cache_figures, status);
	text_printf(text, ",\n  \"stat\": {");
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		text_printf(text, "%s\"%s\": %" PRIu64, i ? ", " : "", stat_name(i, name),
			    status->stat[i]);
	text_printf(text, "},\n");
	put_knobs(status, text);
	text_printf(text, "  \"backings\": [");
	for (unsigned int i = 0; i < figures.nr; i++) {
		text_printf(text, "%s", i ? "," : "");
		put_backing(text, &figures.infos[i], figures.simulates[i]);
	}
	text_printf(text, "],\n");
	put_messages(text);
	text_printf(text, "}\n");
}
