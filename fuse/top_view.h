/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of wbfs top, from what is known. Draws into a canvas; no state of its own. */
#ifndef FUSE_TOP_VIEW_H
#define FUSE_TOP_VIEW_H

#include <time.h>

#include "fuse/canvas.h"
#include "fuse/top_history.h"

struct top_view {
	const char *mount_point;
	const struct top_history *history;
	time_t time;	    /* of day, for the title */
	double silent;	    /* s without an answer; 0 if there is one */
	bool keys;	    /* a row that names them */
	bool help;	    /* show what keys and figures mean instead */
	const char *notice; /* what came of the last key, or "" */
};

enum { TOP_LEAST_ROWS = 5, TOP_LEAST_COLS = 30 };

/* Rows with which nothing has to be left out. */
unsigned int top_view_rows(const struct top_view *view);

/* Fill the canvas, whatever its size. What matters least is left out when there is no room. */
void top_view_draw(const struct top_view *view, struct canvas *canvas);

/* Are all backings that could be paused? */
bool top_is_paused(const struct top_sample *sample);

#endif
