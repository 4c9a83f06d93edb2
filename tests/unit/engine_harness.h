/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the unit tests of the engine share: a tiny cache on simulated devices and a simulated
 * clock, in one thread. Requests either run to their end (do_*) or are started and looked at later
 * (start_*). Migration is off unless a test asks for it, so that only what a test does happens.
 * Contents are written and compared as bytes that are all the same letter.
 */
#ifndef TEST_ENGINE_HARNESS_H
#define TEST_ENGINE_HARNESS_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/util.h"
#include "tests/sim/simdev.h"

#define BLOCK ((uint64_t)WB_BLOCK_SIZE)
#define SECTOR ((uint64_t)WB_SECTOR_SIZE)
#define MAX_OPS 64
#define OP_BLOCKS 32u /* the most in one request */
#define MAX_TRACE 4096
#define BACKING_BLOCKS 64u
#define ODD_SECTORS 3u /* the second backing ends in a block of so many sectors */

/* A request under way or done. */
struct op {
	struct wb_io io;
	bool used, done;
	int err;
	uint8_t *buf, *pages;
};

/* An I/O as it was submitted. */
struct trace {
	const struct simdev *dev;
	enum bdev_op op;
	uint64_t off, len;
	uint64_t at; /* ns */
};

struct harness {
	struct sim sim;
	struct simdev *cache, *dev[2];
	struct wb_backing *b[2];
	struct wb *wb;
	struct wb_options options;
	struct wb_format_result geometry;
	struct op ops[MAX_OPS];
	struct trace trace[MAX_TRACE];
	unsigned int nr_trace;
	char messages[16384];
	bool done; /* of wb_start, wb_stop, wb_drain ... */
	int err;
};

extern struct harness t;

/* Fixtures. A formatted cache of nr_segments of segment_blocks, and two empty backings. */
void harness_make(unsigned int nr_segments, unsigned int segment_blocks, unsigned int nr_buffers);
void harness_setup(void);	  /* 3 segments of 4 blocks, 3 buffers; not open */
void harness_setup_started(void); /* the same, in use */
void harness_setup_ring(void);	  /* 8 segments of 4 blocks, 2 buffers; in use */
void harness_teardown(void);

/* Run the tests with a fixture (NULL: none); the result is for main. */
int harness_run(const char *name, const TTest *const *tests, size_t nr_tests, SFun setup,
		SFun teardown);

/* ---- the life of a cache ---- */

int try_open(void); /* wb_open alone */
int try_attach(unsigned int backing, bool force);
int try_start(void);
void begin(void); /* open, attach both, start; migration off */
int do_stop(void);
void end(void);	    /* stop and close, without an error */
void crash(void);   /* unflushed writes are lost, unless t.sim.fate says otherwise */
void abandon(void); /* the daemon dies: devices keep what they have */
int do_drain(void);
int do_drain_one(unsigned int backing);
int do_detach(unsigned int backing, bool discard);
int do_resize(unsigned int backing);
int do_commit(void);
/* For wb_drain and so on: t.done and t.err. */
void note_done(void *ctx, int err);
int wait_done(void);

/* ---- requests ---- */

/* Not yet submitted. */
struct op *make_write(unsigned int backing, uint64_t off, uint64_t len, char letter);
struct op *start_write(unsigned int backing, uint64_t off, uint64_t len, char letter);
struct op *start_dsync(unsigned int backing, uint64_t off, uint64_t len, char letter);
struct op *start_zero(unsigned int backing, uint64_t off, uint64_t len);
struct op *start_read(unsigned int backing, uint64_t off, uint64_t len);
struct op *start_sync(void);
int op_wait(struct op *op); /* its error */

int do_write(unsigned int backing, uint64_t off, uint64_t len, char letter);
int do_zero(unsigned int backing, uint64_t off, uint64_t len);
int do_read(unsigned int backing, uint64_t off, uint64_t len);
int do_sync(void);

void write_block(unsigned int backing, uint64_t block, char letter);
void write_and_sync(unsigned int backing, uint64_t block, char letter);

/* ---- looking ---- */

/* All bytes of the range are the letter (0: zeros): read through the cache, or on the device. */
void expect(unsigned int backing, uint64_t off, uint64_t len, char letter);
void expect_block(unsigned int backing, uint64_t block, char letter);
void expect_on_backing(unsigned int backing, uint64_t off, uint64_t len, char letter);

struct wb_status status(void);
struct wb_backing_info info(unsigned int backing);
void knob(enum wb_knob_id id, unsigned int value);
void pause_backing(unsigned int backing, bool paused);
bool said(const char *words); /* in any message */

unsigned int nr_pending(const struct simdev *dev, enum bdev_op op);
uint64_t nr_ios(void); /* completed on all devices */
/* Index of the n-th (from 0) I/O of a kind in the trace from `from` on; -1: there is none. */
int trace_find(unsigned int from, const struct simdev *dev, enum bdev_op op, unsigned int n);
bool is_super(const struct trace *trace);

/* The newest superblock on the cache, and what its table says of a backing. */
struct super newest_super(void);
unsigned int newest_copy(void);
struct table_entry entry_on_disk(unsigned int backing);

/* ---- steering ---- */

/* Write other blocks (from 40 on, of the second backing) until no buffer has what is there now. */
void evict(void);
/* Write blocks below 40 of the second backing until the log has gone round so often. */
void turn_ring(unsigned int times);
/* Take the first pending I/O of a kind out of the simulation, and put it back. */
struct bdev_io *steal(const struct simdev *dev, enum bdev_op op);
void give_back(struct bdev_io *io);

/* ---- damaging ---- */

/* Byte offset of a block of a segment on the cache. */
uint64_t slot_off(uint64_t segment, uint32_t block);
/* Invert a byte of a device for good. */
void damage(struct simdev *dev, uint64_t off);
/* Fill part of a device with a letter behind the engine's back. */
void put(struct simdev *dev, uint64_t off, uint64_t len, char letter);

#endif
