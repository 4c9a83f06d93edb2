/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/unit/engine_harness.h"

#include <stdio.h>

#include "engine/newcache.h"

struct harness t;

/* ---- devices that leave a trace ---- */

static const struct bdev_ops *sim_ops;

static void traced_submit(struct bdev *bdev, struct bdev_io *chain)
{
	for (const struct bdev_io *io = chain; io; io = io->next) {
		ck_assert_uint_lt(t.nr_trace, MAX_TRACE);
		t.trace[t.nr_trace++] = (struct trace){(struct simdev *)bdev, io->op, io->off,
						       io->len, t.sim.now};
	}
	sim_ops->submit(bdev, chain);
}

static struct bdev_ops traced_ops;

static struct simdev *new_device(const char *name, uint64_t size)
{
	struct simdev *dev = simdev_new(&t.sim, name, size);

	sim_ops = dev->bdev.ops;
	traced_ops = (struct bdev_ops){.submit = traced_submit, .wait = sim_ops->wait};
	dev->bdev.ops = &traced_ops;
	return dev;
}

static void keep_message(void *ctx, enum wb_log_level level, const char *message)
{
	size_t used = strlen(t.messages);

	(void)ctx;
	(void)level;
	snprintf(t.messages + used, sizeof(t.messages) - used, "%s\n", message);
}

/* ---- fixtures ---- */

void harness_make(unsigned int nr_segments, unsigned int segment_blocks, unsigned int nr_buffers)
{
	const struct wb_format_options options = {.label = "unit", .uuid = {1, 2, 3}};

	memset(&t, 0, sizeof(t));
	sim_init(&t.sim, 1);
	t.sim.in_order = true;
	t.sim.fate = SIM_FATE_LOST;
	t.sim.env.log = keep_message;
	t.options.nr_buffers = nr_buffers;
	t.geometry.nr_segments = nr_segments;
	t.geometry.segment_size = segment_blocks * WB_BLOCK_SIZE;
	t.cache = new_device("cache", WB_SLOTS_OFF + nr_segments * segment_blocks * BLOCK);
	t.dev[0] = new_device("slow0", BACKING_BLOCKS * BLOCK);
	t.dev[1] = new_device("slow1", (BACKING_BLOCKS - 1) * BLOCK + ODD_SECTORS * SECTOR);
	ck_assert_int_eq(newcache_write(&t.cache->bdev, &options, &t.geometry), 0);
	t.nr_trace = 0;
}

void harness_setup(void)
{
	harness_make(3, 4, 3);
}

void harness_setup_started(void)
{
	harness_setup();
	begin();
}

void harness_setup_ring(void)
{
	harness_make(8, 4, 2);
	begin();
}

void harness_teardown(void)
{
	if (t.wb)
		crash();
	for (unsigned int i = 0; i < MAX_OPS; i++) {
		free(t.ops[i].buf);
		free(t.ops[i].pages);
	}
	sim_fini(&t.sim);
}

int harness_run(const char *name, const TTest *const *tests, size_t nr_tests, SFun setup,
		SFun teardown)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	/* Each a case of its own, so that CK_RUN_CASE=name runs one. */
	for (size_t i = 0; i < nr_tests; i++) {
		TCase *tcase = tcase_create(tests[i]->name);

		tcase_add_checked_fixture(tcase, setup, teardown);
		tcase_set_timeout(tcase, 60);
		tcase_add_test(tcase, tests[i]);
		suite_add_tcase(suite, tcase);
	}
	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed != 0;
}

/* ---- the life of a cache ---- */

int try_open(void)
{
	int err = wb_open(&t.cache->bdev, &t.options, &t.sim.env, &t.wb);

	if (err)
		t.wb = NULL;
	t.sim.wb = t.wb;
	return err;
}

int try_attach(unsigned int backing, bool force)
{
	const struct wb_backing_spec spec = {
		.name = t.dev[backing]->bdev.path,
		.path = t.dev[backing]->bdev.path,
		.identity = t.dev[backing]->bdev.path,
		.dev = &t.dev[backing]->bdev,
		.cached = true,
		.force = force,
	};

	return wb_attach(t.wb, &spec, &t.b[backing]);
}

void note_done(void *ctx, int err)
{
	(void)ctx;
	ck_assert(!t.done);
	t.done = true;
	t.err = err;
}

int wait_done(void)
{
	sim_run_until(&t.sim, &t.done);
	t.done = false;
	return t.err;
}

int try_start(void)
{
	wb_start(t.wb, note_done, NULL);
	return wait_done();
}

void begin(void)
{
	ck_assert_msg(try_open() == 0, "%s", t.messages);
	ck_assert_msg(try_attach(0, false) == 0, "%s", t.messages);
	ck_assert_msg(try_attach(1, false) == 0, "%s", t.messages);
	knob(WB_KNOB_ALLOW_MIGRATE, 0);
	ck_assert_int_eq(try_start(), 0);
}

int do_stop(void)
{
	wb_stop(t.wb, note_done, NULL);
	return wait_done();
}

void end(void)
{
	ck_assert_int_eq(do_stop(), 0);
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = t.sim.wb = NULL;
	t.sim.timer = UINT64_MAX;
}

static void forget_ops(void)
{
	for (unsigned int i = 0; i < MAX_OPS; i++)
		t.ops[i].used = false;
}

void crash(void)
{
	sim_power_cut(&t.sim);
	wb_abandon(t.wb);
	t.wb = NULL;
	forget_ops();
}

void abandon(void)
{
	t.sim.pending = NULL;
	t.sim.nr_pending = 0;
	t.sim.timer = UINT64_MAX;
	wb_abandon(t.wb);
	t.wb = t.sim.wb = NULL;
	forget_ops();
}

int do_drain(void)
{
	wb_drain(t.wb, NULL, note_done, NULL);
	return wait_done();
}

int do_drain_one(unsigned int backing)
{
	wb_drain(t.wb, t.b[backing], note_done, NULL);
	return wait_done();
}

int do_detach(unsigned int backing, bool discard)
{
	wb_detach(t.wb, t.b[backing], discard, note_done, NULL);
	return wait_done();
}

int do_resize(unsigned int backing)
{
	wb_resize(t.wb, t.b[backing], note_done, NULL);
	return wait_done();
}

int do_commit(void)
{
	wb_commit(t.wb, note_done, NULL);
	return wait_done();
}

/* ---- requests ---- */

static void op_done(struct wb_io *io, int err)
{
	struct op *op = io->ctx;

	ck_assert(!op->done);
	op->done = true;
	op->err = err;
}

static struct op *new_op(unsigned int backing, uint64_t off, uint64_t len)
{
	struct op *op = t.ops;

	while (op < t.ops + MAX_OPS - 1 && op->used)
		op++;
	ck_assert(!op->used);
	if (!op->buf) {
		op->buf = aligned_alloc(BLOCK, OP_BLOCKS * BLOCK);
		op->pages = aligned_alloc(BLOCK, WB_IO_PAGES * BLOCK);
	}
	ck_assert_uint_le(off % BLOCK + len, OP_BLOCKS * BLOCK);
	op->used = true;
	op->done = false;
	op->io = (struct wb_io){
		.backing = t.b[backing],
		.off = off,
		.len = len,
		.buf = op->buf,
		.pages = op->pages,
		.done = op_done,
		.ctx = op,
	};
	return op;
}

struct op *make_write(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	struct op *op = new_op(backing, off, len);

	memset(op->buf, letter, len);
	return op;
}

struct op *start_write(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	struct op *op = make_write(backing, off, len, letter);

	wb_write(t.wb, &op->io);
	return op;
}

struct op *start_dsync(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	struct op *op = new_op(backing, off, len);

	memset(op->buf, letter, len);
	op->io.flags = WB_IO_DSYNC;
	wb_write(t.wb, &op->io);
	return op;
}

struct op *start_zero(unsigned int backing, uint64_t off, uint64_t len)
{
	struct op *op = new_op(backing, 0, 0);

	op->io.off = off;
	op->io.len = len;
	wb_zero(t.wb, &op->io);
	return op;
}

struct op *start_read(unsigned int backing, uint64_t off, uint64_t len)
{
	struct op *op = new_op(backing, off, len);

	memset(op->buf, '?', OP_BLOCKS * BLOCK);
	wb_read(t.wb, &op->io);
	return op;
}

struct op *start_sync(void)
{
	struct op *op = new_op(0, 0, 0);

	op->io.backing = NULL;
	op->io.pages = NULL;
	wb_sync(t.wb, &op->io);
	return op;
}

int op_wait(struct op *op)
{
	sim_run_until(&t.sim, &op->done);
	op->used = false;
	return op->err;
}

int do_write(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	return op_wait(start_write(backing, off, len, letter));
}

int do_zero(unsigned int backing, uint64_t off, uint64_t len)
{
	return op_wait(start_zero(backing, off, len));
}

int do_read(unsigned int backing, uint64_t off, uint64_t len)
{
	return op_wait(start_read(backing, off, len));
}

int do_sync(void)
{
	return op_wait(start_sync());
}

void write_block(unsigned int backing, uint64_t block, char letter)
{
	ck_assert_int_eq(do_write(backing, block * BLOCK, BLOCK, letter), 0);
}

void write_and_sync(unsigned int backing, uint64_t block, char letter)
{
	write_block(backing, block, letter);
	ck_assert_int_eq(do_sync(), 0);
}

/* ---- looking ---- */

static void expect_bytes(const uint8_t *bytes, uint64_t off, uint64_t len, char letter)
{
	for (uint64_t i = 0; i < len; i++)
		if (bytes[i] != (uint8_t)letter)
			ck_abort_msg("byte %llu is 0x%02x and not 0x%02x; messages:\n%s",
				     (unsigned long long)(off + i), bytes[i], (uint8_t)letter,
				     t.messages);
}

void expect(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	struct op *op = start_read(backing, off, len);

	ck_assert_msg(op_wait(op) == 0, "error %d; messages:\n%s", -op->err, t.messages);
	expect_bytes(op->buf + off % BLOCK, off, len, letter);
}

void expect_block(unsigned int backing, uint64_t block, char letter)
{
	expect(backing, block * BLOCK, BLOCK, letter);
}

void expect_on_backing(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	expect_bytes(t.dev[backing]->visible + off, off, len, letter);
}

struct wb_status status(void)
{
	struct wb_status s;

	wb_status(t.wb, &s);
	return s;
}

struct wb_backing_info info(unsigned int backing)
{
	struct wb_backing_info found = {0};

	for (unsigned int i = 0; wb_backing_info(t.wb, i, &found); i++)
		if (strcmp(found.name, t.dev[backing]->bdev.path) == 0)
			return found;
	ck_abort_msg("the backing is unknown");
}

void knob(enum wb_knob_id id, unsigned int value)
{
	ck_assert_int_eq(wb_knob_set(t.wb, NULL, id, value), 0);
}

void pause_backing(unsigned int backing, bool paused)
{
	ck_assert_int_eq(wb_knob_set(t.wb, t.b[backing], WB_KNOB_PAUSED, paused), 0);
}

bool said(const char *words)
{
	return strstr(t.messages, words);
}

unsigned int nr_pending(const struct simdev *dev, enum bdev_op op)
{
	unsigned int nr = 0;

	for (const struct bdev_io *io = t.sim.pending; io; io = io->next)
		nr += io->dev == &dev->bdev && io->op == op;
	return nr;
}

uint64_t nr_ios(void)
{
	uint64_t nr = 0;

	for (unsigned int i = 0; i < t.sim.nr_devices; i++)
		for (int op = BDEV_READ; op <= BDEV_ZERO; op++)
			nr += t.sim.devices[i]->nr_ios[op];
	return nr;
}

int trace_find(unsigned int from, const struct simdev *dev, enum bdev_op op, unsigned int n)
{
	for (unsigned int i = from; i < t.nr_trace; i++)
		if (t.trace[i].dev == dev && t.trace[i].op == op && !n--)
			return (int)i;
	return -1;
}

bool is_super(const struct trace *trace)
{
	return trace->dev == t.cache && trace->op == BDEV_WRITE && trace->off < WB_SLOTS_OFF;
}

static struct super find_newest(unsigned int *copy)
{
	struct super best = {0}, super;
	const char *why;

	*copy = 0;
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		const void *disk = t.cache->visible + i * WB_SUPER_AREA;

		if (super_decode(disk, &super, &why) || super.sequence <= best.sequence)
			continue;
		best = super;
		*copy = i;
	}
	return best;
}

unsigned int newest_copy(void)
{
	unsigned int copy;

	find_newest(&copy);
	return copy;
}

struct super newest_super(void)
{
	unsigned int copy;

	return find_newest(&copy);
}

struct table_entry entry_on_disk(unsigned int backing)
{
	unsigned int copy;
	struct super super = find_newest(&copy);
	const struct wb_backing_disk *table = (const void *)(t.cache->visible +
							     copy * WB_SUPER_AREA + WB_TABLE_OFF);

	for (unsigned int i = 0; i < super.table_entries; i++) {
		struct table_entry entry;

		ck_assert_int_eq(table_entry_decode(&table[i], &entry), 0);
		if (strcmp(entry.name, t.dev[backing]->bdev.path) == 0)
			return entry;
	}
	ck_abort_msg("the table does not have the backing");
}

/* ---- steering ---- */

void evict(void)
{
	uint64_t until = status().current_segment_id + t.options.nr_buffers;

	for (uint64_t block = 40; status().current_segment_id < until; block++)
		write_and_sync(1, block, 'e');
}

void turn_ring(unsigned int times)
{
	uint64_t until = status().current_segment_id + times * t.geometry.nr_segments;

	for (uint64_t i = 0; status().current_segment_id < until; i++) {
		t.nr_trace = 0;
		write_block(1, i % 40, (char)('A' + i % 50));
	}
}

struct bdev_io *steal(const struct simdev *dev, enum bdev_op op)
{
	struct bdev_io **link = &t.sim.pending;
	struct bdev_io *io;

	while (*link && ((*link)->dev != &dev->bdev || (*link)->op != op))
		link = &(*link)->next;
	ck_assert_ptr_nonnull(*link);
	io = *link;
	*link = io->next;
	io->next = NULL;
	t.sim.nr_pending--;
	return io;
}

void give_back(struct bdev_io *io)
{
	sim_ops->submit(io->dev, io);
}

/* ---- damaging ---- */

uint64_t slot_off(uint64_t segment, uint32_t block)
{
	uint64_t blocks = t.geometry.segment_size / BLOCK;

	return WB_SLOTS_OFF + (segment % t.geometry.nr_segments * blocks + block) * BLOCK;
}

void damage(struct simdev *dev, uint64_t off)
{
	dev->visible[off] ^= 0xff;
	dev->stable[off] ^= 0xff;
}

void put(struct simdev *dev, uint64_t off, uint64_t len, char letter)
{
	memset(dev->visible + off, letter, len);
	memset(dev->stable + off, letter, len);
}
