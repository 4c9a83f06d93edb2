/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks whose contents are small enough to be copied for every crash state, with a tape of every
 * write. A flush covers what was complete when it was submitted, and nothing else.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/exhaustive.h"

#define IO_TAKES 20000ull /* ns */
#define READ_MAY_TAKE 1500000000ull
#define MAX_STEPS 20000u
#define LARGE (64 * 1024u)
#define NR_SPARES 8u

/* ---- images ---- */

/* Of the first MiB only the blocks with superblocks and their tables are there. */
static uint32_t cache_place(uint64_t off, uint64_t len)
{
	uint64_t in_area = off % WB_SUPER_AREA;

	if (off >= WB_SLOTS_OFF)
		return (uint32_t)(off - WB_SLOTS_OFF) + SUPERS_LEN;
	assert(in_area + len <= SUPERS_LEN / 2);
	return (uint32_t)(off / WB_SUPER_AREA * (SUPERS_LEN / 2) + in_area);
}

static uint32_t place_in_image(const struct bench *bench, unsigned int disk, uint64_t off,
			       uint64_t len)
{
	if (disk == CACHE)
		return cache_place(off, len);
	return (uint32_t)(bench->contents + (disk == SECOND ? FIRST_LEN : 0) + off);
}

void tape_apply(const struct tape_write *w, const uint8_t *data, uint32_t from, uint32_t len,
		uint8_t *image)
{
	if (w->data == NO_DATA)
		memset(image + w->at + from, 0, len);
	else
		memcpy(image + w->at + from, data + w->data + from, len);
}

/* ---- the tape ---- */

static struct tape_write *tape_add(struct bench *bench)
{
	if (bench->nr_writes == bench->max_writes) {
		bench->max_writes = bench->max_writes * 2 + 64;
		bench->writes = realloc(bench->writes, bench->max_writes * sizeof(*bench->writes));
		bench->completed = realloc(bench->completed,
					   bench->max_writes * sizeof(*bench->completed));
		assert(bench->writes && bench->completed);
	}
	return &bench->writes[bench->nr_writes++];
}

static uint8_t *tape_room(struct bench *bench, size_t len)
{
	if (bench->data_len + len > bench->data_max) {
		bench->data_max = bench->data_max * 2 + len;
		bench->data = realloc(bench->data, bench->data_max);
		assert(bench->data);
	}
	bench->data_len += len;
	return bench->data + bench->data_len - len;
}

static void gather(const struct bdev_io *io, uint8_t *to)
{
	for (int i = 0; i < io->nr_iov; i++) {
		memcpy(to, io->iov[i].iov_base, io->iov[i].iov_len);
		to += io->iov[i].iov_len;
	}
}

static void record(struct bench *bench, const struct bdev_io *io, unsigned int disk)
{
	struct tape_write *w = tape_add(bench);

	*w = (struct tape_write){
		.disk = disk,
		.at = place_in_image(bench, disk, io->off, io->len),
		.len = (uint32_t)io->len,
		.data = NO_DATA,
		.submitted = bench->tick,
		.completed = NEVER,
		.flushed = NEVER,
		.dropped = NEVER,
	};
	if (io->op == BDEV_WRITE) {
		w->data = bench->data_len;
		gather(io, tape_room(bench, io->len));
	}
}

void bench_write_unflushed(struct bench *bench, const struct tape_write *w, const uint8_t *data)
{
	struct tape_write *mine = tape_add(bench);

	*mine = *w;
	mine->submitted = mine->completed = bench->tick++;
	mine->flushed = mine->dropped = NEVER;
	if (w->data != NO_DATA) {
		mine->data = bench->data_len;
		memcpy(tape_room(bench, w->len), data + w->data, w->len);
	}
	bench->completed[bench->nr_completed++] = bench->nr_writes - 1;
	tape_apply(mine, bench->data, 0, mine->len, bench->visible);
}

/* ---- block devices ---- */

static void submit(struct bdev *bdev, struct bdev_io *chain)
{
	struct disk *disk = (struct disk *)bdev;
	struct bench *bench = disk->bench;
	struct bdev_io **end = &bench->pending;

	while (*end)
		end = &(*end)->next;
	*end = chain;
	for (struct bdev_io *io = chain; io; io = io->next) {
		assert(io->off + io->len <= bdev->size);
		assert(io->off % SECTOR == 0 && io->len % SECTOR == 0);
		io->dev = bdev;
		io->completed = false;
		/* Ours until it is done: when, or which write. */
		io->progress = io->op == BDEV_READ ? bench->now : bench->tick;
		if (io->op != BDEV_READ && io->op != BDEV_FLUSH) {
			io->progress = bench->nr_writes;
			record(bench, io, (unsigned int)(disk - bench->disks));
		}
		bench->tick++;
	}
}

static void wait(struct bdev *bdev, struct bdev_io *io)
{
	while (!io->completed)
		if (!bench_step(((struct disk *)bdev)->bench))
			fail("an I/O never completes");
}

static const struct bdev_ops ops = {.submit = submit, .wait = wait};

static void read_visible(struct bench *bench, const struct bdev_io *io, unsigned int disk)
{
	const uint8_t *from = bench->visible + place_in_image(bench, disk, io->off, io->len);

	for (int i = 0; i < io->nr_iov; i++) {
		memcpy(io->iov[i].iov_base, from, io->iov[i].iov_len);
		from += io->iov[i].iov_len;
	}
}

static void check_unchanged(struct bench *bench, const struct bdev_io *io,
			    const struct tape_write *w)
{
	const uint8_t *then = bench->data + w->data;

	for (int i = 0; io->op == BDEV_WRITE && i < io->nr_iov; i++) {
		if (memcmp(then, io->iov[i].iov_base, io->iov[i].iov_len) != 0)
			fail("memory was changed while it was being written");
		then += io->iov[i].iov_len;
	}
}

static void finish_write(struct bench *bench, const struct bdev_io *io, enum damage damage)
{
	struct tape_write *w = &bench->writes[io->progress];

	check_unchanged(bench, io, w);
	if (io->err && damage == DAMAGE_NONE) {
		w->submitted = NEVER; /* as if it had never been */
		return;
	}
	if (io->err && damage == DAMAGE_TORN)
		w->len = w->len / 2 / SECTOR * SECTOR;
	w->completed = bench->tick;
	bench->completed[bench->nr_completed++] = (uint32_t)io->progress;
	tape_apply(w, bench->data, 0, w->len, bench->visible);
}

static void finish_flush(struct bench *bench, const struct bdev_io *io, unsigned int disk)
{
	for (uint32_t i = 0; i < bench->nr_completed; i++) {
		struct tape_write *w = &bench->writes[bench->completed[i]];

		if (w->disk != disk || w->flushed != NEVER || w->dropped != NEVER ||
		    w->completed >= io->progress)
			continue;
		w->flushed = bench->tick;
		tape_apply(w, bench->data, 0, w->len, bench->stable);
	}
}

static void drop_unflushed(struct bench *bench, unsigned int disk)
{
	for (uint32_t i = 0; i < bench->nr_completed; i++) {
		struct tape_write *w = &bench->writes[bench->completed[i]];

		if (w->disk == disk && w->flushed == NEVER && w->dropped == NEVER)
			w->dropped = bench->tick;
	}
	if (disk == CACHE) {
		memcpy(bench->visible, bench->stable, bench->contents);
	} else {
		uint32_t at = place_in_image(bench, disk, 0, 0);

		memcpy(bench->visible + at, bench->stable + at, bench->disks[disk].bdev.size);
	}
}

static void carry_out(struct bench *bench, struct bdev_io *io, unsigned int disk)
{
	switch (io->op) {
	case BDEV_READ:
		if (!io->err)
			read_visible(bench, io, disk);
		break;
	case BDEV_WRITE:
	case BDEV_ZERO:
	case BDEV_DISCARD:
		finish_write(bench, io, bench->damage);
		break;
	case BDEV_FLUSH:
		if (!io->err || bench->damage == DAMAGE_DONE)
			finish_flush(bench, io, disk);
		else if (bench->damage == DAMAGE_DROPPED)
			drop_unflushed(bench, disk);
		break;
	}
}

static void complete(struct bench *bench, struct bdev_io *io)
{
	unsigned int disk = (unsigned int)((struct disk *)io->dev - bench->disks);

	if (io->op != BDEV_READ && bench->before_change)
		bench->before_change(bench->ctx);
	io->err = 0;
	if (bench->nr_ios++ == bench->fault) {
		io->err = -EIO;
		bench->fault_op = io->op;
		bench->fault_tick = bench->tick;
	}
	carry_out(bench, io, disk);
	bench->tick++;
	io->completed = true;
	if (io->done)
		io->done(io);
}

static struct bdev_io **last_of(struct bench *bench, bool reads)
{
	struct bdev_io **found = NULL;

	for (struct bdev_io **link = &bench->pending; *link; link = &(*link)->next)
		if (((*link)->op == BDEV_READ) == reads)
			found = link;
	return found;
}

/* The next to complete; NULL: rather let time pass. */
static struct bdev_io **choose(struct bench *bench)
{
	struct bdev_io **link = &bench->pending;

	if (!bench->last_first || !*link)
		return *link ? link : NULL;
	link = last_of(bench, false);
	if (link)
		return link;
	link = last_of(bench, true);
	return bench->wb && bench->timer < (*link)->progress + READ_MAY_TAKE ? NULL : link;
}

bool bench_step(struct bench *bench)
{
	struct bdev_io **link = choose(bench);

	if (++bench->steps > MAX_STEPS)
		fail("it goes on for ever");
	if (link) {
		struct bdev_io *io = *link;

		*link = io->next;
		bench->now += IO_TAKES;
		complete(bench, io);
		return true;
	}
	if (bench->timer == UINT64_MAX || !bench->wb)
		return false;
	if (bench->timer > bench->now)
		bench->now = bench->timer;
	bench->timer = UINT64_MAX;
	wb_tick(bench->wb);
	return true;
}

void bench_settle(struct bench *bench)
{
	while (bench->pending)
		bench_step(bench);
}

void bench_sleep(struct bench *bench, uint64_t ns)
{
	uint64_t until = bench->now + ns;

	while (bench->pending || (bench->timer < until && bench->wb))
		bench_step(bench);
	if (bench->now < until)
		bench->now = until;
}

/* ---- the environment ---- */

static uint64_t env_now(void *ctx)
{
	return ((struct bench *)ctx)->now;
}

static void env_set_timer(void *ctx, uint64_t when)
{
	((struct bench *)ctx)->timer = when;
}

static void env_log(void *ctx, enum wb_log_level level, const char *message)
{
	struct bench *bench = ctx;

	(void)level;
	snprintf(bench->last_message, sizeof(bench->last_message), "%s", message);
}

/*
 * A cache is opened hundreds of thousands of times, and pages fresh from the kernel are dear: what
 * is large is used again.
 */
static struct spare {
	void *mem;
	size_t len;
} spares[NR_SPARES];

static void *take_spare(size_t len)
{
	for (unsigned int i = 0; i < NR_SPARES; i++) {
		void *mem = spares[i].mem;

		if (!mem || spares[i].len != len)
			continue;
		spares[i].mem = NULL;
		return mem;
	}
	return NULL;
}

static void *env_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	size_t rounded = (len + BLOCK - 1) / BLOCK * BLOCK;
	void *mem = take_spare(rounded);

	(void)ctx;
	(void)kind;
	if (!mem)
		mem = aligned_alloc(BLOCK, rounded);
	if (mem)
		memset(mem, 0, rounded);
	return mem;
}

static void env_free(void *ctx, void *mem, size_t len)
{
	size_t rounded = (len + BLOCK - 1) / BLOCK * BLOCK;

	(void)ctx;
	for (unsigned int i = 0; rounded >= LARGE && i < NR_SPARES; i++) {
		if (spares[i].mem)
			continue;
		spares[i] = (struct spare){mem, rounded};
		return;
	}
	free(mem);
}

static void env_populate(void *ctx, void *mem, size_t len)
{
	(void)ctx, (void)mem, (void)len;
}

void bench_forget_spares(void)
{
	for (unsigned int i = 0; i < NR_SPARES; i++) {
		free(spares[i].mem);
		spares[i].mem = NULL;
	}
}

/* ---- life ---- */

static void disk_init(struct bench *bench, unsigned int i, const char *path, uint64_t size)
{
	bench->disks[i] = (struct disk){
		.bench = bench,
		.bdev = {.ops = &ops,
			 .size = size,
			 .logical_block_size = SECTOR,
			 .memory_align = SECTOR,
			 .path = path},
	};
}

void bench_init(struct bench *bench, const struct geometry *geometry)
{
	uint32_t slots = geometry->nr_segments * geometry->segment_blocks * BLOCK;

	*bench = (struct bench){
		.geometry = *geometry,
		.contents = SUPERS_LEN + slots,
		.image_len = SUPERS_LEN + slots + CONTENTS_LEN,
	};
	bench->env = (struct wb_env){
		.ctx = bench,
		.now = env_now,
		.set_timer = env_set_timer,
		.log = env_log,
		.alloc = env_alloc,
		.free = env_free,
		.populate = env_populate,
	};
	disk_init(bench, CACHE, "cache", WB_SLOTS_OFF + slots);
	disk_init(bench, FIRST, "b0", FIRST_LEN);
	disk_init(bench, SECOND, "b1", SECOND_LEN);
	bench->visible = malloc(bench->image_len);
	bench->stable = malloc(bench->image_len);
	bench->first = malloc(bench->image_len);
	assert(bench->visible && bench->stable && bench->first);
	bench_load(bench, NULL);
}

void bench_fini(struct bench *bench)
{
	free(bench->visible);
	free(bench->stable);
	free(bench->first);
	free(bench->writes);
	free(bench->completed);
	free(bench->data);
}

void bench_load(struct bench *bench, const uint8_t *image)
{
	if (image)
		memcpy(bench->visible, image, bench->image_len);
	else
		memset(bench->visible, 0, bench->image_len);
	memcpy(bench->stable, bench->visible, bench->image_len);
	memcpy(bench->first, bench->visible, bench->image_len);
	bench->pending = NULL;
	bench->now = 1000000000;
	bench->timer = UINT64_MAX;
	bench->wb = NULL;
	bench->steps = 0;
	bench->tick = 1;
	bench->nr_ios = 0;
	bench->fault = NEVER;
	bench->nr_writes = bench->nr_completed = 0;
	bench->data_len = 0;
	bench->before_change = NULL;
	bench->last_message[0] = '\0';
}
