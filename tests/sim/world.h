/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A run of the simulation: one cache, its disks, and what is known about them. The rooms:
 *
 *	sim.c		the command line, totals, finding and replaying failures (with shrink.c)
 *	world.c		building a world; lives: open, look, start, act, end
 *	actions.c	the table of what may happen in a life
 *	requests.c	reads, writes, zeroing, syncs
 *	disks.c		disks come and go: attach, detach, commit, drain
 *	holding.c	disks are held back, and the others go on
 *	faults.c	what devices do wrong
 *	checks.c	what has to be true: contents, ladder, counters
 *	backings.c	what the backings alone have to show
 *	uncached.c	what a disk that is not cached has to show
 *	peek.c		the only one that looks into the engine
 *
 * Every action draws from a generator seeded by the run's seed and its own number, so one can be
 * left out without changing the others.
 */
#ifndef WB_TESTS_WORLD_H
#define WB_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/newcache.h"
#include "tests/sim/model.h"
#include "tests/sim/simdev.h"
#include "tests/sim/uncached.h"

#define MAX_REQUESTS 32
#define MAX_TASKS 16
#define MANY_TASKS 8 /* no action begins one more */
#define NR_CACHED 3  /* disks whose backings are cached; one more is not */
#define NR_DISKS (NR_CACHED + 1)
#define UNCACHED NR_CACHED
#define MAX_LIVES 12
#define LIFE_ACTIONS 1000 /* numbers for each life */
#define MAX_STEPS 100000  /* of a life */
#define MAX_GENERATIONS 64
#define NO_OP UINT64_MAX
#define ALL_DISKS NR_DISKS /* of a drain */
#define MAX_LOST 256

struct world;

enum kind { READ, WRITE, ZERO, SYNC };

struct client {
	struct world *world;
	bool busy;
	bool must_be_refused; /* -EROFS */
	bool acknowledged;
	enum kind kind;
	unsigned int disk;
	uint32_t stamp;
	uint64_t covered;    /* operations when it began */
	uint64_t tasks;	     /* ever, by then */
	uint64_t op;	     /* its own, or NO_OP */
	uint64_t read_fails; /* of cache and disk when it began */
	uint64_t disk_fails; /* any I/O of the disk */
	uint64_t flush_fails;
	struct wb_io io;
	uint8_t *buf, *pages;
};

/* Something that reports to a wb_done_fn. */
struct task {
	struct world *world;
	enum task_kind { START, STOP, DRAIN, COMMIT, DETACH, RESIZE } kind;
	bool busy;
	int err;
	unsigned int disk;
	bool discard;
	uint64_t covered;
	uint64_t number;
};

enum disk_state {
	DISK_AWAY,
	DISK_ATTACHING, /* until a commit that began later has reported */
	DISK_THERE,
	DISK_DETACHING,
};

struct disk {
	struct simdev *dev;
	struct wb_backing *handle;
	uint64_t size;	   /* bytes that requests may reach */
	uint64_t max_size; /* that it may grow to */
	bool resizing;
	enum disk_state state;
	uint64_t since; /* ATTACHING: tasks that were begun before */
	bool committed; /* the cache must remember it */
	bool forgotten; /* it must not */
	bool paused;
	bool leaving, discarding; /* perhaps, if the cache knows it no more */
	/* What it shows without the cache; counts of operations. */
	uint64_t settled; /* all of its operations before are on it */
	uint64_t floor;	  /* no sector of it is older */
	uint64_t seen;	  /* it has shown this state */
	/* Its blocks may be out of order in the log up to this record: the floor stays. */
	bool carried;
	uint64_t carried_until;
	uint64_t unable_at; /* task number: when it was unable last */
};

/* A block whose only copy has rotted. It can't be read, but never shows anything wrong. */
struct lost {
	unsigned int disk;
	uint32_t block;
	uint64_t since; /* operations: unless one of the later ones has replaced it */
};

struct totals {
	uint64_t runs, lives, crashes, kills, requests, syncs, refused_opens, truncated;
	uint64_t attached, detached, resized, missing, drains, read_only, damaged_runs;
	uint64_t io_errors, gone, slow, rot, mishaps; /* faults */
	uint64_t carried, paused, discarded, progress, lost;
	uint64_t simulated_ns;
};

struct world {
	struct sim sim;
	struct model model;
	struct uncached uncached;
	struct simdev *cache;
	struct disk disks[NR_DISKS];
	unsigned int nr_cached; /* disks in use */
	struct wb *wb;
	struct wb_format_result geometry;
	struct wb_options options;
	uint8_t uuid[WB_UUID_LEN];
	struct client clients[MAX_REQUESTS];
	struct wb_io **chain;	   /* the end of what will be submitted together, or NULL */
	bool acting;		   /* not only waiting for what has begun */
	const struct client *near; /* what begins is near this one; or NULL */
	struct wb_io reader;	   /* of everything */
	struct task tasks[MAX_TASKS];
	uint64_t nr_tasks;   /* ever */
	uint32_t max_blocks; /* of a request that is not split */
	uint64_t max_len;    /* of any request */
	uint8_t *image;	     /* of a disk, and a byte for each of its blocks */
	uint64_t max_disk;   /* bytes, rounded up */

	/* what this run may do */
	bool faulty, comings, growing, damaging, rotting, holding, large, has_uncached;

	/* of the run */
	uint64_t seed;
	const uint8_t *keep; /* [number]: whether to do an action; NULL: all */
	bool verbose;
	uint64_t nr_actions; /* the number of this one */
	struct {
		uint64_t generation, first_record;
	} generations[MAX_GENERATIONS];
	unsigned int nr_generations;
	uint64_t nr_rot;	    /* of the cache, ever */
	bool other_damage;	    /* than rot of superblocks while nothing was open */
	unsigned int rotten_supers; /* bits: those that have not been written again */
	uint64_t durable_seen;	    /* when last looked at */
	uint64_t base_record;	    /* where the history begins */
	struct lost lost_blocks[MAX_LOST];
	unsigned int nr_lost;
	bool lost; /* the cache could not be opened any more */

	/* of the life */
	unsigned int life;
	uint64_t steps;
	unsigned int actions_left; /* until it ends, at most */
	bool started, stopping, read_only, crash_early, fault;
	bool missing;		       /* it began without a disk whose blocks the log has */
	uint64_t faults_at_open;       /* failed I/Os of all devices */
	uint64_t cache_faults_at_open; /* of the cache */
	uint64_t cache_fails_at_open;  /* failed writes and flushes of the cache */
	uint64_t writes_at_open;
	struct wb_status last; /* for what only grows */
};

extern struct totals *totals;

/* sim.c */
void fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* world.c */
void world_run(uint64_t seed, const uint8_t *keep, bool verbose);
bool world_step(struct world *w);
bool world_is_stuck(const struct world *w);
uint64_t dice(struct world *w, uint64_t below);
bool one_in(struct world *w, uint64_t n);

/* actions.c */
void act(struct world *w);

/* requests.c */
void request_start(struct world *w, enum kind kind);
/* Up to so many writes in one call. */
void requests_write_all(struct world *w, uint64_t nr);
/* Register what has been placed in the log meanwhile. */
void requests_note_placed(struct world *w);
bool requests_busy(const struct world *w, unsigned int disk);
/* Whether all those of these disks (bits) are done. */
bool requests_done(const struct world *w, unsigned int disks);
void requests_wait(struct world *w);
void requests_forget(struct world *w); /* the life is over */
/* Read all of a disk; false for blocks that can't be read. ok has a byte for each block. */
void request_read_all(struct world *w, unsigned int disk, uint8_t *image, uint8_t *ok);

/* disks.c */
void disks_attach_first(struct world *w);
void disk_attach(struct world *w);
void disk_attach_wrong(struct world *w);
void disk_detach(struct world *w);
void disk_grow(struct world *w);
bool disks_any_missing(struct world *w);
struct task *task_begin(struct world *w, enum task_kind kind, unsigned int disk);
bool tasks_are_many(const struct world *w);
int task_wait(struct world *w, struct task *task, const char *what);
void disks_forget(struct world *w); /* the life is over */
void disks_attach_missing(struct world *w);

/* holding.c */
void hold_pause(struct world *w);
void hold_busy(struct world *w);
void hold_nothing(struct world *w);
bool hold_any(struct world *w);
/* The healthy ones go on while others are held. */
void hold_progress(struct world *w);

/* backings.c */
void backings_opened(struct world *w);
void backings_rebased(struct world *w); /* the history begins anew */
void backings_look(struct world *w);	/* at how far they are */
void backings_check(struct world *w);
/* The cache has forgotten a disk, and with discarded what it did not have. */
void backing_detached(struct world *w, unsigned int i, bool discarded);
/* It must have the first n operations, for good. */
void backing_must_have(struct world *w, unsigned int i, uint64_t n);
/* Whether a block of a range may be lost, or was after so many operations. */
bool backing_lost(const struct world *w, unsigned int i, uint64_t off, uint64_t len, uint64_t from);

/* faults.c */
void faults_inject(struct world *w);
void faults_of_log(struct world *w);
void faults_mend(struct world *w);
void faults_damage(struct world *w); /* the cache, silently */
void faults_rot(struct world *w);    /* a block of data, which is known then */
bool faults_none(const struct simdev *dev);
bool faults_damaged(const struct world *w);
uint64_t faults_fired(const struct world *w);
uint64_t faults_of(const struct simdev *dev);
bool faults_explain(struct world *w); /* an error in this life */

/* checks.c */
void check_status(struct world *w);
/* True if the log ends before what is known of it: the history begins anew. */
bool check_opened(struct world *w, uint64_t vouched);
/* truncated: the history begins anew with what is there. */
void check_contents(struct world *w, bool truncated);
void check_healed(struct world *w);
/* The largest record that anything readable on the cache says is durable. */
uint64_t check_vouched(struct world *w);
bool check_super_is_good(struct world *w, unsigned int i);

/* peek.c */
void peek_reset(struct wb_io *io);
/* Whether all of a write is in the log: in which record it ends, and where in that. */
bool peek_placed(struct wb_io *io, uint64_t *record, uint32_t *entry);
/* Whether counters equal a walk over index and slots; else what does not. */
const char *peek_counters(struct wb *wb);
struct peek {
	bool known; /* by the table */
	bool pending, unable, held;
	bool carried; /* just now */
	uint64_t migrated, migrated_on_disk, batch_end;
};
void peek_backing(struct wb *wb, const char *path, struct peek *peek);
/* Whether several that are held together have more than the log should have. */
bool peek_crowded(struct wb *wb);
bool peek_is_full(struct wb *wb);
struct peek_block {
	const char *path; /* of its backing */
	uint32_t block;
	bool dirty;
	uint64_t off; /* on the cache */
};
uint32_t peek_positions(const struct wb *wb);
/* What is at a position of the log, if lookups find it and a crash doesn't make it doubtful. */
bool peek_block(struct wb *wb, uint32_t position, struct peek_block *block);
bool peek_has_poison(const struct wb *wb);
uint32_t peek_max_blocks(const struct wb *wb);

#endif
