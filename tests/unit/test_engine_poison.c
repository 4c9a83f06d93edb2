/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A dirty block that is damaged in the log: it is lost, which must not be forgotten nor spread. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define LOST 7u /* of slow0: the block that is damaged */

/* A ring, slow0 full of what is older, and a dirty block of it in segment 1 that is damaged. */
static void setup(void)
{
	harness_make(12, 4, 4);
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
	write_and_sync(0, LOST, 'a');
	write_and_sync(0, LOST + 1, 'b');
	evict();
	damage(t.cache, slot_off(1, 1) + 5);
}

/* It is in the log that the block is lost. */
static void setup_poison(void)
{
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(said("block 7 of slow0 is lost"));
}

static void expect_lost(void)
{
	ck_assert_int_eq(do_read(0, LOST * BLOCK, BLOCK), -EIO);
	expect_block(0, LOST - 1, 'x');
	expect_block(0, LOST + 1, 'b');
}

static void expect_whole(char letter)
{
	expect_block(0, LOST - 1, 'x');
	expect_block(0, LOST, letter);
	expect_block(0, LOST + 1, 'b');
}

static void reopen(bool clean)
{
	if (clean) {
		end();
	} else {
		ck_assert_int_eq(do_sync(), 0);
		crash();
	}
	begin();
}

/* ---- lost ---- */

START_TEST(damaged_block_can_not_be_read_before_it_is_migrated)
{
	expect_lost();
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
}
END_TEST

START_TEST(lost_block_is_told_and_never_reaches_its_backing)
{
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(
		said("migrate block at byte 1069056: checksum mismatch: block 7 of slow0 is lost"));
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
	expect_on_backing(0, 0, (LOST + 1) * BLOCK, 'x');
	expect_on_backing(0, (LOST + 1) * BLOCK, BLOCK, 'b');
	expect_on_backing(1, 40 * BLOCK, BLOCK, 'e');
	expect_lost();
}
END_TEST

START_TEST(lost_block_leaves_nothing_to_be_migrated_for_ever)
{
	setup_poison();
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(info(0).nr_dirty + info(1).nr_dirty, 0);
	ck_assert(!info(1).in_log);
	ck_assert_uint_eq(info(0).nr_dirty, 0);
	ck_assert(info(0).consistent);
}
END_TEST

START_TEST(lost_block_stays_lost_when_the_cache_is_opened_again)
{
	setup_poison();
	for (unsigned int i = 0; i < 4; i++) {
		reopen(i % 2);
		expect_lost();
		ck_assert_int_eq(do_drain(), 0);
		expect_lost();
	}
}
END_TEST

START_TEST(lost_block_stays_lost_when_the_ring_turns)
{
	setup_poison();
	for (unsigned int i = 0; i < 8; i++) {
		turn_ring(2);
		expect_lost();
		reopen(i % 2);
		expect_lost();
	}
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'x');
}
END_TEST

START_TEST(lost_block_stays_lost_when_its_backing_is_missing_for_a_while)
{
	setup_poison();
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
	turn_ring(3);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_lost();
	turn_ring(3);
	expect_lost();
}
END_TEST

START_TEST(lost_block_of_which_a_sector_was_written_is_lost_whole)
{
	harness_teardown();
	harness_make(12, 4, 4);
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
	ck_assert_int_eq(do_write(0, LOST * BLOCK + SECTOR, SECTOR, 'a'), 0);
	write_block(0, LOST + 1, 'b');
	ck_assert_int_eq(do_sync(), 0);
	evict();
	damage(t.cache, slot_off(1, 1) + SECTOR + 5);
	setup_poison();
	expect_lost();
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'x');
	reopen(false);
	expect_lost();
}
END_TEST

START_TEST(damage_that_is_newer_than_what_was_migrated_hides_that)
{
	harness_teardown();
	harness_make(12, 4, 4);
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
	write_block(0, LOST + 1, 'b');
	write_block(0, LOST, 'o');
	ck_assert_int_eq(do_drain(), 0);
	write_and_sync(0, LOST, 'a');
	evict();
	damage(t.cache, slot_off(2, 1) + 5);
	setup_poison();
	expect_lost();
	turn_ring(2);
	reopen(false);
	expect_lost();
}
END_TEST

START_TEST(damaged_block_that_was_overwritten_is_no_loss)
{
	write_and_sync(0, LOST, 'n');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(!said("is lost"));
	expect_whole('n');
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'n');
}
END_TEST

/* The newer copy is in a later batch. */
START_TEST(damaged_block_that_was_overwritten_later_is_no_loss)
{
	write_and_sync(0, LOST, 'n');
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(!said("is lost"));
	expect_whole('n');
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'n');
}
END_TEST

/* ---- power cuts ---- */

START_TEST(power_cut_in_each_phase_of_losing_a_block_brings_nothing_old_back)
{
	for (unsigned int steps = 0; steps < 200; steps++) {
		harness_teardown();
		setup();
		t.sim.in_order = false;
		t.sim.fate = SIM_FATE_RANDOM;
		t.sim.random = 77 * steps + 1;
		knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1 + steps % 3);
		wb_drain(t.wb, NULL, note_done, NULL);
		for (unsigned int i = 0; i < steps / 4 && !t.done; i++)
			sim_step(&t.sim);
		crash();
		t.done = false;
		begin();
		expect_lost();
		turn_ring(steps % 2);
		expect_lost();
		ck_assert_int_eq(do_drain(), 0);
		expect_lost();
		reopen(steps % 2);
		expect_lost();
		expect_on_backing(0, LOST * BLOCK, BLOCK, 'x');
	}
}
END_TEST

/* ---- healing ---- */

START_TEST(overwriting_heals_a_lost_block)
{
	setup_poison();
	write_block(0, LOST, 'n');
	expect_whole('n');
	ck_assert_int_eq(do_drain(), 0);
	expect_whole('n');
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'n');
	turn_ring(2);
	expect_whole('n');
	reopen(true);
	expect_whole('n');
}
END_TEST

START_TEST(zeroing_heals_a_lost_block)
{
	setup_poison();
	ck_assert_int_eq(do_zero(0, LOST * BLOCK, BLOCK), 0);
	expect_whole(0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, LOST * BLOCK, BLOCK, 0);
	turn_ring(2);
	reopen(false);
	expect_whole(0);
}
END_TEST

START_TEST(writing_a_part_of_a_lost_block_fails_and_changes_nothing)
{
	setup_poison();
	ck_assert_int_eq(do_write(0, LOST * BLOCK + 100, 100, 'n'), -EIO);
	expect_lost();
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'x');
}
END_TEST

START_TEST(what_healed_a_block_counts_after_a_crash_however_far_it_got)
{
	for (unsigned int steps = 0; steps < 40; steps++) {
		harness_teardown();
		setup();
		t.sim.in_order = steps % 4 < 2;
		setup_poison();
		if (steps % 2)
			write_and_sync(0, LOST, 'n');
		else
			ck_assert_int_eq(do_zero(0, LOST * BLOCK, BLOCK), 0);
		ck_assert_int_eq(do_sync(), 0);
		t.sim.fate = SIM_FATE_RANDOM;
		t.sim.random = 99 * steps + 1;
		wb_drain(t.wb, NULL, note_done, NULL);
		for (unsigned int i = 0; i < steps && !t.done; i++)
			sim_step(&t.sim);
		crash();
		t.done = false;
		begin();
		expect_whole(steps % 2 ? 'n' : 0);
		turn_ring(steps % 3);
		expect_whole(steps % 2 ? 'n' : 0);
		reopen(steps % 3);
		expect_whole(steps % 2 ? 'n' : 0);
	}
}
END_TEST

/* Slow1 keeps all of it in the log, which tells first that the block is lost. */
START_TEST(block_that_was_healed_on_its_backing_is_not_lost_again_by_a_crash)
{
	for (unsigned int i = 0; i < 4; i++) {
		harness_teardown();
		setup();
		pause_backing(1, true);
		ck_assert_int_eq(do_drain_one(0), 0);
		expect_lost();
		if (i % 2)
			write_and_sync(0, LOST, 'n');
		else
			ck_assert_int_eq(do_zero(0, LOST * BLOCK, BLOCK), 0);
		ck_assert_int_eq(do_drain_one(0), 0);
		reopen(i / 2);
		expect_whole(i % 2 ? 'n' : 0);
		ck_assert_int_eq(do_drain(), 0);
		turn_ring(2);
		expect_whole(i % 2 ? 'n' : 0);
	}
}
END_TEST

START_TEST(healing_that_is_not_durable_is_lost_with_a_crash)
{
	setup_poison();
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	write_block(0, LOST, 'n');
	crash();
	begin();
	expect_lost();
}
END_TEST

START_TEST(healed_block_can_be_lost_again)
{
	for (unsigned int i = 0; i < 3; i++) {
		setup_poison();
		expect_lost();
		write_and_sync(0, LOST, (char)('n' + i));
		for (uint64_t s = 1, b; s <= status().current_segment_id; s++)
			for (b = 1; b < 4; b++)
				if (t.cache->visible[slot_off(s, b) + 9] == 'n' + i)
					damage(t.cache, slot_off(s, b) + 9);
		evict();
		t.messages[0] = '\0';
	}
}
END_TEST

START_TEST(healed_poison_does_not_hold_the_tail)
{
	uint64_t before;

	setup_poison();
	write_and_sync(0, LOST, 'n');
	turn_ring(2);
	before = status().nr_carried_blocks;
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().migrated, status().durable);
	ck_assert_uint_eq(status().nr_carried_blocks, before);
	expect_whole('n');
}
END_TEST

START_TEST(poison_of_a_detached_backing_does_not_hold_the_tail)
{
	setup_poison();
	ck_assert_int_eq(do_detach(0, false), 0);
	turn_ring(4);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().migrated, status().durable);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_block(0, LOST, 'x');
}
END_TEST

START_TEST(block_beside_a_lost_one_can_be_written_and_migrated)
{
	setup_poison();
	write_block(0, LOST - 1, 'p');
	write_block(0, LOST + 1, 'q');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_int_eq(do_read(0, LOST * BLOCK, BLOCK), -EIO);
	expect_on_backing(0, (LOST - 1) * BLOCK, BLOCK, 'p');
	expect_on_backing(0, LOST * BLOCK, BLOCK, 'x');
	expect_on_backing(0, (LOST + 1) * BLOCK, BLOCK, 'q');
}
END_TEST

START_TEST(lost_last_block_stays_lost_when_its_backing_grows)
{
	harness_teardown();
	harness_make(12, 4, 4);
	t.dev[0]->bdev.size = LOST * BLOCK + ODD_SECTORS * SECTOR;
	begin();
	ck_assert_int_eq(do_write(0, LOST * BLOCK, ODD_SECTORS * SECTOR, 'a'), 0);
	ck_assert_int_eq(do_sync(), 0);
	evict();
	damage(t.cache, slot_off(1, 1) + 5);
	setup_poison();
	ck_assert_int_eq(do_read(0, LOST * BLOCK, SECTOR), -EIO);
	t.dev[0]->bdev.size = BACKING_BLOCKS * BLOCK;
	ck_assert_int_eq(do_resize(0), 0);
	ck_assert_int_eq(do_read(0, LOST * BLOCK, SECTOR), -EIO);
	write_block(0, LOST, 'c');
	expect_block(0, LOST, 'c');
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		damaged_block_can_not_be_read_before_it_is_migrated,
		lost_block_is_told_and_never_reaches_its_backing,
		lost_block_leaves_nothing_to_be_migrated_for_ever,
		lost_block_stays_lost_when_the_cache_is_opened_again,
		lost_block_stays_lost_when_the_ring_turns,
		lost_block_stays_lost_when_its_backing_is_missing_for_a_while,
		lost_block_of_which_a_sector_was_written_is_lost_whole,
		damage_that_is_newer_than_what_was_migrated_hides_that,
		damaged_block_that_was_overwritten_is_no_loss,
		damaged_block_that_was_overwritten_later_is_no_loss,
		power_cut_in_each_phase_of_losing_a_block_brings_nothing_old_back,
		overwriting_heals_a_lost_block,
		zeroing_heals_a_lost_block,
		writing_a_part_of_a_lost_block_fails_and_changes_nothing,
		what_healed_a_block_counts_after_a_crash_however_far_it_got,
		block_that_was_healed_on_its_backing_is_not_lost_again_by_a_crash,
		healing_that_is_not_durable_is_lost_with_a_crash,
		healed_block_can_be_lost_again,
		healed_poison_does_not_hold_the_tail,
		poison_of_a_detached_backing_does_not_hold_the_tail,
		block_beside_a_lost_one_can_be_written_and_migrated,
		lost_last_block_stays_lost_when_its_backing_grows,
	};

	return harness_run("engine_poison", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
