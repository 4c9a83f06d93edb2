/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results in memory. One thread. */
#include "config.h"

#include "fuse/results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One more at the end, zeroed, or NULL. */
static void *grow(struct results *results, void *array, size_t *nr, size_t size)
{
	void **items = array;
	/* Doubled at each power of two. */
	bool full = (*nr & (*nr - 1)) == 0;
	void *grown = full ? realloc(*items, (*nr ? *nr * 2 : 1) * size) : *items;

	if (!grown) {
		results->failed = true;
		return NULL;
	}
	*items = grown;
	memset((char *)grown + *nr * size, 0, size);
	return (char *)grown + (*nr)++ * size;
}

static char *copy(struct results *results, const char *text)
{
	char *copied = text ? strdup(text) : NULL;

	if (text && !copied)
		results->failed = true;
	return copied;
}

void results_set_title(struct results *results, const char *title)
{
	free(results->title);
	results->title = copy(results, title);
}

void results_set_columns(struct results *results, const char *a, const char *b)
{
	free(results->columns[0]);
	free(results->columns[1]);
	results->columns[0] = copy(results, a);
	results->columns[1] = copy(results, b);
}

void results_add_fact(struct results *results, const char *name, const char *format, ...)
{
	struct results_fact *fact = grow(results, &results->facts, &results->nr_facts,
					 sizeof(*fact));
	va_list args;

	if (!fact)
		return;
	fact->name = copy(results, name);
	va_start(args, format);
	if (vasprintf(&fact->text, format, args) < 0) {
		fact->text = NULL;
		results->failed = true;
	}
	va_end(args);
}

struct results_row *results_add_row(struct results *results, const char *name, const char *unit)
{
	struct results_row *row = grow(results, &results->rows, &results->nr_rows, sizeof(*row));

	if (!row)
		return NULL;
	row->name = copy(results, name);
	row->unit = copy(results, unit);
	row->ratio = NAN;
	for (int i = 0; i < RESULTS_COLUMNS; i++)
		row->figures[i] = (struct results_figure){NAN, NAN, NAN};
	return row;
}

void results_set_target(struct results *results, const char *target, enum results_verdict verdict)
{
	struct results_row *row = &results->rows[results->nr_rows - 1];

	row->target = copy(results, target);
	row->verdict = verdict;
}

struct results_chart *results_add_chart(struct results *results, enum results_chart_kind kind,
					const char *title, const char *x_label, const char *y_label,
					const char *note)
{
	struct results_chart *chart = grow(results, &results->charts, &results->nr_charts,
					   sizeof(*chart));

	if (!chart)
		return NULL;
	chart->kind = kind;
	chart->title = copy(results, title);
	chart->x_label = copy(results, x_label);
	chart->y_label = copy(results, y_label);
	chart->note = copy(results, note);
	return chart;
}

struct results_series *results_add_series(struct results *results, const char *name)
{
	struct results_chart *chart = &results->charts[results->nr_charts - 1];
	struct results_series *series = grow(results, &chart->series, &chart->nr, sizeof(*series));

	if (series)
		series->name = copy(results, name);
	return series;
}

void results_add_point(struct results *results, struct results_series *series, double x, double y)
{
	size_t nr;
	double *at;

	if (!series || !isfinite(x) || !isfinite(y))
		return;
	nr = series->nr;
	at = grow(results, &series->xs, &nr, sizeof(*at));
	if (!at)
		return;
	*at = x;
	at = grow(results, &series->ys, &series->nr, sizeof(*at));
	if (at)
		*at = y;
}

static void free_chart(struct results_chart *chart)
{
	for (size_t i = 0; i < chart->nr; i++) {
		free(chart->series[i].name);
		free(chart->series[i].xs);
		free(chart->series[i].ys);
	}
	free(chart->series);
	free(chart->title);
	free(chart->x_label);
	free(chart->y_label);
	free(chart->note);
}

void results_free(struct results *results)
{
	for (size_t i = 0; i < results->nr_facts; i++) {
		free(results->facts[i].name);
		free(results->facts[i].text);
	}
	for (size_t i = 0; i < results->nr_rows; i++) {
		free(results->rows[i].name);
		free(results->rows[i].unit);
		free(results->rows[i].target);
	}
	for (size_t i = 0; i < results->nr_charts; i++)
		free_chart(&results->charts[i]);
	free(results->facts);
	free(results->rows);
	free(results->charts);
	free(results->title);
	free(results->columns[0]);
	free(results->columns[1]);
}
