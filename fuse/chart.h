/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bars and paragraphs on standard output, as wide as the terminal (80 columns elsewhere, or
 * $COLUMNS), in colour only on a terminal without NO_COLOR, with block characters only where the
 * locale has them. Main's thread.
 */
#ifndef FUSE_CHART_H
#define FUSE_CHART_H

#include <stdbool.h>
#include <stdint.h>

struct chart {
	unsigned int columns; /* 40..100 */
	bool terminal, colour, unicode;
	bool live; /* a line that comes and goes is shown */
};

enum chart_colour { CHART_PLAIN, CHART_BOLD, CHART_DIM, CHART_GOOD, CHART_SLOW, CHART_FAST };

struct chart chart_open(void);

void chart_heading(struct chart *chart, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A paragraph, wrapped and indented by two. */
void chart_text(struct chart *chart, enum chart_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "  LABEL  ######      VALUE", the bar being value of max. */
void chart_bar(struct chart *chart, enum chart_colour colour, const char *label, double value,
	       double max, const char *text);
/* A bar alone, up to `width` columns wide. Returns how many it takes. */
unsigned int chart_put_bar(const struct chart *chart, enum chart_colour colour, double value,
			   double max, unsigned int width);

/* On a terminal, one line that the next call replaces, and everything else removes. */
void chart_live(struct chart *chart, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define CHART_NUMBER_LEN 32
/* "1,234,567", with one decimal below ten. Returns text. */
const char *chart_number(double value, char text[CHART_NUMBER_LEN]);
/* "460x", "12.3x", "0.97x"; "-" if it can't be said. Returns text. */
const char *chart_ratio(double ratio, char text[CHART_NUMBER_LEN]);

#endif
