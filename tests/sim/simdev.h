/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated block devices and a simulated clock, in one thread. I/O that the engine submits stays
 * pending until sim_step completes one of it, chosen by the seed. Devices have a volatile write
 * cache: a power cut keeps, loses or tears each write since the last completed flush.
 */
#ifndef WB_TESTS_SIMDEV_H
#define WB_TESTS_SIMDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/wb.h"

#define SIM_MAX_DEVICES 8

struct simdev_write; /* not flushed yet */

struct simdev_fault {
	int err;	/* 0: none */
	uint64_t skip;	/* I/Os of this kind that still succeed */
	uint64_t times; /* then so many fail */
};

struct simdev {
	struct bdev bdev;
	struct sim *sim;
	uint8_t *visible; /* what reads see */
	uint8_t *stable;  /* what has been flushed */
	struct simdev_write *writes;
	unsigned int nr_writes, max_writes;
	struct simdev_fault faults[BDEV_ZERO + 1];
	uint64_t bad_off, bad_len;	/* reads that touch this range fail with -EIO */
	bool hold[BDEV_ZERO + 1];	/* I/Os of this kind stay pending */
	bool drop_on_failed_flush;	/* a failed flush loses what it should have saved */
	uint64_t nr_ios[BDEV_ZERO + 1]; /* completed, good or bad */
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
	enum sim_fate fate;
	struct simdev *devices[SIM_MAX_DEVICES];
	unsigned int nr_devices;
	struct wb *wb; /* gets the ticks */
	struct wb_env env;
	char last_message[512];
	bool verbose;
};

void sim_init(struct sim *sim, uint64_t seed);
void sim_fini(struct sim *sim); /* and its devices */

uint64_t sim_random(struct sim *sim, uint64_t below);

struct simdev *simdev_new(struct sim *sim, const char *name, uint64_t size);
/* The next `times` I/Os of a kind fail with err, after `skip` good ones. */
void simdev_fail(struct simdev *dev, enum bdev_op op, int err, uint64_t skip, uint64_t times);

/* Complete one pending I/O that isn't held, or let time pass up to the timer. False if there is neither. */
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
