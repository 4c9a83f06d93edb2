/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/histogram.h"

#include "engine/util.h"

static unsigned int bucket_of(uint64_t value)
{
	unsigned int exponent = value > 1 ? 64 - (unsigned int)__builtin_clzll(value - 1) : 0;

	return exponent < WB_HISTOGRAM_BUCKETS ? exponent : WB_HISTOGRAM_BUCKETS - 1;
}

void histogram_add(struct wb_histogram *histogram, uint64_t value)
{
	histogram->nr[bucket_of(value)]++;
	histogram->sum += value;
	histogram->max = max_u64(histogram->max, value);
}

uint64_t wb_histogram_nr(const struct wb_histogram *histogram)
{
	uint64_t nr = 0;

	for (unsigned int i = 0; i < WB_HISTOGRAM_BUCKETS; i++)
		nr += histogram->nr[i];
	return nr;
}

uint64_t wb_histogram_percentile(const struct wb_histogram *histogram, unsigned int percent)
{
	uint64_t total = wb_histogram_nr(histogram), nr = 0;
	/* So many values are to be passed; rounded up, without overflow. */
	uint64_t wanted = total / 100 * percent + (total % 100 * percent + 99) / 100;

	if (!total)
		return 0;
	for (unsigned int i = 0; i < WB_HISTOGRAM_BUCKETS - 1; i++) {
		nr += histogram->nr[i];
		if (nr >= wanted)
			return min_u64(1ull << i, histogram->max);
	}
	return histogram->max;
}
