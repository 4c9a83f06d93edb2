/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting values by powers of two, and the time in which something was under way. Fixed in size,
 * nothing is allocated; the caller has the lock, which is the engine's mutex wherever it is used.
 */
#ifndef WB_ENGINE_HISTOGRAM_H
#define WB_ENGINE_HISTOGRAM_H

#include "engine/lock.h"
#include "engine/wb.h"

void histogram_add(struct wb_histogram *histogram, uint64_t value);

/* Of things that begin and end, the time in which there was at least one. */
struct busy_time {
	unsigned int nr; /* under way */
	uint64_t since;	 /* ns: when there was none before */
	uint64_t ns;	 /* up to `since` */
	uint64_t ended;	 /* ns: when the last one was over; 0: never */
};

static inline void busy_begin(struct wb *wb, struct busy_time *busy)
{
	if (!busy->nr++)
		busy->since = wb_now(wb);
}

static inline void busy_end(struct wb *wb, struct busy_time *busy)
{
	busy->ended = wb_now(wb);
	if (!--busy->nr)
		busy->ns += busy->ended - busy->since;
}

static inline uint64_t busy_until(const struct busy_time *busy, uint64_t now)
{
	return busy->ns + (busy->nr ? now - busy->since : 0);
}

#endif
