/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulation: the unchanged engine on simulated devices, in one thread, every choice taken
 * from one seed. A run is some lives of one cache, each ended by a power cut or a clean close; the
 * oracle (model.c) then says whether what is there is what was promised.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/newcache.h"
#include "tests/sim/model.h"
#include "tests/sim/simdev.h"

#define MAX_REQUESTS 32
#define LIVES 12
#define MAX_STEPS 200000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_RUNS 150
#else
#define DEFAULT_RUNS 2500
#endif

enum kind { READ, WRITE, ZERO, SYNC };

struct request {
	struct world *world;
	bool busy;
	enum kind kind;
	unsigned int backing;
	uint32_t stamp;
	uint64_t covered; /* SYNC: operations acknowledged when it began */
	struct wb_io io;
	uint8_t *buf;
	uint8_t *pages;
};

struct world {
	struct sim sim;
	struct model model;
	struct simdev *cache;
	struct simdev *backings[MODEL_BACKINGS];
	struct wb_backing *handles[MODEL_BACKINGS];
	struct wb *wb;
	struct wb_format_result geometry;
	struct wb_options options;
	struct request requests[MAX_REQUESTS];
	uint64_t steps;
	uint32_t max_blocks; /* of a request that is not split */
	bool faulty;	     /* this run injects faults */
	bool fault;	     /* this life had one */
	bool stopping;
	uint64_t seed;
};

static struct {
	uint64_t runs, lives, crashes, requests, syncs, failed_opens, faults;
	uint64_t simulated_ns;
} totals;

static void fail(struct world *w, const char *what)
{
	fprintf(stderr, "FAILED: seed %llu: %s (last message: %s)\n", (unsigned long long)w->seed,
		what, w->sim.last_message);
	fprintf(stderr, "replay: tests/sim/sim --seed %llu --verbose\n",
		(unsigned long long)w->seed);
	abort();
}

/* One step, which a run does not need without end. */
static bool step(struct world *w)
{
	if (++w->steps > MAX_STEPS)
		fail(w, "it goes on for ever");
	return sim_step(&w->sim);
}

/* ---- requests ---- */

static void request_done(struct wb_io *io, int err)
{
	struct request *r = io->ctx;
	struct world *w = r->world;

	r->busy = false;
	if (err && !w->fault && !(w->stopping && err == -ESHUTDOWN))
		fail(w, "a request failed without a fault");
	switch (r->kind) {
	case READ:
		if (!err && !model_check_read(&w->model, r->backing, io->off, io->len,
					      r->buf + io->off % WB_BLOCK_SIZE, r->covered))
			fail(w, "a read returned something that was never there");
		break;
	case WRITE:
	case ZERO:
		if (!err)
			model_write(&w->model, r->backing, io->off, io->len,
				    r->kind == ZERO ? 0 : r->stamp);
		else
			model_maybe(&w->model, r->backing, io->off, io->len,
				    r->kind == ZERO ? 0 : r->stamp);
		break;
	case SYNC:
		if (!err)
			model_synced(&w->model, r->covered);
		break;
	}
}

static struct request *free_request(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (!w->requests[i].busy)
			return &w->requests[i];
	return NULL;
}

static void choose_range(struct world *w, struct request *r)
{
	uint64_t size = w->backings[r->backing]->bdev.size;
	uint64_t blocks = r->kind == ZERO ? 8 : r->kind == READ ? 8 : w->max_blocks;
	uint64_t len = (1 + sim_random(&w->sim, blocks)) * WB_BLOCK_SIZE;
	uint64_t off = sim_random(&w->sim, size / WB_BLOCK_SIZE) * WB_BLOCK_SIZE;

	if (sim_random(&w->sim, 4) == 0) {
		off += sim_random(&w->sim, 8) * 512;
		len -= sim_random(&w->sim, 8) * 512;
	}
	if (r->kind != READ && off % WB_BLOCK_SIZE + len > blocks * WB_BLOCK_SIZE)
		len = blocks * WB_BLOCK_SIZE - off % WB_BLOCK_SIZE;
	if (off >= size)
		off = size - 512;
	if (off + len > size)
		len = size - off;
	if (r->kind == ZERO && w->max_blocks < 2) {
		off = off / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
		len = size - off < WB_BLOCK_SIZE ? size - off : WB_BLOCK_SIZE;
	}
	r->io.off = off;
	r->io.len = len;
}

static void start_request(struct world *w)
{
	struct request *r = free_request(w);
	uint64_t dice = sim_random(&w->sim, 20);

	if (!r)
		return;
	totals.requests++;
	r->kind = dice < 11 ? WRITE : dice < 15 ? READ : dice < 17 ? ZERO : SYNC;
	r->backing = (unsigned int)sim_random(&w->sim, MODEL_BACKINGS);
	r->busy = true;
	r->world = w;
	r->io.backing = w->handles[r->backing];
	r->io.done = request_done;
	r->io.ctx = r;
	r->io.flags = 0;
	r->io.buf = r->buf;
	r->io.pages = r->pages;
	r->covered = model_now(&w->model);
	choose_range(w, r);
	switch (r->kind) {
	case READ:
		wb_read(w->wb, &r->io);
		break;
	case WRITE:
		r->stamp = model_stamp(&w->model);
		model_fill(r->backing, r->io.off, r->io.len, r->stamp, r->buf);
		wb_write(w->wb, &r->io);
		break;
	case ZERO:
		wb_zero(w->wb, &r->io);
		break;
	case SYNC:
		totals.syncs++;
		wb_sync(w->wb, &r->io);
		break;
	}
}

/* ---- lives ---- */

struct outcome {
	bool done;
	int err;
};

static void outcome_done(void *ctx, int err)
{
	struct outcome *o = ctx;

	o->done = true;
	o->err = err;
}

static void clear_faults(struct world *w)
{
	for (unsigned int i = 0; i < w->sim.nr_devices; i++)
		memset(w->sim.devices[i]->faults, 0, sizeof(w->sim.devices[i]->faults));
}

static void inject_fault(struct world *w)
{
	struct simdev *dev = w->sim.devices[sim_random(&w->sim, w->sim.nr_devices)];
	enum bdev_op op = (enum bdev_op)sim_random(&w->sim, BDEV_ZERO + 1);
	uint64_t times = 1 + sim_random(&w->sim, 3);

	if (sim_random(&w->sim, 4) == 0)
		times = 1 + sim_random(&w->sim, 40);
	dev->drop_on_failed_flush = sim_random(&w->sim, 2);
	simdev_fail(dev, op, -EIO, sim_random(&w->sim, 4), times);
	w->fault = true;
	totals.faults++;
}

static void open_cache(struct world *w)
{
	char name[16];
	int err;

	w->fault = false;
	if (w->faulty && sim_random(&w->sim, 8) == 0)
		inject_fault(w);
	err = wb_open(&w->cache->bdev, &w->options, &w->sim.env, &w->wb);
	clear_faults(w);
	if (err == -EIO && w->fault) {
		totals.failed_opens++;
		err = wb_open(&w->cache->bdev, &w->options, &w->sim.env, &w->wb);
	}
	if (err)
		fail(w, "the cache can't be opened");
	w->fault = false;
	w->sim.wb = w->wb;
	for (unsigned int i = 0; i < MODEL_BACKINGS; i++) {
		struct wb_backing_spec spec = {
			.name = name,
			.path = w->backings[i]->bdev.path,
			.identity = w->backings[i]->bdev.path,
			.dev = &w->backings[i]->bdev,
			.cached = true,
		};

		snprintf(name, sizeof(name), "b%u", i);
		if (wb_attach(w->wb, &spec, &w->handles[i]))
			fail(w, "a backing can't be attached");
	}
}

/* Read everything, and see which prefix of the history it is. */
static void verify_contents(struct world *w)
{
	uint8_t *images[MODEL_BACKINGS];

	for (unsigned int i = 0; i < MODEL_BACKINGS; i++) {
		struct request *r = &w->requests[0];
		uint64_t size = w->backings[i]->bdev.size;

		images[i] = aligned_alloc(WB_BLOCK_SIZE, (MODEL_SECTORS / 8 + 2) * WB_BLOCK_SIZE);
		*r = (struct request){
			.world = w, .busy = true, .kind = SYNC, .buf = r->buf, .pages = r->pages};
		r->io = (struct wb_io){.backing = w->handles[i],
				       .len = size,
				       .buf = images[i],
				       .pages = r->pages,
				       .done = request_done,
				       .ctx = r};
		wb_read(w->wb, &r->io);
		while (r->busy)
			if (!step(w))
				fail(w, "a read never completes");
	}
	if (!model_recover(&w->model, images))
		fail(w, "what was recovered is no prefix with all that was synced");
	for (unsigned int i = 0; i < MODEL_BACKINGS; i++)
		free(images[i]);
}

/* Between batches the backings alone show a state of the past. */
static void verify_backings(struct world *w)
{
	struct wb_status status;
	uint8_t *images[MODEL_BACKINGS];

	wb_status(w->wb, &status);
	if (status.batch_end > status.migrated)
		return;
	for (unsigned int i = 0; i < MODEL_BACKINGS; i++)
		images[i] = w->backings[i]->visible;
	if (!model_is_past(&w->model, images))
		fail(w, "the backings show no state of the past");
}

static void start_cache(struct world *w)
{
	struct outcome o = {0};

	wb_start(w->wb, outcome_done, &o);
	while (!o.done)
		if (!step(w))
			fail(w, "the cache never starts");
	if (o.err && !w->fault)
		fail(w, "the cache can't be started");
}

static void wait_for_requests(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		while (w->requests[i].busy)
			if (!step(w))
				fail(w, "a request never completes");
}

static void close_cleanly(struct world *w)
{
	struct outcome o = {0};

	w->stopping = sim_random(&w->sim, 2);
	if (!w->stopping)
		wait_for_requests(w);
	wb_stop(w->wb, outcome_done, &o);
	while (!o.done)
		if (!step(w))
			fail(w, "the cache never stops");
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (w->requests[i].busy)
			fail(w, "the cache stopped with a request in flight");
	w->stopping = false;
	if (!o.err)
		o.err = wb_close(w->wb);
	else
		wb_abandon(w->wb);
	if (!o.err)
		model_synced(&w->model, model_now(&w->model));
	else if (!w->fault)
		fail(w, "the cache can't be closed");
	sim_kill(&w->sim);
}

static void crash(struct world *w)
{
	if (sim_random(&w->sim, 4) == 0)
		sim_kill(&w->sim);
	else
		sim_power_cut(&w->sim);
	wb_abandon(w->wb);
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		w->requests[i].busy = false;
	totals.crashes++;
}

static void change_knob(struct world *w)
{
	enum wb_knob_id id = (enum wb_knob_id)sim_random(&w->sim, WB_NR_KNOBS);
	const struct wb_knob *knob = &wb_knobs[id];
	uint64_t range = knob->max - knob->min + 1ull;
	unsigned int value = knob->min + (unsigned int)sim_random(&w->sim, range < 9 ? range : 9);

	if (id != WB_KNOB_ON_FULL && wb_knob_set(w->wb, NULL, id, value))
		fail(w, "a knob refuses a value in its range");
}

static void live(struct world *w)
{
	uint64_t steps = sim_random(&w->sim, 600);

	open_cache(w);
	verify_backings(w);
	if (sim_random(&w->sim, 8) == 0) {
		crash(w);
		return;
	}
	verify_contents(w);
	if (sim_random(&w->sim, 8) == 0) {
		crash(w);
		return;
	}
	start_cache(w);
	while (steps--) {
		uint64_t dice = sim_random(&w->sim, 100);

		if (dice < 40)
			start_request(w);
		else if (dice < 98)
			step(w);
		else if (dice < 99 || !w->faulty)
			change_knob(w);
		else if (sim_random(&w->sim, 3))
			inject_fault(w);
		else
			wb_retry(w->wb);
	}
	clear_faults(w);
	totals.lives++;
	if (sim_random(&w->sim, 6) == 0)
		close_cleanly(w);
	else
		crash(w);
}

static void build_world(struct world *w, uint64_t seed, bool verbose)
{
	static const uint32_t blocks[] = {2, 2, 3, 4, 8, 16};
	char *names[] = {"b0", "b1"};
	uint64_t cache_size;
	struct wb_format_options options = {.label = "sim"};

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	sim_init(&w->sim, seed);
	w->sim.verbose = verbose;
	w->faulty = sim_random(&w->sim, 2);
	w->geometry.segment_size = blocks[sim_random(&w->sim, 6)] * WB_BLOCK_SIZE;
	w->geometry.nr_segments = 3 + sim_random(&w->sim, sim_random(&w->sim, 8) ? 8 : 60);
	w->options.nr_buffers = 2 + (unsigned int)sim_random(&w->sim, 6);
	cache_size = WB_SLOTS_OFF + w->geometry.nr_segments * w->geometry.segment_size;
	w->options.nr_zeros = 8 + (unsigned int)sim_random(&w->sim, 60);
	w->cache = simdev_new(&w->sim, "cache", cache_size);
	for (unsigned int i = 0; i < MODEL_BACKINGS; i++)
		w->backings[i] = simdev_new(&w->sim, names[i], MODEL_SECTORS * 512 - i * 3 * 512);
	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		w->requests[i].buf = aligned_alloc(WB_BLOCK_SIZE, 64 * WB_BLOCK_SIZE);
		w->requests[i].pages = aligned_alloc(WB_BLOCK_SIZE, WB_IO_PAGES * WB_BLOCK_SIZE);
	}
	sim_random(&w->sim, 2);
	memset(options.uuid, (int)(seed % 251) + 1, sizeof(options.uuid));
	if (newcache_write(&w->cache->bdev, &options, &w->geometry))
		fail(w, "formatting failed");
	w->max_blocks = (uint32_t)(w->geometry.nr_segments *
				   (w->geometry.segment_size / WB_BLOCK_SIZE - 1) / 4);
	if (w->max_blocks >
	    w->options.nr_buffers * (w->geometry.segment_size / WB_BLOCK_SIZE - 1) / 2)
		w->max_blocks = w->options.nr_buffers *
				(w->geometry.segment_size / WB_BLOCK_SIZE - 1) / 2;
	if (!w->max_blocks)
		w->max_blocks = 1;
	if (w->max_blocks > 16)
		w->max_blocks = 16;
	model_init(&w->model);
}

static void run(uint64_t seed, bool verbose)
{
	struct world *w = calloc(1, sizeof(*w));

	assert(w);
	build_world(w, seed, verbose);
	for (unsigned int i = 0; i < LIVES; i++)
		live(w);
	totals.runs++;
	totals.simulated_ns += w->sim.now;
	model_fini(&w->model);
	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		free(w->requests[i].buf);
		free(w->requests[i].pages);
	}
	sim_fini(&w->sim);
	free(w);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, runs = DEFAULT_RUNS;
	bool verbose = false;
	time_t end = 0;
	static const struct option long_options[] = {
		{"seed", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:r:t:v", long_options, NULL)) != -1) {
		if (c == 's') {
			seed = strtoull(optarg, NULL, 0);
			runs = end ? runs : 1;
		} else if (c == 'r') {
			runs = strtoull(optarg, NULL, 0);
		} else if (c == 't') {
			end = time(NULL) + strtol(optarg, NULL, 0);
			runs = UINT64_MAX;
		} else if (c == 'v') {
			verbose = true;
		} else {
			return 2;
		}
	}
	for (uint64_t i = 0; i < runs && (!end || time(NULL) < end); i++)
		run(seed + i, verbose);
	printf("simulation: %llu runs, %llu crashes with recovery, %llu requests, %llu syncs, "
	       "%llu faults, %llu failed openings, %.1f simulated hours, no failure\n",
	       (unsigned long long)totals.runs, (unsigned long long)totals.crashes,
	       (unsigned long long)totals.requests, (unsigned long long)totals.syncs,
	       (unsigned long long)totals.faults, (unsigned long long)totals.failed_opens,
	       (double)totals.simulated_ns / 3.6e12);
	return 0;
}
