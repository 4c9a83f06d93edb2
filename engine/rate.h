/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes per second over the last few seconds. Nothing runs while nothing is counted: who asks says
 * what time it is. Fixed in size; the caller has the lock.
 */
#ifndef WB_ENGINE_RATE_H
#define WB_ENGINE_RATE_H

#include <stdint.h>

enum { RATE_SECONDS = 5 };

struct rate {
	uint64_t bytes[RATE_SECONDS]; /* of a second, by its number modulo RATE_SECONDS */
	uint64_t second;	      /* the latest that was counted in */
	uint64_t since;		      /* ns: there was nothing for long before this */
};

/* So many bytes now (ns). */
void rate_add(struct rate *rate, uint64_t now, uint64_t bytes);

/* Per second: over what has passed since it began, RATE_SECONDS at the most. */
uint64_t rate_per_second(const struct rate *rate, uint64_t now);

#endif
