/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which part goes where: a table, in the order of the screen, and how much each one matters. */
#include "config.h"

#include "fuse/top_view.h"

#include <stdio.h>
#include <string.h>

#include "fuse/top_parts.h"

bool top_is_paused(const struct top_sample *s)
{
	unsigned int nr = 0, paused = 0;

	for (unsigned int i = 0; i < s->nr_backings; i++) {
		nr += s->backings[i].id != 0;
		paused += s->backings[i].id && s->backings[i].paused;
	}
	return nr && paused == nr;
}

struct part {
	top_part_draw *draw;
	unsigned int rank;	 /* 1 matters most */
	unsigned int least, all; /* rows */
	bool apart;		 /* a blank row before it, if there is room */
	unsigned int nr, blank;	 /* rows given */
};

enum { NR_PARTS = 9 };

static void list_parts(const struct top_view *view, struct part parts[NR_PARTS])
{
	const struct top_sample *s = &view->history->now;
	const struct part all[NR_PARTS] = {
		{part_cache, 6, 1, 1, false, 0, 0},
		{part_reason, 2, *s->reason != 0, *s->reason != 0, false, 0, 0},
		{part_ring, 1, 1, 1, false, 0, 0},
		{part_legend, 8, 1, 1, false, 0, 0},
		{part_dirty, 3, 1, 1, false, 0, 0},
		{part_rates, 5, PART_RATES_ROWS, PART_RATES_ROWS, true, 0, 0},
		{part_latencies, 7, PART_LATENCIES_ROWS, PART_LATENCIES_ROWS, true, 0, 0},
		{part_backings, 4, 2, part_backings_rows(s), true, 0, 0},
		{part_messages, 9, 2, 1 + (s->nr_messages ? s->nr_messages : 1), true, 0, 0},
	};

	memcpy(parts, all, sizeof(all));
}

static unsigned int take(unsigned int *room, unsigned int wanted)
{
	unsigned int nr = wanted < *room ? wanted : *room;

	*room -= nr;
	return nr;
}

/* First what each needs, if there is that much; then blank rows; then more for who has more. */
static void share(struct part parts[NR_PARTS], unsigned int room)
{
	for (unsigned int rank = 1; rank <= NR_PARTS; rank++)
		for (struct part *p = parts; p < parts + NR_PARTS; p++)
			if (p->rank == rank && p->least <= room)
				p->nr = take(&room, p->least);
	for (unsigned int rank = 1; rank <= NR_PARTS; rank++)
		for (struct part *p = parts; p < parts + NR_PARTS; p++)
			if (p->rank == rank && p->nr)
				p->nr += take(&room, p->all - p->nr);
	for (struct part *p = parts; p < parts + NR_PARTS; p++)
		if (p->nr && p->apart)
			p->blank = take(&room, 1);
}

unsigned int top_view_rows(const struct top_view *view)
{
	struct part parts[NR_PARTS];
	unsigned int rows = 1u + view->keys;

	list_parts(view, parts);
	for (unsigned int i = 0; i < NR_PARTS; i++)
		rows += parts[i].all + parts[i].apart;
	return rows;
}

static void draw_title(const struct top_view *view, struct canvas *canvas)
{
	const struct top_sample *s = &view->history->now;
	bool healthy = strcmp(s->state, "healthy") == 0;
	struct tm tm;
	char clock[16] = "", state[TOP_STATE_LEN + 32];

	if (view->silent > 0)
		snprintf(state, sizeof(state), "NO ANSWER for %.0f s", view->silent);
	else if (healthy || !*s->state)
		snprintf(state, sizeof(state), "%s", s->state);
	else
		snprintf(state, sizeof(state), "! %s", s->state);
	if (localtime_r(&view->time, &tm))
		strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	canvas_fill(canvas, 0, STYLE_TITLE);
	canvas_put(canvas, 0, 0, canvas->cols, STYLE_TITLE, "wbfs top  %s", view->mount_point);
	canvas_put_right(canvas, 0, canvas->cols, STYLE_TITLE, "  %s  %s", state, clock);
}

static void draw_keys(const struct top_view *view, struct canvas *canvas)
{
	unsigned int row = canvas->rows - 1, col;
	bool paused = top_is_paused(&view->history->now);

	canvas_fill(canvas, row, STYLE_TITLE);
	if (*view->notice) {
		canvas_put(canvas, row, 0, canvas->cols, STYLE_TITLE, "%s", view->notice);
		return;
	}
	col = canvas_put(canvas, row, 0, canvas->cols, STYLE_TITLE,
			 view->help ? "any key: back  " : "q quit  h help  ");
	canvas_put(canvas, row, col, canvas->cols, STYLE_TITLE, "f flush  p %s migration",
		   paused ? "resume" : "pause");
}

static void draw_parts(const struct top_view *view, struct canvas *canvas, unsigned int room)
{
	struct part parts[NR_PARTS];
	unsigned int row = 1;

	list_parts(view, parts);
	share(parts, room);
	for (unsigned int i = 0; i < NR_PARTS; i++) {
		row += parts[i].blank;
		if (parts[i].nr)
			parts[i].draw(view, canvas, row, parts[i].nr);
		row += parts[i].nr;
	}
}

void top_view_draw(const struct top_view *view, struct canvas *canvas)
{
	unsigned int room = canvas->rows;

	if (canvas->rows < TOP_LEAST_ROWS || canvas->cols < TOP_LEAST_COLS) {
		canvas_put(canvas, 0, 0, canvas->cols, STYLE_BAD, "too small (%ux%u)", canvas->cols,
			   canvas->rows);
		return;
	}
	room -= 1u + view->keys;
	draw_title(view, canvas);
	if (view->keys)
		draw_keys(view, canvas);
	if (view->help)
		part_help(view, canvas, 1, room < PART_HELP_ROWS ? room : PART_HELP_ROWS);
	else
		draw_parts(view, canvas, room);
}
