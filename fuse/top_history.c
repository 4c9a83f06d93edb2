/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "fuse/top_history.h"

#include <string.h>

/* A counter that is less than it was has been cleared in between. */
static uint64_t came(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

static const struct top_backing *find_before(const struct top_history *h, const char *name)
{
	for (unsigned int i = 0; i < h->before.nr_backings; i++)
		if (strcmp(h->before.backings[i].name, name) == 0)
			return &h->before.backings[i];
	return NULL;
}

static void add_rates(struct top_history *h, unsigned int at, double seconds)
{
	double read = 0, write = 0, migrate = 0;

	for (unsigned int i = 0; i < h->now.nr_backings; i++) {
		const struct top_backing *now = &h->now.backings[i];
		const struct top_backing *before = find_before(h, now->name);

		h->migrate[i] = 0;
		if (!before)
			continue;
		h->migrate[i] = (double)came(now->migrated_bytes, before->migrated_bytes) / seconds;
		migrate += h->migrate[i];
		read += (double)came(now->read_bytes, before->read_bytes) / seconds;
		write += (double)came(now->write_bytes, before->write_bytes) / seconds;
	}
	h->series[SERIES_READ][at] = read;
	h->series[SERIES_WRITE][at] = write;
	h->series[SERIES_MIGRATE][at] = migrate;
}

static void add_hits(struct top_history *h, unsigned int at)
{
	uint64_t hits = came(h->now.read_hits, h->before.read_hits);
	uint64_t misses = came(h->now.read_misses, h->before.read_misses);

	h->series[SERIES_HITS][at] = hits + misses ? 100.0 * (double)hits / (double)(hits + misses)
						   : TOP_UNKNOWN;
}

static void add_latencies(struct top_history *h, unsigned int at)
{
	for (unsigned int l = 0; l < NR_LATENCIES; l++)
		for (unsigned int i = 0; i < TOP_BUCKETS; i++)
			h->latency[at][l][i] = came(h->now.latency[l].count[i],
						    h->before.latency[l].count[i]);
}

void top_history_add(struct top_history *h, const struct top_sample *sample)
{
	bool follows = h->now.at && h->now.pid == sample->pid &&
		       h->now.generation == sample->generation && sample->at > h->now.at;

	if (!follows) {
		memset(h, 0, sizeof(*h));
		h->now = *sample;
		return;
	}
	h->before = h->now;
	h->now = *sample;
	h->interval_ns[h->nr % TOP_WINDOW] = h->now.at - h->before.at;
	add_rates(h, h->nr % TOP_HISTORY, (double)(h->now.at - h->before.at) / 1e9);
	add_hits(h, h->nr % TOP_HISTORY);
	add_latencies(h, h->nr % TOP_WINDOW);
	h->nr++;
}

double top_history_value(const struct top_history *h, enum top_series series, unsigned int age)
{
	if (age >= h->nr || age >= TOP_HISTORY)
		return TOP_UNKNOWN;
	return h->series[series][(h->nr - 1 - age) % TOP_HISTORY];
}

uint64_t top_history_latency(const struct top_history *h, enum top_latency which,
			     uint64_t count[TOP_BUCKETS], double *seconds)
{
	unsigned int nr = h->nr < TOP_WINDOW ? h->nr : TOP_WINDOW;
	uint64_t sum = 0;

	memset(count, 0, TOP_BUCKETS * sizeof(*count));
	*seconds = 0;
	for (unsigned int w = 0; w < nr; w++) {
		*seconds += (double)h->interval_ns[w] / 1e9;
		for (unsigned int i = 0; i < TOP_BUCKETS; i++) {
			count[i] += h->latency[w][which][i];
			sum += h->latency[w][which][i];
		}
	}
	return sum;
}

unsigned int top_percentile(const uint64_t count[TOP_BUCKETS], uint64_t sum, unsigned int percent)
{
	uint64_t wanted = sum / 100 * percent + (sum % 100 * percent + 99) / 100, nr = 0;

	for (unsigned int i = 0; i < TOP_BUCKETS - 1; i++) {
		nr += count[i];
		if (nr >= wanted)
			return i;
	}
	return TOP_BUCKETS - 1;
}
