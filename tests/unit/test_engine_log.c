/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/log.c: record writes and flushes, and what is done when they fail. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* Of the trace since `from`: record writes as W, flushes of the cache as F, superblocks as S. */
static const char *log_trace(unsigned int from)
{
	static char text[MAX_TRACE + 1];
	size_t len = 0;

	for (unsigned int i = from; i < t.nr_trace; i++) {
		const struct trace *x = &t.trace[i];

		if (x->dev == t.cache && x->op == BDEV_WRITE)
			text[len++] = is_super(x) ? 'S' : 'W';
		else if (x->dev == t.cache && x->op == BDEV_FLUSH)
			text[len++] = 'F';
	}
	text[len] = '\0';
	return text;
}

static void fail_cache(enum bdev_op op)
{
	simdev_fail(t.cache, op, -EIO, 0, UINT64_MAX);
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_sync(), -EIO);
	ck_assert_int_eq(status().state, WB_FAILED);
}

START_TEST(failed_write_is_repeated_in_place_with_growing_pauses)
{
	unsigned int from = t.nr_trace;
	uint64_t pause = RETRY_FIRST_PAUSE;

	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 5);
	write_and_sync(0, 1, 'a');
	ck_assert_str_eq(log_trace(from), "WWWWWWF");
	for (unsigned int i = from + 1; i < from + 6; i++, pause *= 2) {
		ck_assert_uint_eq(t.trace[i].off, t.trace[from].off);
		ck_assert_uint_eq(t.trace[i].len, t.trace[from].len);
		ck_assert_uint_ge(t.trace[i].at - t.trace[i - 1].at, pause);
		ck_assert_uint_lt(t.trace[i].at - t.trace[i - 1].at, 2 * pause);
	}
	ck_assert_uint_eq(status().nr_write_errors, 5);
	ck_assert_int_eq(status().state, WB_HEALTHY);
	crash();
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(record_after_a_failed_one_is_logged_only_with_it)
{
	t.cache->hold[BDEV_FLUSH] = true;
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 1);
	write_block(0, 1, 'a');
	start_sync();
	write_block(0, 2, 'b'); /* fills the segment: sealed too */
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().sealed, 2);
	ck_assert_uint_eq(status().logged, 0);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_FLUSH), 0);
	sim_sleep(&t.sim, 100 * NS_PER_MS);
	ck_assert_uint_eq(status().logged, 2);
}
END_TEST

START_TEST(records_are_logged_in_order_whatever_is_written_first)
{
	struct bdev_io *first;

	write_block(0, 1, 'a');
	start_sync();
	write_block(0, 2, 'b');
	first = steal(t.cache, BDEV_WRITE);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().sealed, 2);
	ck_assert_uint_eq(status().logged, 0);
	give_back(first);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().logged, 2);
}
END_TEST

START_TEST(failed_flush_writes_everything_again_before_the_next_flush)
{
	unsigned int from = t.nr_trace;
	const struct trace *again;

	t.cache->drop_on_failed_flush = true;
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1);
	write_block(0, 1, 'a');
	start_sync();
	write_block(0, 2, 'b');
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_msg(strstr(log_trace(from), "WWFWF"), "%s", log_trace(from));
	again = &t.trace[trace_find(from, t.cache, BDEV_WRITE, 2)];
	ck_assert_uint_eq(again->off, t.trace[trace_find(from, t.cache, BDEV_WRITE, 0)].off);
	ck_assert_uint_eq(again->len, 4 * BLOCK); /* both */
	ck_assert_uint_eq(status().nr_flush_errors, 1);
	ck_assert_uint_eq(status().durable, 2);
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'b');
}
END_TEST

START_TEST(failed_write_of_several_records_is_repeated_one_by_one)
{
	unsigned int from = t.nr_trace;

	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1); /* so that both are written again */
	t.cache->hold[BDEV_FLUSH] = true;
	write_block(0, 1, 'a');
	start_sync();
	write_block(0, 2, 'b');
	sim_settle(&t.sim);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 1);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_msg(strstr(log_trace(from), "WWFWWWF"), "%s", log_trace(from));
	ck_assert_uint_eq(status().nr_write_errors, 1);
	ck_assert_uint_eq(status().nr_log_retries, 3); /* the flush, and a write of each */
	ck_assert_int_eq(status().state, WB_HEALTHY);
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'b');
}
END_TEST

START_TEST(record_durable_before_a_failed_flush_is_not_written_again)
{
	unsigned int from;

	write_and_sync(0, 1, 'a');
	from = t.nr_trace;
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1);
	write_and_sync(0, 2, 'b');
	ck_assert_str_eq(log_trace(from), "WFWF");
	ck_assert_uint_eq(t.trace[from].off, slot_off(1, 2));
	ck_assert_uint_eq(t.trace[from + 2].off, slot_off(1, 2));
}
END_TEST

START_TEST(cache_that_can_not_be_written_fails_and_recovers_on_retry)
{
	write_and_sync(0, 5, 'o');
	fail_cache(BDEV_WRITE);
	ck_assert_int_eq(do_write(0, 2, BLOCK, 'b'), -EIO);
	ck_assert_int_eq(do_zero(0, 2, BLOCK), -EIO);
	ck_assert_int_eq(do_sync(), -EIO);
	ck_assert_int_eq(op_wait(start_dsync(0, 0, BLOCK, 'd')), -EIO);
	expect_block(0, 1, 'a');
	expect_block(0, 5, 'o');
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(do_sync(), 0);
	write_and_sync(0, 2, 'c');
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_str_eq(status().reason, "");
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'c');
}
END_TEST

START_TEST(cache_that_can_not_be_flushed_fails_and_recovers_on_retry)
{
	t.cache->drop_on_failed_flush = true;
	fail_cache(BDEV_FLUSH);
	ck_assert_uint_eq(status().durable, 0);
	expect_block(0, 1, 'a');
	simdev_fail(t.cache, BDEV_FLUSH, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(retry_that_does_not_help_fails_again)
{
	fail_cache(BDEV_WRITE);
	wb_retry(t.wb);
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_int_eq(do_sync(), -EIO);
	ck_assert_int_eq(status().state, WB_FAILED);
}
END_TEST

START_TEST(retry_gives_as_many_attempts_again)
{
	fail_cache(BDEV_WRITE);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 4);
	wb_retry(t.wb);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_int_eq(status().state, WB_HEALTHY);
}
END_TEST

START_TEST(writes_that_wait_for_space_get_the_error_of_a_failing_cache)
{
	struct op *op = start_write(0, 0, 12 * BLOCK, 'a');

	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, UINT64_MAX);
	ck_assert_int_eq(op_wait(op), -EIO);
}
END_TEST

START_TEST(failed_cache_stops_with_an_error_and_is_not_marked_clean)
{
	fail_cache(BDEV_WRITE);
	ck_assert_int_eq(do_stop(), -EIO);
	ck_assert_int_eq(wb_close(t.wb), -EIO);
	t.wb = t.sim.wb = NULL;
	ck_assert_uint_eq(newest_super().state, WB_SUPER_IN_USE);
}
END_TEST

START_TEST(failure_is_told_with_its_reason)
{
	fail_cache(BDEV_WRITE);
	ck_assert_ptr_nonnull(
		strstr(status().reason,
		       "cache: write 8192 bytes at byte 1064960: input/output error"));
	ck_assert(said("writes and syncs get EIO until a retry"));
}
END_TEST

START_TEST(interval_of_zero_leaves_unsynced_data_alone)
{
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	write_block(0, 1, 'a');
	wb_tick(t.wb);
	sim_sleep(&t.sim, 100 * NS_PER_S);
	wb_tick(t.wb);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().durable, 0);
	ck_assert_uint_eq(status().unsynced_bytes, BLOCK);
}
END_TEST

START_TEST(engine_flushes_by_itself_when_more_than_a_quarter_of_the_buffers_wait)
{
	uint64_t flushes;

	harness_teardown();
	harness_make(16, 4, 8);
	begin();
	flushes = status().nr_flushes;
	ck_assert_int_eq(do_write(0, 0, 6 * BLOCK, 'a'), 0);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().logged, 2);
	ck_assert_uint_eq(status().nr_flushes, flushes);
	ck_assert_int_eq(do_write(0, 0, 3 * BLOCK, 'b'), 0);
	sim_settle(&t.sim);
	ck_assert_uint_ge(status().durable, 2);
	ck_assert_uint_eq(status().nr_flushes, flushes + 1);
}
END_TEST

START_TEST(durable_never_stops_inside_a_request)
{
	struct bdev_io *second;

	ck_assert_int_eq(do_write(0, 0, 2 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 2 * BLOCK, 2 * BLOCK, 'b'), 0);
	start_sync();
	sim_step(&t.sim);
	second = steal(t.cache, BDEV_WRITE);
	ck_assert_uint_eq(status().logged, 1);
	wb_commit(t.wb, note_done, NULL); /* has the cache flushed */
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(status().logged, 1);
	ck_assert_uint_eq(status().durable, 0);
	give_back(second);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().durable, 2);
}
END_TEST

START_TEST(several_record_writes_are_in_flight_but_not_all)
{
	harness_teardown();
	harness_make(64, 4, 32);
	begin();
	t.cache->hold[BDEV_WRITE] = true;
	for (uint64_t i = 0; i < 24; i++)
		ck_assert_int_eq(do_write(0, 3 * (i % 20) * BLOCK, 3 * BLOCK, 'a'), 0);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_WRITE), LOG_WRITES_IN_FLIGHT);
	t.cache->hold[BDEV_WRITE] = false;
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().logged, 24);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		failed_write_is_repeated_in_place_with_growing_pauses,
		record_after_a_failed_one_is_logged_only_with_it,
		records_are_logged_in_order_whatever_is_written_first,
		failed_flush_writes_everything_again_before_the_next_flush,
		failed_write_of_several_records_is_repeated_one_by_one,
		record_durable_before_a_failed_flush_is_not_written_again,
		cache_that_can_not_be_written_fails_and_recovers_on_retry,
		cache_that_can_not_be_flushed_fails_and_recovers_on_retry,
		retry_that_does_not_help_fails_again,
		retry_gives_as_many_attempts_again,
		writes_that_wait_for_space_get_the_error_of_a_failing_cache,
		failed_cache_stops_with_an_error_and_is_not_marked_clean,
		failure_is_told_with_its_reason,
		interval_of_zero_leaves_unsynced_data_alone,
		engine_flushes_by_itself_when_more_than_a_quarter_of_the_buffers_wait,
		durable_never_stops_inside_a_request,
		several_record_writes_are_in_flight_but_not_all,
	};

	return harness_run("engine_log", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
