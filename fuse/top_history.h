/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wbfs top makes of a row of samples: rates, and latencies of the last few intervals. Belongs
 * to one thread.
 */
#ifndef FUSE_TOP_HISTORY_H
#define FUSE_TOP_HISTORY_H

#include "fuse/top_sample.h"

enum { TOP_HISTORY = 512, TOP_WINDOW = 10 };

enum top_series { SERIES_WRITE, SERIES_READ, SERIES_MIGRATE, SERIES_HITS, NR_SERIES };

#define TOP_UNKNOWN (-1.0) /* a value of a series: nothing that could be measured */

struct top_history {
	struct top_sample now, before;
	unsigned int nr; /* intervals; 0: there are no rates yet */
	/* rings, by interval: bytes per second; SERIES_HITS: % of what was read */
	double series[NR_SERIES][TOP_HISTORY];
	uint64_t interval_ns[TOP_WINDOW];
	uint64_t latency[TOP_WINDOW][NR_LATENCIES][TOP_BUCKETS];
	double migrate[TOP_BACKINGS]; /* of each backing of now, bytes per second */
};

/* A zeroed history is empty. Begins anew if the sample is of another daemon. */
void top_history_add(struct top_history *history, const struct top_sample *sample);

/* `age` intervals ago; 0 is the last. TOP_UNKNOWN if that is too long ago. */
double top_history_value(const struct top_history *history, enum top_series series,
			 unsigned int age);

/* Counts of the last TOP_WINDOW intervals, and in how many seconds. Returns their sum. */
uint64_t top_history_latency(const struct top_history *history, enum top_latency which,
			     uint64_t count[TOP_BUCKETS], double *seconds);

/* So many percent are not above the end of this bucket. The sum must not be 0. */
unsigned int top_percentile(const uint64_t count[TOP_BUCKETS], uint64_t sum, unsigned int percent);

#endif
