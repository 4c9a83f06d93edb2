/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "fuse/canvas.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANVAS_TEXT_LEN = 1024 };

static struct canvas_cell *cell_at(const struct canvas *canvas, unsigned int row, unsigned int col)
{
	return &canvas->cells[(size_t)row * canvas->cols + col];
}

int canvas_clear(struct canvas *canvas, unsigned int rows, unsigned int cols)
{
	struct canvas_cell *cells = reallocarray(canvas->cells, (size_t)rows * cols + 1,
						 sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	canvas->cells = cells;
	canvas->rows = rows;
	canvas->cols = cols;
	for (size_t i = 0; i < (size_t)rows * cols; i++)
		cells[i] = (struct canvas_cell){.c = L' '};
	return 0;
}

void canvas_free(struct canvas *canvas)
{
	free(canvas->cells);
	*canvas = (struct canvas){0};
}

void canvas_glyph(struct canvas *canvas, unsigned int row, unsigned int col, wchar_t c,
		  enum canvas_style style)
{
	if (row < canvas->rows && col < canvas->cols)
		*cell_at(canvas, row, col) = (struct canvas_cell){.c = c, .style = style};
}

/* Columns that a character needs; what can't be shown becomes a question mark. */
static unsigned int fit(wchar_t *c)
{
	int width = wcwidth(*c);

	if (width > 0)
		return (unsigned int)width;
	*c = L'?';
	return 1;
}

/* The next character, or 0 at the end. Moves on. */
static wchar_t next_character(const char **text, mbstate_t *state)
{
	wchar_t c;
	size_t len = mbrtowc(&c, *text, MB_LEN_MAX, state);

	if (!len)
		return 0;
	if (len == (size_t)-1 || len == (size_t)-2) {
		memset(state, 0, sizeof(*state));
		c = L'?';
		len = 1;
	}
	*text += len;
	return c;
}

static unsigned int put(struct canvas *canvas, unsigned int row, unsigned int col,
			unsigned int width, enum canvas_style style, const char *text)
{
	unsigned int end = width < canvas->cols - col ? col + width : canvas->cols;
	mbstate_t state = {0};
	wchar_t c;

	if (row >= canvas->rows || col >= canvas->cols)
		return col;
	while (col < end && (c = next_character(&text, &state))) {
		unsigned int need = fit(&c);

		if (col + need > end)
			break;
		canvas_glyph(canvas, row, col++, c, style);
		for (; need > 1; need--)
			canvas_glyph(canvas, row, col++, 0, style);
	}
	return col;
}

unsigned int canvas_put(struct canvas *canvas, unsigned int row, unsigned int col,
			unsigned int width, enum canvas_style style, const char *format, ...)
{
	char text[CANVAS_TEXT_LEN + MB_LEN_MAX] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(text, CANVAS_TEXT_LEN, format, args);
	va_end(args);
	return put(canvas, row, col, width, style, text);
}

void canvas_put_right(struct canvas *canvas, unsigned int row, unsigned int end,
		      enum canvas_style style, const char *format, ...)
{
	char text[CANVAS_TEXT_LEN + MB_LEN_MAX] = "";
	const char *at = text;
	unsigned int width = 0;
	mbstate_t state = {0};
	va_list args;
	wchar_t c;

	va_start(args, format);
	vsnprintf(text, CANVAS_TEXT_LEN, format, args);
	va_end(args);
	while ((c = next_character(&at, &state)))
		width += fit(&c);
	put(canvas, row, width < end ? end - width : 0, end, style, text);
}

void canvas_fill(struct canvas *canvas, unsigned int row, enum canvas_style style)
{
	for (unsigned int col = 0; row < canvas->rows && col < canvas->cols; col++)
		cell_at(canvas, row, col)->style = style;
}

void canvas_print(const struct canvas *canvas, struct text *text)
{
	char bytes[MB_LEN_MAX];

	for (unsigned int row = 0; row < canvas->rows; row++) {
		unsigned int end = canvas->cols;

		while (end && cell_at(canvas, row, end - 1)->c == L' ')
			end--;
		for (unsigned int col = 0; col < end; col++) {
			wchar_t c = cell_at(canvas, row, col)->c;
			mbstate_t state = {0};
			size_t len = c ? wcrtomb(bytes, c, &state) : 0;

			if (len != (size_t)-1)
				text_printf(text, "%.*s", (int)len, bytes);
		}
		text_printf(text, "\n");
	}
}
