/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building a world, and the lives in it. */
#include "config.h"

#include "tests/sim/world.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Numbers of a life's actions. */
#define OPEN 0
#define LOOK 1
#define BEGIN 2
#define HOLD 3
#define FIRST 4
#define PLAN (LIFE_ACTIONS - 2)
#define END (LIFE_ACTIONS - 1)

uint64_t dice(struct world *w, uint64_t below)
{
	return sim_random(&w->sim, below);
}

bool one_in(struct world *w, uint64_t n)
{
	return dice(w, n) == 0;
}

/*
 * A log that is full to its last segment has no room to note that a block is lost; and such notes,
 * which nobody has reckoned with, take room that others need for zeros.
 */
bool world_is_stuck(const struct world *w)
{
	return w->nr_lost && peek_is_full(w->wb);
}

/* One step, which a life does not need without end. */
bool world_step(struct world *w)
{
	bool stepped;

	if (++w->steps > MAX_STEPS) {
		if (world_is_stuck(w))
			return false;
		fail(w, "it goes on for ever");
	}
	backings_look(w);
	stepped = sim_step(&w->sim);
	/* Before the log's memory of what was placed is used for other records. */
	requests_note_placed(w);
	return stepped;
}

/* From here on everything is drawn from the generator of this action. */
static void draw_for(struct world *w, uint64_t number)
{
	uint64_t x = w->seed * 0x9e3779b97f4a7c15ull + (number + 1) * 0xbf58476d1ce4e5b9ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	w->sim.random = (x ^ x >> 31) | 1;
}

/* Whether to do an action of this life. */
static bool begin(struct world *w, unsigned int action)
{
	uint64_t number = (uint64_t)w->life * LIFE_ACTIONS + action;

	if (w->keep && !w->keep[number])
		return false;
	w->nr_actions = number;
	draw_for(w, number);
	return true;
}

/* ---- opening ---- */

static int try_open(struct world *w)
{
	int err;

	w->faults_at_open = faults_fired(w);
	err = wb_open(&w->cache->bdev, &w->options, &w->sim.env, &w->wb);
	if (err)
		w->wb = NULL;
	if (!err || faults_fired(w) == w->faults_at_open)
		return err;
	note(w, "opening failed: %d", err);
	totals->refused_opens++;
	faults_mend(w);
	w->faults_at_open = faults_fired(w);
	err = wb_open(&w->cache->bdev, &w->options, &w->sim.env, &w->wb);
	if (err)
		w->wb = NULL;
	return err;
}

/* A damaged cache is refused; what can be saved may be asked for. */
static int open_damaged(struct world *w, int err)
{
	bool one_super = !w->other_damage && w->rotten_supers != 3;

	if (!faults_damaged(w) || one_super || (err != -EUCLEAN && err != -EMEDIUMTYPE))
		fail(w, "the cache can't be opened: error %d", -err);
	note(w, "refused: %d", err);
	totals->refused_opens++;
	w->options.recover_truncate = true;
	err = try_open(w);
	if (err && err != -EUCLEAN && err != -EMEDIUMTYPE)
		fail(w, "the cache can't be opened and truncated: error %d", -err);
	totals->truncated += !err;
	w->lost = err;
	return err;
}

static uint64_t count_writes(const struct world *w)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < w->sim.nr_devices; i++)
		n += w->sim.devices[i]->nr_ios[BDEV_WRITE] + w->sim.devices[i]->nr_ios[BDEV_ZERO];
	return n;
}

static bool open_cache(struct world *w, bool *truncated)
{
	uint64_t vouched = 0;
	int err;

	w->options.read_only = w->read_only = one_in(w, 20);
	w->options.recover_truncate = w->damaging && one_in(w, 8);
	if (w->damaging && one_in(w, 5))
		faults_damage(w);
	if (w->faulty && one_in(w, 8))
		faults_inject(w);
	w->writes_at_open = count_writes(w);
	err = try_open(w);
	if (err && open_damaged(w, err))
		return false;
	/* A flush that failed may have taken what vouched before. */
	if (faults_damaged(w))
		vouched = check_vouched(w);
	w->cache_faults_at_open = faults_of(w->cache);
	w->cache_fails_at_open = w->cache->nr_failed[BDEV_WRITE] + w->cache->nr_failed[BDEV_FLUSH];
	w->sim.wb = w->wb;
	w->max_blocks = peek_max_blocks(w->wb);
	if (w->max_blocks > w->max_len / WB_BLOCK_SIZE)
		w->max_blocks = (uint32_t)(w->max_len / WB_BLOCK_SIZE);
	*truncated = check_opened(w, vouched);
	disks_attach_first(w);
	return true;
}

static int start_cache(struct world *w)
{
	struct wb_status s;
	int err;

	wb_status(w->wb, &s);
	if (!w->read_only && w->nr_generations < MAX_GENERATIONS) {
		w->generations[w->nr_generations].generation = s.generation + 1;
		w->generations[w->nr_generations++].first_record = s.open_record;
	}
	err = task_wait(w, task_begin(w, START, 0), "the cache never starts");
	if (!err && !w->read_only)
		w->rotten_supers = 0;
	return err;
}

/* ---- ending ---- */

static void end_life(struct world *w)
{
	requests_forget(w);
	disks_forget(w);
	uncached_doubt(&w->uncached);
	totals->carried += w->last.nr_carried_blocks;
	w->wb = NULL;
	w->stopping = w->started = false;
	if (w->read_only && count_writes(w) != w->writes_at_open)
		fail(w, "a read-only cache wrote something");
}

static void crash(struct world *w)
{
	requests_note_placed(w);
	check_status(w);
	if (one_in(w, 4)) {
		note(w, "killed");
		sim_kill(&w->sim);
		totals->kills++;
	} else {
		note(w, "power cut");
		sim_power_cut(&w->sim);
	}
	wb_abandon(w->wb);
	end_life(w);
	totals->crashes++;
}

static void close_cleanly(struct world *w)
{
	struct task *stop;
	int err;

	w->steps = 0; /* a cache that is stuck has to stop all the same */
	w->stopping = one_in(w, 2) || faults_explain(w) || w->cache->slow_ns || w->fault ||
		      hold_any(w);
	if (!w->stopping)
		requests_wait(w);
	w->stopping = true;
	/* Tasks in flight are reported by the stop. */
	for (stop = NULL; !stop; world_step(w))
		stop = task_begin(w, STOP, 0);
	err = task_wait(w, stop, "the cache never stops");
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (w->clients[i].busy)
			fail(w, "the cache stopped with a request in flight");
	if (w->sim.nr_pending)
		fail(w, "the cache stopped with an I/O in flight");
	check_status(w);
	if (err)
		wb_abandon(w->wb);
	else
		err = wb_close(w->wb);
	note(w, "closed: %d", err);
	if (err && faults_fired(w) == w->faults_at_open)
		fail(w, "the cache can't be closed");
	sim_kill(&w->sim);
	end_life(w);
}

/* Once all devices work again, a retry makes everything good. */
static void heal(struct world *w)
{
	note(w, "heal");
	faults_mend(w);
	wb_retry(w->wb);
	hold_nothing(w);
	disks_attach_missing(w);
	wb_retry(w->wb);
	requests_wait(w);
	if (world_is_stuck(w))
		return;
	wb_retry(w->wb); /* those that had failed before have told so now */
	for (unsigned int i = 0; i < MAX_TASKS; i++)
		task_wait(w, &w->tasks[i], "a task never completes");
	if (task_wait(w, task_begin(w, DRAIN, ALL_DISKS), "a drain never completes")) {
		if (world_is_stuck(w))
			return;
		fail(w, "what was mended can't be drained");
	}
	check_healed(w);
}

static void end(struct world *w)
{
	uint64_t n = dice(w, 10);

	requests_note_placed(w);
	backings_check(w);
	if (n >= 8 && w->started && !w->read_only && !faults_damaged(w)) {
		heal(w);
		n = dice(w, 10);
	}
	if (one_in(w, 2))
		faults_mend(w);
	if (n < 7 || !w->started)
		crash(w);
	else
		close_cleanly(w);
	faults_mend(w);
	w->fault = false;
}

static void live(struct world *w)
{
	unsigned int nr;
	bool truncated;

	draw_for(w, (uint64_t)w->life * LIFE_ACTIONS + PLAN);
	nr = (unsigned int)dice(w, one_in(w, 4) ? 700 : 60);
	w->steps = 0;
	w->actions_left = UINT_MAX;
	if (!begin(w, OPEN))
		return;
	note(w, "life %u", w->life);
	totals->lives++;
	if (!open_cache(w, &truncated))
		return;
	if (!truncated && one_in(w, 10)) {
		crash(w);
		return;
	}
	if (begin(w, LOOK) || truncated) {
		check_contents(w, truncated);
		w->crash_early = one_in(w, 10);
	}
	w->started = !w->crash_early && begin(w, BEGIN) && start_cache(w) == 0;
	w->crash_early = false;
	totals->read_only += w->read_only;
	if (w->started && w->holding && begin(w, HOLD))
		hold_pause(w);
	for (unsigned int i = 0; w->started && i < nr && w->actions_left; i++, w->actions_left--)
		if (begin(w, FIRST + i))
			act(w);
	begin(w, END);
	end(w);
}

/* ---- building ---- */

static void choose_geometry(struct world *w)
{
	static const uint32_t blocks[] = {2, 2, 3, 4, 8, 16};

	w->large = one_in(w, 100);
	w->geometry.segment_size = blocks[dice(w, 6)] * WB_BLOCK_SIZE;
	w->geometry.nr_segments = 3 + dice(w, one_in(w, 8) ? 60 : 8);
	w->options.nr_buffers = 2 + (unsigned int)dice(w, 6);
	w->options.nr_zeros = 8 + (unsigned int)dice(w, 60);
	/* Poison takes room that nobody has reckoned with, which a tiny log hasn't. */
	if (w->rotting && w->geometry.segment_size < 4 * WB_BLOCK_SIZE)
		w->geometry.segment_size = 4 * WB_BLOCK_SIZE;
	if (w->rotting)
		w->geometry.nr_segments += 3;
	w->max_len = 16ull * WB_BLOCK_SIZE;
	if (!w->large)
		return;
	w->geometry.segment_size = 64u * 1024 << dice(w, 5);
	w->geometry.nr_segments = 4 + dice(w, 40);
	w->max_len = 257ull * WB_BLOCK_SIZE;
}

static void choose_habits(struct world *w)
{
	w->faulty = one_in(w, 2);
	w->comings = one_in(w, 3);
	w->damaging = one_in(w, 6);
	w->rotting = !w->damaging && one_in(w, 5);
	w->holding = one_in(w, 3);
	w->growing = !w->damaging && one_in(w, 3);
	w->has_uncached = one_in(w, 3);
	w->nr_cached = one_in(w, 3) ? NR_CACHED : 2;
	totals->damaged_runs += w->damaging;
}

/* What a disk has where it may grow to is not zeros, and is seen when it has grown. */
static void fill_behind(struct world *w, unsigned int i)
{
	struct simdev *dev = w->disks[i].dev;
	uint64_t size = dev->bdev.size, more = w->disks[i].max_size - size;
	uint32_t *stamps = calloc(w->model.sectors[i], sizeof(*stamps));
	uint32_t stamp = model_stamp(&w->model);

	if (!stamps)
		fail(w, "no memory");
	for (uint64_t at = size / 512; at < w->model.sectors[i]; at++)
		stamps[at] = stamp;
	model_fill(i, size, more, stamp, dev->visible + size);
	memcpy(dev->stable + size, dev->visible + size, more);
	model_forget(&w->model, i, stamps);
	free(stamps);
}

static void build_disks(struct world *w)
{
	static const char *const paths[] = {"disk0", "disk1", "disk2", "uncached"};
	uint32_t sectors[NR_CACHED];

	for (unsigned int i = 0; i < NR_DISKS; i++) {
		uint32_t nr = MODEL_SECTORS - i * 3;
		uint32_t block = one_in(w, 6) ? WB_BLOCK_SIZE : 512;

		if (w->large)
			nr = (1 + i) * 1024 - i * 3;
		if (i == UNCACHED)
			nr = UNCACHED_SECTORS;
		/* Of different sizes, whatever their blocks. */
		if (block == WB_BLOCK_SIZE)
			nr = nr / 8 * 8 - i * 8 * (i != UNCACHED);
		w->disks[i].dev = simdev_new(&w->sim, paths[i], nr * 512ull);
		w->disks[i].dev->bdev.logical_block_size = block;
		w->disks[i].max_size = nr * 512ull;
		if (w->growing && i < NR_CACHED)
			w->disks[i].dev->bdev.size -= dice(w, nr * 512 / 2 / block) * block;
		if (i < NR_CACHED)
			sectors[i] = nr;
		if (nr * 512ull > w->max_disk)
			w->max_disk = (nr * 512ull + WB_BLOCK_SIZE) / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
	}
	model_init_sized(&w->model, NR_CACHED, sectors);
	for (unsigned int i = 0; w->growing && i < NR_CACHED; i++)
		fill_behind(w, i);
}

static void build_cache(struct world *w)
{
	struct wb_format_options options = {.label = "sim"};
	uint64_t size = WB_SLOTS_OFF + w->geometry.nr_segments * w->geometry.segment_size;

	w->cache = simdev_new(&w->sim, "cache", size);
	if (one_in(w, 6))
		w->cache->bdev.logical_block_size = WB_BLOCK_SIZE;
	memset(w->uuid, (int)(w->seed % 251) + 1, sizeof(w->uuid));
	memcpy(options.uuid, w->uuid, sizeof(w->uuid));
	if (newcache_write(&w->cache->bdev, &options, &w->geometry))
		fail(w, "formatting failed");
}

static void build_memory(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		struct client *c = &w->clients[i];

		c->buf = aligned_alloc(WB_BLOCK_SIZE, w->max_len + 2ull * WB_BLOCK_SIZE);
		c->pages = aligned_alloc(WB_BLOCK_SIZE, (size_t)WB_IO_PAGES * WB_BLOCK_SIZE);
		assert(c->buf && c->pages);
	}
	w->image = aligned_alloc(WB_BLOCK_SIZE, 2 * w->max_disk);
	assert(w->image);
}

static void tear_down(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		free(w->clients[i].buf);
		free(w->clients[i].pages);
	}
	free(w->image);
	model_fini(&w->model);
	sim_fini(&w->sim);
	free(w);
}

void world_run(uint64_t seed, const uint8_t *keep, bool verbose)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned int lives;

	assert(w);
	sim_init(&w->sim, seed);
	w->sim.late = true;
	w->sim.verbose = w->verbose = verbose;
	w->seed = seed;
	w->keep = keep;
	draw_for(w, UINT64_MAX - 1);
	choose_habits(w);
	choose_geometry(w);
	build_cache(w);
	build_disks(w);
	build_memory(w);
	note(w, "%llu segments of %u blocks, %u buffers, %u extents of zeros",
	     (unsigned long long)w->geometry.nr_segments, w->geometry.segment_size / WB_BLOCK_SIZE,
	     w->options.nr_buffers, w->options.nr_zeros);
	lives = w->large ? 3 : MAX_LIVES;
	for (w->life = 0; w->life < lives && !w->lost; w->life++)
		live(w);
	totals->runs++;
	totals->simulated_ns += w->sim.now;
	tear_down(w);
}
