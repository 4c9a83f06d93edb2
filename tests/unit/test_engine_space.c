/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether there is room in the log, what writers and migration do when there is little of it, and when
 * migration lets requests go first. */
#include "tests/unit/engine_harness.h"

#define NR_SEGMENTS 64u
#define LARGE_SEGMENTS 256u
#define HUGE_SEGMENTS 2560u
#define SEGMENT_BLOCKS 4u
#define DATA_BLOCKS (NR_SEGMENTS * (SEGMENT_BLOCKS - 1)) /* that the log holds */
#define NR_APART 20u

static void setup(void)
{
	harness_make(NR_SEGMENTS, SEGMENT_BLOCKS, 8);
	begin();
	sim_sleep(&t.sim, 2 * NS_PER_S);
}

static void write_blocks(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		write_block(0, i % 64, 'a');
}

/* ---- urgent batches ---- */

START_TEST(urgent_batch_takes_four_times_the_usual)
{
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1);
	write_blocks(DATA_BLOCKS * 3 / 4 + 3);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_batches, 1);
	ck_assert_uint_eq(status().last_migrated_segment_id, 4);
}
END_TEST

START_TEST(urgent_batch_is_an_eighth_of_the_log_at_most)
{
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 256);
	write_blocks(DATA_BLOCKS * 3 / 4 + 3);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_batches, 1);
	ck_assert_uint_eq(status().last_migrated_segment_id, NR_SEGMENTS / 8);
}
END_TEST

/* A batch has memory for so many segments, whatever the log's size. */
START_TEST(urgent_batch_is_no_larger_than_what_a_batch_can_take)
{
	harness_teardown();
	harness_make(HUGE_SEGMENTS, 2, 8);
	begin();
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 256);
	for (unsigned int i = 0; i < 3; i++, t.nr_trace = 0)
		write_blocks(HUGE_SEGMENTS / 4 + 1);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_batches, 1);
	ck_assert_uint_eq(status().last_migrated_segment_id, 256);
}
END_TEST

START_TEST(batch_that_is_not_urgent_is_as_large_as_the_knob_says)
{
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 2);
	write_blocks(DATA_BLOCKS / 2);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	while (!status().nr_batches)
		ck_assert(sim_step(&t.sim));
	ck_assert_uint_eq(status().last_migrated_segment_id, 2);
}
END_TEST

/* ---- pace ---- */

/*
 * The longest that a single writer waits for one of nr blocks, apart from each other; in all
 * *total.
 */
static uint64_t longest_wait(unsigned int nr, uint64_t *total)
{
	uint64_t longest = 0, begun = t.sim.now, at;

	for (unsigned int i = 0; i < nr; i++) {
		t.nr_trace = 0;
		at = t.sim.now;
		write_block(0, i * 2 % 64, 'b');
		longest = max_u64(longest, t.sim.now - at);
	}
	*total = t.sim.now - begun;
	return longest;
}

START_TEST(writers_do_not_wait_while_a_quarter_is_free)
{
	uint64_t total;

	t.dev[0]->hold[BDEV_WRITE] = true;
	ck_assert_uint_lt(longest_wait(DATA_BLOCKS * 3 / 4, &total), 2 * NS_PER_MS);
}
END_TEST

/* A batch frees a stretch of the log at once; nobody waits as long as that takes. */
START_TEST(writers_of_a_full_log_go_on_while_a_batch_is_written)
{
	const unsigned int batch = LARGE_SEGMENTS / 8 * (SEGMENT_BLOCKS - 1);
	uint64_t total, longest;

	harness_teardown();
	harness_make(LARGE_SEGMENTS, SEGMENT_BLOCKS, 8);
	begin();
	t.dev[0]->slow_ns = 100 * NS_PER_MS;
	longest_wait(20 * batch, &total);
	longest = longest_wait(20 * batch, &total);
	ck_assert_uint_gt(total, NS_PER_S);
	ck_assert_uint_lt(longest, total / 20 * 3 / 4);
}
END_TEST

/* A write that has to wait for the pace. */
static struct op *write_too_fast(void)
{
	for (;;) {
		struct op *op = start_write(0, 0, BLOCK, 'c');

		sim_settle(&t.sim);
		if (!op->done && t.wb->pace.next > t.sim.now)
			return op;
		ck_assert_int_eq(op_wait(op), 0);
	}
}

START_TEST(nobody_overtakes_a_writer_that_is_slowed_down)
{
	struct op *first, *second;

	harness_teardown();
	harness_make(LARGE_SEGMENTS, SEGMENT_BLOCKS, 8);
	begin();
	t.dev[0]->hold[BDEV_WRITE] = true;
	write_blocks(LARGE_SEGMENTS * (SEGMENT_BLOCKS - 1) * 3 / 4);
	t.nr_trace = 0;
	first = write_too_fast();
	t.sim.now = t.wb->pace.next; /* the timer is a little late */
	second = start_write(0, 2 * BLOCK, BLOCK, 'd');
	sim_settle(&t.sim);
	ck_assert(first->done);
	ck_assert(!second->done);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(op_wait(first), 0);
	ck_assert_int_eq(op_wait(second), 0);
}
END_TEST

/* ---- requests first ---- */

/* Blocks that are written one by one, and a batch that is about to. */
static void begin_batch_by(enum wb_knob_id id)
{
	for (unsigned int i = 0; i < NR_APART; i++)
		write_block(0, 2 * i, 'a');
	ck_assert_int_eq(do_sync(), 0);
	knob(id, 1);
	sim_settle(&t.sim);
}

static void begin_batch(void)
{
	begin_batch_by(WB_KNOB_ALLOW_MIGRATE);
}

static struct op *begin_read(void)
{
	struct op *op;

	t.dev[0]->hold[BDEV_READ] = true;
	op = start_read(0, 50 * BLOCK, BLOCK);
	sim_settle(&t.sim);
	return op;
}

static uint64_t nr_written(void)
{
	return t.dev[0]->nr_ios[BDEV_WRITE];
}

START_TEST(batch_waits_for_reads_of_its_backing_but_not_for_ever)
{
	struct op *read = begin_read();

	begin_batch();
	ck_assert_uint_eq(nr_written(), 0);
	sim_sleep(&t.sim, 49 * NS_PER_MS);
	ck_assert_uint_eq(nr_written(), 0);
	sim_sleep(&t.sim, 2 * NS_PER_MS);
	ck_assert_uint_eq(nr_written(), 1);
	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(read), 0);
	ck_assert_uint_eq(nr_written(), 1);
	sim_sleep(&t.sim, NS_PER_S);
	ck_assert_uint_eq(nr_written(), NR_APART);
}
END_TEST

START_TEST(batch_has_one_write_in_flight_when_there_was_a_read_lately)
{
	struct op *read = begin_read();

	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(read), 0);
	t.dev[0]->hold[BDEV_WRITE] = true;
	begin_batch();
	sim_sleep(&t.sim, 10 * NS_PER_MS);
	ck_assert_uint_eq(nr_pending(t.dev[0], BDEV_WRITE), 1);
}
END_TEST

START_TEST(urgent_batch_does_not_wait_for_reads)
{
	begin_read();
	begin_batch_by(WB_KNOB_FORCE_MIGRATE);
	ck_assert_uint_eq(nr_written(), NR_APART);
	t.dev[0]->hold[BDEV_READ] = false;
}
END_TEST

START_TEST(batch_rests_while_its_backing_is_busy)
{
	uint64_t in_flight;

	t.dev[0]->hold[BDEV_WRITE] = true;
	begin_batch();
	in_flight = nr_pending(t.dev[0], BDEV_WRITE);
	ck_assert_uint_lt(in_flight, NR_APART);
	wb_set_busy(t.wb, t.b[0], true);
	t.dev[0]->hold[BDEV_WRITE] = false;
	sim_sleep(&t.sim, 50 * NS_PER_S);
	ck_assert_uint_eq(nr_written(), in_flight);
	wb_set_busy(t.wb, t.b[0], false);
	sim_settle(&t.sim);
	ck_assert_uint_eq(nr_written(), NR_APART);
}
END_TEST

START_TEST(batch_of_a_busy_backing_ends_after_a_minute)
{
	t.dev[0]->hold[BDEV_WRITE] = true;
	begin_batch();
	wb_set_busy(t.wb, t.b[0], true);
	t.dev[0]->hold[BDEV_WRITE] = false;
	sim_sleep(&t.sim, 70 * NS_PER_S);
	ck_assert_uint_eq(nr_written(), NR_APART);
	ck_assert(info(0).consistent);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		urgent_batch_takes_four_times_the_usual,
		urgent_batch_is_an_eighth_of_the_log_at_most,
		urgent_batch_is_no_larger_than_what_a_batch_can_take,
		batch_that_is_not_urgent_is_as_large_as_the_knob_says,
		writers_do_not_wait_while_a_quarter_is_free,
		writers_of_a_full_log_go_on_while_a_batch_is_written,
		nobody_overtakes_a_writer_that_is_slowed_down,
		batch_waits_for_reads_of_its_backing_but_not_for_ever,
		batch_has_one_write_in_flight_when_there_was_a_read_lately,
		urgent_batch_does_not_wait_for_reads,
		batch_rests_while_its_backing_is_busy,
		batch_of_a_busy_backing_ends_after_a_minute,
	};

	return harness_run("engine_space", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
