/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results from a file: see results.h for its form. One thread. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/results.h"

enum { FIELDS_MAX = 13 };

/* NAN for what is not known; false for what is no number. */
static bool number(const char *text, double *value)
{
	char *end;

	*value = NAN;
	if (!text || !*text || strcmp(text, "-") == 0)
		return true;
	*value = strtod(text, &end);
	return !*end && isfinite(*value);
}

static const char *take_figures(struct results_row *row, char **fields)
{
	for (int i = 0; i < RESULTS_COLUMNS; i++) {
		struct results_figure *figure = &row->figures[i];

		if (!number(fields[i * 3], &figure->min) ||
		    !number(fields[i * 3 + 1], &figure->median) ||
		    !number(fields[i * 3 + 2], &figure->max))
			return "not a number";
	}
	if (!number(fields[6], &row->ratio))
		return "not a number";
	if (isnan(row->ratio) && row->figures[0].median > 0)
		row->ratio = row->figures[1].median / row->figures[0].median;
	return NULL;
}

static const char *take_target(struct results *results, const char *target, const char *verdict)
{
	static const char *const verdicts[] = {
		[VERDICT_MET] = "yes", [VERDICT_MISSED] = "no", [VERDICT_UNKNOWN] = "unknown"};

	for (int i = VERDICT_MET; i <= VERDICT_UNKNOWN; i++) {
		if (strcmp(verdict, verdicts[i]) != 0)
			continue;
		results_set_target(results, target, (enum results_verdict)i);
		return NULL;
	}
	return "behind a target stands yes, no or unknown";
}

static const char *take_row(struct results *results, char **fields, int nr)
{
	struct results_row *row;
	const char *wrong;

	if (nr < 9)
		return "a row has a name, a unit and six figures";
	row = results_add_row(results, fields[1], fields[2]);
	if (!row)
		return NULL;
	wrong = take_figures(row, fields + 3);
	if (wrong || nr <= 10 || !*fields[10])
		return wrong;
	return take_target(results, fields[10], fields[11]);
}

static const char *take_chart(struct results *results, char **fields, int nr)
{
	static const char *const kinds[] = {
		[CHART_LINE] = "line", [CHART_AREA] = "area", [CHART_STEPS] = "steps"};

	if (nr < 5)
		return "a chart has a kind, a title and two labels";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(fields[1], kinds[i]) != 0)
			continue;
		results_add_chart(results, (enum results_chart_kind)i, fields[2], fields[3],
				  fields[4], nr > 5 ? fields[5] : NULL);
		return NULL;
	}
	return "a chart is line, area or steps";
}

static const char *take_series(struct results *results, char **fields, int nr)
{
	struct results_series *series;
	char *save = NULL;

	if (nr < 3)
		return "a series has a name and points";
	if (!results->nr_charts)
		return "a series before any chart";
	series = results_add_series(results, fields[1]);
	for (char *word = strtok_r(fields[2], " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *colon = strchr(word, ':');
		double x, y;

		if (!colon)
			return "a point has the form X:Y";
		*colon = '\0';
		if (!number(word, &x) || !number(colon + 1, &y))
			return "not a number";
		results_add_point(results, series, x, y);
	}
	return NULL;
}

/* What is wrong with a line, or NULL. */
static const char *take_line(struct results *results, char **fields, int nr)
{
	const char *kind = fields[0];

	if (strcmp(kind, "row") == 0)
		return take_row(results, fields, nr);
	if (strcmp(kind, "chart") == 0)
		return take_chart(results, fields, nr);
	if (strcmp(kind, "series") == 0)
		return take_series(results, fields, nr);
	if (strcmp(kind, "title") == 0 && nr == 2)
		results_set_title(results, fields[1]);
	else if (strcmp(kind, "note") == 0 && nr == 2)
		results_add_fact(results, NULL, "%s", fields[1]);
	else if (strcmp(kind, "fact") == 0 && nr == 3)
		results_add_fact(results, fields[1], "%s", fields[2]);
	else if (strcmp(kind, "columns") == 0 && nr == 3)
		results_set_columns(results, fields[1], fields[2]);
	else
		return "not understood";
	return NULL;
}

static const char *split_and_take(struct results *results, char *line)
{
	static char nothing[] = "";
	char *fields[FIELDS_MAX];
	int nr = 0;

	line[strcspn(line, "\r\n")] = '\0';
	if (!*line || *line == '#')
		return NULL;
	while (line && nr < FIELDS_MAX)
		fields[nr++] = strsep(&line, "\t");
	for (int i = nr; i < FIELDS_MAX; i++)
		fields[i] = nothing;
	return line ? "too many fields" : take_line(results, fields, nr);
}

static int read_lines(struct results *results, FILE *file, const char *path)
{
	CLEANUP_FREE char *line = NULL;
	unsigned long nr = 0;
	size_t room = 0;

	while (getline(&line, &room, file) >= 0) {
		const char *wrong = split_and_take(results, line);

		nr++;
		if (!wrong)
			continue;
		message(MESSAGE_ERROR, "%s: line %lu: %s", path, nr, wrong);
		return -EINVAL;
	}
	if (ferror(file)) {
		message(MESSAGE_ERROR, "%s: read: %s", path, reason(EIO));
		return -EIO;
	}
	return results->failed ? -ENOMEM : 0;
}

int results_read(struct results *results, const char *path)
{
	FILE *file = fopen(path, "re");
	int err = file ? 0 : -errno;

	if (err) {
		message(MESSAGE_ERROR, "%s: open: %s", path, reason(err));
		return err;
	}
	err = read_lines(results, file, path);
	fclose(file);
	return err;
}
