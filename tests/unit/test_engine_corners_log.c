/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log under damage, lost writes and errors at the wrong moment: what ends it, what proves that
 * something is durable or migrated, and who waits for it.
 */
#include "config.h"

#include "tests/unit/engine_harness.h"

static void remake(unsigned int nr_segments, unsigned int segment_blocks, unsigned int nr_buffers)
{
	harness_teardown();
	harness_make(nr_segments, segment_blocks, nr_buffers);
	begin();
}

/* Fill a segment of four blocks with a record of its own. */
static void fill_segment(uint64_t block, char letter)
{
	ck_assert_int_eq(do_write(0, block * BLOCK, 3 * BLOCK, letter), 0);
}

/* Writes to the cache at an offset, from an index of the trace on. */
static unsigned int nr_writes_at(unsigned int from, uint64_t off)
{
	unsigned int nr = 0;

	for (unsigned int i = from; i < t.nr_trace; i++)
		nr += t.trace[i].dev == t.cache && t.trace[i].op == BDEV_WRITE &&
		      t.trace[i].off == off;
	return nr;
}

/* ---- damage ---- */

START_TEST(rotten_clean_block_over_older_zeros_is_read_from_the_backing)
{
	remake(8, 4, 2);
	ck_assert_int_eq(do_zero(0, 0, 8 * BLOCK), 0);
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	evict();
	damage(t.cache, slot_off(1, 1) + 1000);
	expect_block(0, 1, 'a');
	expect_block(0, 1, 'a');
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
}
END_TEST

/*
 * Records of two blocks, eight in a segment, each synced. Only the headers of later ones vouch for
 * those before, and the damage hides them.
 */
static void log_synced_records(uint64_t nr)
{
	remake(3, 16, 3);
	for (uint64_t i = 1; i <= nr; i++)
		write_and_sync(0, i, (char)('a' + i));
	ck_assert_uint_eq(newest_super().durable, 0);
	crash();
}

static void damage_record(uint64_t nr, uint64_t at)
{
	damage(t.cache, slot_off(1, (uint32_t)(nr - 1) * 2) + at);
}

static void expect_refusal(uint64_t nr, uint64_t damaged, uint64_t at, const char *vouched)
{
	log_synced_records(nr);
	damage_record(damaged, at);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert_msg(said(vouched), "%s", t.messages);
}

START_TEST(damaged_header_amid_synced_records_of_a_segment_is_not_the_end_of_the_log)
{
	expect_refusal(7, 5, 20, "up to record 6 at least were durable");
}
END_TEST

START_TEST(damaged_data_amid_synced_records_of_a_segment_is_an_error_of_that_block_alone)
{
	log_synced_records(7);
	damage_record(3, BLOCK + 1000);
	damage_record(5, BLOCK + 1000);
	for (unsigned int life = 0; life < 2; life++) {
		begin();
		for (uint64_t i = 1; i <= 7; i++)
			if (i == 3 || i == 5)
				ck_assert_int_eq(do_read(0, i * BLOCK, BLOCK), -EIO);
			else
				expect_block(0, i, (char)('a' + i));
		write_and_sync(0, 8, 'n');
		crash();
	}
}
END_TEST

START_TEST(damaged_header_behind_damaged_data_is_refused)
{
	log_synced_records(7);
	damage_record(3, BLOCK + 1000);
	damage_record(5, 20);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert_msg(said("record 5 (segment 1, byte 1146880) is damaged"), "%s", t.messages);
}
END_TEST

/* Blocks 20 to 33 are in records 3 and 4, the second of which is the first of its segment. */
START_TEST(damaged_data_of_a_request_across_segments_costs_that_block_alone)
{
	for (uint32_t i = 0; i < 14; i++) {
		remake(3, 16, 3);
		write_and_sync(0, 1, 'a');
		write_and_sync(0, 2, 'b');
		ck_assert_int_eq(do_write(0, 20 * BLOCK, 14 * BLOCK, 'c'), 0);
		ck_assert_int_eq(do_sync(), 0);
		write_and_sync(0, 3, 'd');
		ck_assert_uint_eq(status().durable, 5);
		crash();
		damage(t.cache, i < 11 ? slot_off(1, 5 + i) : slot_off(2, 1 + i - 11));
		begin();
		ck_assert_uint_eq(status().durable, 5);
		ck_assert_int_eq(do_read(0, (20 + i) * BLOCK, BLOCK), -EIO);
		for (uint32_t other = 0; other < 14; other++)
			if (other != i)
				expect_block(0, 20 + other, 'c');
		expect_block(0, 2, 'b');
		expect_block(0, 3, 'd');
	}
}
END_TEST

/* Six segments and a record are durable by one flush, for which a single later header vouches. */
START_TEST(durable_record_is_not_the_end_of_the_log_though_the_proof_is_segments_away)
{
	remake(16, 4, 16);
	t.cache->hold[BDEV_FLUSH] = true;
	for (uint64_t i = 0; i < 6; i++)
		fill_segment(3 * i, (char)('a' + i));
	write_block(0, 20, 'x');
	start_sync();
	sim_settle(&t.sim);
	t.cache->hold[BDEV_FLUSH] = false;
	sim_settle(&t.sim);
	write_and_sync(0, 21, 'y');
	ck_assert_uint_eq(newest_super().durable, 0);
	ck_assert_uint_eq(status().current_segment_id, 7);
	crash();
	damage(t.cache, slot_off(2, 2));
	begin();
	ck_assert_uint_eq(status().durable, 8);
	ck_assert_int_eq(do_read(0, 4 * BLOCK, BLOCK), -EIO);
	expect_block(0, 3, 'b');
	expect(0, 15 * BLOCK, 3 * BLOCK, 'f');
	expect_block(0, 21, 'y');
}
END_TEST

START_TEST(damaged_first_header_of_a_segment_of_synced_records_is_not_the_end_of_the_log)
{
	expect_refusal(11, 9, 20, "up to record 10 at least were durable");
}
END_TEST

/* ---- lost writes ---- */

/* The oldest write to the cache is lost, the others reach it, and the power goes. */
static void lose_the_first_write(void)
{
	steal(t.cache, BDEV_WRITE);
	sim_settle(&t.sim);
	t.sim.fate = SIM_FATE_KEPT;
	crash();
	t.sim.fate = SIM_FATE_LOST;
}

/* The slot of segment 1 has been taken again, as carrying would. */
static void forge_segment_6(void)
{
	struct wb_record_disk *disk = (void *)(t.cache->stable + slot_off(4, 0));
	struct record_header header;

	ck_assert_int_eq(record_decode(disk, t.wb->uuid, 4, &header), 0);
	header.segment += 2;
	header.record += 2;
	record_encode(&header, disk);
	memcpy(t.cache->stable + slot_off(6, 0), disk, BLOCK);
	memcpy(t.cache->visible + slot_off(6, 0), disk, BLOCK);
	memcpy(disk, t.cache->visible + slot_off(4, 0), BLOCK);
}

/*
 * A first life leaves record 3 in segment 2, without record 2. In a second one the ring turns as
 * far as segment 6, and its own segment 2 is lost: that of the first life is no proof that what is
 * before it is on the backings.
 */
START_TEST(stale_header_does_not_prove_that_what_is_before_it_was_migrated)
{
	remake(5, 4, 5);
	write_block(0, 0, 'a');
	ck_assert_int_eq(do_drain(), 0);
	sim_settle(&t.sim);
	write_block(0, 1, 'b');
	start_sync();
	fill_segment(10, 'c');
	lose_the_first_write();
	begin();
	sim_settle(&t.sim);
	for (uint64_t i = 0; i < 3; i++)
		fill_segment(20 + 3 * i, (char)('d' + i));
	ck_assert_uint_eq(status().current_segment_id, 4);
	ck_assert_uint_eq(status().durable, 1);
	steal(t.cache, BDEV_WRITE);
	sim_settle(&t.sim);
	t.sim.fate = SIM_FATE_KEPT;
	sim_power_cut(&t.sim);
	forge_segment_6();
	crash();
	begin();
	ck_assert_uint_eq(status().durable, 1);
	for (uint64_t i = 0; i < 3; i++)
		expect_block(0, 20 + 3 * i, 0);
	expect_block(0, 0, 'a');
}
END_TEST

/* ---- chains of continued records ---- */

#define STREAM_BLOCKS 32u /* in segments of three: they end together only every third write */

static uint64_t stream_off(uint64_t i)
{
	return i % 2 * STREAM_BLOCKS * BLOCK;
}

static void stream(uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		ck_assert_int_eq(do_write(0, stream_off(i), STREAM_BLOCKS * BLOCK, (char)('a' + i)),
				 0);
}

static void expect_streamed(uint64_t nr)
{
	for (uint64_t i = nr - 2; i < nr; i++)
		expect(0, stream_off(i), STREAM_BLOCKS * BLOCK, (char)('a' + i));
}

START_TEST(log_of_writes_that_stream_across_segments_is_recovered)
{
	remake(64, 4, 48);
	stream(3);
	ck_assert_uint_ge(status().current_segment_id, STREAM_BLOCKS);
	end();
	begin();
	expect_streamed(3);
}
END_TEST

/* The largest batch ends amid the stream, and finds the end of a request within reason. */
START_TEST(largest_batch_may_end_where_writes_stream_across_segments)
{
	remake(512, 4, 64);
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 256);
	for (uint64_t i = 0; i < 248; i++)
		fill_segment(i % 20 * 3, 'x');
	ck_assert_int_eq(do_sync(), 0);
	stream(3);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().migrated, 0);
	ck_assert_uint_gt(status().current_segment_id, 256 + WRITE_RUNS);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_ge(status().nr_batches, 2);
	expect_streamed(3);
}
END_TEST

/* ---- who waits ---- */

/* Record 2 has a sync, and then a request that goes on in record 3, which nobody waits for. */
START_TEST(sync_of_a_record_that_becomes_continued_is_done_in_time)
{
	struct op *sync;

	remake(8, 16, 4);
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	write_block(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_settle(&t.sim);
	write_block(0, 2, 'b');
	sync = start_sync();
	ck_assert_int_eq(do_write(0, 3 * BLOCK, 14 * BLOCK, 'c'), 0);
	ck_assert_uint_eq(status().current_segment_id, 2);
	t.cache->hold[BDEV_FLUSH] = false;
	sim_sleep(&t.sim, 100 * NS_PER_MS);
	ck_assert(sync->done);
	ck_assert_int_eq(op_wait(sync), 0);
	crash();
	begin();
	expect_block(0, 2, 'b');
}
END_TEST

/* The flush of another write takes most of the interval. */
START_TEST(interval_counts_from_the_write_and_not_from_the_last_flush)
{
	remake(8, 16, 8);
	write_block(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_settle(&t.sim);
	write_block(0, 2, 'b');
	sim_sleep(&t.sim, 800 * NS_PER_MS);
	t.cache->hold[BDEV_FLUSH] = false;
	sim_sleep(&t.sim, 300 * NS_PER_MS);
	ck_assert_uint_eq(status().durable, 2);
}
END_TEST

/* ---- errors while something is in flight ---- */

START_TEST(flush_that_began_before_a_retry_makes_nothing_durable)
{
	remake(8, 4, 8);
	fill_segment(0, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_settle(&t.sim);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, UINT64_MAX);
	fill_segment(3, 'b');
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_int_eq(status().state, WB_FAILED);
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	t.cache->hold[BDEV_WRITE] = true;
	wb_retry(t.wb);
	t.cache->hold[BDEV_FLUSH] = false;
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().durable, 0);
	t.cache->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().durable, 2);
	crash();
	begin();
	expect(0, 0, 3 * BLOCK, 'a');
	expect(0, 3 * BLOCK, 3 * BLOCK, 'b');
}
END_TEST

/* With a record on its way to the cache; the device may have had it, and lost it. */
static void fail_a_flush_while_a_write_is_in_flight(void)
{
	t.cache->hold[BDEV_FLUSH] = false;
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_flush_errors, 1);
	t.cache->hold[BDEV_WRITE] = false;
}

START_TEST(record_in_flight_during_a_failed_flush_is_written_again)
{
	remake(8, 4, 8);
	fill_segment(0, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_settle(&t.sim);
	t.cache->hold[BDEV_WRITE] = true;
	t.nr_trace = 0;
	fill_segment(3, 'b');
	fail_a_flush_while_a_write_is_in_flight();
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(nr_writes_at(0, slot_off(1, 0)), 1);
	ck_assert_uint_eq(nr_writes_at(0, slot_off(2, 0)), 2);
}
END_TEST

START_TEST(superblock_in_flight_during_a_failed_flush_is_written_again)
{
	uint64_t off;

	remake(8, 4, 8);
	fill_segment(0, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_settle(&t.sim);
	t.cache->hold[BDEV_WRITE] = true;
	t.nr_trace = 0;
	wb_commit(t.wb, note_done, NULL);
	ck_assert(is_super(&t.trace[0]));
	off = t.trace[0].off;
	fail_a_flush_while_a_write_is_in_flight();
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(nr_writes_at(0, off), 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		rotten_clean_block_over_older_zeros_is_read_from_the_backing,
		damaged_header_amid_synced_records_of_a_segment_is_not_the_end_of_the_log,
		damaged_data_amid_synced_records_of_a_segment_is_an_error_of_that_block_alone,
		damaged_header_behind_damaged_data_is_refused,
		damaged_data_of_a_request_across_segments_costs_that_block_alone,
		durable_record_is_not_the_end_of_the_log_though_the_proof_is_segments_away,
		damaged_first_header_of_a_segment_of_synced_records_is_not_the_end_of_the_log,
		stale_header_does_not_prove_that_what_is_before_it_was_migrated,
		log_of_writes_that_stream_across_segments_is_recovered,
		largest_batch_may_end_where_writes_stream_across_segments,
		sync_of_a_record_that_becomes_continued_is_done_in_time,
		interval_counts_from_the_write_and_not_from_the_last_flush,
		flush_that_began_before_a_retry_makes_nothing_durable,
		record_in_flight_during_a_failed_flush_is_written_again,
		superblock_in_flight_during_a_failed_flush_is_written_again,
	};

	return harness_run("engine_corners_log", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
