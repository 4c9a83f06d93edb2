/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/health.c: healthy, degraded, failed; what leads there, what is said, and the way back. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define ALWAYS UINT64_MAX

static void expect_backing(unsigned int backing, enum wb_state state, const char *reason)
{
	struct wb_backing_info i = info(backing);

	ck_assert_msg(i.state == state, "%s: %s", wb_state_name(i.state), i.reason);
	ck_assert_str_eq(i.reason, reason);
}

static void expect_cache(enum wb_state state, const char *reason)
{
	struct wb_status s = status();

	ck_assert_msg(s.state == state, "%s: %s", wb_state_name(s.state), s.reason);
	ck_assert_str_eq(s.reason, reason);
}

static void expect_all_healthy(void)
{
	expect_cache(WB_HEALTHY, "");
	expect_backing(0, WB_HEALTHY, "");
	expect_backing(1, WB_HEALTHY, "");
}

static unsigned int times_said(const char *words)
{
	unsigned int nr = 0;

	for (const char *at = t.messages; (at = strstr(at, words)); at++)
		nr++;
	return nr;
}

static void works_again(struct simdev *dev)
{
	for (int op = BDEV_READ; op <= BDEV_ZERO; op++)
		simdev_fail(dev, (enum bdev_op)op, 0, 0, 0);
}

/* A dirty block of slow0, and a drain that fails for as long as I/O of this kind does. */
static void drain_against(enum bdev_op op, int err)
{
	write_and_sync(0, 1, 'a');
	simdev_fail(t.dev[0], op, err, 0, ALWAYS);
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
}

/* ---- requests ---- */

START_TEST(failed_read_degrades_its_backing_and_nothing_else)
{
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	expect_backing(0, WB_DEGRADED, "slow0: read 4096 bytes at byte 36864: input/output error");
	expect_backing(1, WB_HEALTHY, "");
	expect_cache(WB_HEALTHY, "");
	ck_assert(
		said("slow0: degraded: slow0: read 4096 bytes at byte 36864: input/output error"));
}
END_TEST

START_TEST(backing_is_healthy_when_what_could_not_be_read_is_read)
{
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	expect_block(0, 8, 0);
	expect_block(0, 10, 0);
	ck_assert_int_eq(info(0).state, WB_DEGRADED);
	expect_block(0, 9, 0);
	expect_all_healthy();
	ck_assert_uint_eq(times_said("slow0: healthy"), 1);
}
END_TEST

START_TEST(backing_of_which_no_read_succeeds_has_failed)
{
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, ALWAYS);
	for (uint64_t i = 0; i < RETRY_ATTEMPTS; i++)
		ck_assert_int_eq(do_read(0, i * BLOCK, BLOCK), -EIO);
	ck_assert_int_eq(info(0).state, WB_DEGRADED);
	ck_assert_int_eq(do_read(0, 20 * BLOCK, BLOCK), -EIO);
	expect_backing(0, WB_FAILED, "slow0: read 4096 bytes at byte 81920: input/output error");
	expect_cache(WB_HEALTHY, "");
	works_again(t.dev[0]);
	expect_block(0, 7, 0);
	expect_backing(0, WB_DEGRADED, "slow0: read 4096 bytes at byte 81920: input/output error");
	expect_block(0, 20, 0);
	expect_all_healthy();
}
END_TEST

START_TEST(good_reads_in_between_keep_a_backing_from_failing)
{
	for (unsigned int i = 0; i < 3 * RETRY_ATTEMPTS; i++) {
		simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
		ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
		expect_block(0, 8, 0);
	}
	ck_assert_int_eq(info(0).state, WB_DEGRADED);
	ck_assert_uint_eq(times_said("slow0: degraded"), 1);
}
END_TEST

START_TEST(device_that_has_gone_away_has_failed_at_once)
{
	const int gone[] = {-ENODEV, -ENXIO, -ENOMEDIUM};

	for (unsigned int i = 0; i < ARRAY_SIZE(gone); i++) {
		simdev_fail(t.dev[0], BDEV_READ, gone[i], 0, 1);
		ck_assert_int_eq(do_read(0, 0, BLOCK), gone[i]);
		ck_assert_int_eq(info(0).state, WB_FAILED);
		expect_block(0, 0, 0);
		expect_all_healthy();
	}
}
END_TEST

static void begin_uncached(void)
{
	struct wb_backing_spec spec = {.name = "slow0", .path = "slow0", .identity = "slow0"};

	end();
	ck_assert_int_eq(try_open(), 0);
	spec.dev = &t.dev[0]->bdev;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
}

START_TEST(failed_write_read_or_flush_degrades_a_backing_without_a_cache)
{
	const enum bdev_op ops[] = {BDEV_WRITE, BDEV_ZERO, BDEV_READ, BDEV_FLUSH};

	begin_uncached();
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		for (unsigned int good = 0; good < 2; good++) {
			int err = good ? 0 : -EIO;

			simdev_fail(t.dev[0], ops[i], err, 0, ALWAYS);
			ck_assert_int_eq(do_read(0, 0, BLOCK), ops[i] == BDEV_READ ? err : 0);
			ck_assert_int_eq(do_zero(0, 0, BLOCK), ops[i] == BDEV_ZERO ? err : 0);
			ck_assert_int_eq(op_wait(start_dsync(0, 0, BLOCK, 'a')),
					 ops[i] == BDEV_WRITE || ops[i] == BDEV_FLUSH ? err : 0);
			ck_assert_int_eq(info(0).state, good ? WB_HEALTHY : WB_DEGRADED);
		}
	}
	ck_assert_uint_eq(info(0).nr_errors, ARRAY_SIZE(ops));
	expect_all_healthy();
}
END_TEST

/* ---- migration ---- */

START_TEST(failed_write_of_a_batch_degrades_the_backing_and_nothing_else)
{
	drain_against(BDEV_WRITE, -EIO);
	expect_backing(0, WB_DEGRADED,
		       "slow0: write 4096 bytes at byte 4096 for migration: input/output error");
	expect_backing(1, WB_HEALTHY, "");
	expect_cache(WB_HEALTHY, "");
	works_again(t.dev[0]);
	ck_assert_int_eq(wait_done(), 0);
	expect_all_healthy();
}
END_TEST

START_TEST(backing_that_keeps_failing_has_failed_and_the_cache_has_not)
{
	drain_against(BDEV_WRITE, -EIO);
	ck_assert_int_eq(wait_done(), -EIO);
	expect_backing(0, WB_FAILED,
		       "slow0: write 4096 bytes at byte 4096 for migration: input/output error");
	expect_cache(WB_HEALTHY, "");
	write_and_sync(0, 2, 'b');
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 100 * NS_PER_S);
	expect_backing(0, WB_FAILED,
		       "slow0: write 4096 bytes at byte 4096 for migration: input/output error");
	ck_assert_uint_eq(times_said("slow0: degraded"), 1);
	ck_assert_uint_eq(times_said("slow0: failed"), 1);
	ck_assert_uint_eq(times_said("cache: degraded"), 0);
}
END_TEST

START_TEST(backing_that_failed_once_is_not_blamed_for_another_that_keeps_failing)
{
	write_block(0, 1, 'a');
	write_and_sync(1, 1, 'b');
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, 1);
	simdev_fail(t.dev[1], BDEV_WRITE, -EIO, 0, ALWAYS);
	ck_assert_int_eq(do_drain(), -EIO);
	expect_backing(0, WB_HEALTHY, "");
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	ck_assert_int_eq(info(1).state, WB_FAILED);
	expect_cache(WB_HEALTHY, "");
	works_again(t.dev[1]);
	wb_retry(t.wb);
	ck_assert_int_eq(do_drain(), 0);
	expect_all_healthy();
}
END_TEST

START_TEST(failed_backing_heals_by_itself_when_a_batch_gets_through)
{
	drain_against(BDEV_WRITE, -EIO);
	ck_assert_int_eq(wait_done(), -EIO);
	works_again(t.dev[0]);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 31 * NS_PER_S);
	expect_all_healthy();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	ck_assert_uint_eq(times_said("slow0: healthy"), 1);
}
END_TEST

START_TEST(failed_flush_of_a_backing_is_its_failure)
{
	drain_against(BDEV_FLUSH, -EIO);
	expect_backing(0, WB_DEGRADED, "slow0: flush for migration: input/output error");
	ck_assert_int_eq(wait_done(), -EIO);
	expect_backing(0, WB_FAILED, "slow0: flush for migration: input/output error");
	/* Writes succeed all the time: they alone prove nothing. */
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_int_eq(info(0).state, WB_FAILED);
	works_again(t.dev[0]);
	wb_retry(t.wb);
	ck_assert_int_eq(do_drain(), 0);
	expect_all_healthy();
}
END_TEST

START_TEST(device_that_goes_away_under_a_batch_has_failed_at_once_and_may_return)
{
	drain_against(BDEV_WRITE, -ENODEV);
	expect_backing(0, WB_FAILED,
		       "slow0: write 4096 bytes at byte 4096 for migration: no such device");
	ck_assert_int_eq(wait_done(), -EIO);
	works_again(t.dev[0]);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_all_healthy();
}
END_TEST

START_TEST(retry_clears_the_state_and_gives_as_many_attempts_again)
{
	drain_against(BDEV_WRITE, -EIO);
	ck_assert_int_eq(wait_done(), -EIO);
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, RETRY_ATTEMPTS);
	wb_retry(t.wb);
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert_int_eq(info(0).state, WB_DEGRADED);
	ck_assert_uint_eq(times_said("slow0: degraded"), 2);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(times_said("slow0: failed"), 1);
	expect_all_healthy();
}
END_TEST

START_TEST(batch_that_ends_heals_nothing_but_migration)
{
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	wb_lock(t.wb);
	health_set(t.wb, NULL, CAUSE_LOG, WB_DEGRADED, "the log");
	t.wb->log.sick_until = UINT64_MAX;
	wb_unlock(t.wb);
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	expect_cache(WB_DEGRADED, "the log");
	expect_backing(0, WB_DEGRADED, "slow0: read 4096 bytes at byte 36864: input/output error");
}
END_TEST

/* ---- backings that are not there, or not writable ---- */

START_TEST(missing_backing_has_failed_if_the_log_has_blocks_of_it)
{
	write_and_sync(0, 1, 'a');
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_start(), 0);
	expect_backing(0, WB_FAILED, "missing, and the log has blocks of it");
	expect_backing(1, WB_HEALTHY, "");
	sim_sleep(&t.sim, 2 * NS_PER_S);
	expect_cache(WB_HEALTHY, "");
	wb_retry(t.wb);
	expect_backing(0, WB_FAILED, "missing, and the log has blocks of it");
}
END_TEST

START_TEST(attaching_what_was_missing_lets_migration_go_on_at_once)
{
	uint64_t before;

	write_and_sync(0, 1, 'a');
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_start(), 0);
	sim_sleep(&t.sim, 60 * NS_PER_S);
	before = t.sim.now;
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_lt(t.sim.now - before, NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_all_healthy();
}
END_TEST

START_TEST(backing_that_became_read_only_has_failed_if_the_log_has_blocks_of_it)
{
	write_and_sync(0, 1, 'a');
	t.dev[0]->bdev.read_only = true;
	ck_assert_int_eq(do_drain(), -EIO);
	expect_backing(0, WB_FAILED, "slow0: it is read-only");
	expect_cache(WB_HEALTHY, "");
}
END_TEST

START_TEST(what_is_told_of_a_backing_outlives_it)
{
	struct wb_backing_info i = info(0);

	wb_detach(t.wb, t.b[0], false, note_done, NULL);
	ck_assert_int_eq(wait_done(), 0);
	crash();
	ck_assert_str_eq(i.name, "slow0");
	ck_assert_str_eq(i.path, "slow0");
	ck_assert_str_eq(i.identity, "slow0");
}
END_TEST

/* ---- the cache ---- */

START_TEST(failed_flush_degrades_the_cache_until_what_it_missed_is_durable)
{
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1);
	write_block(0, 1, 'a');
	start_sync();
	sim_settle(&t.sim);
	expect_cache(WB_DEGRADED, "cache: flush: input/output error");
	sim_sleep(&t.sim, 100 * NS_PER_MS);
	ck_assert_uint_eq(status().durable, 1);
	expect_all_healthy();
	ck_assert_uint_eq(times_said("cache: degraded"), 1);
	ck_assert_uint_eq(times_said("cache: healthy"), 1);
}
END_TEST

START_TEST(cache_that_fails_twice_is_healthy_after_the_retry_that_helps)
{
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, ALWAYS);
	write_block(0, 1, 'a');
	for (unsigned int i = 1; i <= 2; i++) {
		ck_assert_int_eq(do_sync(), -EIO);
		expect_cache(WB_FAILED, "cache: flush: input/output error");
		ck_assert_uint_eq(times_said("cache: failed: cache: flush: input/output error"), i);
		expect_backing(0, WB_HEALTHY, "");
		if (i == 2)
			works_again(t.cache);
		wb_retry(t.wb);
		expect_cache(WB_HEALTHY, "");
	}
	ck_assert_int_eq(do_sync(), 0);
	expect_all_healthy();
	crash();
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(failed_cache_is_not_healed_by_a_flush_that_was_under_way)
{
	write_block(0, 1, 'a');
	start_sync();
	sim_step(&t.sim);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_FLUSH), 1);
	wb_lock(t.wb);
	health_set(t.wb, NULL, CAUSE_LOG, WB_FAILED, "the log");
	wb_unlock(t.wb);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().durable, 1);
	expect_cache(WB_FAILED, "the log");
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'b'), -EIO);
}
END_TEST

START_TEST(reason_is_that_of_the_worst_and_the_rest_comes_to_light_after_it)
{
	wb_lock(t.wb);
	health_set(t.wb, NULL, CAUSE_SUPER, WB_DEGRADED, "the superblock");
	health_set(t.wb, t.b[1], CAUSE_MIGRATION, WB_DEGRADED, "a batch");
	health_set(t.wb, t.b[1], CAUSE_REQUEST, WB_FAILED, "a request");
	health_clear(t.wb, t.b[1], CAUSE_REQUEST);
	wb_unlock(t.wb);
	ck_assert(said("slow1: failed: a request\nslow1: degraded: a batch\n"));
	expect_backing(1, WB_DEGRADED, "a batch");
	expect_cache(WB_DEGRADED, "the superblock");
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_commit(), 0);
	expect_cache(WB_HEALTHY, "");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		failed_read_degrades_its_backing_and_nothing_else,
		backing_is_healthy_when_what_could_not_be_read_is_read,
		backing_of_which_no_read_succeeds_has_failed,
		good_reads_in_between_keep_a_backing_from_failing,
		device_that_has_gone_away_has_failed_at_once,
		failed_write_read_or_flush_degrades_a_backing_without_a_cache,
		failed_write_of_a_batch_degrades_the_backing_and_nothing_else,
		backing_that_keeps_failing_has_failed_and_the_cache_has_not,
		backing_that_failed_once_is_not_blamed_for_another_that_keeps_failing,
		failed_backing_heals_by_itself_when_a_batch_gets_through,
		failed_flush_of_a_backing_is_its_failure,
		device_that_goes_away_under_a_batch_has_failed_at_once_and_may_return,
		retry_clears_the_state_and_gives_as_many_attempts_again,
		batch_that_ends_heals_nothing_but_migration,
		missing_backing_has_failed_if_the_log_has_blocks_of_it,
		attaching_what_was_missing_lets_migration_go_on_at_once,
		backing_that_became_read_only_has_failed_if_the_log_has_blocks_of_it,
		what_is_told_of_a_backing_outlives_it,
		failed_flush_degrades_the_cache_until_what_it_missed_is_durable,
		cache_that_fails_twice_is_healthy_after_the_retry_that_helps,
		failed_cache_is_not_healed_by_a_flush_that_was_under_way,
		reason_is_that_of_the_worst_and_the_rest_comes_to_light_after_it,
	};

	return harness_run("engine_health", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
