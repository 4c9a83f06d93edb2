/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Exhaustive instead of random: short histories, and for each of them every moment at which power
 * can fail with every subset of what was not flushed then, or every single I/O that can fail.
 *
 *	exhaustive_disk.c    disks that write down what is done to them, small enough to be copied
 *	exhaustive_run.c     a history is carried out; what its contents may be afterwards
 *	exhaustive_cut.c     the states that power cuts leave, and whether they are in order
 *	exhaustive_fault.c   each single I/O fails once
 *	exhaustive.c	     which histories, and the command line
 *
 * Everything is deterministic, so that a failure is named by its history and a few numbers.
 */
#ifndef WB_TESTS_EXHAUSTIVE_H
#define WB_TESTS_EXHAUSTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/wb.h"

#define SECTOR 512u
#define BLOCK ((uint32_t)WB_BLOCK_SIZE)

/* ---- disks ---- */

enum { CACHE, FIRST, SECOND, NR_DISKS };

#define NR_BACKINGS 2u
#define FIRST_LEN (4 * BLOCK)
#define SECOND_LEN (3 * BLOCK + 3 * SECTOR) /* ends within a block */
#define CONTENTS_LEN (FIRST_LEN + SECOND_LEN)
#define SUPERS_LEN (4 * BLOCK) /* two superblocks with their tables: all of the first MiB in use */
#define NEVER UINT32_MAX

struct geometry {
	uint32_t nr_segments, segment_blocks;
	unsigned int nr_buffers;
};

/* A write (or zeroing) as a disk saw it. */
struct tape_write {
	unsigned int disk;
	uint32_t at, len; /* bytes, in an image */
	size_t data;	  /* in bench.data; NO_DATA: zeros */
	/* ticks, or NEVER; flushed: a flush that began after its completion has ended */
	uint32_t submitted, completed, flushed, dropped;
};
#define NO_DATA SIZE_MAX

/* What becomes of the I/O that fails. */
enum damage {
	DAMAGE_NONE,	/* nothing was done */
	DAMAGE_DONE,	/* all was done nevertheless */
	DAMAGE_TORN,	/* writes: the first half was done */
	DAMAGE_DROPPED, /* flushes: what should have been saved is lost */
	NR_DAMAGES,
};

struct disk {
	struct bdev bdev;
	struct bench *bench;
};

/*
 * Three disks and a clock, in one thread. An image is what all three hold, one after the other,
 * without the unused parts of the cache.
 */
struct bench {
	struct geometry geometry;
	struct disk disks[NR_DISKS];
	size_t image_len;
	size_t contents; /* where in an image the backings are */
	uint8_t *visible, *stable;
	uint8_t *first; /* stable before anything on the tape */
	struct bdev_io *pending;
	bool last_first; /* completes what was submitted last, and reads are slow */
	uint64_t now, timer;
	struct wb *wb;
	struct wb_env env;
	uint64_t steps;
	uint32_t tick; /* counts submissions and completions */
	uint32_t nr_ios;
	uint32_t fault; /* this I/O fails; NEVER: none */
	enum damage damage;
	enum bdev_op fault_op; /* what it turned out to be */
	uint32_t fault_tick;
	/* the tape */
	struct tape_write *writes;
	uint32_t *completed; /* indexes into writes, in order of completion */
	uint32_t nr_writes, nr_completed, max_writes;
	uint8_t *data;
	size_t data_len, data_max;
	void (*before_change)(void *ctx); /* a write or flush is about to complete */
	void *ctx;
	char last_message[512];
};

void bench_init(struct bench *bench, const struct geometry *geometry);
void bench_fini(struct bench *bench);
void bench_forget_spares(void);
/* Forget everything but the contents, which become those of `image`, or zeros if NULL. */
void bench_load(struct bench *bench, const uint8_t *image);
/* What was written before the process died and not flushed: visible, but not yet safe. */
void bench_write_unflushed(struct bench *bench, const struct tape_write *w, const uint8_t *data);
bool bench_step(struct bench *bench);
void bench_settle(struct bench *bench);
void bench_sleep(struct bench *bench, uint64_t ns);
void tape_apply(const struct tape_write *w, const uint8_t *data, uint32_t from, uint32_t len,
		uint8_t *image);

/* ---- histories ---- */

#define MAX_OPS 16
#define MAX_STATES (MAX_OPS + 1)

enum kind { WRITE, ZERO, READ, SYNC, DRAIN, MIGRATE, PAUSE, RESUME, IDLE, REOPEN };

struct letter {
	char name;
	enum kind kind;
	bool dsync;
	bool wait; /* before the next one begins */
	unsigned int backing;
	uint32_t off, len;
	const char *what;
};
extern const struct letter letters[];
const struct letter *letter_of(char name);

struct op {
	struct run *run;
	const struct letter *letter;
	bool busy;
	int err;
	unsigned int covered; /* writes before or up to it */
	struct wb_io io;
	uint8_t *buf, *pages;
};

/* A moment at which power can fail, and what must be there then: states min..max. */
struct cut {
	uint32_t tick;
	unsigned int min, max;
	unsigned int drained; /* the backings alone show this state or a later one */
};

struct run {
	struct bench *bench;
	struct wb *wb;
	struct wb_backing *handles[NR_BACKINGS];
	struct op ops[MAX_OPS];
	unsigned int nr_ops;
	/* Contents of the backings after each write; 0: before the first. */
	uint8_t *states;
	uint64_t hashes[MAX_STATES];
	unsigned int nr_states; /* the last one */
	unsigned int acknowledged, synced, drained;
	uint32_t first_stamp;
	/* An earlier life, whose states up to one the backings alone may still show. */
	const struct run *before;
	unsigned int before_last, before_drained;
	struct cut *cuts;
	unsigned int nr_cuts, max_cuts;
	bool recording;
	bool faulty;
	bool probing; /* nobody knows what it holds */
};

void run_init(struct run *run, struct bench *bench);
void run_fini(struct run *run);
/* Begin with these contents; stamps tell the writes of one life from those of another. */
void run_reset(struct run *run, const uint8_t *contents, uint32_t first_stamp);
void run_format(struct run *run);
int run_open(struct run *run); /* and attach both backings */
void run_start(struct run *run);
void run_letter(struct run *run, const struct letter *letter);
/* Letters; cuts are noted from the from-th on. Then wait for all. */
void run_letters(struct run *run, const char *name, size_t from);
void run_finish(struct run *run);
void run_read(struct run *run, uint8_t *contents);
void run_expect_newest(struct run *run);
void run_drain(struct run *run);
int run_close(struct run *run);
void run_abandon(struct run *run);
uint8_t *run_state(const struct run *run, unsigned int n);
uint64_t hash_of(const void *data, size_t len);

/* ---- crash states ---- */

enum thoroughness {
	ENDS,  /* all kept, all lost */
	SOME,  /* and each alone kept, each alone lost; all subsets of a few */
	EVERY, /* every subset, torn writes, killed processes */
};

/* deep: one in so many distinct states is used again and cut again; 0: none. */
void cut_everywhere(struct run *run, enum thoroughness how, unsigned int deep, uint32_t from_tick);
void cut_describe(void); /* the state that is being looked at */
void cut_init(const struct geometry *geometry);
void cut_fini(void);

/* ---- single faults ---- */

void fail_each_io(const struct geometry *geometry, const char *history, bool last_first);

/* ---- what is going on, for reports ---- */

#define ANY UINT32_MAX

struct place {
	const char *history;
	struct geometry geometry;
	bool last_first;
	uint32_t fault, damage; /* ANY: none */
	uint32_t cut[2], subset[2];
};
extern struct place place;
extern struct place wanted; /* what --cut, --subset and so on ask for; ANY: everything */

struct totals {
	uint64_t histories, cuts, states, distinct, second_lives, capped, fault_runs;
	unsigned int most_unflushed;
};
extern struct totals totals;

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void place_print(void);

#endif
