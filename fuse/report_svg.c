/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chart as an <svg> element; its colours come from the page's style. One thread. */
#include "config.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "fuse/report_html.h"

enum {
	WIDTH = 880,
	HEIGHT = 300,
	LEFT = 70,
	RIGHT = 18,
	TOP = 12,
	BOTTOM = 46,
	TICK_TEXT_LEN = 32
};
enum { Y_TICKS = 5, X_TICKS = 8 };
#define LOG_FROM 40.0 /* a scale with powers of ten if medians are so far apart */

struct scale {
	double min, max; /* of powers of ten if log */
	double step;	 /* between ticks */
	bool log;
	double from, to; /* in the picture */
};

struct picture {
	FILE *to;
	const struct results_chart *chart;
	struct scale x, y;
};

/* ---- scales ---- */

static double place(const struct scale *scale, double value)
{
	double at = value;

	if (scale->log)
		at = value > 0 ? log10(value) : scale->min;
	at = (at - scale->min) / (scale->max - scale->min);
	at = at < 0 ? 0 : at > 1 ? 1 : at;
	return scale->from + at * (scale->to - scale->from);
}

/* 1, 2 or 5 times a power of ten, so that there are at most `ticks`. */
static double nice_step(double range, int ticks)
{
	double raw = range / ticks, power;

	if (!(raw > 0))
		return 1;
	power = pow(10, floor(log10(raw)));
	if (raw <= power)
		return power;
	if (raw <= 2 * power)
		return 2 * power;
	return raw <= 5 * power ? 5 * power : 10 * power;
}

static double find_extreme(const struct results_chart *chart, bool x, bool most)
{
	double found = NAN;

	for (size_t s = 0; s < chart->nr; s++) {
		const double *values = x ? chart->series[s].xs : chart->series[s].ys;

		for (size_t i = 0; i < chart->series[s].nr; i++)
			if (isnan(found) || (most ? values[i] > found : values[i] < found))
				found = values[i];
	}
	return isnan(found) ? 0 : found;
}

static double mean(const struct results_series *series)
{
	double sum = 0;

	for (size_t i = 0; i < series->nr; i++)
		sum += series->ys[i];
	return series->nr ? sum / (double)series->nr : 0;
}

static bool means_far_apart(const struct results_chart *chart, double most, double *least)
{
	*least = most;
	for (size_t i = 0; i < chart->nr; i++) {
		double value = mean(&chart->series[i]);

		if (value > 0 && value < *least)
			*least = value;
	}
	return *least > 0 && most / *least > LOG_FROM;
}

static struct scale log_scale(double least, double most)
{
	struct scale scale = {.log = true, .step = 1};

	scale.min = floor(log10(least > 0 ? least : 1e-9));
	scale.max = ceil(log10(most > 0 ? most : 1));
	if (scale.max <= scale.min)
		scale.max = scale.min + 1;
	return scale;
}

static struct scale linear_scale(double least, double most, int ticks)
{
	struct scale scale = {.min = least < 0 ? least : 0, .max = most};

	if (scale.max <= scale.min)
		scale.max = scale.min + 1;
	scale.step = nice_step(scale.max - scale.min, ticks);
	scale.min = floor(scale.min / scale.step) * scale.step;
	return scale;
}

static void choose_scales(struct picture *picture)
{
	const struct results_chart *chart = picture->chart;
	double most = find_extreme(chart, false, true), least;

	if (chart->kind == CHART_STEPS)
		picture->x = log_scale(find_extreme(chart, true, false),
				       find_extreme(chart, true, true));
	else
		picture->x = linear_scale(0, find_extreme(chart, true, true), X_TICKS);
	if (chart->kind == CHART_LINE && means_far_apart(chart, most, &least)) {
		picture->y = log_scale(least, most);
	} else {
		/* Parts of a whole show how much of it is missing. */
		if (chart->kind == CHART_AREA && chart->y_label[0] == '%' && most < 100)
			most = 100;
		picture->y = linear_scale(find_extreme(chart, false, false), most, Y_TICKS);
		picture->y.max = ceil(picture->y.max / picture->y.step - 1e-9) * picture->y.step;
	}
	picture->x.from = LEFT;
	picture->x.to = WIDTH - RIGHT;
	picture->y.from = HEIGHT - BOTTOM;
	picture->y.to = TOP;
}

/* ---- axes ---- */

/* Seconds as people say them, if that is what the axis has; else with k, M, G. */
static const char *tick_text(const char *label, bool log, double value, char text[TICK_TEXT_LEN])
{
	static const struct {
		double from;
		const char *seconds, *others;
	} units[] = {{1e9, NULL, "G"},	  {1e6, NULL, "M"},    {1e3, NULL, "k"},   {1, " s", ""},
		     {1e-3, " ms", NULL}, {1e-6, " µs", NULL}, {1e-9, " ns", NULL}};
	bool seconds = strcmp(label, "s") == 0;

	if (seconds && !log) {
		snprintf(text, TICK_TEXT_LEN, "%.3g s", value);
		return text;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *unit = seconds ? units[i].seconds : units[i].others;

		if (!unit || fabs(value) < units[i].from * 0.999)
			continue;
		snprintf(text, TICK_TEXT_LEN, "%.3g%s", value / units[i].from, unit);
		return text;
	}
	snprintf(text, TICK_TEXT_LEN, "%.3g", value);
	return text;
}

static void put_ticks(const struct picture *picture, bool is_x)
{
	const struct scale *scale = is_x ? &picture->x : &picture->y;
	const char *label = is_x ? picture->chart->x_label : picture->chart->y_label;
	int nr = (int)floor((scale->max - scale->min) / scale->step + 1e-9);
	char text[TICK_TEXT_LEN];

	for (int i = 0; i <= nr && i < 50; i++) {
		double at = scale->min + i * scale->step;
		double value = scale->log ? pow(10, at) : at;
		double here = place(scale, value);

		tick_text(label, scale->log, value, text);
		if (is_x)
			fprintf(picture->to,
				"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
				here, HEIGHT - BOTTOM + 18, text);
		else
			fprintf(picture->to,
				"<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
				"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
				LEFT, WIDTH - RIGHT, here, here, LEFT - 8, here + 4, text);
	}
}

static void put_labels(const struct picture *picture)
{
	const struct results_chart *chart = picture->chart;

	fprintf(picture->to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH - RIGHT,
		HEIGHT - 8);
	html_text(picture->to, strcmp(chart->x_label, "s") == 0 ? "time" : chart->x_label);
	fprintf(picture->to,
		"</text>\n<text transform=\"translate(14 %d) rotate(-90)\" "
		"text-anchor=\"middle\">",
		(HEIGHT - BOTTOM + TOP) / 2);
	html_text(picture->to, chart->y_label);
	fprintf(picture->to, "%s</text>\n", picture->y.log ? " (0 at the bottom)" : "");
	fprintf(picture->to, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n",
		LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
}

/* ---- series ---- */

static void put_path(const struct picture *picture, const struct results_series *series)
{
	double y_before = picture->y.from;

	for (size_t i = 0; i < series->nr; i++) {
		double x = place(&picture->x, series->xs[i]);
		double y = place(&picture->y, series->ys[i]);

		if (picture->chart->kind == CHART_STEPS && i)
			fprintf(picture->to, "L%.1f %.1f", x, y_before);
		fprintf(picture->to, "%c%.1f %.1f", i ? 'L' : 'M', x, y);
		y_before = y;
	}
}

static void put_series(const struct picture *picture, size_t index)
{
	const struct results_series *series = &picture->chart->series[index];
	char colour = html_colour(picture->chart, index);

	if (!series->nr)
		return;
	if (picture->chart->kind != CHART_LINE) {
		fprintf(picture->to, "<path class=\"f f%c\" d=\"", colour);
		put_path(picture, series);
		fprintf(picture->to, "L%.1f %.1fL%.1f %.1fZ\"/>\n",
			place(&picture->x, series->xs[series->nr - 1]), picture->y.from,
			place(&picture->x, series->xs[0]), picture->y.from);
	}
	fprintf(picture->to, "<path class=\"l %c\" d=\"", colour);
	put_path(picture, series);
	fputs("\"><title>", picture->to);
	html_text(picture->to, series->name);
	fputs("</title></path>\n", picture->to);
}

void html_chart(FILE *to, const struct results_chart *chart)
{
	struct picture picture = {.to = to, .chart = chart};

	choose_scales(&picture);
	fprintf(to, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
	html_text(to, chart->title);
	fputs("\">\n", to);
	put_ticks(&picture, false);
	put_ticks(&picture, true);
	put_labels(&picture);
	for (size_t i = 0; i < chart->nr; i++)
		put_series(&picture, i);
	fputs("</svg>\n", to);
}
