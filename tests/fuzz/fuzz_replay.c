/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of a whole cache: an image (image.h) is opened, its backings are attached, everything is
 * read, written to here and there, migrated, closed or cut off, and opened again. Whatever the
 * image says: it is refused with a message, or it works and goes on to work, and what was read
 * from it once stays as it is, in the log and on the backings.
 */
#include "config.h"

#include <errno.h>

#include "engine/format.h"
#include "tests/fuzz/image.h"

#define MAX_SIDES 4u
#define LARGEST_SIDE (64u * WB_BLOCK_SIZE)
#define PATIENCE 4000u	    /* steps of the simulation that a request may take if all is well */
#define MOST_STEPS 1000000u /* that anything may take */
#define WRITES 4u
#define LARGEST_START (1ull << 49) /* no cache is opened whose numbers are as large */

/* A backing as the host sees it. */
struct side {
	struct simdev *dev;
	struct wb_backing *backing; /* NULL: not attached */
	char name[WB_NAME_LEN], identity[WB_IDENTITY_LEN];
	uint8_t *seen;	/* what was read */
	bool known[64]; /* blocks of it that count */
	bool fixed[64]; /* and don't depend on what has been migrated */
};

struct life {
	struct sim sim; /* first: the environment's ctx is both */
	struct image image;
	struct wb *wb;
	struct side sides[MAX_SIDES];
	unsigned int nr_sides;
	bool done;
	int err;
	bool at_limit; /* it may have used numbers up, and be refused from now on */
	uint64_t allocated, allowed;
	uint8_t *pages;
};

struct op {
	struct wb_io io;
	bool done;
	int err;
};

/* ---- the host ---- */

/* All that a cache takes is a small multiple of its device, and what is the same for all. */
static void *limited_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	struct life *l = ctx;
	void *mem = NULL;

	(void)kind;
	FUZZ_ASSERT(len <= l->allowed && l->allocated + len <= l->allowed);
	l->allocated += len;
	FUZZ_ASSERT(!posix_memalign(&mem, WB_BLOCK_SIZE, len));
	memset(mem, 0, len);
	return mem;
}

static void limited_free(void *ctx, void *mem, size_t len)
{
	struct life *l = ctx;

	l->allocated -= len;
	free(mem);
}

static void step(struct life *l)
{
	bool stepped = sim_step(&l->sim);

	FUZZ_ASSERT(stepped);
}

/* The cache or a backing isn't well, and says why. */
static bool complains(struct life *l)
{
	struct wb_backing_info info;
	struct wb_status status;

	wb_status(l->wb, &status);
	if (status.state != WB_HEALTHY && status.reason[0])
		return true;
	for (unsigned int i = 0; wb_backing_info(l->wb, i, &info); i++)
		if (info.state != WB_HEALTHY && info.reason[0])
			return true;
	return false;
}

/* False: a step that never ends, and it is said what is wrong. */
static bool run_until(struct life *l, const bool *flag)
{
	for (unsigned int i = 0; !*flag && i < PATIENCE; i++)
		step(l);
	if (*flag)
		return true;
	FUZZ_ASSERT(complains(l));
	return false;
}

/* Until it is started, and forever if it is read-only, a cache writes nothing anywhere. */
static void expect_unwritten(const struct life *l)
{
	for (unsigned int i = 0; i < l->sim.nr_devices; i++) {
		const struct simdev *dev = l->sim.devices[i];

		FUZZ_ASSERT(!dev->nr_ios[BDEV_WRITE] && !dev->nr_ios[BDEV_ZERO]);
	}
}

/* What has to end whatever is wrong. */
static void run_to_end(struct life *l, const bool *flag)
{
	for (unsigned int i = 0; !*flag; i++) {
		FUZZ_ASSERT(i < MOST_STEPS);
		step(l);
	}
}

static void note_done(void *ctx, int err)
{
	struct life *l = ctx;

	FUZZ_ASSERT(!l->done);
	l->done = true;
	l->err = err;
}

static int wait_done(struct life *l)
{
	run_to_end(l, &l->done);
	l->done = false;
	return l->err;
}

static void op_done(struct wb_io *io, int err)
{
	struct op *op = io->ctx;

	FUZZ_ASSERT(!op->done);
	op->done = true;
	op->err = err;
}

static void prepare(struct op *op, struct side *side, uint64_t off, uint64_t len, uint8_t *pages)
{
	*op = (struct op){.io = {.backing = side ? side->backing : NULL}};
	op->io.off = off;
	op->io.len = len;
	op->io.pages = pages;
	op->io.done = op_done;
	op->io.ctx = op;
}

/* ---- looking ---- */

static uint64_t nr_blocks(const struct side *side)
{
	return (side->dev->bdev.size + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
}

static uint64_t block_len(const struct side *side, uint64_t block)
{
	uint64_t left = side->dev->bdev.size - block * WB_BLOCK_SIZE;

	return left < WB_BLOCK_SIZE ? left : WB_BLOCK_SIZE;
}

static void look_at(struct life *l, struct side *side, uint64_t block)
{
	_Alignas(WB_BLOCK_SIZE) uint8_t buf[WB_BLOCK_SIZE];
	uint64_t len = block_len(side, block);
	uint8_t *seen = side->seen + block * WB_BLOCK_SIZE;
	struct op op;

	prepare(&op, side, block * WB_BLOCK_SIZE, len, l->pages);
	op.io.buf = buf;
	wb_read(l->wb, &op.io);
	run_to_end(l, &op.done);
	FUZZ_ASSERT(!op.err || op.err == -EIO);
	if (side->known[block]) {
		FUZZ_ASSERT(!op.err);
		FUZZ_ASSERT(!side->fixed[block] || memcmp(seen, buf, len) == 0);
	}
	if (op.err)
		return;
	FUZZ_ASSERT(memcmp(buf, IMAGE_BAD, strlen(IMAGE_BAD)) != 0);
	side->known[block] = true;
	memcpy(seen, buf, len);
}

static void look(struct life *l)
{
	for (unsigned int i = 0; i < l->nr_sides; i++)
		for (uint64_t b = 0; l->sides[i].backing && b < nr_blocks(&l->sides[i]); b++)
			look_at(l, &l->sides[i], b);
}

/* In the end no backing has what must not be read. */
static void expect_nothing_bad(struct life *l)
{
	for (unsigned int i = 0; i < l->nr_sides; i++)
		for (uint64_t b = 0; b < nr_blocks(&l->sides[i]); b++)
			FUZZ_ASSERT(memcmp(l->sides[i].dev->visible + b * WB_BLOCK_SIZE, IMAGE_BAD,
					   strlen(IMAGE_BAD)) != 0);
}

/* After a drain the backings have what was read. */
static void compare_backings(struct life *l)
{
	for (unsigned int i = 0; i < l->nr_sides; i++) {
		struct side *side = &l->sides[i];

		for (uint64_t b = 0; side->backing && b < nr_blocks(side); b++)
			FUZZ_ASSERT(!side->known[b] || !side->fixed[b] ||
				    memcmp(side->seen + b * WB_BLOCK_SIZE,
					   side->dev->visible + b * WB_BLOCK_SIZE,
					   block_len(side, b)) == 0);
	}
}

/* ---- doing ---- */

static struct op writes[WRITES];
static uint8_t write_pages[WRITES][WB_IO_PAGES * WB_BLOCK_SIZE]
	__attribute__((aligned(WB_BLOCK_SIZE)));
static uint8_t letters[3 * WB_BLOCK_SIZE];

/* Remember what a request put there. If it failed nothing is known, if it waits it may come yet. */
static void learn(struct side *side, const struct op *op, bool zeros)
{
	uint64_t first = op->io.off / WB_BLOCK_SIZE;

	if (!op->done || op->err)
		for (uint64_t b = first; b * WB_BLOCK_SIZE < op->io.off + op->io.len; b++)
			side->known[b] = side->fixed[b] = false;
	else if (zeros)
		memset(side->seen + op->io.off, 0, op->io.len);
	else
		memcpy(side->seen + op->io.off, letters, op->io.len);
}

/* One write or zeroing, somewhere; false if it will wait for ever, which is all right then. */
static bool change(struct life *l, struct side *side, unsigned int i)
{
	static const struct {
		uint64_t off, len;
		bool zeros;
	} kinds[WRITES] = {
		{3 * WB_BLOCK_SIZE, WB_BLOCK_SIZE, false},
		{5 * WB_BLOCK_SIZE + 700, 900, false},
		{8 * WB_BLOCK_SIZE, 2 * WB_BLOCK_SIZE, true},
		{9 * WB_BLOCK_SIZE + 512, WB_BLOCK_SIZE, false},
	};
	struct op *op = &writes[i];

	if (!side->backing || kinds[i].off + kinds[i].len > side->dev->bdev.size)
		return true;
	prepare(op, side, kinds[i].off, kinds[i].len, write_pages[i]);
	op->io.buf = letters;
	if (kinds[i].zeros)
		wb_zero(l->wb, &op->io);
	else
		wb_write(l->wb, &op->io);
	run_until(l, &op->done);
	FUZZ_ASSERT(!op->done || !op->err || op->err == -EIO);
	learn(side, op, kinds[i].zeros);
	return op->done;
}

static void change_all(struct life *l)
{
	struct op sync;

	memset(letters, 'w', sizeof(letters));
	memset(writes, 0, sizeof(writes));
	for (unsigned int i = 0; l->nr_sides && i < WRITES; i++)
		if (!change(l, &l->sides[i % l->nr_sides], i))
			break;
	prepare(&sync, NULL, 0, 0, NULL);
	wb_sync(l->wb, &sync.io);
	run_to_end(l, &sync.done);
	FUZZ_ASSERT(!sync.err);
}

static void drain(struct life *l)
{
	wb_drain(l->wb, NULL, note_done, l);
	if (wait_done(l) == 0)
		compare_backings(l);
	else
		FUZZ_ASSERT(complains(l));
}

/* ---- opening and closing ---- */

static bool go_on(void *ctx, uint64_t left)
{
	(void)ctx;
	(void)left;
	return true;
}

static void is_in_the_cache(void *ctx, const struct wb_damage *damage)
{
	const struct life *l = ctx;

	FUZZ_ASSERT(damage->off < l->image.cache->bdev.size && damage->what);
}

/* What recovery accepts can be checked, whatever is found. */
static void scrub(struct life *l)
{
	struct wb_scrub scrub = {.ctx = l, .progress = go_on, .damage = is_in_the_cache};

	FUZZ_ASSERT(wb_scrub(l->wb, &scrub) == 0);
}

static int open_cache(struct life *l)
{
	int err;

	l->sim.last_message[0] = '\0';
	l->done = false;
	err = wb_open(&l->image.cache->bdev, &l->image.options, &l->sim.env, &l->wb);
	if (err) {
		FUZZ_ASSERT(err == -EMEDIUMTYPE || err == -EUCLEAN || err == -EROFS);
		FUZZ_ASSERT(l->sim.last_message[0]);
		FUZZ_ASSERT(!l->allocated);
		l->wb = NULL;
	}
	l->sim.wb = l->wb;
	if (l->wb)
		scrub(l);
	return err;
}

static int attach(struct life *l, struct side *side)
{
	const struct wb_backing_spec spec = {
		.name = side->name,
		.path = side->name,
		.identity = side->identity,
		.dev = &side->dev->bdev,
		.cached = true,
	};

	return wb_attach(l->wb, &spec, &side->backing);
}

static void add_side(struct life *l, const char *name, const char *identity, uint64_t size)
{
	struct side *side = &l->sides[l->nr_sides++];

	if (!size || size > LARGEST_SIDE)
		size = LARGEST_SIDE;
	snprintf(side->name, sizeof(side->name), "%s", name);
	snprintf(side->identity, sizeof(side->identity), "%s", identity);
	side->dev = simdev_new(&l->sim, side->name, size);
	side->seen = calloc(1, LARGEST_SIDE);
	FUZZ_ASSERT(side->seen);
	memset(side->dev->visible, 'b', size);
	memset(side->dev->stable, 'b', size);
}

/* Make the devices that the image remembers, and one that it doesn't. */
static void make_sides(struct life *l)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(l->wb, i, &info); i++) {
		bool odd = info.id > IMAGE_IDS || !l->image.in_order;
		struct side *side = &l->sides[l->nr_sides];

		if (l->nr_sides == MAX_SIDES - 1)
			break;
		add_side(l, info.name, info.identity, info.size);
		for (unsigned int b = 0; b < 64; b++)
			side->fixed[b] = b >= IMAGE_BLOCKS || info.id > IMAGE_IDS ||
					 !(odd && l->image.partial[info.id][b]);
	}
	add_side(l, "new", "new", 20 * WB_BLOCK_SIZE);
	memset(l->sides[l->nr_sides - 1].fixed, true, sizeof(l->sides[0].fixed));
}

static void attach_sides(struct life *l, bool again)
{
	for (unsigned int i = 0; i < l->nr_sides; i++) {
		bool had = l->sides[i].backing;
		int err;

		l->sides[i].backing = NULL;
		err = attach(l, &l->sides[i]);
		FUZZ_ASSERT(!err || err == -EEXIST || err == -ENOSPC || err == -ESTALE);
		if (err)
			l->sides[i].backing = NULL;
		FUZZ_ASSERT(!again || !had || !err);
	}
}

static void close_cache(struct life *l)
{
	wb_stop(l->wb, note_done, l);
	FUZZ_ASSERT(wait_done(l) == 0);
	FUZZ_ASSERT(wb_close(l->wb) == 0);
	l->wb = l->sim.wb = NULL;
	l->sim.timer = UINT64_MAX;
	FUZZ_ASSERT(!l->allocated);
	FUZZ_ASSERT(!l->sim.pending);
}

static void cut_off(struct life *l)
{
	sim_power_cut(&l->sim);
	wb_abandon(l->wb);
	l->wb = NULL;
	FUZZ_ASSERT(!l->allocated);
}

/* Where the power goes: 0 right after the start, 1 with new blocks in the log, 2 in the end. */
static bool cut_at(const struct life *l, unsigned int point)
{
	return l->image.crash && l->image.seed % 3 == point;
}

/* False: it is to be cut off now. */
static bool use(struct life *l, bool keep)
{
	if (keep)
		FUZZ_ASSERT(!wb_knob_set(l->wb, NULL, WB_KNOB_ALLOW_MIGRATE, 0));
	wb_start(l->wb, note_done, l);
	FUZZ_ASSERT(wait_done(l) == 0);
	look(l);
	if (l->image.options.read_only || cut_at(l, 0))
		return !cut_at(l, 0);
	change_all(l);
	look(l);
	if (keep || cut_at(l, 1))
		return !cut_at(l, 1);
	drain(l);
	look(l);
	return !cut_at(l, 2);
}

static bool is_near_limit(uint64_t number)
{
	return number <= LARGEST_START && number + UINT16_MAX > LARGEST_START;
}

static void look_at_limits(struct life *l)
{
	struct wb_status status;
	struct super super;
	const char *why;

	wb_status(l->wb, &status);
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		const uint8_t *copy = l->image.cache->visible + i * WB_SUPER_AREA;

		l->at_limit |= super_decode((const void *)copy, &super, &why) == 0 &&
			       is_near_limit(super.sequence);
	}
	l->at_limit |= is_near_limit(status.generation) || is_near_limit(status.open_record) ||
		       is_near_limit(status.last_durable_segment_id) ||
		       is_near_limit(status.last_migrated_segment_id);
}

static void live(struct life *l)
{
	struct wb_probe probe;
	int err = wb_probe(&l->image.cache->bdev, &probe);
	bool refused;

	FUZZ_ASSERT(!err || err == -EMEDIUMTYPE || err == -EUCLEAN);
	if (open_cache(l)) {
		expect_unwritten(l);
		return;
	}
	look_at_limits(l);
	make_sides(l);
	attach_sides(l, false);
	expect_unwritten(l);
	if (use(l, l->image.keep))
		close_cache(l);
	else
		cut_off(l);
	l->image.crash = false;
	/* What could be opened once can be again, with nothing given up. */
	l->image.options.recover_truncate &= l->image.options.read_only;
	refused = open_cache(l);
	FUZZ_ASSERT(!refused || l->at_limit);
	if (refused)
		return;
	attach_sides(l, true);
	use(l, false);
	close_cache(l);
	expect_nothing_bad(l);
	if (l->image.options.read_only)
		expect_unwritten(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct life l;
	struct input in = {data, data + size};

	l = (struct life){.nr_sides = 0};
	sim_init(&l.sim, 1);
	image_make(&l.image, &l.sim, &in);
	l.sim.verbose = getenv("FUZZ_VERBOSE"); /* the cache's messages, to look into one input */
	l.sim.random = l.image.seed * 0x9e3779b97f4a7c15ull | 1;
	l.allowed = 8 * l.image.cache->bdev.size + 24 * 1024 * 1024;
	l.pages = aligned_alloc(WB_BLOCK_SIZE, WB_IO_PAGES * WB_BLOCK_SIZE);
	FUZZ_ASSERT(l.pages);
	l.sim.env.alloc = limited_alloc;
	l.sim.env.free = limited_free;
	live(&l);
	for (unsigned int i = 0; i < l.nr_sides; i++)
		free(l.sides[i].seen);
	free(l.pages);
	sim_fini(&l.sim);
	return 0;
}
