/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/histogram.c, engine/rate.c, engine/load.c and what is counted by them: latencies, batches,
 * I/O of our own in flight, and migration that rests for a moment.
 */
#include "config.h"

#include "engine/histogram.h"
#include "engine/rate.h"
#include "tests/unit/engine_harness.h"

#define MS NS_PER_MS

/* How many values a histogram of status() or info(n) has. */
#define NR(of, field) \
	({ \
		__typeof__(of) all = (of); \
		wb_histogram_nr(&all.field); \
	})

static void open_it(unsigned int backing)
{
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	ck_assert_int_eq(wb_knob_set(t.wb, t.b[backing], WB_KNOB_PAUSED, 0), 0);
}

static struct wb_usage usage(unsigned int backing)
{
	struct wb_usage u;

	wb_usage(t.wb, t.b[backing], &u);
	return u;
}

static unsigned int bucket(uint64_t value)
{
	struct wb_histogram h = {0};
	unsigned int i = 0;

	histogram_add(&h, value);
	ck_assert_uint_eq(wb_histogram_nr(&h), 1);
	while (!h.nr[i])
		i++;
	return i;
}

START_TEST(bucket_ends_at_a_power_of_two_and_includes_it)
{
	ck_assert_uint_eq(bucket(0), 0);
	ck_assert_uint_eq(bucket(1), 0);
	ck_assert_uint_eq(bucket(2), 1);
	ck_assert_uint_eq(bucket(3), 2);
	ck_assert_uint_eq(bucket(4), 2);
	ck_assert_uint_eq(bucket(5), 3);
	ck_assert_uint_eq(bucket(1 << 20), 20);
	ck_assert_uint_eq(bucket((1 << 20) + 1), 21);
	ck_assert_uint_eq(bucket(1ull << 38), 38);
	ck_assert_uint_eq(bucket((1ull << 38) + 1), WB_HISTOGRAM_BUCKETS - 1);
	ck_assert_uint_eq(bucket(UINT64_MAX), WB_HISTOGRAM_BUCKETS - 1);
}
END_TEST

START_TEST(rate_is_that_of_the_last_seconds)
{
	const uint64_t second = 1000 * MS, begin = 7 * second + 300 * MS;
	struct rate rate = {0};

	ck_assert_uint_eq(rate_per_second(&rate, begin), 0);
	rate_add(&rate, begin, 1000);
	ck_assert_uint_eq(rate_per_second(&rate, begin), 2000); /* as if it took half a second */
	for (uint64_t i = 1; i < 20; i++)
		rate_add(&rate, begin + i * 100 * MS, 1000);
	ck_assert_uint_eq(rate_per_second(&rate, begin + 2 * second), 10000);
	for (uint64_t i = 20; i < 100; i++)
		rate_add(&rate, begin + i * 100 * MS, 2000);
	ck_assert_uint_eq(rate_per_second(&rate, begin + 10 * second), 20000);
	/* Nothing more comes: it fades, and what comes then is not mixed with it. */
	ck_assert_uint_lt(rate_per_second(&rate, begin + 13 * second), 10000);
	ck_assert_uint_gt(rate_per_second(&rate, begin + 13 * second), 0);
	ck_assert_uint_eq(rate_per_second(&rate, begin + 15 * second), 0);
	rate_add(&rate, begin + 16 * second, 500);
	ck_assert_uint_eq(rate_per_second(&rate, begin + 17 * second), 500);
}
END_TEST

START_TEST(percentiles_are_ends_of_buckets_but_not_above_the_maximum)
{
	struct wb_histogram h = {0};

	ck_assert_uint_eq(wb_histogram_percentile(&h, 50), 0);
	for (unsigned int i = 0; i < 99; i++)
		histogram_add(&h, 100);
	ck_assert_uint_eq(wb_histogram_percentile(&h, 50), 100);
	histogram_add(&h, 5000);
	ck_assert_uint_eq(wb_histogram_percentile(&h, 50), 128);
	ck_assert_uint_eq(wb_histogram_percentile(&h, 99), 128);
	ck_assert_uint_eq(wb_histogram_percentile(&h, 100), 5000);
	ck_assert_uint_eq(h.sum, 99 * 100 + 5000);
	ck_assert_uint_eq(h.max, 5000);
}
END_TEST

START_TEST(sync_takes_until_it_is_durable)
{
	struct op *sync;

	write_block(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	sync = start_sync();
	sim_sleep(&t.sim, 5 * MS);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(sync), 0);
	ck_assert_uint_eq(NR(status(), sync_ns), 1);
	ck_assert_uint_ge(status().sync_ns.max, 5 * MS);
	ck_assert_uint_eq(NR(status(), write_ns), 1);
	ck_assert_uint_lt(status().write_ns.max, 5 * MS);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().sync_ns.nr[0], 1);
}
END_TEST

START_TEST(durable_write_counts_as_a_sync)
{
	ck_assert_int_eq(op_wait(start_dsync(0, 0, BLOCK, 'a')), 0);
	ck_assert_uint_eq(NR(status(), sync_ns), 1);
	ck_assert_uint_eq(NR(status(), write_ns), 0);
}
END_TEST

START_TEST(read_is_a_miss_if_some_of_it_comes_from_the_backing)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_read(0, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(NR(status(), read_hit_ns), 1);
	t.dev[0]->hold[BDEV_READ] = true;
	start_read(0, 0, 2 * BLOCK);
	sim_sleep(&t.sim, 7 * MS);
	ck_assert_uint_ge(usage(0).foreground_ns, 7 * MS);
	t.dev[0]->hold[BDEV_READ] = false;
	sim_settle(&t.sim);
	ck_assert_uint_eq(NR(status(), read_miss_ns), 1);
	ck_assert_uint_ge(status().read_miss_ns.max, 7 * MS);
	ck_assert_uint_lt(status().read_miss_ns.max, 8 * MS);
	ck_assert_uint_eq(NR(status(), read_hit_ns), 1);
	sim_sleep(&t.sim, 2 * MS);
	ck_assert_uint_lt(usage(0).foreground_ns, 8 * MS);
	ck_assert_uint_eq(usage(1).foreground_ns, 0);
}
END_TEST

START_TEST(failed_request_has_no_latency)
{
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(do_read(0, 0, BLOCK), -EIO);
	ck_assert_uint_eq(NR(status(), read_miss_ns), 0);
	ck_assert_uint_eq(status().nr_backing_errors, 1);
	ck_assert_uint_eq(info(0).nr_errors, 1);
}
END_TEST

START_TEST(migration_is_counted_for_its_backing_and_in_all)
{
	ck_assert_int_eq(do_write(0, 4 * BLOCK, 3 * BLOCK, 'a'), 0);
	write_block(0, 5, 'b');
	write_and_sync(1, 9, 'c');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(info(0).nr_migrated_blocks, 3);
	ck_assert_uint_eq(info(0).nr_superseded_blocks, 1);
	ck_assert_uint_eq(NR(info(0), migration_bytes), 1);
	ck_assert_uint_eq(info(0).migration_bytes.max, 3 * BLOCK);
	ck_assert_uint_eq(info(1).nr_migrated_blocks, 1);
	ck_assert_uint_eq(info(1).migration_bytes.max, BLOCK);
	ck_assert_uint_eq(status().migration_bytes.sum, 4 * BLOCK);
	ck_assert_uint_eq(status().migrated_bytes, 4 * BLOCK);
	ck_assert_uint_eq(status().nr_migrated_blocks, 4);
	ck_assert_uint_eq(status().migration_rate, 4 * BLOCK * 2);
	ck_assert_uint_eq(info(1).migration_rate, BLOCK * 2);
	ck_assert_uint_eq(NR(status(), migration_ns), 2);
	ck_assert_uint_eq(NR(status(), batch_ns), status().nr_batches);
	ck_assert_uint_eq(info(0).nr_batches + info(1).nr_batches, status().nr_batches);
}
END_TEST

START_TEST(batch_that_fails_is_counted_as_a_retry)
{
	write_block(0, 1, 'a');
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, 2);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(info(0).nr_batch_retries, 2);
	ck_assert_uint_eq(status().nr_batch_retries, 2);
	ck_assert_uint_eq(status().nr_backing_errors, 2);
	ck_assert_uint_eq(info(1).nr_batch_retries, 0);
}
END_TEST

START_TEST(log_write_that_fails_is_counted_as_a_retry)
{
	write_block(0, 1, 'a');
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, 1);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().nr_log_retries, 1);
}
END_TEST

START_TEST(oldest_dirty_age_grows_until_it_is_migrated)
{
	ck_assert_uint_eq(info(0).oldest_dirty_ns, 0);
	write_and_sync(0, 1, 'a');
	sim_sleep(&t.sim, 100 * MS);
	write_and_sync(0, 2, 'b');
	write_and_sync(1, 3, 'c');
	sim_sleep(&t.sim, 10 * MS);
	ck_assert_uint_ge(info(0).oldest_dirty_ns, 110 * MS);
	ck_assert_uint_lt(info(1).oldest_dirty_ns, 100 * MS);
	ck_assert_uint_eq(status().oldest_dirty_ns, info(0).oldest_dirty_ns);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().oldest_dirty_ns, 0);
}
END_TEST

START_TEST(busy_backing_is_not_migrated_and_the_other_is)
{
	wb_set_busy(t.wb, t.b[0], true);
	wb_set_utilisation(t.wb, t.b[0], 83);
	write_and_sync(0, 1, 'a');
	write_and_sync(1, 1, 'b');
	open_it(0);
	sim_sleep(&t.sim, 3 * NS_PER_S);
	ck_assert_uint_eq(info(0).nr_dirty, 1);
	ck_assert(info(0).busy);
	ck_assert_uint_eq(info(0).utilisation, 83);
	ck_assert_uint_eq(info(1).nr_dirty, 0);
	wb_set_busy(t.wb, t.b[0], false);
	sim_settle(&t.sim);
	ck_assert_uint_eq(info(0).nr_dirty, 0);
}
END_TEST

START_TEST(quiet_migration_begins_no_io_until_its_time_has_come)
{
	write_and_sync(0, 1, 'a');
	wb_quiet(t.wb, t.b[0], t.sim.now + 50 * MS);
	open_it(0);
	sim_sleep(&t.sim, 49 * MS);
	ck_assert_uint_eq(info(0).nr_dirty, 1);
	ck_assert_uint_eq(usage(0).migration_ns, 0);
	ck_assert(!usage(0).migrating);
	sim_sleep(&t.sim, 2 * MS);
	ck_assert_uint_eq(info(0).nr_dirty, 0);
}
END_TEST

START_TEST(quiet_ends_when_it_is_called_off)
{
	write_and_sync(0, 1, 'a');
	wb_quiet(t.wb, t.b[0], t.sim.now + 50 * MS);
	open_it(0);
	sim_settle(&t.sim);
	ck_assert_uint_eq(info(0).nr_dirty, 1);
	wb_quiet(t.wb, t.b[0], 0);
	sim_settle(&t.sim);
	ck_assert_uint_eq(info(0).nr_dirty, 0);
}
END_TEST

START_TEST(who_drains_or_stops_does_not_care_for_quiet)
{
	write_and_sync(0, 1, 'a');
	wb_quiet(t.wb, t.b[0], t.sim.now + 1000 * NS_PER_S);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_lt(t.sim.now, 900 * NS_PER_S);
	write_and_sync(0, 2, 'b');
	open_it(0);
	sim_settle(&t.sim);
	ck_assert_int_eq(do_stop(), 0);
	ck_assert_uint_lt(t.sim.now, 900 * NS_PER_S);
}
END_TEST

START_TEST(migration_in_flight_is_told)
{
	write_and_sync(0, 1, 'a');
	t.dev[0]->hold[BDEV_WRITE] = true;
	open_it(0);
	sim_settle(&t.sim);
	ck_assert(usage(0).migrating);
	sim_sleep(&t.sim, 20 * MS);
	ck_assert_uint_ge(usage(0).migration_ns, 20 * MS);
	t.dev[0]->hold[BDEV_WRITE] = false;
	sim_settle(&t.sim);
	ck_assert(!usage(0).migrating);
	ck_assert_uint_eq(usage(0).foreground_ns, 0);
	ck_assert_uint_ge(info(0).migration_ns.max, 20 * MS);
}
END_TEST

START_TEST(snapshot_has_what_status_and_info_have)
{
	struct wb_backing_info infos[2];
	struct wb_status s;

	write_block(0, 1, 'a');
	write_block(1, 1, 'b');
	ck_assert_uint_eq(wb_snapshot(t.wb, &s, NULL, 0), 2);
	ck_assert_uint_eq(wb_snapshot(t.wb, &s, infos, 2), 2);
	ck_assert_uint_eq(s.nr_dirty, 2);
	ck_assert_uint_eq(s.dirty_bytes, 2 * BLOCK);
	ck_assert_uint_eq(infos[0].nr_dirty, 1);
	ck_assert_uint_eq(infos[1].dirty_bytes, BLOCK);
	ck_assert_str_ne(infos[0].name, infos[1].name);
	ck_assert_uint_eq(s.knobs[WB_KNOB_BARRIER_DEADLINE_MS], 3);
}
END_TEST

START_TEST(cleared_histograms_are_empty)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	wb_clear_stat(t.wb);
	ck_assert_uint_eq(NR(status(), write_ns), 0);
	ck_assert_uint_eq(status().write_ns.sum, 0);
	ck_assert_uint_eq(NR(info(0), batch_ns), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		bucket_ends_at_a_power_of_two_and_includes_it,
		rate_is_that_of_the_last_seconds,
		percentiles_are_ends_of_buckets_but_not_above_the_maximum,
		sync_takes_until_it_is_durable,
		durable_write_counts_as_a_sync,
		read_is_a_miss_if_some_of_it_comes_from_the_backing,
		failed_request_has_no_latency,
		migration_is_counted_for_its_backing_and_in_all,
		batch_that_fails_is_counted_as_a_retry,
		log_write_that_fails_is_counted_as_a_retry,
		oldest_dirty_age_grows_until_it_is_migrated,
		busy_backing_is_not_migrated_and_the_other_is,
		quiet_migration_begins_no_io_until_its_time_has_come,
		quiet_ends_when_it_is_called_off,
		who_drains_or_stops_does_not_care_for_quiet,
		migration_in_flight_is_told,
		snapshot_has_what_status_and_info_have,
		cleared_histograms_are_empty,
	};

	return harness_run("engine_histogram", tests, ARRAY_SIZE(tests), harness_setup_ring,
			   harness_teardown);
}
