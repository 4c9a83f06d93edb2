/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wb_suspend and wb_resume: another device below a backing that was gone. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define ALWAYS UINT64_MAX
#define SECOND (1000ull * 1000 * 1000)

static void setup(void)
{
	harness_make(12, 4, 4);
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
}

static void start_suspend(void)
{
	t.done = false;
	wb_suspend(t.wb, t.b[0], note_done, NULL);
}

static int do_resume(const char *path)
{
	t.done = false;
	wb_resume(t.wb, t.b[0], path, "the same", note_done, NULL);
	return wait_done();
}

static void ignore_done(void *ctx, int err)
{
	(void)ctx, (void)err;
}

/* A batch of slow0 is about to end: its writes are done, its flush is not. */
static struct bdev_io *migrate_up_to_flush(void)
{
	write_and_sync(0, 1, 'a');
	wb_drain(t.wb, t.b[0], ignore_done, NULL);
	while (!nr_pending(t.dev[0], BDEV_FLUSH))
		ck_assert(sim_step(&t.sim));
	return steal(t.dev[0], BDEV_FLUSH);
}

static void gone(bool is_gone)
{
	for (int op = BDEV_READ; op <= BDEV_ZERO; op++)
		simdev_fail(t.dev[0], (enum bdev_op)op, is_gone ? -ENODEV : 0, 0,
			    is_gone ? ALWAYS : 0);
}

START_TEST(suspending_waits_for_the_batch_and_nothing_follows)
{
	struct bdev_io *flush = migrate_up_to_flush();

	start_suspend();
	sim_settle(&t.sim);
	ck_assert(!t.done);
	give_back(flush);
	ck_assert_int_eq(wait_done(), 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	write_and_sync(0, 2, 'b');
	t.nr_trace = 0;
	sim_sleep(&t.sim, 60 * SECOND);
	ck_assert_int_eq(trace_find(0, t.dev[0], BDEV_WRITE, 0), -1);
	ck_assert_int_eq(trace_find(0, t.dev[0], BDEV_FLUSH, 0), -1);
	expect_block(0, 2, 'b');
	expect_block(0, 3, 'x');
	ck_assert_int_eq(do_resume(NULL), 0);
	ck_assert_int_eq(do_drain_one(0), 0);
	expect_on_backing(0, 2 * BLOCK, BLOCK, 'b');
}
END_TEST

/* The old device had it in a volatile cache; a flush of the new one says nothing about it. */
START_TEST(what_was_not_flushed_is_written_again)
{
	struct bdev_io *flush = migrate_up_to_flush();

	gone(true);
	start_suspend();
	give_back(flush);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_int_eq(info(0).state, WB_FAILED);
	put(t.dev[0], BLOCK, BLOCK, 'x');
	gone(false);
	ck_assert_int_eq(do_resume("/dev/back"), 0);
	ck_assert_int_eq(info(0).state, WB_HEALTHY);
	ck_assert_int_eq(do_drain_one(0), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(resumed_backing_is_known_by_its_new_path)
{
	write_and_sync(0, 1, 'a');
	start_suspend();
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_int_eq(do_resume("/dev/back"), 0);
	ck_assert_str_eq(entry_on_disk(0).path, "/dev/back");
	ck_assert_str_eq(entry_on_disk(0).identity, "the same");
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_str_eq(info(0).path, "/dev/back");
	ck_assert(info(0).in_log);
}
END_TEST

START_TEST(resumed_backing_does_not_wait_for_the_pause_after_failures)
{
	write_and_sync(0, 1, 'a');
	gone(true);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 300 * SECOND);
	ck_assert_int_eq(info(0).state, WB_FAILED);
	start_suspend();
	ck_assert_int_eq(wait_done(), 0);
	gone(false);
	ck_assert_int_eq(do_resume("/dev/back"), 0);
	sim_sleep(&t.sim, 2 * SECOND);
	ck_assert(!info(0).in_log);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		suspending_waits_for_the_batch_and_nothing_follows,
		what_was_not_flushed_is_written_again,
		resumed_backing_is_known_by_its_new_path,
		resumed_backing_does_not_wait_for_the_pause_after_failures,
	};

	return harness_run("engine_reattach", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
