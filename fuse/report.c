/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures as text, and what they have in common with JSON. Runs on receivers. */
#include "config.h"

#include "fuse/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "fuse/server.h"

void report_each_backing(struct server *server, struct text *text, report_backing_fn fn, void *ctx)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++)
		fn(text, &info, ctx);
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

static void print_figure(struct text *text, const char *prefix, const struct figure *figure,
			 const void *of)
{
	text_printf(text, "%s%s: %" PRIu64 "%s%s\n", prefix, figure->name, figure_value(figure, of),
		    *figure->unit ? " " : "", figure->unit);
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

static void print_backing(struct text *text, const struct wb_backing_info *info, void *ctx)
{
	const struct server *server = ctx;
	const char *simulates = exports_simulates(&server->exports, info->backing);

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
	struct wb_status status;

	wb_status(server->wb, &status);
	print_head(server, &status, text);
	for (const struct figure *f = cache_figures; f->name; f++)
		print_figure(text, "", f, &status);
	text_printf(text, "allow_migrate: %u\n",
		    wb_knob_get(server->wb, NULL, WB_KNOB_ALLOW_MIGRATE));
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		text_printf(text, "%s: %" PRIu64 " blocks\n", stat_name(i, name), status.stat[i]);
	report_each_backing(server, text, print_backing, server);
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
