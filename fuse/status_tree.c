/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of wbfs status. Runs in a command's main thread. */
#include "config.h"

#include "fuse/status_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "fuse/loops.h"
#include "fuse/stacked.h"

enum column {
	COLUMN_NAME,
	COLUMN_TYPE,
	COLUMN_SIZE,
	COLUMN_DIRTY,
	COLUMN_USE,
	COLUMN_RATE,
	COLUMN_STATE,
	COLUMN_MOUNTPOINT,
	COLUMN_PATH,
	COLUMN_UNSYNCED,
	COLUMN_REASON,
	COLUMN_CONSISTENT,
	COLUMN_BUSY,
	COLUMN_THRESHOLD,
	COLUMN_PAUSED,
	COLUMN_LABEL,
	COLUMN_UUID,
	COLUMN_ID,
	COLUMN_IDENTITY,
	COLUMN_PID,
	NR_COLUMNS,
};

#define USUAL_COLUMNS "NAME,TYPE,SIZE,DIRTY,STATE,MOUNTPOINT"
#define NARROW_COLUMNS "NAME,DIRTY,STATE"

_Static_assert((int)NR_COLUMNS <= (int)TABLE_MAX_COLUMNS, "all fit");

const struct table_column status_columns[NR_COLUMNS + 1] = {
	[COLUMN_NAME] = {"NAME", TABLE_TREE, "cache, backing, and devices on the exposed file"},
	[COLUMN_TYPE] = {"TYPE", 0, "cache, backing, loop, part, dm"},
	[COLUMN_SIZE] = {"SIZE", TABLE_BYTES, "size; of a cache: of its log"},
	[COLUMN_DIRTY] = {"DIRTY", TABLE_BYTES, "what is only in the cache"},
	[COLUMN_USE] = {"USE%", TABLE_NUMBER, "the same in percent of the log"},
	[COLUMN_RATE] = {"RATE", TABLE_BYTES, "written back in a second"},
	[COLUMN_STATE] = {"STATE", TABLE_CUT,
			  "healthy, degraded, failed, missing, paused; "
			  "of a daemon: dead, no answer"},
	[COLUMN_MOUNTPOINT] = {"MOUNTPOINT", TABLE_CUT, "where it is mounted"},
	[COLUMN_PATH] = {"PATH", TABLE_CUT, "path of the device or image"},
	[COLUMN_UNSYNCED] = {"UNSYNCED", TABLE_BYTES, "what a power cut now loses at most"},
	[COLUMN_REASON] = {"REASON", TABLE_CUT, "why it isn't healthy"},
	[COLUMN_CONSISTENT] = {"CONSISTENT", TABLE_NUMBER,
			       "without the cache, it shows a state of the past"},
	[COLUMN_BUSY] = {"BUSY%", TABLE_NUMBER, "how busy its disk is with others"},
	[COLUMN_THRESHOLD] = {"THRESHOLD", TABLE_NUMBER, "its migrate_threshold"},
	[COLUMN_PAUSED] = {"PAUSED", TABLE_NUMBER, "it is not written back"},
	[COLUMN_LABEL] = {"LABEL", 0, "label of the cache"},
	[COLUMN_UUID] = {"UUID", 0, "uuid of the cache"},
	[COLUMN_ID] = {"ID", TABLE_NUMBER, "number of the backing in the log; 0: not cached"},
	[COLUMN_IDENTITY] = {"IDENTITY", TABLE_CUT, "what the backing is known by"},
	[COLUMN_PID] = {"PID", TABLE_NUMBER, "the daemon"},
	[NR_COLUMNS] = {0},
};

int status_tree_begin(struct table *table, const struct table_options *options)
{
	return table_begin(table, "status", "wbfs", status_columns, USUAL_COLUMNS, NARROW_COLUMNS,
			   options);
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* ---- what lies on an exposed file ---- */

struct above {
	struct table *table;
	struct libscols_line *row; /* of the backing */
	ino_t file_ino;
};

static void *add_device(void *ctx, void *parent, const struct stacked *device)
{
	struct above *above = ctx;
	struct libscols_line *row = table_row(above->table, parent);
	char path[STACKED_NAME_LEN + 8];

	snprintf(path, sizeof(path), "/dev/%s", device->name);
	table_put(above->table, row, COLUMN_NAME, device->name);
	table_put(above->table, row, COLUMN_TYPE, device->type);
	table_put_bytes(above->table, row, COLUMN_SIZE, device->size);
	table_put(above->table, row, COLUMN_MOUNTPOINT, device->point);
	table_put(above->table, row, COLUMN_PATH, path);
	return row;
}

static bool add_loop(const struct loop *loop, void *ctx)
{
	struct above *above = ctx;

	if (loop->file_ino == above->file_ino)
		stacked_tell(last_part(loop->device), "loop", above->row, add_device, above);
	return true;
}

static void add_above(struct table *table, struct libscols_line *row,
		      const struct mount_entry *mount, const char *name)
{
	struct above above = {.table = table, .row = row};
	char path[PATH_MAX + NAME_MAX + 2];
	struct stat attr;

	snprintf(path, sizeof(path), "%s/%.255s", mount->point, name);
	if (stat(path, &attr) < 0)
		return;
	above.file_ino = attr.st_ino;
	if (loops_each(mount->dev, add_loop, &above) < 0)
		return; /* no sysfs, no loop devices */
}

/* ---- backings and caches ---- */

static void put_backing_state(struct table *table, struct libscols_line *row,
			      const struct json_object *backing)
{
	const char *simulated = status_text(backing, "simulated");
	const char *state = status_text(backing, "state");
	char text[128];

	if (!status_number(backing, "attached"))
		state = "missing";
	else if (strcmp(state, "healthy") == 0 && status_number(backing, "paused"))
		state = "paused";
	if (*simulated)
		snprintf(text, sizeof(text), "%.40s (simulated %.60s)", state, simulated);
	else
		snprintf(text, sizeof(text), "%.40s", state);
	table_put(table, row, COLUMN_STATE, text);
	table_put(table, row, COLUMN_REASON, status_text(backing, "reason"));
}

static void add_backing(struct table *table, struct libscols_line *cache,
			const struct mount_entry *mount, const struct mount_status *status,
			const struct json_object *backing)
{
	struct libscols_line *row = table_row(table, cache);
	const char *name = status_text(backing, "name");
	uint64_t dirty = status_number(backing, "dirty_bytes");

	table_put(table, row, COLUMN_NAME, name);
	table_put(table, row, COLUMN_TYPE, "backing");
	table_put_bytes(table, row, COLUMN_SIZE, status_number(backing, "size"));
	table_put_bytes(table, row, COLUMN_DIRTY, dirty);
	table_put_number(table, row, COLUMN_USE, mount_status_percent(status, dirty));
	table_put_bytes(table, row, COLUMN_RATE, status_number(backing, "migration_rate"));
	put_backing_state(table, row, backing);
	table_put(table, row, COLUMN_PATH, status_text(backing, "device"));
	table_put_number(table, row, COLUMN_CONSISTENT, status_number(backing, "consistent"));
	table_put_number(table, row, COLUMN_BUSY, status_number(backing, "utilisation"));
	table_put_number(table, row, COLUMN_THRESHOLD, status_number(backing, "migrate_threshold"));
	table_put_number(table, row, COLUMN_PAUSED, status_number(backing, "paused"));
	table_put_number(table, row, COLUMN_ID, status_number(backing, "id"));
	table_put(table, row, COLUMN_IDENTITY, status_text(backing, "identity"));
	add_above(table, row, mount, name);
}

void status_tree_add(struct table *table, const struct mount_entry *mount,
		     const struct mount_status *status)
{
	struct libscols_line *row = table_row(table, NULL);
	const struct json_object *cache = status->cache;
	uint64_t dirty = status_number(cache, "dirty_bytes");

	table_put(table, row, COLUMN_NAME, last_part(status_text(cache, "device")));
	table_put(table, row, COLUMN_TYPE, "cache");
	table_put_bytes(table, row, COLUMN_SIZE, mount_status_log_bytes(status));
	table_put_bytes(table, row, COLUMN_DIRTY, dirty);
	table_put_number(table, row, COLUMN_USE, mount_status_percent(status, dirty));
	table_put_bytes(table, row, COLUMN_RATE, status_number(cache, "migration_rate"));
	table_put(table, row, COLUMN_STATE, status_text(cache, "state"));
	table_put(table, row, COLUMN_REASON, status_text(cache, "reason"));
	table_put(table, row, COLUMN_MOUNTPOINT, mount->point);
	table_put(table, row, COLUMN_PATH, status_text(cache, "device"));
	table_put_bytes(table, row, COLUMN_UNSYNCED, status_number(cache, "unsynced_bytes"));
	table_put(table, row, COLUMN_LABEL, status_text(cache, "label"));
	table_put(table, row, COLUMN_UUID, status_text(cache, "uuid"));
	table_put_number(table, row, COLUMN_PID, status_number(cache, "pid"));
	for (unsigned int i = 0; i < mount_status_nr_backings(status); i++)
		add_backing(table, row, mount, status, mount_status_backing(status, i));
}

void status_tree_add_silent(struct table *table, const struct mount_entry *mount, const char *state)
{
	struct libscols_line *row = table_row(table, NULL);

	table_put(table, row, COLUMN_NAME, last_part(mount->source));
	table_put(table, row, COLUMN_TYPE, "cache");
	table_put(table, row, COLUMN_STATE, state);
	table_put(table, row, COLUMN_MOUNTPOINT, mount->point);
	table_put(table, row, COLUMN_PATH, mount->source);
}
