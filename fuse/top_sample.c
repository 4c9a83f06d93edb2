/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking status.json apart. */
#include "config.h"

#include "fuse/top_sample.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "fuse/mount_status.h"

static struct json_object *get(struct json_object *of, const char *name)
{
	struct json_object *found;

	return json_object_object_get_ex(of, name, &found) ? found : NULL;
}

#define COPY(of, name, to) snprintf(to, sizeof(to), "%s", status_text(of, name))

static size_t length(const struct json_object *list, size_t max)
{
	size_t nr = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	return nr < max ? nr : max;
}

static void parse_histogram(struct json_object *from, struct top_histogram *h)
{
	struct json_object *buckets = get(from, "buckets");

	h->first_end = status_number(from, "first_bucket_end");
	h->nr = (unsigned int)length(buckets, TOP_BUCKETS);
	for (unsigned int i = 0; i < h->nr; i++)
		h->count[i] = json_object_get_uint64(json_object_array_get_idx(buckets, i));
}

static void parse_latencies(struct json_object *from, struct top_sample *s)
{
	static const char *const names[NR_LATENCIES] = {
		[LATENCY_WRITE] = "write_latency",
		[LATENCY_SYNC] = "sync_latency",
		[LATENCY_READ_HIT] = "read_hit_latency",
		[LATENCY_READ_MISS] = "read_miss_latency",
		[LATENCY_MIGRATION] = "migration_latency",
	};

	for (unsigned int i = 0; i < NR_LATENCIES; i++)
		parse_histogram(get(from, names[i]), &s->latency[i]);
}

static void parse_backing(struct json_object *from, struct top_backing *b)
{
	COPY(from, "name", b->name);
	COPY(from, "state", b->state);
	COPY(from, "reason", b->reason);
	b->id = (unsigned int)status_number(from, "id");
	b->simulated = get(from, "simulated");
	b->attached = status_number(from, "attached");
	b->paused = status_number(from, "paused");
	b->busy = status_number(from, "busy");
	b->utilisation = (unsigned int)status_number(from, "utilisation");
	b->threshold = (unsigned int)status_number(from, "migrate_threshold");
	b->dirty_bytes = status_number(from, "dirty_bytes");
	b->read_bytes = status_number(from, "read_bytes");
	b->write_bytes = status_number(from, "write_bytes");
	b->migrated_bytes = status_number(from, "migrated_bytes");
}

static void parse_message(struct json_object *from, struct recent_message *m)
{
	char level[TOP_STATE_LEN];

	COPY(from, "level", level);
	m->level = strcmp(level, "error") == 0	   ? MESSAGE_ERROR
		   : strcmp(level, "warning") == 0 ? MESSAGE_WARNING
						   : MESSAGE_INFO;
	m->time = (time_t)status_number(from, "time");
	COPY(from, "text", m->text);
}

static void parse_lists(struct json_object *from, struct top_sample *s)
{
	struct json_object *backings = get(from, "backings"), *messages = get(from, "messages");

	s->nr_backings = (unsigned int)length(backings, TOP_BACKINGS);
	for (unsigned int i = 0; i < s->nr_backings; i++)
		parse_backing(json_object_array_get_idx(backings, i), &s->backings[i]);
	s->nr_messages = (unsigned int)length(messages, MESSAGES_RECENT);
	for (unsigned int i = 0; i < s->nr_messages; i++)
		parse_message(json_object_array_get_idx(messages, i), &s->messages[i]);
}

/* Of the sixteen counters, those of reads. */
static void parse_reads(struct json_object *stat, struct top_sample *s)
{
	json_object_object_foreach(stat, name, value)
	{
		if (strncmp(name, "read_hit_", strlen("read_hit_")) == 0)
			s->read_hits += json_object_get_uint64(value);
		else if (strncmp(name, "read_miss_", strlen("read_miss_")) == 0)
			s->read_misses += json_object_get_uint64(value);
	}
}

static void parse_cache(struct json_object *from, struct top_sample *s)
{
	struct json_object *knobs = get(from, "knobs"), *stat = get(from, "stat");

	s->pid = (int)status_number(from, "pid");
	s->generation = status_number(from, "generation");
	COPY(from, "state", s->state);
	COPY(from, "reason", s->reason);
	COPY(from, "device", s->device);
	COPY(from, "label", s->label);
	s->read_only = json_object_get_boolean(get(from, "read_only"));
	s->nr_segments = status_number(from, "nr_segments");
	s->segment_blocks = status_number(from, "segment_blocks");
	s->nr_free_segments = status_number(from, "nr_free_segments");
	s->current = status_number(from, "current_segment_id");
	s->flushed = status_number(from, "last_flushed_segment_id");
	s->durable = status_number(from, "last_durable_segment_id");
	s->migrated = status_number(from, "last_migrated_segment_id");
	s->migrating = status_number(from, "migrating");
	s->dirty_bytes = status_number(from, "dirty_bytes");
	s->unsynced_bytes = status_number(from, "unsynced_bytes");
	s->oldest_dirty_age = json_object_get_double(get(from, "oldest_dirty_age"));
	s->allow_migrate = status_number(knobs, "allow_migrate");
	s->force_migrate = status_number(knobs, "force_migrate");
	if (json_object_is_type(stat, json_type_object))
		parse_reads(stat, s);
}

int top_sample_parse(const char *json, uint64_t at, struct top_sample *sample)
{
	struct json_object *from = json_tokener_parse(json);
	bool good = json_object_is_type(from, json_type_object) && get(from, "nr_segments");

	*sample = (struct top_sample){.at = at};
	if (good) {
		parse_cache(from, sample);
		parse_latencies(from, sample);
		parse_lists(from, sample);
	}
	json_object_put(from);
	return good ? 0 : -EBADMSG;
}
