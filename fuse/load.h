/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How busy a disk is: what the kernel says about it, and what follows from two looks at it. Pure
 * but for load_open and load_read; no lock.
 */
#ifndef FUSE_LOAD_H
#define FUSE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_SYS_BLOCK "/sys/dev/block"

/* A look at a disk. All times only grow. */
struct load_sample {
	uint64_t at;		/* ns */
	bool has_busy;		/* busy_ms is known */
	uint32_t busy_ms;	/* io_ticks: the disk had something to do; wraps around */
	uint64_t foreground_ns; /* requests of ours were in flight on it */
	uint64_t migration_ns;	/* migration of ours was in flight */
};

/*
 * Open the stat file of a block device, or of its whole disk if a partition has none, below
 * LOAD_SYS_BLOCK (or where a test has its own). A descriptor, or -errno; -ENOENT: no such device.
 */
int load_open(const char *sys_block, uint64_t device);

/* Read io_ticks from it. False: it is gone, or not what it should be. */
bool load_read(int fd, uint32_t *io_ticks);

/*
 * io_ticks (the tenth number) of a stat file's text. Source: Linux, Documentation/block/stat.rst.
 */
bool load_parse(const char *text, uint32_t *io_ticks);

/*
 * Whether our migration was in flight for so little of the time between two looks, a tenth at most,
 * that they tell what the disk does besides it.
 */
bool load_tells(const struct load_sample *from, const struct load_sample *to);

/*
 * How much of the time without our migration the disk was busy, in percent: with whatever
 * others do, and with our requests. -1: not known, because no time has passed or the counter of
 * the disk has jumped.
 */
int load_utilisation(const struct load_sample *from, const struct load_sample *to);

/* The verdict. Threshold 0: always busy, 100: never. */
bool load_is_busy(unsigned int utilisation, unsigned int threshold);

#endif
