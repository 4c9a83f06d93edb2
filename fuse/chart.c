/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bars and paragraphs on standard output. Main's thread. */
#include "config.h"

#include "fuse/chart.h"

#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_MIN = 40, COLUMNS_MAX = 100, COLUMNS_ELSE = 80, TEXT_LEN = 1024 };
enum { LABEL_WIDTH = 15, VALUE_WIDTH = 11, INDENT = 2 };

static unsigned int find_columns(bool terminal)
{
	const char *wanted = getenv("COLUMNS");
	unsigned long columns = wanted ? strtoul(wanted, NULL, 10) : 0;
	struct winsize size;

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		columns = size.ws_col;
	if (!columns)
		columns = COLUMNS_ELSE;
	if (columns < COLUMNS_MIN)
		return COLUMNS_MIN;
	return columns > COLUMNS_MAX ? COLUMNS_MAX : (unsigned int)columns;
}

struct chart chart_open(void)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	struct chart chart = {.terminal = isatty(STDOUT_FILENO)};

	setlocale(LC_CTYPE, "");
	chart.columns = find_columns(chart.terminal);
	chart.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	chart.colour = chart.terminal && !(no_colour && *no_colour) && term &&
		       strcmp(term, "dumb") != 0;
	return chart;
}

static void set_colour(const struct chart *chart, enum chart_colour colour)
{
	static const char *const codes[] = {
		[CHART_PLAIN] = "0", [CHART_BOLD] = "1",  [CHART_DIM] = "2",
		[CHART_GOOD] = "32", [CHART_SLOW] = "33", [CHART_FAST] = "36",
	};

	if (chart->colour && colour != CHART_PLAIN)
		printf("\033[%sm", codes[colour]);
}

static void end_colour(const struct chart *chart, enum chart_colour colour)
{
	if (chart->colour && colour != CHART_PLAIN)
		printf("\033[0m");
}

static void clear_live(struct chart *chart)
{
	if (chart->live)
		printf("\r\033[K");
	chart->live = false;
}

void chart_live(struct chart *chart, const char *format, ...)
{
	char text[TEXT_LEN];
	va_list args;

	if (!chart->terminal)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("\r\033[K%*s%.*s", INDENT, "", (int)chart->columns - INDENT - 1, text);
	fflush(stdout);
	chart->live = true;
}

/* Words, as many to a line as fit. */
static void put_wrapped(struct chart *chart, enum chart_colour colour, unsigned int indent,
			char *text)
{
	unsigned int column = 0;
	char *save = NULL;

	clear_live(chart);
	set_colour(chart, colour);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		unsigned int len = (unsigned int)strlen(word);
		bool fits = column && column + 1 + len <= chart->columns;

		if (fits)
			printf(" %s", word);
		else
			printf("%s%*s%s", column ? "\n" : "", (int)indent, "", word);
		column = fits ? column + 1 + len : indent + len;
	}
	end_colour(chart, colour);
	printf("\n");
	fflush(stdout);
}

void chart_heading(struct chart *chart, const char *format, ...)
{
	char text[TEXT_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clear_live(chart);
	printf("\n");
	put_wrapped(chart, CHART_BOLD, 0, text);
}

void chart_text(struct chart *chart, enum chart_colour colour, const char *format, ...)
{
	char text[TEXT_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(chart, colour, INDENT, text);
}

/* In eighths of a column where there are characters for them. Something is never nothing. */
unsigned int chart_put_bar(const struct chart *chart, enum chart_colour colour, double value,
			   double max, unsigned int width)
{
	static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	double share = max > 0 && value > 0 ? value / max : 0;
	unsigned int eighths = (unsigned int)((share > 1 ? 1 : share) * width * 8 + 0.5);

	if (value > 0 && eighths == 0)
		eighths = 1;
	if (!chart->unicode)
		eighths = (eighths + 7) / 8 * 8;
	set_colour(chart, colour);
	for (unsigned int i = 0; i < eighths / 8; i++)
		fputs(chart->unicode ? "█" : "#", stdout);
	fputs(parts[eighths % 8], stdout);
	end_colour(chart, colour);
	return (eighths + 7) / 8;
}

void chart_bar(struct chart *chart, enum chart_colour colour, const char *label, double value,
	       double max, const char *text)
{
	unsigned int width = chart->columns - (INDENT + LABEL_WIDTH + 1 + VALUE_WIDTH);
	unsigned int used;

	clear_live(chart);
	printf("%*s%-*s", INDENT, "", LABEL_WIDTH, label);
	used = chart_put_bar(chart, colour, value, max, width);
	printf("%*s %*s\n", (int)(width - used), "", VALUE_WIDTH, text);
	fflush(stdout);
}

const char *chart_number(double value, char text[CHART_NUMBER_LEN])
{
	char digits[CHART_NUMBER_LEN];
	size_t len, at = 0;

	if (value < 9.95) {
		snprintf(text, CHART_NUMBER_LEN, "%.1f", value);
		return text;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%.0f", value < 1e15 ? value : 1e15);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

const char *chart_ratio(double ratio, char text[CHART_NUMBER_LEN])
{
	char number[CHART_NUMBER_LEN];

	if (!(ratio > 0))
		snprintf(text, CHART_NUMBER_LEN, "-");
	else if (ratio < 9.995)
		snprintf(text, CHART_NUMBER_LEN, "%.2fx", ratio);
	else if (ratio < 99.95)
		snprintf(text, CHART_NUMBER_LEN, "%.1fx", ratio);
	else
		snprintf(text, CHART_NUMBER_LEN, "%sx", chart_number(ratio, number));
	return text;
}
