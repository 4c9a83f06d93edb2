/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated block devices and a simulated clock, in one thread. I/O that the engine submits stays
 * pending until sim_step completes one of it, chosen by the seed. Devices have a volatile write
 * cache: a flush saves what had been completed when it was submitted; a power cut keeps, loses or
 * tears everything else.
 */
#ifndef WB_TESTS_SIMDEV_H
#define WB_TESTS_SIMDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/wb.h"

#define SIM_MAX_DEVICES 8
#define SIM_MAX_MAPS 16

struct simdev_write; /* not flushed yet */

/* What a write may do although it is reported as done. */
enum simdev_mishap {
	SIMDEV_FINE,
	SIMDEV_LOST,	    /* nothing */
	SIMDEV_MISDIRECTED, /* land at another block */
};

struct simdev_fault {
	int err;	/* 0: none */
	uint64_t skip;	/* I/Os of this kind that still succeed */
	uint64_t times; /* then so many fail */
};

struct simdev {
	struct bdev bdev;
	struct sim *sim;
	uint8_t *visible;	     /* what reads see */
	uint8_t *stable;	     /* what has been flushed */
	struct simdev_write *writes; /* completed since the last flush, in that order */
	unsigned int nr_writes, max_writes;
	uint64_t nr_written; /* writes completed ever; the last nr_writes are not flushed */
	uint8_t *data;	     /* of all writes */
	uint64_t data_len, data_max;
	struct simdev_fault faults[BDEV_NR_OPS];
	uint64_t bad_off, bad_len;    /* reads that touch this range fail with -EIO */
	bool hold[BDEV_NR_OPS];	      /* I/Os of this kind stay pending */
	bool drop_on_failed_flush;    /* a failed flush loses what it should have saved */
	bool gone;		      /* every I/O fails with -ENXIO */
	bool short_transfers;	      /* an I/O that fails has transferred a part */
	uint64_t slow_ns;	      /* every second I/O takes up to so much longer */
	enum simdev_mishap mishap;    /* what happens to a write, once, */
	uint64_t mishap_skip;	      /* after so many */
	uint64_t mishap_off;	      /* where it should have been */
	uint64_t nr_ios[BDEV_NR_OPS]; /* completed, good or bad */
	uint64_t nr_failed[BDEV_NR_OPS];
	uint64_t nr_mishaps;
};

/* What a power cut does to writes that are not flushed. */
enum sim_fate {
	SIM_FATE_RANDOM,
	SIM_FATE_LOST,
	SIM_FATE_KEPT,
};

struct sim {
	uint64_t random; /* state of the generator */
	uint64_t now;	 /* ns */
	uint64_t timer;	 /* UINT64_MAX: not set */
	struct bdev_io *pending;
	unsigned int nr_pending;
	bool in_order; /* complete I/O in the order of submission */
	bool late;     /* ticks may come while I/O is pending, too */
	enum sim_fate fate;
	struct simdev *devices[SIM_MAX_DEVICES];
	unsigned int nr_devices;
	struct wb *wb; /* gets the ticks */
	struct wb_env env;
	struct iovec maps[SIM_MAX_MAPS]; /* large memory of the engine */
	char last_message[512];
	bool verbose;
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim); /* and its devices */

uint64_t sim_random(struct sim *sim, uint64_t below);

struct simdev *simdev_new(struct sim *sim, const char *name, uint64_t size);
/* The next `times` I/Os of a kind fail with err, after `skip` good ones. */
void simdev_fail(struct simdev *dev, enum bdev_op op, int err, uint64_t skip, uint64_t times);

/* Make stable what has been written, as a flush would. */
void simdev_save(struct simdev *dev);

/* Invert a bit of a device for good. */
void simdev_rot(struct simdev *dev, uint64_t off, unsigned int bit);

/*
 * Complete one pending I/O that isn't held, or let time pass up to the timer. False if there is
 * neither.
 */
bool sim_step(struct sim *sim);
/* Step until *flag, and assert that it comes. */
void sim_run_until(struct sim *sim, const bool *flag);
/* Step until nothing is pending but what is held; the clock stands still. */
void sim_settle(struct sim *sim);
/* Let time pass, with all that happens in it. */
void sim_sleep(struct sim *sim, uint64_t ns);

/* The process dies: pending I/O is done or not, and what was not flushed stays volatile. */
void sim_kill(struct sim *sim);

/* All devices lose what they may lose; pending I/O is gone. The engine is to be abandoned. */
void sim_power_cut(struct sim *sim);

#endif
