/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/sim/simdev.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/wb_format.h"

#define ZEROS UINT64_MAX
#define LARGE (1024u * 1024) /* memory that is better mapped than cleared */

struct simdev_write {
	uint64_t off, len;
	uint64_t data; /* where in the device's data it begins, or ZEROS */
};

/* The bdev's part of an I/O. */
static uint64_t *due(struct bdev_io *io)
{
	return &io->progress;
}

/* Of a flush, which has no memory: the writes that were completed when it was submitted. */
static size_t *covered(struct bdev_io *io)
{
	return &io->one.iov_len;
}

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

static size_t pages(size_t len)
{
	return (len + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
}

/* Large memory of the engine is mapped, which clears only what is touched. */
static void *map(struct sim *sim, size_t len)
{
	for (unsigned int i = 0; i < SIM_MAX_MAPS; i++) {
		struct iovec *m = &sim->maps[i];

		if (m->iov_base)
			continue;
		m->iov_len = len;
		m->iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
		assert(m->iov_base != MAP_FAILED);
		return m->iov_base;
	}
	return NULL;
}

static void *env_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	void *mem = len >= LARGE ? map(ctx, len) : NULL;

	(void)kind;
	if (mem)
		return mem;
	mem = aligned_alloc(WB_BLOCK_SIZE, pages(len));
	if (mem)
		memset(mem, 0, pages(len));
	return mem;
}

static void env_free(void *ctx, void *mem, size_t len)
{
	struct sim *sim = ctx;

	(void)len;
	for (unsigned int i = 0; i < SIM_MAX_MAPS; i++) {
		struct iovec *m = &sim->maps[i];

		if (m->iov_base != mem)
			continue;
		munmap(mem, m->iov_len);
		m->iov_base = NULL;
		return;
	}
	free(mem);
}

static void env_populate(void *ctx, void *mem, size_t len)
{
	(void)ctx, (void)mem, (void)len;
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
		.populate = env_populate,
	};
}

/* ---- devices ---- */

static void forget_writes(struct simdev *dev)
{
	dev->nr_writes = 0;
	dev->data_len = 0;
}

static uint8_t *reserve_data(struct simdev *dev, uint64_t len)
{
	if (dev->data_len + len > dev->data_max) {
		dev->data_max = (dev->data_len + len) * 2;
		dev->data = realloc(dev->data, dev->data_max);
		assert(dev->data);
	}
	dev->data_len += len;
	return dev->data + dev->data_len - len;
}

/* A write has been completed: what is visible now of the range. */
static void remember_write(struct simdev *dev, uint64_t off, uint64_t len, bool zeros)
{
	struct simdev_write *w;

	if (dev->nr_writes == dev->max_writes) {
		dev->max_writes = dev->max_writes * 2 + 16;
		dev->writes = realloc(dev->writes, dev->max_writes * sizeof(*dev->writes));
		assert(dev->writes);
	}
	w = &dev->writes[dev->nr_writes++];
	*w = (struct simdev_write){.off = off, .len = len, .data = zeros ? ZEROS : dev->data_len};
	if (!zeros)
		memcpy(reserve_data(dev, len), dev->visible + off, len);
	dev->nr_written++;
}

static void apply(struct simdev *dev, const struct simdev_write *w, uint64_t from, uint64_t len)
{
	if (w->data == ZEROS)
		memset(dev->stable + w->off + from, 0, len);
	else
		memcpy(dev->stable + w->off + from, dev->data + w->data + from, len);
}

/* What has not become stable is gone. */
static void drop_writes(struct simdev *dev)
{
	for (unsigned int i = 0; i < dev->nr_writes; i++) {
		const struct simdev_write *w = &dev->writes[i];

		memcpy(dev->visible + w->off, dev->stable + w->off, w->len);
	}
	forget_writes(dev);
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
	assert(io->op == BDEV_FLUSH || io->op == BDEV_ZERO || io->op == BDEV_DISCARD ||
	       len == io->len);
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
		*due(io) = dev->sim->now;
		if (dev->slow_ns && sim_random(dev->sim, 2))
			*due(io) += sim_random(dev->sim, dev->slow_ns);
		if (io->op == BDEV_FLUSH)
			*covered(io) = dev->nr_written;
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

		free(dev->writes);
		free(dev->data);
		free(dev->visible);
		free(dev->stable);
		free(dev);
	}
}

void simdev_fail(struct simdev *dev, enum bdev_op op, int err, uint64_t skip, uint64_t times)
{
	dev->faults[op] = (struct simdev_fault){.err = err, .skip = skip, .times = times};
}

void simdev_save(struct simdev *dev)
{
	for (unsigned int i = 0; i < dev->nr_writes; i++)
		apply(dev, &dev->writes[i], 0, dev->writes[i].len);
	forget_writes(dev);
}

void simdev_rot(struct simdev *dev, uint64_t off, unsigned int bit)
{
	dev->visible[off] ^= (uint8_t)(1u << bit);
	dev->stable[off] ^= (uint8_t)(1u << bit);
}

static int injected_error(struct simdev *dev, const struct bdev_io *io)
{
	struct simdev_fault *fault = &dev->faults[io->op];

	if (dev->gone)
		return -ENXIO;
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

static void do_write(struct simdev *dev, const struct bdev_io *io, uint64_t off, uint64_t len)
{
	uint64_t at = 0;

	for (int i = 0; i < io->nr_iov && at < len; i++) {
		uint64_t nr = io->iov[i].iov_len < len - at ? io->iov[i].iov_len : len - at;

		memcpy(dev->visible + off + at, io->iov[i].iov_base, nr);
		at += nr;
	}
	remember_write(dev, off, len, false);
}

static void do_read(struct simdev *dev, const struct bdev_io *io, uint64_t len)
{
	uint64_t at = 0;

	for (int i = 0; i < io->nr_iov && at < len; i++) {
		uint64_t nr = io->iov[i].iov_len < len - at ? io->iov[i].iov_len : len - at;

		memcpy(io->iov[i].iov_base, dev->visible + io->off + at, nr);
		at += nr;
	}
}

static void do_flush(struct simdev *dev, struct bdev_io *io)
{
	uint64_t first = dev->nr_written - dev->nr_writes;
	unsigned int nr = *covered(io) > first ? (unsigned int)(*covered(io) - first) : 0;

	if (nr > dev->nr_writes)
		nr = dev->nr_writes;
	for (unsigned int i = 0; i < nr; i++)
		apply(dev, &dev->writes[i], 0, dev->writes[i].len);
	if (nr == dev->nr_writes) {
		forget_writes(dev);
		return;
	}
	dev->nr_writes -= nr;
	memmove(dev->writes, dev->writes + nr, dev->nr_writes * sizeof(*dev->writes));
}

/* A write that is reported as done and isn't, or not where it should. */
static bool has_mishap(struct simdev *dev, const struct bdev_io *io)
{
	uint64_t blocks = (dev->bdev.size - io->len) / WB_BLOCK_SIZE;
	enum simdev_mishap mishap = dev->mishap;

	if (mishap == SIMDEV_FINE || io->op != BDEV_WRITE)
		return false;
	if (dev->mishap_skip) {
		dev->mishap_skip--;
		return false;
	}
	dev->mishap = SIMDEV_FINE;
	dev->mishap_off = io->off;
	dev->nr_mishaps++;
	if (mishap == SIMDEV_MISDIRECTED)
		do_write(dev, io, sim_random(dev->sim, blocks + 1) * WB_BLOCK_SIZE, io->len);
	return true;
}

/* The first `len` bytes of an I/O. */
static void carry_out(struct simdev *dev, struct bdev_io *io, uint64_t len)
{
	switch (io->op) {
	case BDEV_READ:
		do_read(dev, io, len);
		break;
	case BDEV_WRITE:
		do_write(dev, io, io->off, len);
		break;
	case BDEV_FLUSH:
		do_flush(dev, io);
		break;
	case BDEV_ZERO:
	case BDEV_DISCARD:
		memset(dev->visible + io->off, 0, len);
		remember_write(dev, io->off, len, true);
		break;
	}
}

static void transfer_a_part(struct simdev *dev, struct bdev_io *io)
{
	uint32_t unit = dev->bdev.logical_block_size;
	uint64_t len = sim_random(dev->sim, io->len / unit) * unit;

	if (len)
		carry_out(dev, io, len);
}

static void complete(struct bdev_io *io)
{
	struct simdev *dev = (struct simdev *)io->dev;

	dev->nr_ios[io->op]++;
	io->err = injected_error(dev, io);
	dev->nr_failed[io->op] += io->err != 0;
	if (!io->err && !has_mishap(dev, io))
		carry_out(dev, io, io->len);
	else if (io->err && io->op == BDEV_FLUSH && dev->drop_on_failed_flush)
		drop_writes(dev);
	else if (io->err && io->op != BDEV_FLUSH && dev->short_transfers && !dev->gone)
		transfer_a_part(dev, io);
	io->completed = true;
	if (io->done)
		io->done(io);
}

static bool is_held(const struct bdev_io *io)
{
	return ((const struct simdev *)io->dev)->hold[io->op];
}

static bool is_ready(struct bdev_io *io)
{
	return !is_held(io) && *due(io) <= ((const struct simdev *)io->dev)->sim->now;
}

/* Pending I/Os that can be completed now. */
static unsigned int nr_ready(const struct sim *sim)
{
	unsigned int nr = 0;

	for (struct bdev_io *io = sim->pending; io; io = io->next)
		nr += is_ready(io);
	return nr;
}

/* Take the n-th of them out of the list. */
static struct bdev_io *take_ready(struct sim *sim, uint64_t n)
{
	struct bdev_io **link = &sim->pending;
	struct bdev_io *io;

	for (; !is_ready(*link) || n; link = &(*link)->next)
		n -= is_ready(*link);
	io = *link;
	*link = io->next;
	return io;
}

/* When the next I/O that is not ready will be; UINT64_MAX: there is none. */
static uint64_t next_due(const struct sim *sim)
{
	uint64_t next = UINT64_MAX;

	for (struct bdev_io *io = sim->pending; io; io = io->next)
		if (!is_held(io) && *due(io) > sim->now && *due(io) < next)
			next = *due(io);
	return next;
}

static void tick(struct sim *sim)
{
	if (sim->timer > sim->now)
		sim->now = sim->timer;
	sim->timer = UINT64_MAX;
	wb_tick(sim->wb);
}

static void complete_one(struct sim *sim, unsigned int nr)
{
	struct bdev_io *io = take_ready(sim, sim->in_order ? 0 : sim_random(sim, nr));

	sim->nr_pending--;
	sim->now += 10000 + sim_random(sim, 100000);
	complete(io);
}

bool sim_step(struct sim *sim)
{
	unsigned int nr = nr_ready(sim);
	uint64_t timer = sim->wb ? sim->timer : UINT64_MAX;
	uint64_t next;

	if (nr && sim->late && timer <= sim->now && sim_random(sim, 4) == 0) {
		tick(sim);
		return true;
	}
	if (nr) {
		complete_one(sim, nr);
		return true;
	}
	next = next_due(sim);
	if (next < timer) {
		sim->now = next;
		return true;
	}
	if (timer == UINT64_MAX)
		return false;
	tick(sim);
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

	while (nr_ready(sim) || (sim->timer < until && sim->wb) || next_due(sim) < until)
		sim_step(sim);
	if (sim->now < until)
		sim->now = until;
}

/* What becomes of a write at 512-byte granularity: kept, lost, or any mixture. */
static void maybe_keep(struct sim *sim, struct simdev *dev, const struct simdev_write *w)
{
	uint64_t fate = sim_random(sim, 4);
	/* what is kept or lost as a whole */
	uint64_t unit = fate == 3 ? WB_BLOCK_SIZE : dev->bdev.logical_block_size;

	if (unit < 512)
		unit = 512;
	if (sim->fate != SIM_FATE_RANDOM)
		fate = sim->fate == SIM_FATE_KEPT ? 0 : 2;
	if (fate == 0)
		apply(dev, w, 0, w->len);
	for (uint64_t at = 0; (fate & 1) && at < w->len; at += unit)
		if (sim_random(sim, 2))
			apply(dev, w, at, w->len - at < unit ? w->len - at : unit);
}

void sim_kill(struct sim *sim)
{
	for (struct bdev_io *io = sim->pending; io; io = io->next) {
		struct simdev *dev = (struct simdev *)io->dev;

		if (io->op != BDEV_READ && io->op != BDEV_FLUSH && sim_random(sim, 2))
			carry_out(dev, io, io->len);
	}
	sim->pending = NULL;
	sim->nr_pending = 0;
	sim->timer = UINT64_MAX;
	sim->wb = NULL;
}

void sim_power_cut(struct sim *sim)
{
	for (struct bdev_io *io = sim->pending; io; io = io->next)
		if (io->op != BDEV_READ && io->op != BDEV_FLUSH)
			carry_out((struct simdev *)io->dev, io, io->len);
	sim->pending = NULL;
	sim_kill(sim);
	for (unsigned int i = 0; i < sim->nr_devices; i++) {
		struct simdev *dev = sim->devices[i];

		for (unsigned int j = 0; j < dev->nr_writes; j++)
			maybe_keep(sim, dev, &dev->writes[j]);
		drop_writes(dev);
	}
}
