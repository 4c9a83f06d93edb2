/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wbfs top needs of one .control/status.json, taken apart. No state of its own, any thread. */
#ifndef FUSE_TOP_SAMPLE_H
#define FUSE_TOP_SAMPLE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/message.h"
#include "engine/wb.h"
#include "fuse/messages.h"

enum { TOP_BACKINGS = 128, TOP_BUCKETS = 32, TOP_STATE_LEN = 16 };

enum top_latency {
	LATENCY_WRITE,
	LATENCY_SYNC,
	LATENCY_READ_HIT,
	LATENCY_READ_MISS,
	LATENCY_MIGRATION,
	NR_LATENCIES,
};

/* Counts, since the daemon began or its counters were cleared. */
struct top_histogram {
	uint64_t first_end; /* ns: where the first bucket ends; each next one is twice as long */
	unsigned int nr;    /* buckets; the last has all the rest */
	uint64_t count[TOP_BUCKETS];
};

struct top_backing {
	char name[WB_NAME_LEN];
	char state[TOP_STATE_LEN];
	char reason[WB_REASON_LEN];
	unsigned int id; /* 0: not cached */
	bool simulated, attached, paused, busy;
	unsigned int utilisation, threshold; /* % */
	uint64_t dirty_bytes;
	uint64_t read_bytes, write_bytes, migrated_bytes; /* counters */
};

struct top_sample {
	uint64_t at; /* ns, CLOCK_MONOTONIC */
	int pid;
	uint64_t generation;
	char state[TOP_STATE_LEN];
	char reason[WB_REASON_LEN];
	char device[PATH_MAX], label[WB_LABEL_LEN + 1];
	bool read_only;
	uint64_t nr_segments, segment_blocks, nr_free_segments;
	uint64_t current, flushed, durable, migrated; /* segments: the last that are so */
	bool migrating, allow_migrate, force_migrate;
	uint64_t dirty_bytes, unsynced_bytes;
	double oldest_dirty_age;	 /* s */
	uint64_t read_hits, read_misses; /* blocks; counters */
	struct top_histogram latency[NR_LATENCIES];
	unsigned int nr_backings;
	struct top_backing backings[TOP_BACKINGS];
	unsigned int nr_messages; /* the newest first */
	struct recent_message messages[MESSAGES_RECENT];
};

/* 0, or -EBADMSG if this is not what a daemon shows. Figures that aren't there are 0. */
int top_sample_parse(const char *json, uint64_t at, struct top_sample *sample)
	__attribute__((warn_unused_result));

#endif
