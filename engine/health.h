/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the cache and each backing do: healthy, degraded or failed, and why. Each cause has a place
 * of its own, so that the end of one doesn't hide another; what is told is the worst of them. Each
 * change is logged once, what repeats it isn't.
 *
 *	cause		of		set by			ended by
 *	LOG		the cache	failed write or flush	all that was sealed then is durable;
 *							if FAILED: wb_retry alone
 *	SUPER		the cache	failed superblock	a durable one; if FAILED: wb_retry alone
 *	MIGRATION	the cache	what holds it up	the next batch that ends, wb_retry
 *	MIGRATION	a backing	its I/O in a batch	a batch that wrote and flushed it, wb_retry
 *	REQUEST		a backing	its I/O for requests	the same where it failed last, wb_retry
 *
 * Mutex held in all functions. `backing` is NULL for the cache.
 */
#ifndef WB_ENGINE_HEALTH_H
#define WB_ENGINE_HEALTH_H

#include <stdbool.h>

#include "engine/bdev.h"
#include "engine/wb.h"

enum health_cause {
	CAUSE_LOG,
	CAUSE_SUPER,
	CAUSE_MIGRATION,
	CAUSE_REQUEST,
	NR_CAUSES,
};

struct health {
	struct complaint {
		enum wb_state state;
		char reason[WB_REASON_LEN];
	} causes[NR_CAUSES];
};

/* The worst cause. reason is "" if healthy. */
enum wb_state health_state(const struct health *health, const char **reason);

/*
 * The setter. An edge that is not legal leaves everything as it is: FAILED is left for DEGRADED
 * only by requests that succeed elsewhere. True if the state of the cause has changed.
 */
bool health_set(struct wb *wb, struct wb_backing *backing, enum health_cause cause,
		enum wb_state state, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same, for an I/O that has failed. */
bool health_io_failed(struct wb *wb, struct wb_backing *backing, enum health_cause cause,
		      enum wb_state state, const struct bdev_io *io);

/* A cause has ended. What has made the cache FAILED does not end so. */
void health_clear(struct wb *wb, struct wb_backing *backing, enum health_cause cause);

/* wb_retry: everything is taken for healthy until it fails again. */
void health_retry(struct wb *wb);

#endif
