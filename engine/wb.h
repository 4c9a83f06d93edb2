/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: a log-structured write-back cache over block devices. It is passive: no threads, no
 * clock, no system calls. Its host gives it devices (bdev.h), time, memory and a place for
 * messages, and calls it from any number of threads.
 *
 * The life of a cache:
 *
 *	wb_open      reads superblocks and log, rebuilds the index; writes nothing
 *	wb_attach    once for each backing; writes nothing before wb_start
 *	wb_start     makes the new generation durable; from here on requests are served
 *	wb_read, wb_write, wb_zero, wb_sync, wb_tick ...
 *	wb_stop      logs and flushes what is in RAM, ends migration
 *	wb_close     writes the last superblock, frees everything
 *
 * Errors are -errno; the engine logs each failure once with path and offset. -EMEDIUMTYPE means
 * not a wbfs cache or a format that this program doesn't know, -EUCLEAN a damaged one, -EIO a
 * device's error, -EBUSY, -ENOMEM, -ENOSPC as everywhere.
 */
#ifndef WB_H
#define WB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/wb_format.h"

#define WB_CHECK __attribute__((warn_unused_result))

struct wb;	   /* a cache */
struct wb_backing; /* a backing of it; valid from wb_attach until wb_detach's done */

/* ---- the host ---- */

enum wb_log_level { WB_LOG_ERROR, WB_LOG_WARNING, WB_LOG_INFO, WB_LOG_DEBUG };

enum wb_memory {
	WB_MEMORY_SPARSE, /* large and touched here and there: only used pages should cost memory */
	WB_MEMORY_INDEX,  /* the same, but looked up at random: huge pages save a miss each time */
	WB_MEMORY_IO,	  /* segment buffers: huge pages and locked if possible */
};

/*
 * What the engine asks of its host. Functions are called on any thread, perhaps with engine locks
 * held: they must not call the engine, nor wait for anything that does.
 */
struct wb_env {
	void *ctx;
	/* Monotonic time in ns, not 0. */
	uint64_t (*now)(void *ctx);
	/* Call wb_tick at or soon after `when` (ns); replaces what was asked before. */
	void (*set_timer)(void *ctx, uint64_t when);
	/* One message without newline or program name; "hint: ..." belongs to the last one. */
	void (*log)(void *ctx, enum wb_log_level level, const char *message);
	/* Zeroed memory aligned to a page (2 MiB for WB_MEMORY_IO if possible), or NULL. */
	void *(*alloc)(void *ctx, size_t len, enum wb_memory kind);
	void (*free)(void *ctx, void *mem, size_t len);
	/*
	 * A part of what alloc returned will be used: let it cost memory now, so that nobody waits
	 * for that later. May take milliseconds; called without engine locks.
	 */
	void (*populate)(void *ctx, void *mem, size_t len);
};

/* ---- opening and closing ---- */

enum wb_progress { WB_PROGRESS_SCAN, WB_PROGRESS_RECOVER };

struct wb_options {
	bool read_only;	       /* write neither cache nor backings */
	bool recover_truncate; /* give up what lies behind damage in the log instead of refusing */
	unsigned int nr_buffers; /* segment buffers; 0: 64 */
	unsigned int nr_zeros;	 /* extents of zeros that the log may hold; 0: 16384 */
	/*
	 * Or NULL. Called by wb_open now and then, without locks: so many bytes of so many have
	 * been read. First the log's headers are, then (from 0 again) what recovery needs of it, of
	 * which there may turn out to be less. -errno instead of 0: wb_open gives up and returns
	 * it.
	 */
	int (*progress)(void *ctx, enum wb_progress what, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/*
 * Open the cache on a device, which stays the caller's and must outlive it, and recover its log
 * in memory. Blocks. Writes nothing but flushes the device. -EMEDIUMTYPE, -EUCLEAN, -EIO, -ENOMEM,
 * -EROFS (unknown ro_compat feature and not read_only), or what progress returned.
 */
int wb_open(struct bdev *cache, const struct wb_options *options, const struct wb_env *env,
	    struct wb **wb) WB_CHECK;

/*
 * Free a cache. Blocks. Either it was never started, or wb_stop has reported; with a healthy cache
 * the superblock then says it was closed cleanly. Nothing may be in flight.
 * 0 or the error that kept the last superblock from being written.
 */
int wb_close(struct wb *wb);

/* Free a cache as a crash would leave it: nothing is written, what is in flight is forgotten. */
void wb_abandon(struct wb *wb);

typedef void (*wb_done_fn)(void *ctx, int err);

/*
 * Begin a new generation and write the backing table; done when both are durable. A read_only
 * cache is done at once. done may be called before the return. Call once.
 */
void wb_start(struct wb *wb, wb_done_fn done, void *ctx);

/*
 * Refuse new requests with -ESHUTDOWN, make everything acknowledged durable, let the migration
 * batch in progress end or fail, and report. Requests still waiting for space get -ESHUTDOWN.
 * Afterwards nothing is in flight, and each done of whatever began before has returned. It may need
 * a wb_tick.
 */
void wb_stop(struct wb *wb, wb_done_fn done, void *ctx);

/* ---- backings ---- */

struct wb_backing_spec {
	const char *name;
	const char *path;
	const char *identity; /* what tells this device from others: by-id, partition uuid, inode */
	struct bdev *dev;     /* stays the caller's and must outlive the backing */
	bool numbered; /* identity is the number that it has now, and another may have had before */
	bool cached;   /* false: straight through, nothing of it is logged */
	bool force;    /* accept another size or identity although the log has blocks of it */
};

/* Why a name can't be that of a backing, or NULL if it can: not empty, at most 63 bytes, ... */
const char *wb_name_error(const char *name);

/*
 * Add a backing. Before wb_start it takes effect with wb_start; later when wb_commit has reported
 * and not before (the file may not be shown until then). Blocks while sampled blocks of the device
 * are compared. -EEXIST name in use, -EINVAL unfit name or empty device, -ENOSPC too many,
 * -ESTALE another size or identity than remembered while the log has blocks of it,
 * -EUCLEAN !cached while the log has blocks of it.
 */
int wb_attach(struct wb *wb, const struct wb_backing_spec *spec, struct wb_backing **backing)
	WB_CHECK;

/*
 * Migrate what the log has of a backing - or with discard, give it up -, forget the backing, and
 * commit that. It may be a missing one. No request for it may come later, and none be in flight but
 * what has been acknowledged; `backing` is gone when done is called with 0. -EIO: it can't take its
 * blocks; -EROFS: a read-only cache; -EALREADY: it is being detached; -ENOENT: it has been just now.
 * After an error it is as before; writes to it wait until the table on the cache says so.
 */
void wb_detach(struct wb *wb, struct wb_backing *backing, bool discard, wb_done_fn done, void *ctx);

/*
 * A backing's device has grown (dev->size): done when that is durable, and requests may reach
 * behind the old end. Where that is in the middle of a block, the backing must be drained and
 * nothing of it in flight: -EBUSY, also if all that is in flight has been acknowledged. -EINVAL: it
 * has shrunk, which changes nothing.
 */
void wb_resize(struct wb *wb, struct wb_backing *backing, wb_done_fn done, void *ctx);

/*
 * The two halves of giving a backing another device below its bdev, when one that was gone is back.
 * From done on nothing migrates to it, so that no flush of one device can vouch for writes to the
 * other; reads go on. wb_resume ends that. path and identity are those of the new device, which has
 * the old one's size and what was flushed there: the backing is taken for healthy until it fails
 * again, and done is called when the table has them. NULL: all is as before. For cached backings.
 */
void wb_suspend(struct wb *wb, struct wb_backing *backing, wb_done_fn done, void *ctx);
void wb_resume(struct wb *wb, struct wb_backing *backing, const char *path, const char *identity,
	       wb_done_fn done, void *ctx);

/* Write superblocks and, if it changed, the backing table; done when they are durable. */
void wb_commit(struct wb *wb, wb_done_fn done, void *ctx);

/*
 * Values by powers of two: nr[i] of them are above 2^(i-1) and not above 2^i; the last one counts
 * all that are larger.
 */
#define WB_HISTOGRAM_BUCKETS 40
struct wb_histogram {
	uint64_t nr[WB_HISTOGRAM_BUCKETS];
	uint64_t sum, max;
};

/* All values in it. */
uint64_t wb_histogram_nr(const struct wb_histogram *histogram);
/*
 * So many percent of the values are not above this; a power of two, or the maximum. 0: no values.
 */
uint64_t wb_histogram_percentile(const struct wb_histogram *histogram, unsigned int percent);

enum wb_state {
	WB_HEALTHY,
	WB_DEGRADED, /* something needs attention, nothing is refused because of it */
	WB_FAILED,   /* the cache: writes and syncs get -EIO until wb_retry or a new start */
};
const char *wb_state_name(enum wb_state state);

#define WB_REASON_LEN 256

struct wb_backing_info {
	unsigned int id; /* in the log; 0 for a backing that is not cached */
	char name[WB_NAME_LEN];
	char path[WB_PATH_LEN];
	char identity[WB_IDENTITY_LEN];
	/* FAILED: it keeps failing or is not there; it is healthy again when its I/O succeeds. */
	enum wb_state state;
	char reason[WB_REASON_LEN]; /* why not healthy, or "" */
	uint64_t size;		    /* bytes */
	bool attached;
	bool in_log;			/* the log holds something of it that is not on it */
	bool consistent;		/* without the cache, it shows a state of the past */
	bool held;			/* its blocks stay in the log: missing, failing or paused */
	bool busy;			/* as wb_set_busy said */
	unsigned int utilisation;	/* %, as wb_set_utilisation said */
	unsigned int migrate_threshold; /* the knobs of it */
	bool paused;
	uint64_t nr_dirty; /* blocks not yet on it */
	uint64_t dirty_bytes;
	/*
	 * ns: about how long the oldest of what isn't on it has been in the log. Records that a
	 * batch had to leave are taken to have come evenly.
	 */
	uint64_t oldest_dirty_ns;
	uint64_t migration_rate;		/* bytes per second, over the last few */
	uint64_t nr_cached;			/* blocks in the index, dirty or not */
	uint64_t nr_reads, nr_writes, nr_zeros; /* requests */
	uint64_t read_bytes, write_bytes;
	uint64_t migrated_bytes;
	uint64_t nr_batches, nr_migrated_blocks, nr_superseded_blocks;
	uint64_t nr_errors, nr_batch_retries;
	struct wb_histogram migration_ns, migration_bytes; /* writes to it */
	struct wb_histogram batch_ns;
	struct wb_backing *backing; /* if not attached, only for wb_detach */
};

/* The i-th known backing, attached or only remembered. False when there are no more. */
bool wb_backing_info(struct wb *wb, unsigned int i, struct wb_backing_info *info);

/* ---- requests ---- */

#define WB_IO_PAGES 3
#define WB_IO_PRIVATE 640

enum wb_io_flags {
	WB_IO_DSYNC = 1, /* done when durable, with all acknowledged before */
};

/*
 * A request. The host owns it and its memory from done on, the engine before. off and len are
 * bytes, any alignment; the range lies inside the backing.
 */
struct wb_io {
	struct wb_backing *backing; /* wb_sync: NULL for all that are cached */
	uint64_t off;
	uint64_t len;
	/*
	 * wb_write: the data, any alignment. Nobody changes it before done.
	 * wb_read: block-aligned memory for all blocks that the range touches; the byte at off
	 * arrives at buf + off % 4096, what is around the range is undefined.
	 */
	void *buf;
	void *pages; /* WB_IO_PAGES block-aligned blocks for the engine's use; not for wb_sync */
	unsigned int flags; /* enum wb_io_flags; writes and zeroing */
	/* Called once, on any thread, without engine locks, perhaps before the call returns. */
	void (*done)(struct wb_io *io, int err);
	/*
	 * wb_write: the same, but before done, as soon as it is certain that all that come later
	 * will see the write: it has its place in the log, and its data is still to be copied. Then
	 * done follows, without an error. Not called for an empty write, one with WB_IO_DSYNC or
	 * one that doesn't go through the cache: done is all there is. Or NULL.
	 */
	void (*acknowledged)(struct wb_io *io);
	void *ctx;
	struct wb_io *next; /* wb_write_all */
	struct wb_io_private {
		uint64_t opaque[WB_IO_PRIVATE];
	} private;
};

/*
 * The four requests. All may complete before they return or later, on any thread.
 *
 * wb_read sees every write acknowledged before. -EIO where a block can't be read or is damaged.
 * wb_write and wb_zero are acknowledged by done, when they are in a segment buffer (with
 * WB_IO_DSYNC: when durable), or before by acknowledged; up to 1 MiB, or a quarter of the log if
 * that is less, they survive a crash whole or not at all. They wait for space when the log is full.
 * -EIO when the cache has failed.
 * wb_sync is done when everything acknowledged before it is durable: a shared flush of the cache,
 * and a flush of the backing if it is not cached.
 * All: -ESHUTDOWN after wb_stop; wb_write, wb_zero: -EROFS on a read-only cache or backing.
 */
void wb_read(struct wb *wb, struct wb_io *io);
void wb_write(struct wb *wb, struct wb_io *io);
/* A chain of writes, linked by next up to NULL: the same, at less cost. */
void wb_write_all(struct wb *wb, struct wb_io *chain);
void wb_zero(struct wb *wb, struct wb_io *io);
void wb_sync(struct wb *wb, struct wb_io *io);

/* What is due: barrier deadlines, intervals, retries. Call when the timer asked for runs out. */
void wb_tick(struct wb *wb);

/*
 * Done when everything acknowledged before is on a backing (NULL: on all of them) and the
 * superblock says so; -EIO if one can't take it. Migrates whatever the knobs say.
 */
void wb_drain(struct wb *wb, struct wb_backing *backing, wb_done_fn done, void *ctx);
/*
 * Those with this ctx that are not done are wanted no more: they are done with -EINTR before this
 * returns, on this thread. A batch that has begun is brought to its end.
 */
void wb_drain_cancel(struct wb *wb, const void *ctx);

/*
 * Start over after a failure of the cache or a backing, from what is still in the buffers. All is
 * taken for healthy until it fails again.
 */
void wb_retry(struct wb *wb);

/*
 * Whether a backing's load leaves no room for migration; not heeded with force_migrate and when the
 * log is nearly full.
 */
void wb_set_busy(struct wb *wb, struct wb_backing *backing, bool busy);

/* What it was judged by, to be shown: 0..100. */
void wb_set_utilisation(struct wb *wb, struct wb_backing *backing, unsigned int percent);

/* For how long I/O of ours has been in flight; both only grow. */
struct wb_usage {
	uint64_t foreground_ns; /* for requests, on the backing itself */
	uint64_t migration_ns;	/* of its migration, on the backing or the cache */
	bool migrating;		/* some of that is in flight now */
};
void wb_usage(struct wb *wb, const struct wb_backing *backing, struct wb_usage *usage);

/*
 * Begin no I/O of this backing's migration until then (ns), so that the load of others can be seen;
 * 0: go on. Not heeded when migration doesn't heed the verdict.
 */
void wb_quiet(struct wb *wb, struct wb_backing *backing, uint64_t until);

/* ---- knobs ---- */

enum wb_knob_id {
	WB_KNOB_ALLOW_MIGRATE,
	WB_KNOB_FORCE_MIGRATE,
	WB_KNOB_BARRIER_DEADLINE_MS,
	WB_KNOB_NR_MAX_BATCHED_MIGRATION,
	WB_KNOB_COMMIT_SUPER_BLOCK_INTERVAL,
	WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL,
	WB_KNOB_ON_FULL,
	WB_KNOB_UPDATE_INTERVAL,
	WB_KNOB_DISCARD_CACHE,
	WB_NR_KNOBS, /* of the cache; those of a backing follow */
	WB_KNOB_MIGRATE_THRESHOLD = WB_NR_KNOBS,
	WB_KNOB_PAUSED,
	WB_NR_ALL_KNOBS,
};

/* A row for each knob: control file, mount option, help and range check follow from it. */
struct wb_knob {
	const char *name;
	unsigned int min, max, initial;
	const char *const *choices; /* words for 0..max, or NULL for a number */
	const char *unit;	    /* "" if none */
	const char *help;	    /* one line, lower case */
};

extern const struct wb_knob wb_knobs[WB_NR_ALL_KNOBS]; /* by enum wb_knob_id */

/* backing: NULL for knobs of the cache. wb_knob_set: -EINVAL if out of range, changing nothing. */
unsigned int wb_knob_get(struct wb *wb, const struct wb_backing *backing, enum wb_knob_id id);
int wb_knob_set(struct wb *wb, struct wb_backing *backing, enum wb_knob_id id, unsigned int value)
	WB_CHECK;

/* ---- figures ---- */

/* Index into wb_status.stat: the sixteen counters, by block. */
enum wb_stat_bits {
	WB_STAT_WRITE = 1,
	WB_STAT_HIT = 2,
	WB_STAT_ON_BUFFER = 4,
	WB_STAT_FULLSIZE = 8,
	WB_NR_STAT = 16,
};

/* A consistent snapshot. Segment and record numbers start at 1; 0 is none. */
struct wb_status {
	enum wb_state state;
	char reason[WB_REASON_LEN]; /* why not healthy, or "" */
	uint8_t uuid[WB_UUID_LEN];
	char label[WB_LABEL_LEN];
	bool read_only;
	bool was_clean; /* the last user closed the cache */
	uint64_t generation;
	uint64_t nr_segments;
	uint32_t segment_blocks; /* of WB_BLOCK_SIZE, headers included */
	unsigned int nr_buffers;
	uint64_t ram_bytes; /* static: index, buffers, tables */
	/* the ladder, in records */
	uint64_t open_record, sealed, logged, durable, migrated, migrated_on_disk;
	/* the segments that hold the last record logged, durable, migrated */
	uint64_t current_segment_id, last_flushed_segment_id, last_durable_segment_id,
		last_migrated_segment_id;
	uint32_t cursor; /* next block in the current segment */
	uint64_t nr_free_segments;
	uint64_t nr_dirty, nr_cached; /* blocks */
	uint64_t dirty_bytes;
	uint64_t oldest_dirty_ns; /* the largest of the backings' */
	uint64_t unsynced_bytes;  /* acknowledged, not durable */
	bool migrating;
	uint64_t migration_rate; /* bytes per second, over the last few */
	uint64_t counted_ns;	 /* for how long there are the counters that follow */
	uint64_t stat[WB_NR_STAT];
	uint64_t nr_syncs, nr_flushes, nr_records, nr_record_blocks;
	uint64_t nr_batches, nr_migrated_blocks, nr_superseded_blocks, nr_carried_blocks;
	uint64_t migrated_bytes;
	uint64_t nr_checksum_errors, nr_read_errors, nr_write_errors, nr_flush_errors;
	uint64_t nr_backing_errors;
	/* what was done again after an error: writes and flushes of the cache; batches */
	uint64_t nr_log_retries, nr_batch_retries;
	uint64_t nr_waits_for_space;
	/*
	 * ns, of good requests for cached backings: until a write is acknowledged; until a sync, or
	 * from its acknowledgement a write with WB_IO_DSYNC, is durable; reads that need nothing of
	 * the backing, and the others
	 */
	struct wb_histogram write_ns, sync_ns, read_hit_ns, read_miss_ns;
	struct wb_histogram migration_ns, migration_bytes, batch_ns; /* of all backings */
	unsigned int knobs[WB_NR_KNOBS];
};

void wb_status(struct wb *wb, struct wb_status *status);

/*
 * The same together with the first `max` backings, as wb_backing_info has them, all of one moment.
 * Returns how many backings there are.
 */
unsigned int wb_snapshot(struct wb *wb, struct wb_status *status, struct wb_backing_info *infos,
			 unsigned int max);
void wb_clear_stat(struct wb *wb);

/* Bytes that wb_open will allocate in the worst case, for a log of this geometry. */
uint64_t wb_ram_needed(uint64_t nr_segments, uint32_t segment_blocks, unsigned int nr_buffers);

/* ---- checking ---- */

/* Something on the cache that is not as it was written. */
struct wb_damage {
	uint64_t segment; /* 0: not in the log */
	uint32_t slot;
	uint64_t off;	     /* byte of the cache */
	const char *what;    /* "checksum mismatch" */
	const char *backing; /* whose data it is, or NULL: metadata, or of one that is detached */
	uint64_t block;	     /* of the backing */
	uint64_t nr_blocks;
	bool lost; /* reads of that get -EIO; else something newer, or the backing, has it */
	int err;   /* -EUCLEAN: other contents; else why it can't be read */
};

/* Reading all that wb_open has believed without reading it. */
struct wb_scrub {
	/* the caller's */
	void *ctx;
	/* Called now and then: so many bytes are left to read. False: stop. */
	bool (*progress)(void *ctx, uint64_t bytes_left);
	void (*damage)(void *ctx, const struct wb_damage *damage);
	/* results */
	uint64_t first_record, last_record; /* of the log, as far as it counts */
	uint64_t first_segment, last_segment;
	uint64_t nr_segments, nr_records, nr_blocks; /* read and checked */
	uint64_t nr_needless; /* of the blocks: migrated, or replaced by newer ones */
	uint64_t nr_damaged;  /* blocks, headers and superblocks, poison not counted */
	uint64_t nr_lost;     /* blocks, poison counted */
	bool bad_super;	      /* one of the two superblocks is broken */
	/* behind the end: what a crash tore, which nobody was told is durable */
	uint64_t nr_torn_records, torn_segment, torn_off;
	int err; /* the first error of a read */
};

/*
 * Check superblocks, headers and data of the log of a cache that is open and not started. Blocks.
 * 0 if it was read, whatever was found; -EINTR: progress said stop; -ENOMEM.
 */
int wb_scrub(struct wb *wb, struct wb_scrub *scrub) WB_CHECK;

/* ---- formatting ---- */

struct wb_format_options {
	uint32_t segment_size; /* bytes; 0: 1 MiB, less on a small device */
	uint8_t uuid[WB_UUID_LEN];
	const char *label; /* or NULL */
};

struct wb_format_result {
	uint32_t segment_size;
	uint64_t nr_segments;
};

/*
 * What a device of this size would be formatted to. -ENOSPC: smaller than the superblocks and four
 * segments; -EINVAL: segment size not a power of two in 64 KiB..1 MiB, label too long.
 */
int wb_format_plan(uint64_t size, const struct wb_format_options *options,
		   struct wb_format_result *result) WB_CHECK;

/*
 * Format: writes both superblocks and nothing else, then flushes. Blocks. As wb_format_plan, -EIO.
 */
int wb_format(struct bdev *dev, const struct wb_format_options *options,
	      struct wb_format_result *result) WB_CHECK;

/* What a device holds, for mkwbfs and offline tools. */
struct wb_probe {
	uint8_t uuid[WB_UUID_LEN];
	char label[WB_LABEL_LEN];
	bool clean;
	bool has_dirty; /* perhaps: the log may hold blocks that are not on their backings */
};

/* Read the superblocks. Blocks. -EMEDIUMTYPE: not a wbfs cache; -EUCLEAN: a damaged one; -EIO. */
int wb_probe(struct bdev *dev, struct wb_probe *probe) WB_CHECK;

#endif
