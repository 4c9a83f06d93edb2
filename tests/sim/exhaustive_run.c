/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A history: letters, carried out one after the other on a cache and two backings. The oracle is
 * the simplest there is: the contents of both backings after each write, byte by byte.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/newcache.h"
#include "tests/sim/exhaustive.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define A_WHILE 1500000000ull /* ns: longer than the intervals of an idle cache */

/*
 * Writes that are not waited for cover whole blocks, so that they are placed in the order in which
 * they began. Zeroing changes whole blocks or sectors within one.
 */
const struct letter letters[] = {
	{'a', WRITE, false, true, 0, 0, BLOCK, "write block 0"},
	{'b', WRITE, false, true, 0, BLOCK, 2 * BLOCK, "write blocks 1, 2"},
	{'c', WRITE, false, true, 1, BLOCK, BLOCK, "write block 1 of b1"},
	{'e', WRITE, false, true, 0, 0, 2 * BLOCK, "write blocks 0, 1"},
	{'f', WRITE, false, true, 1, 0, 2 * BLOCK, "write blocks 0, 1 of b1"},
	{'g', WRITE, false, true, 0, 3 * BLOCK, BLOCK, "write block 3"},
	{'w', WRITE, true, false, 1, 0, BLOCK, "DSYNC write block 0 of b1, not waited for"},
	{'v', WRITE, true, false, 0, 0, 2 * BLOCK, "DSYNC write blocks 0, 1, not waited for"},
	{'x', WRITE, true, true, 0, 2 * BLOCK, BLOCK, "DSYNC write block 2"},
	{'p', WRITE, false, true, 0, 6 * SECTOR, 4 * SECTOR, "write sectors 6..9"},
	{'q', WRITE, false, true, 0, 2 * SECTOR, 3 * SECTOR, "write sectors 2..4"},
	{'t', WRITE, false, true, 1, SECOND_LEN - 3 * SECTOR, 3 * SECTOR, "write the end of b1"},
	{'u', WRITE, false, true, 0, 700, 1000, "write bytes 700..1699"},
	{'z', ZERO, false, true, 0, 0, 2 * BLOCK, "zero blocks 0, 1"},
	{'Z', ZERO, false, true, 0, 0, FIRST_LEN, "zero all of b0"},
	{'y', ZERO, false, true, 0, BLOCK + 2 * SECTOR, 2 * SECTOR, "zero sectors 10, 11"},
	{'Y', ZERO, false, true, 1, 0, SECOND_LEN, "zero all of b1"},
	{'R', READ, false, false, 0, 0, FIRST_LEN, "read b0, not waited for"},
	{'Q', READ, false, false, 1, 0, SECOND_LEN, "read b1, not waited for"},
	{'s', SYNC, false, true, 0, 0, 0, "sync"},
	{'S', SYNC, false, false, 0, 0, 0, "sync, not waited for"},
	{'d', DRAIN, false, true, 0, 0, 0, "drain"},
	{'D', DRAIN, false, false, 0, 0, 0, "drain, not waited for"},
	{'m', MIGRATE, false, true, 0, 0, 0, "allow migration"},
	{'P', PAUSE, false, true, 0, 0, 0, "pause b0"},
	{'U', RESUME, false, true, 0, 0, 0, "b0 is not paused any more"},
	{'i', IDLE, false, true, 0, 0, 0, "1.5 s pass"},
	{'r', REOPEN, false, true, 0, 0, 0, "close and open"},
	{0},
};

const struct letter *letter_of(char name)
{
	for (const struct letter *l = letters; l->name; l++)
		if (l->name == name)
			return l;
	return NULL;
}

uint64_t hash_of(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

/* ---- what there is to be ---- */

uint8_t *run_state(const struct run *run, unsigned int n)
{
	return run->states + (size_t)n * CONTENTS_LEN;
}

static uint32_t crc32c(const uint8_t *data, uint32_t len)
{
	static uint32_t table[256];
	uint32_t crc = 0;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (0x82f63b78 & -(table[i] & 1));
	}
	while (len--)
		crc = table[(crc ^ *data++) & 255] ^ crc >> 8;
	return crc;
}

/*
 * Different for each write, backing and 8 bytes. Whole blocks end in their own CRC32C, as metadata
 * of ext4 does: a checksum of that kind would not tell them apart.
 */
static void fill(uint8_t *to, const struct letter *letter, uint32_t stamp)
{
	for (uint32_t i = 0; i < letter->len; i++) {
		uint32_t at = letter->off + i;
		uint64_t v = ((uint64_t)stamp << 40) + ((uint64_t)letter->backing << 32) + at / 8;

		v = (v + 1) * 0x9e3779b97f4a7c15ull;
		to[i] = (uint8_t)((v ^ v >> 32) >> at % 8 * 4);
	}
	for (uint32_t at = 0; letter->off % BLOCK == 0 && at + BLOCK <= letter->len; at += BLOCK) {
		uint32_t crc = crc32c(to + at, BLOCK - 4);

		memcpy(to + at + BLOCK - 4, &crc, 4);
	}
}

static void expect_write(struct run *run, struct op *op)
{
	const struct letter *letter = op->letter;
	unsigned int n = ++run->nr_states;
	uint8_t *state = run_state(run, n);
	uint8_t *at = state + (letter->backing ? FIRST_LEN : 0) + letter->off;

	assert(n < MAX_STATES);
	memcpy(state, run_state(run, n - 1), CONTENTS_LEN);
	if (letter->kind == ZERO) {
		memset(at, 0, letter->len);
	} else {
		fill(op->buf, letter, run->first_stamp + n);
		memcpy(at, op->buf, letter->len);
	}
	run->hashes[n] = hash_of(state, CONTENTS_LEN);
	op->covered = n;
}

/* ---- cuts ---- */

static void note_cut(void *ctx)
{
	struct run *run = ctx;

	if (!run->recording)
		return;
	if (run->nr_cuts == run->max_cuts) {
		run->max_cuts = run->max_cuts * 2 + 64;
		run->cuts = realloc(run->cuts, run->max_cuts * sizeof(*run->cuts));
		assert(run->cuts);
	}
	run->cuts[run->nr_cuts++] = (struct cut){
		.tick = run->bench->tick,
		.min = run->synced,
		.max = run->nr_states,
		.drained = run->drained,
	};
}

/* ---- operations ---- */

static void raise_to(unsigned int *number, unsigned int to)
{
	if (to > *number)
		*number = to;
}

/* The only operations that a single fault may fail are those for which something must be read. */
static bool may_fail(const struct run *run, const struct op *op)
{
	const struct letter *letter = op->letter;
	bool partial = letter->off % BLOCK || letter->len % BLOCK;

	return run->faulty && run->bench->fault < run->bench->nr_ios &&
	       run->bench->fault_op == BDEV_READ &&
	       (letter->kind == READ ||
		(partial && (letter->kind == WRITE || letter->kind == ZERO)));
}

/* Each sector is as it was when the read began, or newer. */
static void check_read(const struct run *run, const struct op *op)
{
	uint32_t base = op->letter->backing ? FIRST_LEN : 0;

	for (uint32_t at = 0; at < op->letter->len && !run->probing; at += SECTOR) {
		unsigned int n = op->covered;

		while (n <= run->nr_states &&
		       memcmp(run_state(run, n) + base + at, op->buf + at, SECTOR) != 0)
			n++;
		if (n > run->nr_states)
			fail("%s: sector %u is none of the states %u..%u", op->letter->what,
			     at / SECTOR, op->covered, run->nr_states);
	}
}

static void succeeded(struct run *run, const struct op *op)
{
	switch (op->letter->kind) {
	case WRITE:
	case ZERO:
		raise_to(&run->acknowledged, op->covered);
		if (op->letter->dsync)
			raise_to(&run->synced, op->covered);
		break;
	case DRAIN:
		raise_to(&run->drained, op->covered);
		raise_to(&run->synced, op->covered);
		break;
	case SYNC:
		raise_to(&run->synced, op->covered);
		break;
	case READ:
		check_read(run, op);
		break;
	case MIGRATE:
	case PAUSE:
	case RESUME:
	case IDLE:
	case REOPEN:
		break;
	}
}

static void op_ended(void *ctx, int err)
{
	struct op *op = ctx;
	struct run *run = op->run;

	assert(op->busy);
	op->busy = false;
	op->err = err;
	if (!err)
		succeeded(run, op);
	else if (!may_fail(run, op))
		fail("%s: error %d", op->letter->what, -err);
	else if (op->letter->kind != READ)
		run->nr_states--; /* it did nothing */
}

static void io_ended(struct wb_io *io, int err)
{
	op_ended(io->ctx, err);
}

static void wait_for(struct run *run, const struct op *op)
{
	while (op->busy)
		if (!bench_step(run->bench))
			fail("%s: never completes", op->letter->what);
}

static void submit(struct run *run, struct op *op)
{
	const struct letter *letter = op->letter;

	op->io = (struct wb_io){
		.backing = run->handles[letter->backing],
		.off = letter->off,
		.len = letter->len,
		.buf = op->buf,
		.pages = op->pages,
		.flags = letter->dsync ? WB_IO_DSYNC : 0,
		.done = io_ended,
		.ctx = op,
	};
	op->covered = run->acknowledged;
	if (letter->kind == WRITE) {
		expect_write(run, op);
		wb_write(run->wb, &op->io);
	} else if (letter->kind == ZERO) {
		expect_write(run, op);
		wb_zero(run->wb, &op->io);
	} else if (letter->kind == READ) {
		wb_read(run->wb, &op->io);
	} else if (letter->kind == SYNC) {
		op->io.backing = NULL;
		wb_sync(run->wb, &op->io);
	} else {
		wb_drain(run->wb, NULL, op_ended, op);
	}
}

static void reopen(struct run *run)
{
	if (run_close(run) && !run->faulty)
		fail("the cache can't be closed");
	if (run_open(run))
		fail("the cache can't be opened again");
	run_start(run);
}

void run_letter(struct run *run, const struct letter *letter)
{
	struct op *op = &run->ops[run->nr_ops];

	switch (letter->kind) {
	case MIGRATE:
		if (wb_knob_set(run->wb, NULL, WB_KNOB_ALLOW_MIGRATE, 1))
			fail("a knob refuses a value");
		return;
	case PAUSE:
	case RESUME:
		if (wb_knob_set(run->wb, run->handles[0], WB_KNOB_PAUSED, letter->kind == PAUSE))
			fail("b0 can't be paused");
		return;
	case IDLE:
		bench_sleep(run->bench, A_WHILE);
		return;
	case REOPEN:
		run_finish(run);
		reopen(run);
		return;
	case WRITE:
	case ZERO:
	case READ:
	case SYNC:
	case DRAIN:
		break;
	}
	assert(run->nr_ops < MAX_OPS);
	run->nr_ops++;
	op->letter = letter;
	op->busy = true;
	submit(run, op);
	if (letter->wait)
		wait_for(run, op);
}

void run_finish(struct run *run)
{
	for (unsigned int i = 0; i < run->nr_ops; i++)
		wait_for(run, &run->ops[i]);
	bench_settle(run->bench);
}

void run_letters(struct run *run, const char *name, size_t from)
{
	for (size_t i = 0; name[i]; i++) {
		run->recording = i >= from;
		run_letter(run, letter_of(name[i]));
	}
	run->recording = true;
	run_finish(run);
	note_cut(run);
	run->recording = false;
}

/* ---- the life of a cache ---- */

void run_format(struct run *run)
{
	const struct geometry *g = &run->bench->geometry;
	struct wb_format_options options = {.label = "exhaustive"};
	struct wb_format_result result = {
		.segment_size = g->segment_blocks * BLOCK,
		.nr_segments = g->nr_segments,
	};

	memset(options.uuid, 0x5a, sizeof(options.uuid));
	if (newcache_write(&run->bench->disks[CACHE].bdev, &options, &result))
		fail("it can't be formatted");
}

static int attach(struct run *run)
{
	static const char *const names[NR_BACKINGS] = {"b0", "b1"};
	int err = 0;

	for (unsigned int i = 0; i < NR_BACKINGS && !err; i++) {
		struct bdev *dev = &run->bench->disks[FIRST + i].bdev;
		struct wb_backing_spec spec = {
			.name = names[i],
			.path = dev->path,
			.identity = dev->path,
			.dev = dev,
			.cached = true,
		};

		err = wb_attach(run->wb, &spec, &run->handles[i]);
	}
	return err;
}

/* A read that fails while opening is no loss: it is opened again. */
int run_open(struct run *run)
{
	struct wb_options options = {.nr_buffers = run->bench->geometry.nr_buffers, .nr_zeros = 64};
	int err;

	for (unsigned int attempt = 0; attempt < 2; attempt++) {
		err = wb_open(&run->bench->disks[CACHE].bdev, &options, &run->bench->env, &run->wb);
		if (!err) {
			err = attach(run);
			if (!err)
				break;
			wb_abandon(run->wb);
		}
		if (err != -EIO || !run->faulty)
			return err;
	}
	run->bench->wb = run->wb;
	return err;
}

struct outcome {
	bool done;
	int err;
};

static void outcome_done(void *ctx, int err)
{
	*(struct outcome *)ctx = (struct outcome){true, err};
}

static int wait_outcome(struct run *run, const struct outcome *o, const char *what)
{
	while (!o->done)
		if (!bench_step(run->bench))
			fail("the cache never %s", what);
	return o->err;
}

void run_start(struct run *run)
{
	struct outcome o = {0};

	if (wb_knob_set(run->wb, NULL, WB_KNOB_ALLOW_MIGRATE, 0))
		fail("a knob refuses a value");
	wb_start(run->wb, outcome_done, &o);
	if (wait_outcome(run, &o, "starts"))
		fail("the cache can't be started");
}

void run_drain(struct run *run)
{
	struct outcome o = {0};

	wb_drain(run->wb, NULL, outcome_done, &o);
	if (wait_outcome(run, &o, "drains"))
		fail("the cache can't be drained");
	run->drained = run->synced = run->nr_states;
	if (memcmp(run->bench->visible + run->bench->contents, run_state(run, run->nr_states),
		   CONTENTS_LEN) != 0)
		fail("drained, the backings don't hold the newest state");
}

int run_close(struct run *run)
{
	struct outcome o = {0};
	int err;

	wb_stop(run->wb, outcome_done, &o);
	if (wait_outcome(run, &o, "stops"))
		fail("the cache can't be stopped");
	run->synced = run->nr_states;
	err = wb_close(run->wb);
	if (run->bench->pending)
		fail("I/O is in flight after the cache was closed");
	run->bench->wb = run->wb = NULL;
	run->bench->timer = UINT64_MAX;
	return err;
}

void run_abandon(struct run *run)
{
	run->bench->pending = NULL;
	run->bench->wb = NULL;
	wb_abandon(run->wb);
	run->wb = NULL;
}

/* Again if a fault has hit it. */
static void read_one(struct run *run, char name, uint8_t *to)
{
	struct op *op = &run->ops[MAX_OPS - 1];

	assert(!op->busy);
	op->letter = letter_of(name);
	do {
		op->busy = true;
		submit(run, op);
		wait_for(run, op);
	} while (op->err);
	memcpy(to, op->buf, op->letter->len);
}

void run_read(struct run *run, uint8_t *contents)
{
	read_one(run, 'R', contents);
	read_one(run, 'Q', contents + FIRST_LEN);
}

void run_expect_newest(struct run *run)
{
	uint8_t contents[CONTENTS_LEN];

	run_read(run, contents);
	if (memcmp(contents, run_state(run, run->nr_states), CONTENTS_LEN) != 0)
		fail("reads don't see what was written");
}

void run_init(struct run *run, struct bench *bench)
{
	*run = (struct run){.bench = bench};
	run->states = malloc((size_t)MAX_STATES * CONTENTS_LEN);
	assert(run->states);
	for (unsigned int i = 0; i < MAX_OPS; i++) {
		run->ops[i].run = run;
		run->ops[i].buf = aligned_alloc(BLOCK, FIRST_LEN);
		run->ops[i].pages = aligned_alloc(BLOCK, WB_IO_PAGES * BLOCK);
		assert(run->ops[i].buf && run->ops[i].pages);
	}
}

void run_fini(struct run *run)
{
	for (unsigned int i = 0; i < MAX_OPS; i++) {
		free(run->ops[i].buf);
		free(run->ops[i].pages);
	}
	free(run->states);
	free(run->cuts);
}

void run_reset(struct run *run, const uint8_t *contents, uint32_t first_stamp)
{
	run->nr_ops = 0;
	for (unsigned int i = 0; i < MAX_OPS; i++)
		run->ops[i].busy = false;
	run->nr_states = run->acknowledged = run->synced = run->drained = 0;
	run->first_stamp = first_stamp;
	run->nr_cuts = 0;
	run->recording = false;
	run->faulty = false;
	run->before = NULL;
	if (contents)
		memcpy(run->states, contents, CONTENTS_LEN);
	else
		memset(run->states, 0, CONTENTS_LEN);
	run->hashes[0] = hash_of(run->states, CONTENTS_LEN);
	run->bench->before_change = note_cut;
	run->bench->ctx = run;
}
