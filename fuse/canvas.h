/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A screen in memory: what is drawn here can be shown on a terminal, printed, or looked at by a
 * test. Writing outside of it does nothing. Characters are the locale's. Belongs to one thread.
 */
#ifndef FUSE_CANVAS_H
#define FUSE_CANVAS_H

#include <stdbool.h>
#include <wchar.h>

#include "fuse/text.h"

enum canvas_style {
	STYLE_PLAIN,
	STYLE_TITLE,
	STYLE_HEADING,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
	NR_STYLES,
};

struct canvas_cell {
	wchar_t c; /* 0: covered by the wide one at its left */
	enum canvas_style style;
};

struct canvas {
	unsigned int rows, cols;
	bool utf8; /* more than ASCII may be drawn; the caller knows */
	struct canvas_cell *cells;
};

#define CANVAS_SCOPE __attribute__((cleanup(canvas_free))) struct canvas

/* Make it of this size, and blank. 0 or -ENOMEM. utf8 stays. */
int canvas_clear(struct canvas *canvas, unsigned int rows, unsigned int cols)
	__attribute__((warn_unused_result));
void canvas_free(struct canvas *canvas);

void canvas_glyph(struct canvas *canvas, unsigned int row, unsigned int col, wchar_t c,
		  enum canvas_style style);

/* Text from there on, cut after `width` columns. Returns the column behind it. */
unsigned int canvas_put(struct canvas *canvas, unsigned int row, unsigned int col,
			unsigned int width, enum canvas_style style, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* The same so that it ends before column `end`. */
void canvas_put_right(struct canvas *canvas, unsigned int row, unsigned int end,
		      enum canvas_style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A style for a whole row, also where nothing is drawn. */
void canvas_fill(struct canvas *canvas, unsigned int row, enum canvas_style style);

/* All rows without styles or blanks at the end, a line each. */
void canvas_print(const struct canvas *canvas, struct text *text);

#endif
