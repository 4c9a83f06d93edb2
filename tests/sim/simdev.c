/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/sim/simdev.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wb_format.h"

struct simdev_write {
	uint64_t off, len;
	uint8_t *data; /* NULL: zeros */
};

/* xorshift64*, which never leaves a state other than 0. */
uint64_t sim_random(struct sim *sim, uint64_t below)
{
	sim->random ^= sim->random >> 12;
	sim->random ^= sim->random << 25;
	sim->random ^= sim->random >> 27;
	return (sim->random * 0x2545f4914f6cdd1dull >> 11) % below;
}

/* ---- the environment ---- */

static uint64_t env_now(void *ctx)
{
	return ((struct sim *)ctx)->now;
}

static void env_set_timer(void *ctx, uint64_t when)
{
	((struct sim *)ctx)->timer = when;
}

static void env_log(void *ctx, enum wb_log_level level, const char *message)
{
	struct sim *sim = ctx;

	snprintf(sim->last_message, sizeof(sim->last_message), "%s", message);
	if (sim->verbose)
		fprintf(stderr, "%10llu us: %d: %s\n", (unsigned long long)sim->now / 1000, level,
			message);
}

static void *env_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	size_t rounded = (len + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
	void *mem = aligned_alloc(WB_BLOCK_SIZE, rounded);

	(void)ctx;
	(void)kind;
	if (mem)
		memset(mem, 0, rounded);
	return mem;
}

static void env_free(void *ctx, void *mem, size_t len)
{
	(void)ctx;
	(void)len;
	free(mem);
}

void sim_init(struct sim *sim, uint64_t seed)
{
	*sim = (struct sim){
		.random = seed * 0x9e3779b97f4a7c15ull | 1,
		.now = 1000000000,
		.timer = UINT64_MAX,
	};
	sim->env = (struct wb_env){
		.ctx = sim,
		.now = env_now,
		.set_timer = env_set_timer,
		.log = env_log,
		.alloc = env_alloc,
		.free = env_free,
	};
}

/* ---- devices ---- */

static void forget_writes(struct simdev *dev)
{
	for (unsigned int i = 0; i < dev->nr_writes; i++)
		free(dev->writes[i].data);
	dev->nr_writes = 0;
}

static void remember_write(struct simdev *dev, uint64_t off, uint64_t len, const uint8_t *data)
{
	struct simdev_write *w;

	if (dev->nr_writes == dev->max_writes) {
		dev->max_writes = dev->max_writes * 2 + 16;
		dev->writes = realloc(dev->writes, dev->max_writes * sizeof(*dev->writes));
		assert(dev->writes);
	}
	w = &dev->writes[dev->nr_writes++];
	*w = (struct simdev_write){.off = off, .len = len};
	if (data) {
		w->data = malloc(len);
		assert(w->data);
		memcpy(w->data, data, len);
	}
}

static void apply(uint8_t *to, const struct simdev_write *w, uint64_t from, uint64_t len)
{
	if (w->data)
		memcpy(to + w->off + from, w->data + from, len);
	else
		memset(to + w->off + from, 0, len);
}

static void check_io(const struct simdev *dev, const struct bdev_io *io)
{
	uint64_t len = 0;

	assert(io->off % dev->bdev.logical_block_size == 0);
	assert(io->len % dev->bdev.logical_block_size == 0);
	assert(io->off + io->len <= dev->bdev.size);
	for (int i = 0; i < io->nr_iov; i++) {
		assert((uintptr_t)io->iov[i].iov_base % dev->bdev.memory_align == 0);
		len += io->iov[i].iov_len;
	}
	assert(io->op == BDEV_FLUSH || io->op == BDEV_ZERO || len == io->len);
	assert(io->op != BDEV_WRITE || !dev->bdev.read_only);
}

static void submit(struct bdev *bdev, struct bdev_io *chain)
{
	struct simdev *dev = (struct simdev *)bdev;
	struct bdev_io **end = &dev->sim->pending;

	while (*end)
		end = &(*end)->next;
	*end = chain;
	for (struct bdev_io *io = chain; io; io = io->next) {
		check_io(dev, io);
		io->dev = bdev;
		io->completed = false;
		dev->sim->nr_pending++;
	}
}

static void wait(struct bdev *bdev, struct bdev_io *io)
{
	struct sim *sim = ((struct simdev *)bdev)->sim;

	while (!io->completed) {
		bool stepped = sim_step(sim);

		assert(stepped);
	}
}

static const struct bdev_ops ops = {.submit = submit, .wait = wait};

struct simdev *simdev_new(struct sim *sim, const char *name, uint64_t size)
{
	struct simdev *dev = calloc(1, sizeof(*dev));

	assert(dev && sim->nr_devices < SIM_MAX_DEVICES);
	dev->bdev = (struct bdev){
		.ops = &ops,
		.size = size,
		.logical_block_size = 512,
		.memory_align = 512,
		.path = name,
	};
	dev->sim = sim;
	dev->visible = calloc(1, size);
	dev->stable = calloc(1, size);
	assert(dev->visible && dev->stable);
	sim->devices[sim->nr_devices++] = dev;
	return dev;
}

void sim_fini(struct sim *sim)
{
	for (unsigned int i = 0; i < sim->nr_devices; i++) {
		struct simdev *dev = sim->devices[i];

		forget_writes(dev);
		free(dev->writes);
		free(dev->visible);
		free(dev->stable);
		free(dev);
	}
}

void simdev_fail(struct simdev *dev, enum bdev_op op, int err, uint64_t skip, uint64_t times)
{
	dev->faults[op] = (struct simdev_fault){.err = err, .skip = skip, .times = times};
}

static int injected_error(struct simdev *dev, const struct bdev_io *io)
{
	struct simdev_fault *fault = &dev->faults[io->op];

	if (io->op == BDEV_READ && dev->bad_len && io->off < dev->bad_off + dev->bad_len &&
	    dev->bad_off < io->off + io->len)
		return -EIO;
	if (!fault->err || !fault->times)
		return 0;
	if (fault->skip) {
		fault->skip--;
		return 0;
	}
	fault->times--;
	return fault->err;
}

static void do_write(struct simdev *dev, const struct bdev_io *io)
{
	uint64_t off = io->off;

	for (int i = 0; i < io->nr_iov; i++) {
		memcpy(dev->visible + off, io->iov[i].iov_base, io->iov[i].iov_len);
		remember_write(dev, off, io->iov[i].iov_len, io->iov[i].iov_base);
		off += io->iov[i].iov_len;
	}
}

static void do_read(struct simdev *dev, const struct bdev_io *io)
{
	uint64_t off = io->off;

	for (int i = 0; i < io->nr_iov; i++) {
		memcpy(io->iov[i].iov_base, dev->visible + off, io->iov[i].iov_len);
		off += io->iov[i].iov_len;
	}
}

static void do_flush(struct simdev *dev)
{
	for (unsigned int i = 0; i < dev->nr_writes; i++)
		apply(dev->stable, &dev->writes[i], 0, dev->writes[i].len);
	forget_writes(dev);
}

static void drop_writes(struct simdev *dev)
{
	forget_writes(dev);
	memcpy(dev->visible, dev->stable, dev->bdev.size);
}

static void carry_out(struct simdev *dev, const struct bdev_io *io)
{
	switch (io->op) {
	case BDEV_READ:
		do_read(dev, io);
		break;
	case BDEV_WRITE:
		do_write(dev, io);
		break;
	case BDEV_FLUSH:
		do_flush(dev);
		break;
	case BDEV_ZERO:
		memset(dev->visible + io->off, 0, io->len);
		remember_write(dev, io->off, io->len, NULL);
		break;
	}
}

static void complete(struct bdev_io *io)
{
	struct simdev *dev = (struct simdev *)io->dev;

	dev->nr_ios[io->op]++;
	io->err = injected_error(dev, io);
	if (!io->err)
		carry_out(dev, io);
	else if (io->op == BDEV_FLUSH && dev->drop_on_failed_flush)
		drop_writes(dev);
	io->completed = true;
	if (io->done)
		io->done(io);
}

static bool is_held(const struct bdev_io *io)
{
	return ((const struct simdev *)io->dev)->hold[io->op];
}

/* Pending I/Os that are not held. */
static unsigned int nr_ready(const struct sim *sim)
{
	unsigned int nr = 0;

	for (const struct bdev_io *io = sim->pending; io; io = io->next)
		nr += !is_held(io);
	return nr;
}

/* Take the n-th of them out of the list. */
static struct bdev_io *take_ready(struct sim *sim, uint64_t n)
{
	struct bdev_io **link = &sim->pending;
	struct bdev_io *io;

	for (; is_held(*link) || n; link = &(*link)->next)
		n -= !is_held(*link);
	io = *link;
	*link = io->next;
	return io;
}

bool sim_step(struct sim *sim)
{
	unsigned int nr = nr_ready(sim);

	if (nr) {
		struct bdev_io *io = take_ready(sim, sim->in_order ? 0 : sim_random(sim, nr));

		sim->nr_pending--;
		sim->now += 10000 + sim_random(sim, 100000);
		complete(io);
		return true;
	}
	if (sim->timer == UINT64_MAX || !sim->wb)
		return false;
	if (sim->timer > sim->now)
		sim->now = sim->timer;
	sim->timer = UINT64_MAX;
	wb_tick(sim->wb);
	return true;
}

void sim_run_until(struct sim *sim, const bool *flag)
{
	while (!*flag) {
		bool stepped = sim_step(sim);

		assert(stepped);
	}
}

void sim_settle(struct sim *sim)
{
	while (nr_ready(sim))
		sim_step(sim);
}

void sim_sleep(struct sim *sim, uint64_t ns)
{
	uint64_t until = sim->now + ns;

	while (nr_ready(sim) || (sim->timer < until && sim->wb))
		sim_step(sim);
	if (sim->now < until)
		sim->now = until;
}

/* What becomes of a write at 512-byte granularity: kept, lost, or any mixture. */
static void maybe_keep(struct sim *sim, struct simdev *dev, const struct simdev_write *w)
{
	uint64_t fate = sim_random(sim, 4);
	uint64_t unit = fate == 3 ? WB_BLOCK_SIZE : 512; /* what is kept or lost as a whole */

	if (sim->fate != SIM_FATE_RANDOM)
		fate = sim->fate == SIM_FATE_KEPT ? 0 : 2;
	for (uint64_t at = 0; at < w->len; at += unit)
		if (fate == 0 || (fate != 2 && sim_random(sim, 2)))
			apply(dev->stable, w, at, w->len - at < unit ? w->len - at : unit);
}

void sim_kill(struct sim *sim)
{
	for (struct bdev_io *io = sim->pending; io; io = io->next) {
		struct simdev *dev = (struct simdev *)io->dev;

		if ((io->op == BDEV_WRITE || io->op == BDEV_ZERO) && sim_random(sim, 2))
			carry_out(dev, io);
	}
	sim->pending = NULL;
	sim->nr_pending = 0;
	sim->timer = UINT64_MAX;
	sim->wb = NULL;
}

void sim_power_cut(struct sim *sim)
{
	for (struct bdev_io *io = sim->pending; io; io = io->next)
		if (io->op == BDEV_WRITE || io->op == BDEV_ZERO)
			carry_out((struct simdev *)io->dev, io);
	sim->pending = NULL;
	sim_kill(sim);
	for (unsigned int i = 0; i < sim->nr_devices; i++) {
		struct simdev *dev = sim->devices[i];

		for (unsigned int j = 0; j < dev->nr_writes; j++)
			maybe_keep(sim, dev, &dev->writes[j]);
		forget_writes(dev);
		memcpy(dev->visible, dev->stable, dev->bdev.size);
	}
}
