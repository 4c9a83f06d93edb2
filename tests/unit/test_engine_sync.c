/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/sync.c, engine/waiter.c: who waits for what, and shares it. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* Large segments: a record is sealed because somebody wants it, not because it is full. */
static void setup(void)
{
	harness_make(3, 32, 3);
	begin();
}

/* A sync whose flush is in flight; what comes now is not covered by it. */
static struct op *sync_in_flight(void)
{
	struct op *op;

	write_block(0, 0, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	op = start_sync();
	sim_settle(&t.sim);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_FLUSH), 1);
	return op;
}

START_TEST(sync_on_a_clean_log_issues_no_io)
{
	uint64_t before = nr_ios();
	struct op *op = start_sync();

	ck_assert(op->done);
	ck_assert_int_eq(op->err, 0);
	ck_assert_uint_eq(nr_ios(), before);
	ck_assert_uint_eq(t.sim.nr_pending, 0);
}
END_TEST

START_TEST(second_sync_of_the_same_data_issues_no_io)
{
	uint64_t before;

	write_and_sync(0, 1, 'a');
	before = nr_ios();
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(nr_ios(), before);
}
END_TEST

START_TEST(synced_data_survives_a_power_cut_and_unsynced_data_need_not)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(1, 1, 'b');
	write_block(0, 2, 'c');
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(1, 1, 'b');
	expect_block(0, 2, 0);
}
END_TEST

START_TEST(sync_is_not_done_before_its_flush)
{
	struct op *op = sync_in_flight();

	ck_assert(!op->done);
	ck_assert_uint_eq(status().logged, 1);
	ck_assert_uint_eq(status().durable, 0);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_eq(status().durable, 1);
}
END_TEST

START_TEST(one_flush_serves_all_who_came_during_the_last_one)
{
	struct op *first = sync_in_flight(), *others[4];
	uint64_t flushes = status().nr_flushes;

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++) {
		write_block(i % 2, i + 1, 'b');
		others[i] = start_sync();
	}
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(first), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		ck_assert_int_eq(op_wait(others[i]), 0);
	ck_assert_uint_eq(status().nr_flushes, flushes + 2);
	ck_assert_uint_eq(status().nr_syncs, 5);
}
END_TEST

START_TEST(sync_of_data_written_during_a_flush_waits_for_the_next_one)
{
	struct op *first = sync_in_flight(), *second;
	struct bdev_io *io = steal(t.cache, BDEV_FLUSH);

	write_block(0, 1, 'b');
	second = start_sync();
	give_back(io);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(first), 0);
	ck_assert(!second->done);
	ck_assert_int_eq(op_wait(second), 0);
	crash();
	begin();
	expect_block(0, 1, 'b');
}
END_TEST

START_TEST(sync_held_back_is_sealed_at_the_barrier_deadline)
{
	sync_in_flight();
	write_block(0, 1, 'b');
	start_sync();
	sim_sleep(&t.sim, 2 * NS_PER_MS);
	ck_assert_uint_eq(status().sealed, 1);
	sim_sleep(&t.sim, 2 * NS_PER_MS);
	ck_assert_uint_eq(status().sealed, 2);
	ck_assert_uint_eq(status().logged, 2);
}
END_TEST

START_TEST(barrier_deadline_is_a_knob)
{
	knob(WB_KNOB_BARRIER_DEADLINE_MS, 50);
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	sync_in_flight();
	write_block(0, 1, 'b');
	start_sync();
	sim_sleep(&t.sim, 45 * NS_PER_MS);
	ck_assert_uint_eq(status().sealed, 1);
	sim_sleep(&t.sim, 10 * NS_PER_MS);
	ck_assert_uint_eq(status().sealed, 2);
}
END_TEST

START_TEST(sync_on_an_idle_log_is_not_held_back)
{
	write_block(0, 1, 'b');
	start_sync();
	ck_assert_uint_eq(status().sealed, 1);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_WRITE), 1);
}
END_TEST

START_TEST(dsync_writes_share_a_flush_with_syncs)
{
	struct op *first = sync_in_flight(), *dsync, *sync;
	uint64_t flushes = status().nr_flushes;

	dsync = start_dsync(1, BLOCK, BLOCK, 'd');
	sync = start_sync();
	ck_assert(!dsync->done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(first), 0);
	ck_assert_int_eq(op_wait(dsync), 0);
	ck_assert_int_eq(op_wait(sync), 0);
	ck_assert_uint_eq(status().nr_flushes, flushes + 2);
}
END_TEST

START_TEST(dsync_write_makes_durable_what_was_acknowledged_before_it)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(op_wait(start_dsync(1, 0, BLOCK, 'd')), 0);
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(1, 0, 'd');
}
END_TEST

START_TEST(dsync_zeroing_is_durable)
{
	struct op *op;

	put(t.dev[0], 0, 4 * BLOCK, 'x');
	op = start_write(0, 0, 0, 'x');
	op->done = false;
	op->io.len = 2 * BLOCK;
	op->io.flags = WB_IO_DSYNC;
	wb_zero(t.wb, &op->io);
	ck_assert_int_eq(op_wait(op), 0);
	crash();
	begin();
	expect(0, 0, 2 * BLOCK, 0);
	expect(0, 2 * BLOCK, 2 * BLOCK, 'x');
}
END_TEST

START_TEST(sync_of_a_failed_cache_fails_even_if_all_is_durable)
{
	write_and_sync(0, 1, 'a');
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, UINT64_MAX);
	ck_assert_int_eq(do_commit(), -EIO);
	ck_assert_int_eq(do_sync(), -EIO);
}
END_TEST

START_TEST(sync_of_a_read_only_cache_is_done)
{
	end();
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_start(), 0);
	ck_assert_int_eq(do_sync(), 0);
}
END_TEST

START_TEST(smallest_target_is_the_first_waiter)
{
	struct waiter waiters[3] = {0};
	const uint64_t targets[] = {30, 10, 20};

	wb_lock(t.wb);
	ck_assert_ptr_null(waiter_first(t.wb, WAIT_DURABLE));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		waiter_add(t.wb, &waiters[i], WAIT_DURABLE, targets[i]);
	ck_assert_ptr_eq(waiter_first(t.wb, WAIT_DURABLE), &waiters[1]);
	ck_assert_ptr_null(waiter_first(t.wb, WAIT_SUPER));
	for (unsigned int i = 0; i < ARRAY_SIZE(waiters); i++)
		list_del(&waiters[i].link);
	wb_unlock(t.wb);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sync_on_a_clean_log_issues_no_io,
		second_sync_of_the_same_data_issues_no_io,
		synced_data_survives_a_power_cut_and_unsynced_data_need_not,
		sync_is_not_done_before_its_flush,
		one_flush_serves_all_who_came_during_the_last_one,
		sync_of_data_written_during_a_flush_waits_for_the_next_one,
		sync_held_back_is_sealed_at_the_barrier_deadline,
		barrier_deadline_is_a_knob,
		sync_on_an_idle_log_is_not_held_back,
		dsync_writes_share_a_flush_with_syncs,
		dsync_write_makes_durable_what_was_acknowledged_before_it,
		dsync_zeroing_is_durable,
		sync_of_a_failed_cache_fails_even_if_all_is_durable,
		sync_of_a_read_only_cache_is_done,
		smallest_target_is_the_first_waiter,
	};

	return harness_run("engine_sync", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
