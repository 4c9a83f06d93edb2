/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modulator: looks every update_interval at how busy the disks under the cached backings are
 * with what isn't our migration, tells the engine which backings are too busy for it, and sets
 * allow_migrate. With update_interval 0 it does nothing, and no backing counts as busy.
 *
 * All happens on its own thread, with exports.lock held, so that no backing goes away meanwhile.
 */
#ifndef FUSE_MODULATOR_H
#define FUSE_MODULATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"
#include "fuse/exports.h"
#include "fuse/load.h"
#include "fuse/timer.h"

struct server;

/* What backings are on. Those on one disk share its load, and are measured together. */
struct modulator_disk {
	unsigned int nr_backings; /* 0: this one is free */
	uint64_t number;	  /* of the block device; 0 for a simulated disk */
	int fd;			  /* its stat file, or -1 */
	enum {
		DISK_RUNNING,  /* measured from `from` on */
		DISK_DRAINING, /* our migration is to come to rest */
		DISK_QUIET,    /* it is at rest; measured from `from` until `quiet_end` */
	} phase;
	struct load_sample from;
	uint64_t quiet_end; /* ns */
	unsigned int utilisation;
};

struct modulator {
	struct server *server; /* const */
	struct timer timer;
	/* the thread's */
	unsigned int interval; /* s: as of the last look; 0: off */
	uint64_t due;	       /* ns: of the next measurement */
	struct {
		struct wb_backing *backing; /* NULL: none to be looked at in this slot */
		const struct bdev *dev;
		uint64_t number; /* of the device, which may change below dev */
		struct modulator_disk *disk;
	} slot[EXPORTS_MAX];
	struct modulator_disk disks[WB_MAX_BACKINGS];
};

/* The backings there are at the start are judged before it returns. 0 or -errno after a message. */
int modulator_start(struct modulator *modulator, struct server *server) WB_CHECK;
void modulator_stop(struct modulator *modulator);

/* Backings have come or gone, or a knob has changed. Any thread, never waits. */
void modulator_poke(struct modulator *modulator);

#endif
