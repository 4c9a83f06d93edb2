/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exports: the backings as files in the mount point. A table of slots; the slot of a cached
 * backing is its id in the log, so that node ids and handles mean the same to the next daemon.
 *
 * An export can be opened only while it is shown, and leaves only when nobody has it open. So
 * whoever handles a request on an open file may use backing and size without a lock.
 */
#ifndef FUSE_EXPORTS_H
#define FUSE_EXPORTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/posix/device.h"
#include "engine/wb.h"
#include "fuse/options.h"

enum {
	EXPORTS_UNCACHED = WB_MAX_TABLE + 1, /* slots of backings without an id start here */
	EXPORTS_MAX = EXPORTS_UNCACHED + WB_MAX_BACKINGS,
};

enum export_state {
	EXPORT_FREE,
	EXPORT_SHOWN,
	EXPORT_LEAVING, /* being detached: neither found nor opened */
};

struct export
{
	/* protected by exports.lock; const while shown unless noted */
	enum export_state state;
	char name[WB_NAME_LEN];
	_Atomic uint64_t size; /* may grow; read without the lock */
	uint64_t generation;   /* tells the node from an earlier one in the same slot */
	bool cached;
	bool stale_pages;     /* the kernel may have pages of an earlier export: not const */
	unsigned int nr_open; /* not const */
	bool changing;	      /* not const: see exports_change */
	struct bdev *dev;
	_Atomic(struct wb_backing *) backing;
};

struct exports {
	pthread_mutex_t lock;
	struct export slot[EXPORTS_MAX];
	struct wb *wb;		   /* const after exports_init */
	struct posix_io *io;	   /* const after exports_init */
	unsigned int device_flags; /* for device_open; const after exports_init */
};

void exports_init(struct exports *exports, struct wb *wb, struct posix_io *io,
		  unsigned int device_flags);

/*
 * Open a device and attach it to the engine. Blocks. It is not shown yet. 0 or -errno after a
 * message. force: although it is not what the log knows.
 */
int exports_attach(struct exports *exports, const struct device_option *device, bool force,
		   struct export **export) WB_CHECK;

/* Let an attached export be found. */
void exports_show(struct exports *exports, struct export *export);

/* Begin to take an export away. -ENOENT, or -EBUSY while it is open. */
int exports_leave(struct exports *exports, const char *name, struct export **export) WB_CHECK;
/*
 * Begin to change one, which stays shown. -ENOENT, or -EBUSY while it is changing already. Until
 * exports_stay it can't leave.
 */
int exports_change(struct exports *exports, unsigned int slot, struct export **export) WB_CHECK;
/* It stays after all. */
void exports_stay(struct exports *exports, struct export *export);
/* It has left the engine: close its device and free the slot. Blocks. */
void exports_gone(struct exports *exports, struct export *export);

/* While it changes: it can't be found nor opened until exports_stay. -EBUSY while it is open. */
int exports_seclude(struct exports *exports, struct export *export) WB_CHECK;
/* Its device, and its size, are larger from now on. */
void exports_grow(struct exports *exports, struct export *export, uint64_t size);

/* The slot of a shown export by name, or -ENOENT. */
int exports_find(struct exports *exports, const char *name);

/* The export of a slot, for requests on an open file; NULL if there is none. Takes no lock. */
struct export *exports_get(struct exports *exports, unsigned int slot);

/*
 * Count one more user. -ENOENT if it isn't shown. *keep_pages: what the kernel has cached of it
 * is still right.
 */
int exports_open(struct exports *exports, unsigned int slot, bool *keep_pages) WB_CHECK;
void exports_release(struct exports *exports, unsigned int slot);

/* The same for who uses it without having it open, for a moment. */
int exports_hold(struct exports *exports, unsigned int slot, struct export **export) WB_CHECK;

/* What the engine knows of a shown export; call with exports.lock held. False if it isn't shown. */
bool exports_info(struct exports *exports, unsigned int slot, struct wb_backing_info *info);

/* What its device only pretends to be ("hdd"), else NULL. Call with exports.lock held. */
const char *exports_simulates(const struct exports *exports, const struct wb_backing *backing);

/* Close all devices. The engine is closed, nobody looks any more. */
void exports_close(struct exports *exports);

#endif
