/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Results as one HTML page: no script, no font, no picture from elsewhere, for bright and dark
 * screens and for paper. It is well-formed XML too. One thread.
 */
#include "config.h"

#include "fuse/report_html.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/message.h"
#include "fuse/chart.h"

static const char style[] =
	":root{color-scheme:light dark;--bg:#f6f6f3;--card:#fff;--ink:#1b1f24;--dim:#68707c;"
	"--line:#e3e4e0;--a:#c2611a;--b:#0f6cbd;--c:#5b7f0d;--d:#8a3fc0;--good:#16794a;"
	"--bad:#bd2130}\n"
	"@media (prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1d2126;--ink:#e6e8ea;"
	"--dim:#99a2ad;--line:#31363d;--a:#f0965a;--b:#5fb0f5;--c:#a5cc52;--d:#c795f0;"
	"--good:#5cc98f;--bad:#f2777f}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0;background:var(--bg);color:var(--ink);"
	"font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\n"
	"main{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}\n"
	"h1{font-size:1.7rem;line-height:1.2;margin:0 0 1rem;letter-spacing:-.01em}\n"
	"h2{font-size:1.1rem;margin:0 0 .2rem}\n"
	"section{background:var(--card);border:1px solid var(--line);border-radius:12px;"
	"padding:1.1rem 1.3rem;margin:1.1rem 0;break-inside:avoid}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0;"
	"font-size:.92rem}\n"
	"dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
	".note{border-left:4px solid var(--a);padding:.1rem .8rem;margin:1rem 0;color:var(--ink)}\n"
	".sub{color:var(--dim);font-size:.88rem;margin:0 0 .4rem}\n"
	".wide{overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.55rem .6rem;text-align:right;vertical-align:top;"
	"border-bottom:1px solid var(--line)}\n"
	"tr:last-child td,tr:last-child th{border-bottom:0}\n"
	"thead th{color:var(--dim);font-weight:500;font-size:.85rem}\n"
	"th:first-child{text-align:left;font-weight:600}\n"
	"small{display:block;color:var(--dim);font-weight:400}td small{white-space:nowrap}\n"
	".bar{display:block;height:6px;border-radius:3px;margin:.3rem 0 0 auto;min-width:2px}\n"
	".ratio{font-weight:700;font-size:1.1rem;white-space:nowrap}\n"
	".yes{color:var(--good)}.no{color:var(--bad)}\n"
	".key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.88rem;color:var(--dim);"
	"margin:.3rem 0}\n"
	".key i{display:inline-block;width:.8em;height:.8em;border-radius:3px;margin-right:.45em}\n"
	"svg{display:block;width:100%;height:auto}\n"
	"svg text{fill:var(--dim);font-size:12px}\n"
	".grid{stroke:var(--line)}.axis{stroke:var(--dim)}\n"
	".l{fill:none;stroke-width:2;stroke-linejoin:round}.f{opacity:.18}\n"
	".a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}.d{stroke:var(--d)}\n"
	".fa{fill:var(--a);background:var(--a)}.fb{fill:var(--b);background:var(--b)}\n"
	".fc{fill:var(--c);background:var(--c)}.fd{fill:var(--d);background:var(--d)}\n"
	"@media print{:root{--bg:#fff}section{border-color:#bbb}}\n";

void html_text(FILE *to, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? '?' : *text, to);
		}
	}
}

const char *html_number(double value, char text[HTML_NUMBER_LEN])
{
	_Static_assert(HTML_NUMBER_LEN == CHART_NUMBER_LEN, "chart_number writes it");
	double size = fabs(value);

	if (!isfinite(value))
		snprintf(text, HTML_NUMBER_LEN, "-");
	else if (value < 0)
		snprintf(text, HTML_NUMBER_LEN, "%.3g", value);
	else if (size >= 99.95)
		chart_number(value, text);
	else
		snprintf(text, HTML_NUMBER_LEN, "%.*f", size >= 9.995 ? 1 : 2, value);
	return text;
}

static void put_facts(FILE *to, const struct results *results)
{
	bool any = false;

	for (size_t i = 0; i < results->nr_facts; i++) {
		const struct results_fact *fact = &results->facts[i];

		if (!fact->name)
			continue;
		fputs(any ? "<dt>" : "<section><dl>\n<dt>", to);
		html_text(to, fact->name);
		fputs("</dt><dd>", to);
		html_text(to, fact->text);
		fputs("</dd>\n", to);
		any = true;
	}
	if (any)
		fputs("</dl></section>\n", to);
}

static void put_notes(FILE *to, const struct results *results)
{
	for (size_t i = 0; i < results->nr_facts; i++) {
		if (results->facts[i].name)
			continue;
		fputs("<p class=\"note\">", to);
		html_text(to, results->facts[i].text);
		fputs("</p>\n", to);
	}
}

/* ---- the table ---- */

static void put_figure(FILE *to, const struct results_row *row, int column)
{
	const struct results_figure *figure = &row->figures[column];
	double other = row->figures[!column].median;
	double max = figure->median > other || isnan(other) ? figure->median : other;
	char text[HTML_NUMBER_LEN];

	fprintf(to, "<td>%s", html_number(figure->median, text));
	if (isfinite(figure->min) && isfinite(figure->max)) {
		fprintf(to, "<small>%s", html_number(figure->min, text));
		fprintf(to, " – %s</small>", html_number(figure->max, text));
	}
	if (figure->median > 0 && max > 0)
		fprintf(to, "<span class=\"bar f%c\" style=\"width:%.2f%%\"></span>", 'a' + column,
			figure->median / max * 100);
	fputs("</td>", to);
}

static void put_row(FILE *to, const struct results_row *row, bool targets)
{
	char text[HTML_NUMBER_LEN];

	fputs("<tr><th scope=\"row\">", to);
	html_text(to, row->name);
	fputs("<small>", to);
	html_text(to, row->unit);
	fputs("</small></th>", to);
	for (int i = 0; i < RESULTS_COLUMNS; i++)
		put_figure(to, row, i);
	fprintf(to, "<td class=\"ratio\">%s%s</td>", html_number(row->ratio, text),
		isfinite(row->ratio) ? " ×" : "");
	if (targets) {
		fprintf(to, "<td>");
		html_text(to, row->target);
		if (row->verdict == VERDICT_MET)
			fputs(" <span class=\"yes\">✓ met</span>", to);
		if (row->verdict == VERDICT_MISSED)
			fputs(" <span class=\"no\">✗ missed</span>", to);
		if (row->verdict == VERDICT_UNKNOWN)
			fputs(" <span class=\"no\">?</span>", to);
		fputs("</td>", to);
	}
	fputs("</tr>\n", to);
}

static bool has_targets(const struct results *results)
{
	for (size_t i = 0; i < results->nr_rows; i++)
		if (results->rows[i].target)
			return true;
	return false;
}

static void put_table(FILE *to, const struct results *results)
{
	bool targets = has_targets(results);

	if (!results->nr_rows)
		return;
	fputs("<section><h2>Figures</h2>\n<p class=\"sub\">The median of the runs, with the least "
	      "and the most below it, and the ratio.</p>\n<div class=\"wide\">"
	      "<table>\n<thead><tr><th></th>",
	      to);
	for (int i = 0; i < RESULTS_COLUMNS; i++) {
		fputs("<th scope=\"col\">", to);
		html_text(to, results->columns[i]);
		fputs("</th>", to);
	}
	fprintf(to, "<th scope=\"col\">ratio</th>%s</tr></thead>\n<tbody>\n",
		targets ? "<th scope=\"col\">target</th>" : "");
	for (size_t i = 0; i < results->nr_rows; i++)
		put_row(to, &results->rows[i], targets);
	fputs("</tbody></table></div></section>\n", to);
}

/* ---- charts ---- */

char html_colour(const struct results_chart *chart, size_t series)
{
	return chart->nr == 1 ? 'b' : (char)('a' + series % 4);
}

static void put_chart(FILE *to, const struct results_chart *chart)
{
	fputs("<section><h2>", to);
	html_text(to, chart->title);
	fputs("</h2>\n", to);
	if (chart->note && *chart->note) {
		fputs("<p class=\"sub\">", to);
		html_text(to, chart->note);
		fputs("</p>\n", to);
	}
	fputs("<div class=\"key\">", to);
	for (size_t i = 0; i < chart->nr; i++) {
		fprintf(to, "<span><i class=\"f%c\"></i>", html_colour(chart, i));
		html_text(to, chart->series[i].name);
		fputs("</span>", to);
	}
	fputs("</div>\n", to);
	html_chart(to, chart);
	fputs("</section>\n", to);
}

static void put_page(FILE *to, const struct results *results)
{
	const char *title = results->title ? results->title : "Results";

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>",
	      to);
	html_text(to, title);
	fprintf(to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
	html_text(to, title);
	fputs("</h1>\n", to);
	put_facts(to, results);
	put_notes(to, results);
	put_table(to, results);
	for (size_t i = 0; i < results->nr_charts; i++)
		put_chart(to, &results->charts[i]);
	fputs("</main>\n</body>\n</html>\n", to);
}

int results_write_html(const struct results *results, const char *path)
{
	FILE *file = fopen(path, "we");
	int err = file ? 0 : -errno;

	if (file) {
		put_page(file, results);
		if (ferror(file))
			err = -EIO;
		if (fclose(file) != 0 && !err)
			err = -errno;
	}
	if (err)
		message(MESSAGE_ERROR, "%s: write: %s", path, reason(err));
	return err;
}
