/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading status.json, with json-c. Belongs to one thread. */
#include "config.h"

#include "fuse/mount_status.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "common/message.h"
#include "engine/wb_format.h"
#include "fuse/control_client.h"

int mount_status_read(const struct mount_entry *mount, struct mount_status *status)
{
	TEXT_SCOPE text = {0};
	int err = control_get(mount, "status.json", &text);

	status->cache = NULL;
	if (err)
		return err;
	status->cache = text.bytes ? json_tokener_parse(text.bytes) : NULL;
	if (json_object_is_type(status->cache, json_type_object))
		return 0;
	message(MESSAGE_ERROR, "%s: status.json: not understood", mount->point);
	mount_status_free(status);
	return -EIO;
}

void mount_status_free(struct mount_status *status)
{
	json_object_put(status->cache); /* takes NULL */
	status->cache = NULL;
}

static struct json_object *get(const struct json_object *of, const char *name)
{
	struct json_object *found;

	return of && json_object_object_get_ex(of, name, &found) ? found : NULL;
}

static struct json_object *list(const struct json_object *of, const char *name)
{
	struct json_object *found = get(of, name);

	return json_object_is_type(found, json_type_array) ? found : NULL;
}

unsigned int mount_status_nr_backings(const struct mount_status *status)
{
	struct json_object *backings = list(status->cache, "backings");

	return backings ? (unsigned int)json_object_array_length(backings) : 0;
}

struct json_object *mount_status_backing(const struct mount_status *status, unsigned int i)
{
	return json_object_array_get_idx(list(status->cache, "backings"), i);
}

struct json_object *mount_status_find(const struct mount_status *status, const char *name)
{
	for (unsigned int i = 0; i < mount_status_nr_backings(status); i++)
		if (strcmp(status_text(mount_status_backing(status, i), "name"), name) == 0)
			return mount_status_backing(status, i);
	return NULL;
}

uint64_t status_number(const struct json_object *of, const char *name)
{
	return json_object_get_uint64(get(of, name));
}

double status_real(const struct json_object *of, const char *name)
{
	return json_object_get_double(get(of, name));
}

const char *status_text(const struct json_object *of, const char *name)
{
	const char *text = json_object_get_string(get(of, name));

	return text ? text : "";
}

uint64_t status_knob(const struct mount_status *status, const char *name)
{
	return status_number(get(status->cache, "knobs"), name);
}

uint64_t mount_status_log_bytes(const struct mount_status *status)
{
	return status_number(status->cache, "nr_segments") *
	       status_number(status->cache, "segment_blocks") * WB_BLOCK_SIZE;
}

unsigned int mount_status_percent(const struct mount_status *status, uint64_t bytes)
{
	uint64_t all = mount_status_log_bytes(status);
	double percent = all ? (double)bytes * 100 / (double)all : 0;

	return bytes && percent < 1 ? 1 : (unsigned int)(percent + 0.5);
}

/* ---- histograms ---- */

uint64_t status_histogram(const struct json_object *of, const char *name, const char *what)
{
	return status_number(get(of, name), what);
}

/* The i-th bucket; only those that the daemon shows are there. */
static uint64_t bucket(const struct json_object *histogram, unsigned int i)
{
	struct json_object *buckets = list(histogram, "buckets");

	return buckets ? json_object_get_uint64(json_object_array_get_idx(buckets, i)) : 0;
}

static uint64_t came(const struct json_object *now, const struct json_object *before,
		     unsigned int i)
{
	uint64_t n = bucket(now, i), old = bucket(before, i);

	return n >= old ? n - old : n; /* clear_stat has been written to meanwhile */
}

uint64_t status_percentile(const struct json_object *of_now, const struct json_object *of_before,
			   const char *name, unsigned int percent)
{
	const struct json_object *now = get(of_now, name);
	const struct json_object *before = get(of_before, name);
	struct json_object *buckets = list(now, "buckets");
	unsigned int nr = buckets ? (unsigned int)json_object_array_length(buckets) : 0;
	uint64_t end = status_number(now, "first_bucket_end");
	uint64_t max = status_number(now, "max"), all = 0, seen = 0;

	for (unsigned int i = 0; i < nr; i++)
		all += came(now, before, i);
	for (unsigned int i = 0; all && i < nr; i++, end *= 2) {
		seen += came(now, before, i);
		if (seen * 100 >= all * percent)
			return i == nr - 1 || end > max ? max : end;
	}
	return 0;
}
