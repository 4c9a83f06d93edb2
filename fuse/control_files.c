/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of .control/ and .control/devices/NAME/, as two tables. Runs on receivers. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/control.h"
#include "fuse/report.h"
#include "fuse/server.h"

/* ---- knobs and triggers ---- */

static struct wb_backing *backing_of(const struct server *server, const struct control_file *file,
				     unsigned int slot)
{
	if (file->id < WB_NR_KNOBS)
		return NULL;
	return atomic_load(&server->exports.slot[slot].backing);
}

void control_show_knob(const struct control_show *show)
{
	const struct control_file *file = show->file;
	struct wb_backing *backing = backing_of(show->server, file, show->slot);
	unsigned int value = wb_knob_get(show->server->wb, backing, file->id);
	char text[KNOB_TEXT_LEN];

	text_printf(show->text, "%s\n", knob_text(file->knob, value, text));
}

/* A backing doesn't leave meanwhile. The engine may call us back: no lock is held. */
static int set_knob(struct server *server, const struct control_file *file, unsigned int slot,
		    unsigned int value)
{
	bool of_device = file->id >= WB_NR_KNOBS;
	struct export *export = NULL;
	int err = of_device ? exports_hold(&server->exports, slot, &export) : 0;

	if (err)
		return err;
	err = wb_knob_set(server->wb, export ? atomic_load(&export->backing) : NULL, file->id,
			  value);
	if (export)
		exports_release(&server->exports, slot);
	if (file->id == WB_KNOB_UPDATE_INTERVAL || file->id == WB_KNOB_MIGRATE_THRESHOLD)
		modulator_poke(&server->modulator);
	return err;
}

int control_store_knob(struct control_store *store)
{
	const struct control_file *file = store->file;
	char why[KNOB_REASON_LEN];
	unsigned int value;
	int err;

	if (knob_parse(file->knob, store->value, &value, why))
		return control_refuse(&store->server->control, -EINVAL, "%s: %s", file->name, why);
	err = set_knob(store->server, file, store->slot, value);
	return err == -ENOENT ? control_refuse(&store->server->control, err, "%s: %s", file->name,
					       reason(err))
			      : err;
}

void control_show_trigger(const struct control_show *show)
{
	text_printf(show->text, "0\n");
}

int control_trigger(struct control_store *store)
{
	if (strcmp(store->value, "1") != 0)
		return control_refuse(&store->server->control, -EINVAL, "%s: %.40s not 1",
				      store->file->name, store->value);
	return store->file->trigger(store);
}

static struct request *take(struct control_store *store)
{
	struct request *request = request_take(store->req);

	request->len = store->len;
	request->text = (char *)store->file->name; /* for messages */
	return request;
}

/* A wb_done_fn: answer a trigger. */
static void trigger_done(void *ctx, int err)
{
	struct request *request = ctx;

	if (err) {
		control_refuse(&request->server->control, err, "%s: %s", request->text,
			       reason(err));
		fuse_reply_err(request->req, -err);
	} else {
		fuse_reply_write(request->req, request->len);
	}
	request_put(request);
}

static void sync_done(struct wb_io *io, int err)
{
	trigger_done(io->ctx, err);
}

static int trigger_commit(struct control_store *store)
{
	wb_commit(store->server->wb, trigger_done, take(store));
	return CONTROL_LATER;
}

static int trigger_flush(struct control_store *store)
{
	struct request *request = take(store);

	request->io.backing = NULL;
	request->io.flags = 0;
	request->io.done = sync_done;
	request->io.ctx = request;
	wb_sync(store->server->wb, &request->io);
	return CONTROL_LATER;
}

static int trigger_retry(struct control_store *store)
{
	wb_retry(store->server->wb);
	return 0;
}

static int trigger_clear_stat(struct control_store *store)
{
	wb_clear_stat(store->server->wb);
	return 0;
}

/* ---- the cache's values ---- */

static void show_segment_id(const struct control_show *show)
{
	struct wb_status status;
	uint64_t id;

	wb_status(show->server->wb, &status);
	if (strcmp(show->file->name, "last_flushed_segment_id") == 0)
		id = status.last_flushed_segment_id;
	else if (strcmp(show->file->name, "last_durable_segment_id") == 0)
		id = status.last_durable_segment_id;
	else
		id = status.last_migrated_segment_id;
	text_printf(show->text, "%" PRIu64 "\n", id);
}

static void show_last_error(const struct control_show *show)
{
	char why[CONTROL_REASON_LEN];

	control_last_error(&show->server->control, why);
	text_printf(show->text, "%s\n", why);
}

static void show_version(const struct control_show *show)
{
	text_printf(show->text, "%s\n", PACKAGE_VERSION);
}

static void show_cache_path(const struct control_show *show)
{
	text_printf(show->text, "%s", show->server->cache->path);
}

static void show_status(const struct control_show *show)
{
	report_status(show->server, show->text);
}

static void show_json(const struct control_show *show)
{
	report_json(show->server, show->text);
}

static void show_metrics(const struct control_show *show)
{
	report_metrics(show->server, show->text);
}

static void show_params(const struct control_show *show)
{
	report_params(show->server, show->text);
}

/* ---- a device's values ---- */

static void show_cache_id(const struct control_show *show)
{
	/* One cache for each mount. */
	text_printf(show->text, "%d\n", show->server->exports.slot[show->slot].cached ? 1 : 0);
}

static void show_migrating(const struct control_show *show)
{
	text_printf(show->text, "%d\n", show->info->id && !show->info->busy);
}

static uint64_t number_of(const struct control_show *show)
{
	return device_number(show->server->exports.slot[show->slot].dev);
}

static void show_dev(const struct control_show *show)
{
	text_printf(show->text, "%u:%u\n", major(number_of(show)), minor(number_of(show)));
}

static void show_device_no(const struct control_show *show)
{
	text_printf(show->text, "%" PRIu64 "\n", number_of(show));
}

static void show_device_path(const struct control_show *show)
{
	text_printf(show->text, "%s", show->info->path);
}

static void show_id(const struct control_show *show)
{
	text_printf(show->text, "%u\n", show->info->id);
}

static void show_size(const struct control_show *show)
{
	text_printf(show->text, "%" PRIu64 "\n", show->info->size);
}

static void show_nr_dirty(const struct control_show *show)
{
	text_printf(show->text, "%" PRIu64 "\n", show->info->nr_dirty);
}

/* Who has the exposed file open: while there is somebody, it can't be detached. */
static void show_nr_open(const struct control_show *show)
{
	text_printf(show->text, "%u\n", show->server->exports.slot[show->slot].nr_open);
}

static void show_stat(const struct control_show *show)
{
	const struct server *server = show->server;
	const char *simulates = exports_simulates(&server->exports, show->info->backing);

	if (simulates)
		text_printf(show->text, "simulated: %s\n", simulates);
	report_backing(show->info, show->text);
}

/* ---- the tables; knobs are put before them ---- */

#define READ_ONLY (S_IFREG | 0444)
#define READ_WRITE (S_IFREG | 0644)
#define WRITE_ONLY (S_IFREG | 0200)
#define LINK (S_IFLNK | 0777)

#define TRIGGER(file_name, function) \
	{ \
		.name = (file_name), .mode = READ_WRITE, .show = control_show_trigger, \
		.store = control_trigger, .trigger = (function) \
	}

static const struct control_file cache_rows[] = {
	TRIGGER("commit_super_block", trigger_commit),
	TRIGGER("flush_current_buffer", trigger_flush),
	TRIGGER("drain", control_drain),
	TRIGGER("retry", trigger_retry),
	TRIGGER("clear_stat", trigger_clear_stat),
	{.name = "last_flushed_segment_id", .mode = READ_ONLY, .show = show_segment_id},
	{.name = "last_durable_segment_id", .mode = READ_ONLY, .show = show_segment_id},
	{.name = "last_migrated_segment_id", .mode = READ_ONLY, .show = show_segment_id},
	{.name = "status", .mode = READ_ONLY, .show = show_status},
	{.name = "status.json", .mode = READ_ONLY, .show = show_json},
	{.name = "metrics.prom", .mode = READ_ONLY, .show = show_metrics},
	{.name = "params", .mode = READ_ONLY, .show = show_params},
	{.name = "last_error", .mode = READ_ONLY, .show = show_last_error},
	{.name = "version", .mode = READ_ONLY, .show = show_version},
	{.name = "attach", .mode = WRITE_ONLY, .store = control_attach},
	{.name = "detach", .mode = WRITE_ONLY, .store = control_detach},
	{.name = "detach_discard", .mode = WRITE_ONLY, .store = control_detach_discard},
	{.name = "device", .mode = LINK, .show = show_cache_path},
};

static const struct control_file device_rows[] = {
	TRIGGER("drain", control_drain_device),
	TRIGGER("resize", control_resize),
	{.name = "cache_id", .mode = READ_ONLY, .show = show_cache_id},
	{.name = "migrating", .mode = READ_ONLY, .show = show_migrating},
	{.name = "dev", .mode = READ_ONLY, .show = show_dev},
	{.name = "device", .mode = LINK, .show = show_device_path},
	{.name = "device_no", .mode = READ_ONLY, .show = show_device_no},
	{.name = "id", .mode = READ_ONLY, .show = show_id},
	{.name = "size", .mode = READ_ONLY, .show = show_size},
	{.name = "nr_dirty_caches", .mode = READ_ONLY, .show = show_nr_dirty},
	{.name = "nr_open", .mode = READ_ONLY, .show = show_nr_open},
	{.name = "stat", .mode = READ_ONLY, .show = show_stat},
};

static void fill(struct control_file files[CONTROL_MAX_FILES], enum wb_knob_id first_knob,
		 enum wb_knob_id end_knob, const struct control_file *rows, size_t nr_rows)
{
	size_t n = 0;

	for (enum wb_knob_id id = first_knob; id < end_knob; id++)
		files[n++] = (struct control_file){
			.name = wb_knobs[id].name,
			.mode = READ_WRITE,
			.show = control_show_knob,
			.store = control_store_knob,
			.knob = &wb_knobs[id],
			.id = id,
		};
	for (size_t i = 0; i < nr_rows && n < CONTROL_MAX_FILES; i++)
		files[n++] = rows[i];
}

void control_fill_cache_files(struct control_file files[CONTROL_MAX_FILES])
{
	fill(files, 0, WB_NR_KNOBS, cache_rows, sizeof(cache_rows) / sizeof(cache_rows[0]));
}

void control_fill_device_files(struct control_file files[CONTROL_MAX_FILES])
{
	fill(files, WB_NR_KNOBS, WB_NR_ALL_KNOBS, device_rows,
	     sizeof(device_rows) / sizeof(device_rows[0]));
}
