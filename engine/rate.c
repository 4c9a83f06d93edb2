/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each second has its own sum; those that are too old are left out. */
#include "config.h"

#include "engine/rate.h"

#define NS_PER_SECOND 1000000000ull
#define SHORTEST (NS_PER_SECOND / 2) /* what has just begun is not divided by nothing */

static uint64_t sum(const struct rate *rate, uint64_t now_second)
{
	uint64_t bytes = 0;

	/* What is newer than the latest has the sums of seconds long ago. */
	for (uint64_t i = 0; i < RATE_SECONDS && i <= now_second; i++)
		if (now_second - i <= rate->second)
			bytes += rate->bytes[(now_second - i) % RATE_SECONDS];
	return bytes;
}

void rate_add(struct rate *rate, uint64_t now, uint64_t bytes)
{
	uint64_t second = now / NS_PER_SECOND;

	if (!sum(rate, second))
		*rate = (struct rate){.second = second, .since = now};
	for (; rate->second < second; rate->second++)
		rate->bytes[(rate->second + 1) % RATE_SECONDS] = 0;
	rate->bytes[second % RATE_SECONDS] += bytes;
}

uint64_t rate_per_second(const struct rate *rate, uint64_t now)
{
	uint64_t bytes = sum(rate, now / NS_PER_SECOND);
	uint64_t window = (RATE_SECONDS - 1) * NS_PER_SECOND + now % NS_PER_SECOND;

	if (now - rate->since < window)
		window = now - rate->since;
	if (window < SHORTEST)
		window = SHORTEST;
	return (uint64_t)((double)bytes * NS_PER_SECOND / (double)window);
}
