/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the HTML page share. One thread. */
#ifndef FUSE_REPORT_HTML_H
#define FUSE_REPORT_HTML_H

#include <stdio.h>

#include "fuse/results.h"

/* Text as HTML, and in attributes. */
void html_text(FILE *to, const char *text);

#define HTML_NUMBER_LEN 32
/*
 * Three digits that count, thousands apart: "0.97", "12.3", "123,000". "-" for NAN. Returns text.
 */
const char *html_number(double value, char text[HTML_NUMBER_LEN]);

/* The letter of a series' colour in the style: the columns' for two, the second one's for one. */
char html_colour(const struct results_chart *chart, size_t series);

/* An <svg> element. */
void html_chart(FILE *to, const struct results_chart *chart);

#endif
