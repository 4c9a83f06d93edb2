/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a benchmark has to tell: facts, rows of figures, and charts; made by wbfs bench, or read
 * from a file that any program can write. One thread.
 *
 * The file has a record a line, fields separated by tabs, decimal numbers with a point, "-" or
 * nothing for a number that is not known; empty lines and those that begin with "#" don't count:
 *
 *	title	TEXT
 *	fact	NAME	TEXT
 *	note	TEXT
 *	columns	A	B
 *	row	NAME	UNIT	A-MIN	A-MEDIAN	A-MAX	B-MIN	B-MEDIAN	B-MAX	RATIO	[TARGET	yes|no|unknown]
 *	chart	line|area|steps	TITLE	X-LABEL	Y-LABEL	[NOTE]
 *	series	NAME	X:Y X:Y ...
 *
 * RATIO is B's median over A's if it is not given; unknown is what could not be measured. A series
 * belongs to the chart before it; the colours of a chart's first two are those of the columns.
 * steps is for distributions: X is logarithmic.
 */
#ifndef FUSE_RESULTS_H
#define FUSE_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

enum { RESULTS_COLUMNS = 2 };

struct results_figure {
	double min, median, max; /* NAN: not known */
};

enum results_verdict { VERDICT_NONE, VERDICT_MET, VERDICT_MISSED, VERDICT_UNKNOWN };

struct results_row {
	char *name, *unit;
	struct results_figure figures[RESULTS_COLUMNS];
	double ratio;
	char *target; /* or NULL */
	enum results_verdict verdict;
};

struct results_series {
	char *name;
	double *xs, *ys;
	size_t nr;
};

enum results_chart_kind { CHART_LINE, CHART_AREA, CHART_STEPS };

struct results_chart {
	enum results_chart_kind kind;
	char *title, *x_label, *y_label, *note; /* note may be NULL */
	struct results_series *series;
	size_t nr;
};

struct results_fact {
	char *name, *text; /* name NULL: a note */
};

struct results {
	char *title, *columns[RESULTS_COLUMNS];
	struct results_fact *facts;
	struct results_row *rows;
	struct results_chart *charts;
	size_t nr_facts, nr_rows, nr_charts;
	bool failed; /* no memory: incomplete */
};

void results_free(struct results *results);

/* They copy what they are given; a NULL result means no memory, and `failed`. */
void results_set_title(struct results *results, const char *title);
void results_set_columns(struct results *results, const char *a, const char *b);
void results_add_fact(struct results *results, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
struct results_row *results_add_row(struct results *results, const char *name, const char *unit);
/* To the last row. */
void results_set_target(struct results *results, const char *target, enum results_verdict verdict);
struct results_chart *results_add_chart(struct results *results, enum results_chart_kind kind,
					const char *title, const char *x_label, const char *y_label,
					const char *note);
/* To the last chart. */
struct results_series *results_add_series(struct results *results, const char *name);
void results_add_point(struct results *results, struct results_series *series, double x, double y);

/* 0 or -errno after a message that says where and what. */
int results_read(struct results *results, const char *path) __attribute__((warn_unused_result));

/* ---- as one HTML page that needs nothing else ---- */

/* Write it, replacing what is there. 0 or -errno after a message. */
int results_write_html(const struct results *results, const char *path)
	__attribute__((warn_unused_result));

#endif
