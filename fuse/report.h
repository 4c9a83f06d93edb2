/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All figures of a mount as text for people, JSON and Prometheus metrics. Each figure is one row
 * of a table. Runs on receivers; never waits for I/O.
 */
#ifndef FUSE_REPORT_H
#define FUSE_REPORT_H

#include <stdbool.h>

#include "engine/wb.h"
#include "fuse/text.h"

struct server;

/* "key: value unit", a line each. */
void report_status(struct server *server, struct text *text);
void report_json(struct server *server, struct text *text);
/* The Prometheus text format, in base units. */
void report_metrics(struct server *server, struct text *text);
/* Knobs: name, value, range, default, unit, what it is. */
void report_params(struct server *server, struct text *text);
/* State and figures of one backing, a line each. */
void report_backing(const struct wb_backing_info *info, struct text *text);

/* ---- the tables ---- */

enum figure_type { FIGURE_GAUGE, FIGURE_COUNTER, FIGURE_HISTOGRAM };

/* How the number in the field has to be read. */
enum figure_scale {
	SCALE_ONE,
	SCALE_NS,      /* ns; shown in seconds */
	SCALE_PERCENT, /* a metric is a ratio */
};

struct figure {
	const char *name;
	const char *unit;   /* of the number; of a histogram: what is counted */
	const char *metric; /* without "wbfs_" and "_total" */
	const char *help;
	enum figure_type type;
	enum figure_scale scale;
	size_t off; /* of a field in struct wb_status or wb_backing_info */
	size_t size;
};

extern const struct figure cache_figures[];   /* of struct wb_status; name NULL ends */
extern const struct figure backing_figures[]; /* of struct wb_backing_info */

uint64_t figure_value(const struct figure *figure, const void *of);
const struct wb_histogram *figure_histogram(const struct figure *figure, const void *of);

/*
 * The buckets of a histogram that are shown: up to 2^first (with all that is less), ..., up to
 * 2^last; then the rest.
 */
void figure_buckets(const struct figure *figure, unsigned int *first, unsigned int *last);

/* The name of a counter of wb_status.stat: "write_hit_on_buffer_full_size", ... */
#define STAT_NAME_LEN 64
const char *stat_name(unsigned int index, char name[STAT_NAME_LEN]);

#define UUID_TEXT_LEN 37
const char *report_uuid(const uint8_t uuid[WB_UUID_LEN], char text[UUID_TEXT_LEN]);

/* All figures of one moment. */
struct report_figures {
	struct wb_status status;
	unsigned int nr;
	struct wb_backing_info *infos;
	const char **simulates; /* for each: what its device only pretends to be, or NULL */
};

/* Given back at the end of its scope. */
#define FIGURES_SCOPE __attribute__((cleanup(figures_free))) struct report_figures

/* False: no memory. */
bool figures_take(struct server *server, struct report_figures *figures);
void figures_free(struct report_figures *figures);

#endif
