/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/cache.c, engine/lock.c, engine/bdev.c: open, stop and close; callbacks; chains. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* ---- deferred work ---- */

static struct wb *wb;
static char order[16];
static unsigned int nr_called, depth;
static struct work works[4];

static void note(char letter)
{
	order[nr_called++] = letter;
	order[nr_called] = '\0';
}

static void call_b(struct work *work)
{
	(void)work;
	ck_assert_uint_eq(depth, 0);
	note('b');
}

static void call_c(struct work *work)
{
	(void)work;
	ck_assert_uint_eq(depth, 0);
	note('c');
}

/* Brings more work about while it is called. */
static void call_a(struct work *work)
{
	(void)work;
	depth++;
	note('a');
	works[2].fn = call_c;
	wb_lock(wb);
	wb_defer(wb, &works[2]);
	wb_unlock(wb);
	depth--;
}

START_TEST(deferred_work_is_called_in_order_and_never_nested)
{
	wb = t.wb;
	works[0].fn = call_a;
	works[1].fn = call_b;
	wb_lock(wb);
	wb_defer(wb, &works[0]);
	wb_defer(wb, &works[1]);
	ck_assert_uint_eq(nr_called, 0);
	wb_unlock(wb);
	ck_assert_str_eq(order, "abc");
}
END_TEST

static void write_again(struct wb_io *io, int err)
{
	ck_assert_int_eq(err, 0);
	if (nr_called++ < 1000)
		wb_write(t.wb, io);
}

START_TEST(callback_may_submit_the_same_request_for_ever)
{
	struct op *op = start_write(0, 0, 0, 'a');

	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	op->io.len = BLOCK;
	op->io.done = write_again;
	wb_write(t.wb, &op->io);
	while (nr_called <= 1000)
		ck_assert(sim_step(&t.sim));
	ck_assert_uint_eq(info(0).nr_writes, 1002);
}
END_TEST

START_TEST(timer_is_set_for_the_earliest_wish_and_never_put_off)
{
	t.sim.timer = UINT64_MAX;
	wb_lock(t.wb);
	t.wb->pending.timer = UINT64_MAX;
	wb_wake_at(t.wb, 500);
	wb_wake_at(t.wb, 300);
	wb_wake_at(t.wb, 400);
	wb_unlock(t.wb);
	ck_assert_uint_eq(t.sim.timer, 300);
	wb_lock(t.wb);
	t.wb->pending.wake_at = 350;
	wb_unlock(t.wb);
	ck_assert_uint_eq(t.sim.timer, 300);
}
END_TEST

static struct bdev_io ios[4];
static uint8_t buf[4][WB_BLOCK_SIZE] __attribute__((aligned(WB_BLOCK_SIZE)));

static void count(struct bdev_io *io)
{
	(void)io;
	nr_called++;
}

START_TEST(io_for_several_devices_reaches_each_of_them)
{
	struct simdev *const to[] = {t.dev[0], t.dev[0], t.dev[1], t.dev[0]};

	t.nr_trace = 0;
	wb_lock(t.wb);
	for (unsigned int i = 0; i < 4; i++) {
		bdev_io_init(&ios[i], BDEV_READ, i * BLOCK, buf[i], BLOCK);
		ios[i].done = count;
		wb_submit_later(t.wb, &to[i]->bdev, &ios[i]);
	}
	ck_assert_uint_eq(t.nr_trace, 0);
	wb_unlock(t.wb);
	ck_assert_uint_eq(t.nr_trace, 4);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_ptr_eq(t.trace[i].dev, to[i]);
		ck_assert_uint_eq(t.trace[i].off, i * BLOCK);
	}
	sim_settle(&t.sim);
	ck_assert_uint_eq(nr_called, 4);
}
END_TEST

START_TEST(blocking_io_returns_the_error_of_the_device)
{
	memset(buf[0], 'a', BLOCK);
	ck_assert_int_eq(bdev_write(&t.dev[0]->bdev, BLOCK, buf[0], BLOCK), 0);
	ck_assert_int_eq(bdev_read(&t.dev[0]->bdev, BLOCK, buf[1], BLOCK), 0);
	ck_assert_mem_eq(buf[0], buf[1], BLOCK);
	ck_assert_int_eq(bdev_flush(&t.dev[0]->bdev), 0);
	ck_assert_uint_eq(t.dev[0]->nr_writes, 0);
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(bdev_read(&t.dev[0]->bdev, BLOCK, buf[1], BLOCK), -EIO);
}
END_TEST

/* ---- open, stop, close ---- */

START_TEST(close_makes_everything_durable_and_says_so)
{
	write_block(0, 1, 'a');
	end();
	ck_assert_uint_eq(newest_super().state, WB_SUPER_CLEAN);
	ck_assert_uint_eq(newest_super().durable, 1);
	ck_assert_uint_eq(t.cache->nr_writes, 0);
	sim_power_cut(&t.sim);
	begin();
	ck_assert(status().was_clean);
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(stop_migrates_nothing_more)
{
	write_block(0, 1, 'a');
	end();
	expect_on_backing(0, BLOCK, BLOCK, 0);
}
END_TEST

START_TEST(stop_waits_until_nothing_is_in_flight)
{
	write_block(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	wb_stop(t.wb, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(t.sim.nr_pending, 0);
}
END_TEST

/* Afterwards the cache may be closed, which who is told still has in hand. */
static void note_last(void *ctx, int err)
{
	ck_assert(*(bool *)ctx);
	note_done(NULL, err);
}

static void note_told(void *ctx, int err)
{
	ck_assert_int_eq(err, 0);
	*(bool *)ctx = true;
}

START_TEST(stop_is_the_last_to_be_told)
{
	bool told = false;

	write_block(0, 1, 'a');
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	t.dev[0]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	wb_drain_cancel(t.wb, NULL);
	ck_assert_int_eq(wait_done(), -EINTR);
	wb_detach(t.wb, t.b[0], true, note_told, &told);
	wb_stop(t.wb, note_last, &told);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
}
END_TEST

START_TEST(stop_ends_a_drain_with_an_error)
{
	struct op *sync;

	write_block(0, 1, 'a');
	t.dev[0]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	sync = start_sync();
	ck_assert_int_eq(op_wait(sync), 0);
	t.dev[0]->hold[BDEV_WRITE] = false;
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, UINT64_MAX);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	wb_lock(t.wb);
	t.wb->stopping = true;
	wb_kick(t.wb);
	wb_unlock(t.wb);
	ck_assert_int_eq(wait_done(), -ESHUTDOWN);
}
END_TEST

START_TEST(cancelled_drain_leaves_what_is_not_under_way)
{
	int other = 0;

	write_block(0, 1, 'a');
	t.dev[0]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	wb_drain_cancel(t.wb, &other);
	ck_assert(!t.done);
	wb_drain_cancel(t.wb, NULL);
	ck_assert(t.done);
	ck_assert_int_eq(wait_done(), -EINTR);
	write_block(0, 2, 'b'); /* in no batch that has begun */
	t.dev[0]->hold[BDEV_WRITE] = false;
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_uint_eq(status().nr_dirty, 1);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().nr_dirty, 0);
}
END_TEST

START_TEST(last_superblock_that_can_not_be_written_is_an_error_of_close)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_stop(), 0);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 1);
	ck_assert_int_eq(wb_close(t.wb), -EIO);
	t.wb = t.sim.wb = NULL;
	begin();
	ck_assert(!status().was_clean);
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(cache_that_was_never_started_closes_without_writing)
{
	end();
	t.nr_trace = 0;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = NULL;
	ck_assert_int_lt(trace_find(0, t.cache, BDEV_WRITE, 0), 0);
}
END_TEST

static unsigned int allocations_left;

static void *scarce_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	struct sim *sim = ctx;
	struct sim fresh;

	if (!allocations_left--)
		return NULL;
	sim_init(&fresh, 1);
	return fresh.env.alloc(sim, len, kind);
}

START_TEST(open_without_enough_memory_is_refused_and_leaks_nothing)
{
	unsigned int n = 0;
	struct wb_env env = t.sim.env;
	struct wb *opened;
	int err;

	end();
	env.alloc = scarce_alloc;
	do {
		allocations_left = n++;
		err = wb_open(&t.cache->bdev, &t.options, &env, &opened);
		ck_assert(err == 0 || err == -ENOMEM);
	} while (err);
	ck_assert_uint_ge(n, 6);
	ck_assert(said("not enough memory"));
	ck_assert_int_eq(wb_close(opened), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		deferred_work_is_called_in_order_and_never_nested,
		callback_may_submit_the_same_request_for_ever,
		timer_is_set_for_the_earliest_wish_and_never_put_off,
		io_for_several_devices_reaches_each_of_them,
		blocking_io_returns_the_error_of_the_device,
		close_makes_everything_durable_and_says_so,
		stop_migrates_nothing_more,
		stop_waits_until_nothing_is_in_flight,
		stop_is_the_last_to_be_told,
		stop_ends_a_drain_with_an_error,
		cancelled_drain_leaves_what_is_not_under_way,
		last_superblock_that_can_not_be_written_is_an_error_of_close,
		cache_that_was_never_started_closes_without_writing,
		open_without_enough_memory_is_refused_and_leaks_nothing,
	};

	return harness_run("engine_cache", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
