/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures as text, and what they have in common with JSON. Runs on receivers. */
#include "config.h"

#include "fuse/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuse/server.h"

bool figures_take(struct server *server, struct report_figures *figures)
{
	unsigned int nr, max = 0;

	*figures = (struct report_figures){0};
	LOCK_SCOPE(&server->exports.lock);
	while ((nr = wb_snapshot(server->wb, &figures->status, figures->infos, max)) > max) {
		figures_free(figures);
		figures->infos = calloc(nr, sizeof(*figures->infos));
		figures->simulates = calloc(nr, sizeof(*figures->simulates));
		if (!figures->infos || !figures->simulates)
			return false;
		max = nr;
	}
	figures->nr = nr;
	for (unsigned int i = 0; i < nr; i++)
		figures->simulates[i] = exports_simulates(&server->exports,
							  figures->infos[i].backing);
	return true;
}

void figures_free(struct report_figures *figures)
{
	free(figures->infos);
	free(figures->simulates);
	figures->infos = NULL;
	figures->simulates = NULL;
}

const char *report_uuid(const uint8_t uuid[WB_UUID_LEN], char text[UUID_TEXT_LEN])
{
	static const int dash_before[WB_UUID_LEN] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
	size_t len = 0;

	for (unsigned int i = 0; i < WB_UUID_LEN; i++)
		len += (size_t)snprintf(text + len, UUID_TEXT_LEN - len, "%s%02x",
					dash_before[i] ? "-" : "", uuid[i]);
	return text;
}

/* A number of a histogram, with a unit that fits it. */
static void print_amount(struct text *text, enum figure_scale scale, uint64_t amount)
{
	if (scale != SCALE_NS)
		text_printf(text, "%" PRIu64 " bytes", amount);
	else if (amount < 1000000)
		text_printf(text, "%.1f us", (double)amount / 1e3);
	else if (amount < 1000000000)
		text_printf(text, "%.1f ms", (double)amount / 1e6);
	else
		text_printf(text, "%.1f s", (double)amount / 1e9);
}

static void print_histogram(struct text *text, const struct figure *figure, const void *of)
{
	const struct wb_histogram *h = figure_histogram(figure, of);
	uint64_t nr = wb_histogram_nr(h);

	text_printf(text, "%" PRIu64 " %s", nr, figure->unit);
	if (!nr)
		return;
	text_printf(text, ", p50 ");
	print_amount(text, figure->scale, wb_histogram_percentile(h, 50));
	text_printf(text, ", p99 ");
	print_amount(text, figure->scale, wb_histogram_percentile(h, 99));
	text_printf(text, ", max ");
	print_amount(text, figure->scale, h->max);
}

static void print_figure(struct text *text, const char *prefix, const struct figure *figure,
			 const void *of)
{
	text_printf(text, "%s%s: ", prefix, figure->name);
	if (figure->type == FIGURE_HISTOGRAM)
		print_histogram(text, figure, of);
	else if (figure->scale == SCALE_NS)
		text_printf(text, "%.3f %s", (double)figure_value(figure, of) / 1e9, figure->unit);
	else
		text_printf(text, "%" PRIu64 "%s%s", figure_value(figure, of),
			    *figure->unit ? " " : "", figure->unit);
	text_printf(text, "\n");
}

static void print_state(struct text *text, const char *prefix, enum wb_state state, const char *why)
{
	text_printf(text, "%sstate: %s\n", prefix, wb_state_name(state));
	if (*why)
		text_printf(text, "%sreason: %s\n", prefix, why);
}

void report_backing(const struct wb_backing_info *info, struct text *text)
{
	print_state(text, "", info->state, info->reason);
	for (const struct figure *f = backing_figures; f->name; f++)
		print_figure(text, "", f, info);
}

static void print_backing(struct text *text, const struct wb_backing_info *info,
			  const char *simulates)
{
	text_printf(text, "backing %s:\n", info->name);
	print_state(text, "  ", info->state, info->reason);
	text_printf(text, "  id: %u\n", info->id);
	text_printf(text, "  device: %s\n", info->path);
	if (simulates)
		text_printf(text, "  simulated: %s\n", simulates);
	for (const struct figure *f = backing_figures; f->name; f++)
		print_figure(text, "  ", f, info);
}

/* State and what never is a number. */
static void print_head(struct server *server, const struct wb_status *status, struct text *text)
{
	char uuid[UUID_TEXT_LEN];

	print_state(text, "", status->state, status->reason);
	text_printf(text, "device: %s\n", server->cache->path);
	text_printf(text, "uuid: %s\n", report_uuid(status->uuid, uuid));
	text_printf(text, "label: %.*s\n", (int)sizeof(status->label), status->label);
	text_printf(text, "mount_point: %s\n", server->options->mount_point);
	text_printf(text, "pid: %d\n", (int)getpid());
	text_printf(text, "version: %s\n", PACKAGE_VERSION);
	text_printf(text, "access: %s\n", status->read_only ? "read-only" : "read-write");
	text_printf(text, "was_clean: %s\n", status->was_clean ? "yes" : "no");
}

void report_status(struct server *server, struct text *text)
{
	char name[STAT_NAME_LEN];
	FIGURES_SCOPE figures;
	const struct wb_status *status = &figures.status;

	if (!figures_take(server, &figures)) {
		text->failed = true;
		return;
	}
	print_head(server, status, text);
	for (const struct figure *f = cache_figures; f->name; f++)
		print_figure(text, "", f, status);
	text_printf(text, "allow_migrate: %u\n", status->knobs[WB_KNOB_ALLOW_MIGRATE]);
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		text_printf(text, "%s: %" PRIu64 " blocks\n", stat_name(i, name), status->stat[i]);
	for (unsigned int i = 0; i < figures.nr; i++)
		print_backing(text, &figures.infos[i], figures.simulates[i]);
}

void report_params(struct server *server, struct text *text)
{
	for (int i = 0; i < WB_NR_ALL_KNOBS; i++) {
		const struct wb_knob *knob = &wb_knobs[i];
		char value[KNOB_TEXT_LEN], initial[KNOB_TEXT_LEN];

		text_printf(text, "%s", knob->name);
		if (i < WB_NR_KNOBS)
			text_printf(text, " = %s",
				    knob_text(knob, wb_knob_get(server->wb, NULL, i), value));
		if (knob->choices)
			for (unsigned int c = 0; c <= knob->max; c++)
				text_printf(text, "%s%s", c ? "/" : " [", knob->choices[c]);
		else
			text_printf(text, " [%u..%u", knob->min, knob->max);
		text_printf(text, "%s%s] default %s: %s\n", *knob->unit ? " " : "", knob->unit,
			    knob_text(knob, knob->initial, initial), knob->help);
	}
}
