/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of exports. Opening and attaching runs at the start and in the control worker;
 * looking up on receivers. The lock is held for lookups only, never across I/O.
 */
#include "config.h"

#include "fuse/exports.h"

#include <errno.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"

void exports_init(struct exports *exports, struct wb *wb, struct posix_io *io,
		  unsigned int device_flags)
{
	*exports = (struct exports){
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wb = wb,
		.io = io,
		.device_flags = device_flags,
	};
}

/* FNV-1a: the same name and device give the same generation, today and after a restart. */
static uint64_t hash_strings(const char *a, const char *b)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *c = a; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
	for (const char *c = b; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
	return hash;
}

static bool find_info(struct wb *wb, const struct wb_backing *backing, struct wb_backing_info *info)
{
	for (unsigned int i = 0; wb_backing_info(wb, i, info); i++)
		if (info->backing == backing)
			return true;
	return false;
}

/* The slot that belongs to a backing: its id, or the first free one behind all ids. */
static int choose_slot(struct exports *exports, const struct wb_backing *backing)
{
	struct wb_backing_info info;
	unsigned int slot;

	if (!find_info(exports->wb, backing, &info))
		return -EINVAL;
	if (info.id)
		return (int)info.id;
	for (slot = EXPORTS_UNCACHED; slot < EXPORTS_MAX; slot++)
		if (exports->slot[slot].state == EXPORT_FREE)
			return (int)slot;
	return -ENOSPC;
}

static int fill_slot(struct exports *exports, const struct wb_backing_spec *spec,
		     struct wb_backing *backing, struct export **export)
{
	LOCK_SCOPE(&exports->lock);
	int slot = choose_slot(exports, backing);
	struct export *e;

	if (slot < 0)
		return slot;
	e = &exports->slot[slot];
	strcpy(e->name, spec->name);
	atomic_store(&e->size, spec->dev->size);
	e->generation = hash_strings(spec->name, spec->identity);
	e->cached = spec->cached;
	e->stale_pages = true;
	e->nr_open = 0;
	e->changing = false;
	e->dev = spec->dev;
	e->state = EXPORT_LEAVING;
	atomic_store(&e->backing, backing);
	*export = e;
	return 0;
}

static int set_threshold(struct exports *exports, const struct device_option *device,
			 struct wb_backing *backing)
{
	if (!device->migrate_threshold.set)
		return 0;
	return wb_knob_set(exports->wb, backing, WB_KNOB_MIGRATE_THRESHOLD,
			   device->migrate_threshold.value);
}

int exports_attach(struct exports *exports, const struct device_option *device, bool force,
		   struct export **export)
{
	char identity[WB_IDENTITY_LEN];
	struct wb_backing_spec spec = {
		.name = device->name,
		.identity = identity,
		.cached = !device->uncached,
		.force = force,
	};
	unsigned int flags = exports->device_flags;
	struct wb_backing *backing;
	int err;

	/* What comes for a device without a cache in between has any offset and length. */
	if (device->uncached)
		flags |= DEVICE_BUFFERED;
	if (device->sim_hdd)
		flags |= DEVICE_SIM_HDD;
	err = device_open(exports->io, device->path, flags, &spec.dev);
	if (err)
		return err;
	spec.numbered = !device_identity(spec.dev, identity);
	spec.path = spec.dev->path;
	err = wb_attach(exports->wb, &spec, &backing);
	if (err) {
		bdev_close(spec.dev);
		return err;
	}
	/* The engine has it now, and with it the device, until it is detached or closed. */
	err = fill_slot(exports, &spec, backing, export);
	if (device->sim_hdd)
		message(MESSAGE_INFO, "%s: %s: simulated: takes the time of a hard disk (sim=hdd)",
			device->name, spec.path);
	return err ? err : set_threshold(exports, device, backing);
}

void exports_show(struct exports *exports, struct export *export)
{
	LOCK_SCOPE(&exports->lock);

	export->state = EXPORT_SHOWN;
}

static int find_locked(const struct exports *exports, const char *name)
{
	for (int i = 0; i < EXPORTS_MAX; i++)
		if (exports->slot[i].state == EXPORT_SHOWN &&
		    strcmp(exports->slot[i].name, name) == 0)
			return i;
	return -ENOENT;
}

int exports_leave(struct exports *exports, const char *name, struct export **export)
{
	LOCK_SCOPE(&exports->lock);
	int slot = find_locked(exports, name);

	if (slot < 0)
		return slot;
	if (exports->slot[slot].nr_open || exports->slot[slot].changing)
		return -EBUSY;
	*export = &exports->slot[slot];
	(*export)->state = EXPORT_LEAVING;
	return 0;
}

int exports_change(struct exports *exports, unsigned int slot, struct export **export)
{
	LOCK_SCOPE(&exports->lock);

	if (slot >= EXPORTS_MAX || exports->slot[slot].state != EXPORT_SHOWN)
		return -ENOENT;
	if (exports->slot[slot].changing)
		return -EBUSY;
	*export = &exports->slot[slot];
	(*export)->changing = true;
	return 0;
}

int exports_seclude(struct exports *exports, struct export *export)
{
	LOCK_SCOPE(&exports->lock);

	if (export->nr_open)
		return -EBUSY;
	export->state = EXPORT_LEAVING;
	return 0;
}

void exports_stay(struct exports *exports, struct export *export)
{
	LOCK_SCOPE(&exports->lock);

	export->changing = false;
	export->state = EXPORT_SHOWN;
}

void exports_grow(struct exports *exports, struct export *export, uint64_t size)
{
	LOCK_SCOPE(&exports->lock);

	atomic_store(&export->size, size);
	export->stale_pages = true;
}

void exports_gone(struct exports *exports, struct export *export)
{
	bdev_close(export->dev);
	LOCK_SCOPE(&exports->lock);
	export->dev = NULL;
	export->state = EXPORT_FREE;
	atomic_store(&export->backing, NULL);
}

int exports_find(struct exports *exports, const char *name)
{
	LOCK_SCOPE(&exports->lock);

	return find_locked(exports, name);
}

struct export *exports_get(struct exports *exports, unsigned int slot)
{
	if (slot >= EXPORTS_MAX || !atomic_load(&exports->slot[slot].backing))
		return NULL;
	return &exports->slot[slot];
}

int exports_open(struct exports *exports, unsigned int slot, bool *keep_pages)
{
	LOCK_SCOPE(&exports->lock);
	struct export *e;

	if (slot >= EXPORTS_MAX || exports->slot[slot].state != EXPORT_SHOWN)
		return -ENOENT;
	e = &exports->slot[slot];
	*keep_pages = !e->stale_pages;
	e->stale_pages = false;
	e->nr_open++;
	return 0;
}

int exports_hold(struct exports *exports, unsigned int slot, struct export **export)
{
	LOCK_SCOPE(&exports->lock);

	if (slot >= EXPORTS_MAX || exports->slot[slot].state != EXPORT_SHOWN)
		return -ENOENT;
	*export = &exports->slot[slot];
	(*export)->nr_open++;
	return 0;
}

void exports_release(struct exports *exports, unsigned int slot)
{
	LOCK_SCOPE(&exports->lock);

	if (slot < EXPORTS_MAX && exports->slot[slot].nr_open)
		exports->slot[slot].nr_open--;
}

const char *exports_simulates(const struct exports *exports, const struct wb_backing *backing)
{
	for (int i = 0; i < EXPORTS_MAX; i++)
		if (exports->slot[i].state == EXPORT_SHOWN &&
		    atomic_load(&exports->slot[i].backing) == backing)
			return device_simulates(exports->slot[i].dev);
	return NULL;
}

bool exports_info(struct exports *exports, unsigned int slot, struct wb_backing_info *info)
{
	const struct export *e = &exports->slot[slot];

	return e->state == EXPORT_SHOWN && find_info(exports->wb, atomic_load(&e->backing), info);
}

void exports_close(struct exports *exports)
{
	for (unsigned int i = 0; i < EXPORTS_MAX; i++)
		if (exports->slot[i].state != EXPORT_FREE)
			bdev_close(exports->slot[i].dev);
}
