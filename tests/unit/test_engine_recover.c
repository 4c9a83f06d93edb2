/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/recover.c, engine/scan.c: what is found after a crash, and what is refused. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* Two records in segment 1 and one in segment 2, each synced: blocks 1, 2 and 3. */
static void log_three_records(void)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	write_and_sync(0, 3, 'c');
}

/* Block 2 is written to the device and not flushed. */
static void write_without_flush(void)
{
	write_and_sync(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	write_block(0, 2, 'b');
	start_sync();
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().logged, 2);
	t.cache->hold[BDEV_FLUSH] = false;
}

/* Change an entry of a record and make the header good again. */
static void forge_entry(uint64_t segment, uint32_t block, struct record_entry entry)
{
	struct wb_record_disk *disk = (void *)(t.cache->visible + slot_off(segment, block));
	const uint8_t uuid[WB_UUID_LEN] = {1, 2, 3};
	struct record_header header;

	ck_assert_int_eq(record_decode(disk, uuid, 4, &header), 0);
	entry_encode(&entry, &disk->entries[0]);
	record_encode(&header, disk);
}

START_TEST(new_cache_is_empty)
{
	ck_assert_uint_eq(status().open_record, 1);
	ck_assert_uint_eq(status().generation, 1);
	ck_assert_uint_eq(status().nr_cached, 0);
	ck_assert(status().was_clean);
	expect(0, 0, 32 * BLOCK, 0);
}
END_TEST

START_TEST(index_ladder_and_dirty_blocks_are_as_before_the_crash)
{
	struct wb_status before, after;

	log_three_records();
	before = status();
	crash();
	begin();
	after = status();
	ck_assert_uint_eq(after.durable, before.durable);
	ck_assert_uint_eq(after.migrated, 0);
	ck_assert_uint_eq(after.nr_dirty, 3);
	ck_assert_uint_eq(after.nr_cached, 3);
	ck_assert_uint_eq(after.last_durable_segment_id, 2);
	ck_assert_uint_eq(after.generation, 2);
	ck_assert(!after.was_clean);
	ck_assert(info(0).in_log);
	ck_assert(!info(1).in_log);
}
END_TEST

START_TEST(newest_copy_sectors_and_zeros_are_recovered_in_order)
{
	harness_teardown();
	harness_setup_ring();
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	write_block(0, 1, 'a');
	write_block(0, 1, 'b');
	ck_assert_int_eq(do_zero(0, 2 * BLOCK, 3 * BLOCK), 0);
	write_block(0, 3, 'c');
	write_block(0, 4, 'd');
	ck_assert_int_eq(do_zero(0, 4 * BLOCK, BLOCK), 0);
	ck_assert_int_eq(do_write(0, 5 * BLOCK + SECTOR, SECTOR, 'e'), 0);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	begin();
	expect_block(0, 1, 'b');
	expect_block(0, 2, 0);
	expect_block(0, 3, 'c');
	expect_block(0, 4, 0);
	expect(0, 5 * BLOCK, SECTOR, 'x');
	expect(0, 5 * BLOCK + SECTOR, SECTOR, 'e');
}
END_TEST

START_TEST(record_written_and_not_flushed_is_found_after_a_kill)
{
	write_without_flush();
	abandon();
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'b');
}
END_TEST

START_TEST(what_was_read_after_a_recovery_survives_the_next_power_cut)
{
	write_without_flush();
	abandon();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	expect_block(0, 2, 'b');
	crash();
	begin();
	expect_block(0, 2, 'b');
}
END_TEST

START_TEST(cache_is_flushed_before_the_log_is_read)
{
	unsigned int flush, read = 0;

	log_three_records();
	crash();
	t.nr_trace = 0;
	ck_assert_int_eq(try_open(), 0);
	flush = (unsigned int)trace_find(0, t.cache, BDEV_FLUSH, 0);
	while (t.trace[read].off < WB_SLOTS_OFF)
		read++;
	ck_assert_uint_lt(flush, read);
}
END_TEST

START_TEST(failed_flush_refuses_the_cache)
{
	crash();
	simdev_fail(t.cache, BDEV_FLUSH, -EIO, 0, 1);
	ck_assert_int_eq(try_open(), -EIO);
	ck_assert(said("recover: flush: input/output error"));
}
END_TEST

/* Each byte of the last record, header and data, in steps. */
START_TEST(torn_tail_ends_the_log_without_an_error)
{
	for (uint64_t at = 0; at < 2 * BLOCK; at += 1000) {
		write_without_flush();
		abandon();
		damage(t.cache, slot_off(1, 2) + at);
		begin();
		expect_block(0, 1, 'a');
		expect_block(0, 2, 0);
		ck_assert_uint_eq(status().durable, 1);
		harness_teardown();
		harness_setup_started();
	}
}
END_TEST

START_TEST(record_behind_a_torn_one_does_not_count)
{
	write_without_flush();
	write_block(0, 3, 'c');
	t.cache->hold[BDEV_FLUSH] = true;
	start_sync();
	sim_sleep(&t.sim, 10 * NS_PER_MS);
	ck_assert_uint_eq(status().logged, 3);
	abandon();
	damage(t.cache, slot_off(1, 3));
	t.cache->hold[BDEV_FLUSH] = false;
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 0);
	expect_block(0, 3, 0);
}
END_TEST

START_TEST(damage_where_records_were_durable_is_refused)
{
	log_three_records();
	crash();
	damage(t.cache, slot_off(1, 2) + 20);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert(said("record 2 (segment 1, byte 1073152) is damaged"));
	ck_assert(said("up to record 2 at least were durable"));
}
END_TEST

/* Record 4, in the middle of segment 3, is the only one that knows that 1 to 3 were durable. */
START_TEST(damage_is_noticed_if_only_a_record_some_segments_behind_vouches)
{
	harness_teardown();
	harness_make(8, 4, 8);
	begin();
	ck_assert_int_eq(do_write(0, 0, 3 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK, 3 * BLOCK, 'b'), 0);
	write_and_sync(0, 6, 'c');
	write_and_sync(0, 7, 'd');
	crash();
	damage(t.cache, slot_off(1, 0) + 100);
	ck_assert_int_eq(try_open(), -EUCLEAN);
}
END_TEST

START_TEST(truncating_gives_up_what_lies_behind_damage)
{
	log_three_records();
	crash();
	damage(t.cache, slot_off(1, 2) + 20);
	t.options.recover_truncate = true;
	begin();
	ck_assert(said("giving up records from 2 on"));
	expect_block(0, 1, 'a');
	expect_block(0, 2, 0);
	expect_block(0, 3, 0);
	write_and_sync(0, 4, 'd');
	crash();
	t.options.recover_truncate = false;
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 3, 0);
	expect_block(0, 4, 'd');
}
END_TEST

START_TEST(rot_after_a_clean_close_is_not_taken_for_the_end_of_the_log)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	end();
	damage(t.cache, slot_off(1, 2) + 20);
	ck_assert_int_eq(try_open(), -EUCLEAN);
}
END_TEST

START_TEST(damaged_data_of_a_durable_record_is_an_error_of_that_block_alone)
{
	log_three_records();
	crash();
	damage(t.cache, slot_off(1, 1) + 20);
	begin();
	ck_assert_int_eq(do_read(0, BLOCK, BLOCK), -EIO);
	expect_block(0, 2, 'b');
	expect_block(0, 3, 'c');
}
END_TEST

START_TEST(read_error_is_never_the_end_of_the_log)
{
	log_three_records();
	crash();
	t.cache->bad_len = 1;
	for (unsigned int i = 0; i < 2; i++) {
		t.options.recover_truncate = i;
		t.cache->bad_off = slot_off(1, 0);
		ck_assert_int_eq(try_open(), -EIO);
		ck_assert(said("read header at byte 1064960: input/output error"));
		t.cache->bad_off = slot_off(2, 1);
		ck_assert_int_eq(try_open(), -EIO);
		ck_assert(said("read segment 2 at byte 1081344: input/output error"));
	}
	t.cache->bad_len = 0;
	begin();
	expect_block(0, 3, 'c');
}
END_TEST

/* Segment 3 keeps record 3 of a generation whose record 2 was torn and then written anew. */
START_TEST(record_of_an_earlier_generation_with_a_fitting_number_is_ignored)
{
	harness_teardown();
	harness_make(8, 4, 4);
	begin();
	ck_assert_int_eq(do_write(0, 0, 3 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_sync(), 0);
	t.cache->hold[BDEV_FLUSH] = true;
	ck_assert_int_eq(do_write(0, 3 * BLOCK, 3 * BLOCK, 'b'), 0);
	ck_assert_int_eq(do_write(0, 6 * BLOCK, 3 * BLOCK, 'c'), 0);
	sim_settle(&t.sim);
	abandon();
	t.cache->hold[BDEV_FLUSH] = false;
	damage(t.cache, slot_off(2, 1));
	begin();
	ck_assert_int_eq(do_write(0, 9 * BLOCK, 3 * BLOCK, 'd'), 0);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().current_segment_id, 2);
	crash();
	begin();
	ck_assert_uint_eq(status().durable, 2);
	expect(0, 0, 3 * BLOCK, 'a');
	expect(0, 3 * BLOCK, 6 * BLOCK, 0);
	expect(0, 9 * BLOCK, 3 * BLOCK, 'd');
}
END_TEST

START_TEST(log_of_an_earlier_format_of_the_device_is_not_ours)
{
	log_three_records();
	crash();
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct super super = newest_super();
		struct wb_super_disk disk;

		super.uuid[0] ^= 1;
		super_encode(&super, &disk);
		memcpy(t.cache->visible + i * WB_SUPER_AREA, &disk, sizeof(disk));
	}
	begin();
	ck_assert_uint_eq(status().nr_cached, 0);
}
END_TEST

START_TEST(request_whose_end_is_missing_is_dropped_whole)
{
	struct bdev_io *second;

	ck_assert_int_eq(do_write(0, 0, 2 * BLOCK, 'a'), 0);
	t.cache->hold[BDEV_FLUSH] = true;
	ck_assert_int_eq(do_write(0, 2 * BLOCK, 2 * BLOCK, 'b'), 0);
	start_sync();
	sim_step(&t.sim);
	second = steal(t.cache, BDEV_WRITE);
	ck_assert_uint_eq(second->off, slot_off(2, 0));
	abandon();
	t.cache->hold[BDEV_FLUSH] = false;
	begin();
	expect(0, 0, 4 * BLOCK, 0);
	ck_assert_uint_eq(status().durable, 0);
}
END_TEST

START_TEST(opening_again_and_again_changes_nothing)
{
	uint8_t *before = malloc(t.cache->bdev.size);

	log_three_records();
	crash();
	memcpy(before, t.cache->visible, t.cache->bdev.size);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(try_open(), 0);
		ck_assert_int_eq(try_attach(0, false), 0);
		ck_assert_uint_eq(status().nr_dirty, 3);
		expect_block(0, 3, 'c');
		abandon();
		ck_assert_mem_eq(before, t.cache->visible, t.cache->bdev.size);
	}
	free(before);
}
END_TEST

START_TEST(power_cuts_during_the_start_lose_nothing)
{
	t.sim.fate = SIM_FATE_RANDOM;
	log_three_records();
	crash();
	for (int steps = 0; steps < 30; steps++) {
		ck_assert_int_eq(try_open(), 0);
		ck_assert_int_eq(try_attach(0, false), 0);
		wb_start(t.wb, note_done, NULL);
		for (int i = 0; i < steps % 6; i++)
			sim_step(&t.sim);
		crash();
		t.done = false;
	}
	begin();
	expect_block(0, 1, 'a');
	expect_block(0, 2, 'b');
	expect_block(0, 3, 'c');
}
END_TEST

START_TEST(records_given_up_stay_given_up_even_if_they_become_readable_again)
{
	log_three_records();
	crash();
	damage(t.cache, slot_off(1, 2) + 20);
	t.options.recover_truncate = true;
	begin();
	crash();
	damage(t.cache, slot_off(1, 2) + 20);
	t.options.recover_truncate = false;
	begin();
	ck_assert_uint_eq(status().durable, 1);
	expect_block(0, 1, 'a');
	expect_block(0, 2, 0);
	expect_block(0, 3, 0);
}
END_TEST

START_TEST(every_start_is_a_generation_even_if_nothing_is_written)
{
	write_and_sync(0, 1, 'a');
	for (uint64_t generation = 2; generation < 6; generation++) {
		crash();
		begin();
		ck_assert_uint_eq(status().generation, generation);
	}
}
END_TEST

/* After some numbers of writes the ring has turned since the older superblock was written. */
START_TEST(log_is_recovered_with_the_older_superblock_after_the_newest_rots)
{
	for (uint64_t nr = 1; nr < 24; nr++) {
		const struct wb_super_disk *first;

		harness_teardown();
		harness_setup_started();
		for (uint64_t i = 0; i < nr; i++)
			write_and_sync(0, i, (char)('A' + i));
		crash();
		first = (const void *)t.cache->visible;
		damage(t.cache, le64_get(first->sequence) == newest_super().sequence
					? 300
					: WB_SUPER_AREA + 300);
		begin();
		ck_assert(said("using the other one"));
		for (uint64_t i = 0; i < nr; i++)
			expect_block(0, i, (char)('A' + i));
	}
}
END_TEST

START_TEST(read_only_open_writes_nothing_and_serves_the_log)
{
	log_three_records();
	crash();
	t.options.read_only = true;
	t.nr_trace = 0;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(try_start(), 0);
	expect_block(0, 3, 'c');
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'w'), -EROFS);
	ck_assert_int_eq(do_commit(), 0);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_int_eq(do_stop(), 0);
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = NULL;
	for (unsigned int i = 0; i < t.nr_trace; i++)
		ck_assert(t.trace[i].op == BDEV_READ || t.trace[i].op == BDEV_FLUSH);
}
END_TEST

START_TEST(entry_of_an_unknown_backing_or_beyond_its_end_is_refused)
{
	const struct record_entry hostile[] = {
		{.backing = 9, .block = 1, .mask = 0xff, .kind = WB_ENTRY_DATA},
		{.backing = 1, .block = BACKING_BLOCKS, .mask = 0xff, .kind = WB_ENTRY_DATA},
		{.backing = 1, .block = (1ull << 40) - 1, .mask = 0xff, .kind = WB_ENTRY_DATA},
	};

	log_three_records();
	crash();
	for (unsigned int i = 0; i < ARRAY_SIZE(hostile); i++) {
		forge_entry(1, 0, hostile[i]);
		ck_assert_int_eq(try_open(), -EUCLEAN);
		ck_assert(said("names a block that no backing has"));
		t.messages[0] = '\0';
	}
}
END_TEST

START_TEST(zeros_beyond_the_end_of_a_backing_are_refused)
{
	const struct record_entry hostile = {.backing = 1,
					     .block = BACKING_BLOCKS - 1,
					     .value = 2,
					     .mask = 0xff,
					     .kind = WB_ENTRY_ZEROS};

	ck_assert_int_eq(do_zero(0, 0, BLOCK), 0);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	forge_entry(1, 0, hostile);
	ck_assert_int_eq(try_open(), -EUCLEAN);
}
END_TEST

/* What progress was told, and when it says no. */
static struct {
	unsigned int calls, refuse_at;
	uint64_t done[2], total[2];
} told;

static int note_progress(void *ctx, enum wb_progress what, uint64_t done, uint64_t total)
{
	ck_assert_ptr_eq(ctx, &told);
	ck_assert_uint_le(done, total);
	ck_assert_uint_ge(done, told.done[what]);
	told.done[what] = done;
	told.total[what] = total;
	return ++told.calls == told.refuse_at ? -EINTR : 0;
}

START_TEST(opening_tells_how_far_it_got)
{
	log_three_records();
	crash();
	t.options.progress = note_progress;
	t.options.progress_ctx = &told;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_uint_eq(told.total[WB_PROGRESS_SCAN], 3 * BLOCK);
	ck_assert_uint_eq(told.total[WB_PROGRESS_RECOVER], 3 * 4 * BLOCK);
	ck_assert_uint_eq(told.done[WB_PROGRESS_RECOVER], 2 * 4 * BLOCK);
}
END_TEST

START_TEST(opening_can_be_stopped_at_every_step_and_leaves_nothing_behind)
{
	unsigned int steps = 0;
	int err;

	log_three_records();
	crash();
	t.options.progress = note_progress;
	t.options.progress_ctx = &told;
	do {
		memset(&told, 0, sizeof(told));
		told.refuse_at = ++steps;
		err = try_open();
		ck_assert(!err || err == -EINTR);
	} while (err);
	ck_assert_uint_gt(steps, 3);
}
END_TEST

START_TEST(poison_in_the_log_reads_as_an_error_until_overwritten)
{
	const struct record_entry poison = {
		.backing = 1, .block = 3, .value = 2, .mask = 0xff, .kind = WB_ENTRY_POISON};

	ck_assert_int_eq(do_zero(0, 3 * BLOCK, 2 * BLOCK), 0);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	forge_entry(1, 0, poison);
	begin();
	ck_assert_int_eq(do_read(0, 3 * BLOCK, BLOCK), -EIO);
	ck_assert_int_eq(do_read(0, 4 * BLOCK, BLOCK), -EIO);
	expect_block(0, 5, 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK, SECTOR, 'p'), -EIO);
	write_block(0, 3, 'w');
	expect_block(0, 3, 'w');
	ck_assert_int_eq(do_read(0, 4 * BLOCK, BLOCK), -EIO);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		new_cache_is_empty,
		index_ladder_and_dirty_blocks_are_as_before_the_crash,
		newest_copy_sectors_and_zeros_are_recovered_in_order,
		record_written_and_not_flushed_is_found_after_a_kill,
		what_was_read_after_a_recovery_survives_the_next_power_cut,
		cache_is_flushed_before_the_log_is_read,
		failed_flush_refuses_the_cache,
		torn_tail_ends_the_log_without_an_error,
		record_behind_a_torn_one_does_not_count,
		damage_where_records_were_durable_is_refused,
		damage_is_noticed_if_only_a_record_some_segments_behind_vouches,
		truncating_gives_up_what_lies_behind_damage,
		rot_after_a_clean_close_is_not_taken_for_the_end_of_the_log,
		damaged_data_of_a_durable_record_is_an_error_of_that_block_alone,
		read_error_is_never_the_end_of_the_log,
		record_of_an_earlier_generation_with_a_fitting_number_is_ignored,
		log_of_an_earlier_format_of_the_device_is_not_ours,
		request_whose_end_is_missing_is_dropped_whole,
		opening_again_and_again_changes_nothing,
		power_cuts_during_the_start_lose_nothing,
		records_given_up_stay_given_up_even_if_they_become_readable_again,
		every_start_is_a_generation_even_if_nothing_is_written,
		log_is_recovered_with_the_older_superblock_after_the_newest_rots,
		read_only_open_writes_nothing_and_serves_the_log,
		entry_of_an_unknown_backing_or_beyond_its_end_is_refused,
		zeros_beyond_the_end_of_a_backing_are_refused,
		opening_tells_how_far_it_got,
		opening_can_be_stopped_at_every_step_and_leaves_nothing_behind,
		poison_in_the_log_reads_as_an_error_until_overwritten,
	};

	return harness_run("engine_recover", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
