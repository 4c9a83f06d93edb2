/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache at its limits and at its ends: a full pool of zeros, what wants migration, stopping with
 * requests in flight, closing, detaching.
 */
#include "config.h"

#include "tests/unit/engine_harness.h"

static void remake(unsigned int nr_segments, unsigned int segment_blocks, unsigned int nr_buffers)
{
	harness_teardown();
	harness_make(nr_segments, segment_blocks, nr_buffers);
	begin();
}

/* ---- a pool of zeros with room for four extents ---- */

static struct op *zeroing[2];
static uint64_t zeroed[2];

/* The log has so many segments that it is never short of them. */
static void remake_with_tiny_pool(void)
{
	harness_teardown();
	harness_make(64, 4, 8);
	t.options.nr_zeros = 4;
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
}

/* Called by the engine: both get their places before either is published. */
static void start_two_zeroings(void *ctx, int err)
{
	note_done(ctx, err);
	for (unsigned int i = 0; i < 2; i++)
		zeroing[i] = start_zero(0, zeroed[i] * BLOCK, BLOCK);
}

static void zero_two_at_once(uint64_t first, uint64_t second)
{
	zeroed[0] = first;
	zeroed[1] = second;
	wb_commit(t.wb, start_two_zeroings, NULL);
	ck_assert_int_eq(wait_done(), 0);
}

START_TEST(zeroing_goes_on_for_ever_with_a_tiny_pool)
{
	remake_with_tiny_pool();
	for (uint64_t i = 0; i < 50; i++)
		ck_assert_int_eq(do_zero(0, (1 + i) * BLOCK, SECTOR + BLOCK), 0);
	write_block(0, 0, 'a');
	expect_block(0, 0, 'a');
	expect(0, BLOCK, 25 * BLOCK, 0);
	expect(0, 26 * BLOCK, 25 * BLOCK + SECTOR, 0);
	expect(0, 51 * BLOCK + SECTOR, BLOCK - SECTOR, 'x');
}
END_TEST

/* Each of the two splits an extent; there is room for one split. */
START_TEST(zeroing_at_the_same_time_does_not_overflow_the_pool)
{
	remake_with_tiny_pool();
	ck_assert_int_eq(do_zero(0, 0, 3 * BLOCK), 0);
	ck_assert_int_eq(do_zero(0, 4 * BLOCK, 3 * BLOCK), 0);
	zero_two_at_once(1, 5);
	ck_assert_int_eq(op_wait(zeroing[0]), 0);
	ck_assert_int_eq(op_wait(zeroing[1]), 0);
	expect(0, 0, 3 * BLOCK, 0);
	expect_block(0, 3, 'x');
	expect(0, 4 * BLOCK, 3 * BLOCK, 0);
}
END_TEST

/* Migration can't make room here: what was acknowledged has to fit again. */
START_TEST(log_has_no_more_zeros_than_recovery_takes)
{
	remake_with_tiny_pool();
	t.dev[0]->hold[BDEV_ZERO] = true;
	ck_assert_int_eq(do_zero(0, 0, BLOCK), 0);
	ck_assert_int_eq(do_zero(0, 2 * BLOCK, BLOCK), 0);
	zero_two_at_once(4, 6);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert(zeroing[0]->done);
	crash();
	t.dev[0]->hold[BDEV_ZERO] = false;
	begin();
	for (uint64_t block = 0; block < 6; block++)
		expect_block(0, block, block % 2 ? 'x' : 0);
}
END_TEST

/* ---- what wants migration ---- */

START_TEST(writes_that_wait_for_a_buffer_are_no_reason_to_migrate)
{
	remake(64, 4, 2);
	for (uint64_t i = 0; i < 24; i++)
		ck_assert_int_eq(do_write(0, i % 20 * 3 * BLOCK, 3 * BLOCK, 'a'), 0);
	ck_assert_uint_gt(status().nr_waits_for_space, 0);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_uint_eq(status().migrated, 0);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 0);
}
END_TEST

/* ---- stopping ---- */

/* Nothing may have been reported while the request is held; then the stop goes well. */
static void expect_stop_to_wait_for(const struct op *op, struct simdev *dev, enum bdev_op what)
{
	wb_stop(t.wb, note_done, NULL);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert(!t.done && !op->done);
	dev->hold[what] = false;
	ck_assert_int_eq(wait_done(), 0);
	ck_assert(op->done);
	ck_assert_int_eq(op->err, 0);
	ck_assert_uint_eq(t.sim.nr_pending, 0);
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = t.sim.wb = NULL;
}

START_TEST(stop_waits_for_a_read_of_a_backing)
{
	t.dev[0]->hold[BDEV_READ] = true;
	expect_stop_to_wait_for(start_read(0, 0, BLOCK), t.dev[0], BDEV_READ);
}
END_TEST

START_TEST(stop_waits_for_a_read_of_the_log)
{
	remake(8, 4, 2);
	write_and_sync(0, 1, 'a');
	evict();
	t.cache->hold[BDEV_READ] = true;
	expect_stop_to_wait_for(start_read(0, BLOCK, BLOCK), t.cache, BDEV_READ);
}
END_TEST

static void begin_uncached(enum bdev_op held)
{
	const struct wb_backing_spec spec = {
		.name = "plain",
		.path = "plain",
		.identity = "plain",
		.dev = &t.dev[0]->bdev,
	};

	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
	ck_assert_int_eq(try_start(), 0);
	t.dev[0]->hold[held] = true;
}

START_TEST(stop_waits_for_a_read_of_an_uncached_backing)
{
	begin_uncached(BDEV_READ);
	expect_stop_to_wait_for(start_read(0, 0, BLOCK), t.dev[0], BDEV_READ);
}
END_TEST

START_TEST(stop_waits_for_a_write_to_an_uncached_backing)
{
	begin_uncached(BDEV_WRITE);
	expect_stop_to_wait_for(start_write(0, 0, BLOCK, 'a'), t.dev[0], BDEV_WRITE);
}
END_TEST

START_TEST(stop_waits_for_the_flush_of_a_dsync_write_to_an_uncached_backing)
{
	begin_uncached(BDEV_FLUSH);
	expect_stop_to_wait_for(start_dsync(0, 0, BLOCK, 'a'), t.dev[0], BDEV_FLUSH);
}
END_TEST

START_TEST(stop_at_any_moment_of_a_batch_leaves_nothing_in_flight)
{
	for (unsigned int steps = 0; steps < 40; steps++) {
		t.nr_trace = 0;
		for (uint64_t i = 0; i < 4; i++)
			write_block(0, steps % 7 + 2 * i, 'a');
		ck_assert_int_eq(do_sync(), 0);
		knob(WB_KNOB_FORCE_MIGRATE, 1);
		sim_sleep(&t.sim, 0);
		for (unsigned int i = 0; i < steps; i++)
			sim_step(&t.sim);
		ck_assert_int_eq(do_stop(), 0);
		ck_assert_uint_eq(t.sim.nr_pending, 0);
		ck_assert_int_eq(wb_close(t.wb), 0);
		t.wb = t.sim.wb = NULL;
		t.sim.timer = UINT64_MAX;
		begin();
	}
}
END_TEST

/* The host's timer runs until just before the close. */
START_TEST(tick_after_stop_has_reported_begins_nothing)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_stop(), 0);
	for (unsigned int i = 0; i < 3; i++) {
		t.sim.now += 100 * NS_PER_S;
		wb_tick(t.wb);
		ck_assert_uint_eq(t.sim.nr_pending, 0);
	}
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = t.sim.wb = NULL;
}
END_TEST

START_TEST(commit_after_stop_is_refused)
{
	ck_assert_int_eq(do_stop(), 0);
	wb_commit(t.wb, note_done, NULL);
	ck_assert(t.done);
	ck_assert_int_eq(t.err, -ESHUTDOWN);
	ck_assert_uint_eq(t.sim.nr_pending, 0);
}
END_TEST

/* ---- closing ---- */

/* A killed daemon has left writes on the backing that nobody flushed. */
START_TEST(clean_close_samples_what_survives_a_power_cut)
{
	write_and_sync(0, 0, 'a');
	t.dev[0]->hold[BDEV_FLUSH] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert_uint_gt(t.dev[0]->nr_writes, 0);
	abandon();
	t.dev[0]->hold[BDEV_FLUSH] = false;
	begin();
	end();
	sim_power_cut(&t.sim);
	ck_assert_int_eq(try_open(), 0);
	ck_assert_msg(try_attach(0, false) == 0, "%s", t.messages);
}
END_TEST

/* ---- detaching ---- */

START_TEST(backing_whose_detach_can_not_be_committed_stays_in_use)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, UINT64_MAX);
	wb_detach(t.wb, t.b[0], false, note_done, NULL);
	ck_assert_int_eq(wait_done(), -EIO);
	expect_block(0, 1, 'a');
	expect_block(0, 2, 0);
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	write_and_sync(0, 2, 'b');
	ck_assert_int_eq(do_commit(), 0);
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'b');
}
END_TEST

START_TEST(detach_from_a_read_only_cache_is_refused_and_writes_nothing)
{
	end();
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(try_start(), 0);
	t.nr_trace = 0;
	wb_detach(t.wb, t.b[0], false, note_done, NULL);
	sim_sleep(&t.sim, 600 * NS_PER_S);
	ck_assert_int_lt(trace_find(0, t.cache, BDEV_WRITE, 0), 0);
	ck_assert(t.done);
	ck_assert_int_eq(t.err, -EROFS);
	expect_block(0, 1, 0);
}
END_TEST

static struct range {
	const char *from, *to;
} populated[64];
static unsigned int nr_populated;

static void note_populated(void *ctx, void *mem, size_t len)
{
	(void)ctx;
	ck_assert_uint_lt(nr_populated, ARRAY_SIZE(populated));
	populated[nr_populated++] = (struct range){mem, (const char *)mem + len};
}

static bool index_is_populated(uint64_t segment)
{
	const struct index_entry *e =
		&t.wb->index.entries[layout_position(&t.wb->layout, segment, 0)];

	for (unsigned int i = 0; i < nr_populated; i++)
		if (populated[i].from <= (const char *)e &&
		    (const char *)(e + 4) <= populated[i].to)
			return true;
	return false;
}

/* Who takes a segment holds the mutex, and must not wait until the kernel has cleared a page. */
START_TEST(index_has_memory_for_the_segments_that_come_next)
{
	harness_teardown();
	harness_make(1000, 4, 4);
	t.sim.env.populate = note_populated;
	nr_populated = 0;
	begin();
	for (uint64_t i = 0; i < 2000; i++) {
		ck_assert(index_is_populated(t.wb->segments.next));
		ck_assert(index_is_populated(t.wb->segments.next + 100));
		write_block(1, i % 40, 'n');
		if (i % 3 == 2) {
			ck_assert_int_eq(do_sync(), 0);
			sim_sleep(&t.sim, 1000000);
		}
	}
	ck_assert_uint_gt(t.wb->segments.next, 600);
	ck_assert(!index_is_populated(t.wb->segments.next + 300));
}
END_TEST

START_TEST(all_of_the_index_of_a_small_cache_has_memory)
{
	harness_teardown();
	harness_make(10, 4, 4);
	t.sim.env.populate = note_populated;
	nr_populated = 0;
	begin();
	for (uint64_t segment = 1; segment <= 10; segment++)
		ck_assert(index_is_populated(segment));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		zeroing_goes_on_for_ever_with_a_tiny_pool,
		zeroing_at_the_same_time_does_not_overflow_the_pool,
		log_has_no_more_zeros_than_recovery_takes,
		writes_that_wait_for_a_buffer_are_no_reason_to_migrate,
		stop_waits_for_a_read_of_a_backing,
		stop_waits_for_a_read_of_the_log,
		stop_waits_for_a_read_of_an_uncached_backing,
		stop_waits_for_a_write_to_an_uncached_backing,
		stop_waits_for_the_flush_of_a_dsync_write_to_an_uncached_backing,
		stop_at_any_moment_of_a_batch_leaves_nothing_in_flight,
		tick_after_stop_has_reported_begins_nothing,
		commit_after_stop_is_refused,
		clean_close_samples_what_survives_a_power_cut,
		backing_whose_detach_can_not_be_committed_stays_in_use,
		detach_from_a_read_only_cache_is_refused_and_writes_nothing,
		index_has_memory_for_the_segments_that_come_next,
		all_of_the_index_of_a_small_cache_has_memory,
	};

	return harness_run("engine_corners_cache", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
