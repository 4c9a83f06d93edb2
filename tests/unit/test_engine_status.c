/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/status.c, engine/knobs.c: figures that are what was done, and knobs in their ranges. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static uint64_t stat_of(unsigned int bits)
{
	return status().stat[bits];
}

static uint64_t stat_sum(void)
{
	struct wb_status s = status();
	uint64_t sum = 0;

	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		sum += s.stat[i];
	return sum;
}

START_TEST(each_write_is_counted_by_hit_buffer_and_size)
{
	const unsigned int w = WB_STAT_WRITE;

	write_block(0, 1, 'a');
	ck_assert_uint_eq(stat_of(w | WB_STAT_FULLSIZE), 1);
	write_block(0, 1, 'b');
	ck_assert_uint_eq(stat_of(w | WB_STAT_FULLSIZE | WB_STAT_HIT | WB_STAT_ON_BUFFER), 1);
	ck_assert_int_eq(do_write(0, 9 * BLOCK, SECTOR, 'c'), 0);
	ck_assert_uint_eq(stat_of(w), 1);
	evict();
	wb_clear_stat(t.wb);
	write_block(0, 1, 'd');
	ck_assert_uint_eq(stat_of(w | WB_STAT_FULLSIZE | WB_STAT_HIT), 1);
	ck_assert_int_eq(do_write(0, 9 * BLOCK + SECTOR, SECTOR, 'e'), 0);
	ck_assert_uint_eq(stat_of(w | WB_STAT_HIT), 1);
	ck_assert_uint_eq(stat_sum(), 2);
}
END_TEST

START_TEST(each_block_read_is_counted_by_hit_and_buffer)
{
	ck_assert_int_eq(do_write(0, BLOCK, 3 * BLOCK, 'a'), 0);
	wb_clear_stat(t.wb);
	ck_assert_int_eq(do_read(0, 0, 6 * BLOCK), 0);
	ck_assert_uint_eq(stat_of(WB_STAT_HIT | WB_STAT_ON_BUFFER | WB_STAT_FULLSIZE), 3);
	ck_assert_uint_eq(stat_of(WB_STAT_FULLSIZE), 3);
	ck_assert_int_eq(do_sync(), 0);
	evict();
	wb_clear_stat(t.wb);
	ck_assert_int_eq(do_read(0, BLOCK, 3 * BLOCK), 0);
	ck_assert_uint_eq(stat_of(WB_STAT_HIT | WB_STAT_FULLSIZE), 3);
	ck_assert_uint_eq(stat_sum(), 3);
}
END_TEST

START_TEST(requests_and_bytes_are_counted_for_each_backing)
{
	ck_assert_int_eq(do_write(0, 100, 1000, 'a'), 0);
	write_block(0, 1, 'b');
	ck_assert_int_eq(do_zero(0, 0, 2 * BLOCK), 0);
	ck_assert_int_eq(do_read(1, 10, 20), 0);
	ck_assert_uint_eq(info(0).nr_writes, 2);
	ck_assert_uint_eq(info(0).write_bytes, 1000 + BLOCK);
	ck_assert_uint_eq(info(0).nr_zeros, 1);
	ck_assert_uint_eq(info(0).nr_reads, 0);
	ck_assert_uint_eq(info(1).nr_reads, 1);
	ck_assert_uint_eq(info(1).read_bytes, 20);
	ck_assert_uint_eq(info(1).nr_writes, 0);
}
END_TEST

START_TEST(ladder_is_told_in_records_and_segments)
{
	struct wb_status s;

	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	ck_assert_int_eq(do_drain(), 0);
	write_and_sync(0, 3, 'c');
	write_block(0, 4, 'd');
	s = status();
	ck_assert_uint_eq(s.migrated, 2);
	ck_assert_uint_eq(s.migrated_on_disk, 2);
	ck_assert_uint_eq(s.durable, 3);
	ck_assert_uint_eq(s.open_record, 5);
	ck_assert_uint_eq(s.last_durable_segment_id, 2);
	ck_assert_uint_eq(s.current_segment_id, 2);
	ck_assert_uint_eq(s.nr_dirty, 2);
	ck_assert_uint_eq(s.nr_cached, 4);
}
END_TEST

START_TEST(records_syncs_flushes_and_batches_are_counted)
{
	struct wb_status before = status(), s;

	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(op_wait(start_dsync(0, BLOCK, BLOCK, 'b')), 0);
	s = status();
	ck_assert_uint_eq(s.nr_syncs, 2);
	ck_assert_uint_eq(s.nr_flushes, before.nr_flushes + 2);
	ck_assert_uint_eq(s.nr_records, 2);
	ck_assert_uint_eq(s.nr_record_blocks, 4);
	ck_assert_int_eq(do_drain(), 0);
	s = status();
	ck_assert_uint_eq(s.nr_batches, 1);
	ck_assert_uint_eq(s.nr_migrated_blocks, 1);
	ck_assert_uint_eq(s.nr_superseded_blocks, 1);
	ck_assert_uint_eq(info(0).migrated_bytes, BLOCK);
}
END_TEST

START_TEST(unsynced_bytes_are_those_that_a_power_cut_could_take)
{
	ck_assert_uint_eq(status().unsynced_bytes, 0);
	write_block(0, 1, 'a');
	write_block(0, 2, 'b');
	ck_assert_uint_eq(status().unsynced_bytes, 2 * BLOCK);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().unsynced_bytes, 0);
}
END_TEST

START_TEST(identity_and_geometry_of_the_cache_are_told)
{
	struct wb_status s = status();
	const uint8_t uuid[WB_UUID_LEN] = {1, 2, 3};

	ck_assert_mem_eq(s.uuid, uuid, WB_UUID_LEN);
	ck_assert_str_eq(s.label, "unit");
	ck_assert_uint_eq(s.nr_segments, 8);
	ck_assert_uint_eq(s.segment_blocks, 4);
	ck_assert_uint_eq(s.nr_buffers, 2);
	ck_assert(!s.read_only);
	ck_assert_uint_ge(s.ram_bytes, 8 * 4 * 20 + 2 * 4 * BLOCK);
	ck_assert_uint_eq(s.ram_bytes, wb_ram_needed(8, 4, 2));
}
END_TEST

START_TEST(cleared_counters_are_zero_and_levels_stay)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_read(0, 0, BLOCK), 0);
	wb_clear_stat(t.wb);
	ck_assert_uint_eq(stat_sum(), 0);
	ck_assert_uint_eq(status().nr_syncs, 0);
	ck_assert_uint_eq(info(0).nr_writes, 0);
	ck_assert_uint_eq(info(0).read_bytes, 0);
	ck_assert_uint_eq(status().nr_dirty, 1);
	ck_assert_uint_eq(status().durable, 1);
}
END_TEST

START_TEST(states_have_names)
{
	ck_assert_str_eq(wb_state_name(WB_HEALTHY), "healthy");
	ck_assert_str_eq(wb_state_name(WB_DEGRADED), "degraded");
	ck_assert_str_eq(wb_state_name(WB_FAILED), "failed");
}
END_TEST

START_TEST(first_failure_is_the_reason_until_a_retry)
{
	wb_lock(t.wb);
	health_set(t.wb, NULL, CAUSE_MIGRATION, WB_DEGRADED, "block %d is odd", 7);
	wb_unlock(t.wb);
	ck_assert_int_eq(status().state, WB_DEGRADED);
	ck_assert_str_eq(status().reason, "block 7 is odd");
	wb_lock(t.wb);
	health_set(t.wb, NULL, CAUSE_LOG, WB_FAILED, "flush: input/output error");
	health_set(t.wb, NULL, CAUSE_LOG, WB_DEGRADED, "write: input/output error");
	health_set(t.wb, NULL, CAUSE_SUPER, WB_DEGRADED, "later");
	health_clear(t.wb, NULL, CAUSE_LOG);
	wb_unlock(t.wb);
	ck_assert_int_eq(status().state, WB_FAILED);
	ck_assert_str_eq(status().reason, "flush: input/output error");
	ck_assert(said("later"));
	wb_retry(t.wb);
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_str_eq(status().reason, "");
}
END_TEST

/* ---- knobs ---- */

START_TEST(every_knob_begins_with_its_initial_value)
{
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	for (unsigned int i = 0; i < WB_NR_ALL_KNOBS; i++) {
		const struct wb_knob *k = &wb_knobs[i];

		ck_assert_ptr_nonnull(k->name);
		ck_assert(k->min <= k->initial && k->initial <= k->max);
		ck_assert_uint_eq(wb_knob_get(t.wb, t.b[0], (enum wb_knob_id)i), k->initial);
	}
}
END_TEST

START_TEST(every_knob_takes_its_range_and_nothing_else)
{
	for (unsigned int i = 0; i < WB_NR_ALL_KNOBS; i++) {
		const struct wb_knob *k = &wb_knobs[i];
		enum wb_knob_id id = (enum wb_knob_id)i;

		ck_assert_int_eq(wb_knob_set(t.wb, t.b[0], id, k->min), 0);
		ck_assert_uint_eq(wb_knob_get(t.wb, t.b[0], id), k->min);
		ck_assert_int_eq(wb_knob_set(t.wb, t.b[0], id, k->max), 0);
		ck_assert_int_eq(wb_knob_set(t.wb, t.b[0], id, k->max + 1), -EINVAL);
		if (k->min)
			ck_assert_int_eq(wb_knob_set(t.wb, t.b[0], id, k->min - 1), -EINVAL);
		ck_assert_uint_eq(wb_knob_get(t.wb, t.b[0], id), k->max);
	}
}
END_TEST

START_TEST(ranges_and_defaults_are_those_that_users_were_told)
{
	const struct wb_knob *batch = &wb_knobs[WB_KNOB_NR_MAX_BATCHED_MIGRATION];
	const struct wb_knob *deadline = &wb_knobs[WB_KNOB_BARRIER_DEADLINE_MS];
	const struct wb_knob *full = &wb_knobs[WB_KNOB_ON_FULL];
	const struct wb_knob *threshold = &wb_knobs[WB_KNOB_MIGRATE_THRESHOLD];

	ck_assert_str_eq(batch->name, "nr_max_batched_migration");
	ck_assert(batch->min == 1 && batch->max == 256 && batch->initial == 32);
	ck_assert(deadline->min == 1 && deadline->max == 10000 && deadline->initial == 3);
	ck_assert(threshold->min == 0 && threshold->max == 100 && threshold->initial == 70);
	ck_assert_str_eq(full->choices[full->initial], "wait");
	ck_assert_str_eq(full->choices[1], "error");
	ck_assert_uint_eq(wb_knobs[WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL].initial, 1);
	ck_assert_uint_eq(wb_knobs[WB_KNOB_COMMIT_SUPER_BLOCK_INTERVAL].initial, 0);
}
END_TEST

START_TEST(knob_of_one_backing_is_not_that_of_another)
{
	ck_assert_int_eq(wb_knob_set(t.wb, t.b[0], WB_KNOB_MIGRATE_THRESHOLD, 5), 0);
	ck_assert_uint_eq(wb_knob_get(t.wb, t.b[0], WB_KNOB_MIGRATE_THRESHOLD), 5);
	ck_assert_uint_eq(wb_knob_get(t.wb, t.b[1], WB_KNOB_MIGRATE_THRESHOLD), 70);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_write_is_counted_by_hit_buffer_and_size,
		each_block_read_is_counted_by_hit_and_buffer,
		requests_and_bytes_are_counted_for_each_backing,
		ladder_is_told_in_records_and_segments,
		records_syncs_flushes_and_batches_are_counted,
		unsynced_bytes_are_those_that_a_power_cut_could_take,
		identity_and_geometry_of_the_cache_are_told,
		cleared_counters_are_zero_and_levels_stay,
		states_have_names,
		first_failure_is_the_reason_until_a_retry,
		every_knob_begins_with_its_initial_value,
		every_knob_takes_its_range_and_nothing_else,
		ranges_and_defaults_are_those_that_users_were_told,
		knob_of_one_backing_is_not_that_of_another,
	};

	return harness_run("engine_status", tests, ARRAY_SIZE(tests), harness_setup_ring,
			   harness_teardown);
}
