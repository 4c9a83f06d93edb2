/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/attach.c, engine/backing.c: backings come, go, and are recognised. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#include <stdio.h>

static struct wb_backing_spec spec_of(const char *name, struct simdev *dev)
{
	return (struct wb_backing_spec){
		.name = name,
		.path = dev->bdev.path,
		.identity = dev->bdev.path,
		.dev = &dev->bdev,
		.cached = true,
	};
}

/* The log has a block of the first backing; the cache is open again, nothing attached. */
static void reopen_with_dirty_block(bool clean)
{
	write_and_sync(0, 1, 'a');
	if (clean)
		end();
	else
		crash();
	ck_assert_int_eq(try_open(), 0);
}

static int detach(unsigned int backing)
{
	wb_detach(t.wb, t.b[backing], false, note_done, NULL);
	return wait_done();
}

START_TEST(names_that_can_not_be_files_are_refused)
{
	const char *const bad[] = {"", ".", "..", ".control", "a/b", "a b", "a\n", "\x7f", "\t"};
	char name[80];

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wb_backing_spec spec = spec_of(bad[i], t.dev[0]);

		ck_assert_msg(wb_name_error(bad[i]), "%s", bad[i]);
		ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), -EINVAL);
	}
	snprintf(name, sizeof(name), "%063d", 0);
	ck_assert_ptr_null(wb_name_error(name));
	snprintf(name, sizeof(name), "%064d", 0);
	ck_assert_ptr_nonnull(wb_name_error(name));
	ck_assert_ptr_null(wb_name_error("vm-1.img"));
	ck_assert_ptr_null(wb_name_error("caf\xc3\xa9"));
}
END_TEST

START_TEST(empty_and_gigantic_devices_and_long_paths_are_refused)
{
	struct wb_backing_spec spec = spec_of("new", t.dev[0]);
	uint64_t size = t.dev[0]->bdev.size;
	char path[WB_PATH_LEN + 1];
	struct wb_backing *b;

	t.dev[0]->bdev.size = 0;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), -EINVAL);
	t.dev[0]->bdev.size = (1ull << 52) + 512;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), -EINVAL);
	t.dev[0]->bdev.size = size;
	memset(path, 'p', sizeof(path));
	path[WB_PATH_LEN] = '\0';
	spec.path = path;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), -EINVAL);
	path[WB_PATH_LEN - 1] = '\0';
	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), 0);
}
END_TEST

START_TEST(name_in_use_is_refused)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[1]);
	struct wb_backing *b;

	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), -EEXIST);
	ck_assert(said("slow0: attach slow1: the name is in use"));
}
END_TEST

START_TEST(unreadable_device_is_refused)
{
	struct wb_backing_spec spec = spec_of("new", t.dev[0]);
	struct wb_backing *b;

	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), -EIO);
}
END_TEST

START_TEST(backing_is_remembered_with_name_path_identity_and_size)
{
	struct wb_backing_info i;

	reopen_with_dirty_block(false);
	i = info(0);
	ck_assert_str_eq(i.path, "slow0");
	ck_assert_str_eq(i.identity, "slow0");
	ck_assert_uint_eq(i.size, t.dev[0]->bdev.size);
	ck_assert_uint_eq(i.id, 1);
	ck_assert(!i.attached && i.in_log);
	ck_assert_ptr_nonnull(i.backing);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert(info(0).attached);
	ck_assert_uint_eq(info(0).id, 1);
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(other_size_with_blocks_in_the_log_is_stale)
{
	reopen_with_dirty_block(false);
	t.dev[0]->bdev.size -= 512;
	ck_assert_int_eq(try_attach(0, false), -ESTALE);
	ck_assert(said("its size has changed while the log has blocks of it"));
	ck_assert_int_eq(try_attach(0, true), -ESTALE); /* blocks may lie behind its end */
	t.dev[0]->bdev.size += 512;
	ck_assert_int_eq(try_attach(0, false), 0);
}
END_TEST

START_TEST(other_identity_with_blocks_in_the_log_is_stale_unless_forced)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[0]);

	reopen_with_dirty_block(false);
	spec.identity = "another";
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), -ESTALE);
	ck_assert(said("it is another device"));
	spec.force = true;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
	ck_assert_str_eq(info(0).identity, "another");
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(contents_changed_since_a_clean_close_are_stale)
{
	reopen_with_dirty_block(true);
	put(t.dev[0], 0, BLOCK, 'z');
	ck_assert_int_eq(try_attach(0, false), -ESTALE);
	ck_assert(said("its contents have changed"));
	ck_assert_int_eq(try_attach(0, true), 0);
}
END_TEST

START_TEST(same_contents_on_another_device_are_accepted_after_a_clean_close)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[0]);

	reopen_with_dirty_block(true);
	spec.identity = "renumbered";
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
}
END_TEST

static void reopen_with_disks_of_one_size(void)
{
	end();
	t.dev[0]->bdev.size = t.dev[1]->bdev.size = 32 * BLOCK;
	begin();
	reopen_with_dirty_block(true);
}

START_TEST(device_of_another_backing_is_stale_though_both_look_the_same)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[1]);
	struct wb_backing *backing;

	reopen_with_disks_of_one_size();
	ck_assert_int_eq(wb_attach(t.wb, &spec, &backing), -ESTALE);
	ck_assert_msg(said("it is the device of another backing"), "%s", t.messages);
	spec.force = true;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &backing), 0);
}
END_TEST

START_TEST(contents_tell_which_is_which_when_the_devices_are_numbered_anew)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[0]);

	put(t.dev[1], 0, BLOCK, 'y');
	reopen_with_disks_of_one_size();
	spec.identity = t.dev[1]->bdev.path;
	spec.numbered = true;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(device_of_another_backing_is_stale_though_it_has_changed_meanwhile)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[0]);
	struct wb_backing *backing;

	put(t.dev[1], 0, BLOCK, 'y');
	reopen_with_disks_of_one_size();
	spec.identity = t.dev[1]->bdev.path;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &backing), -ESTALE);
	ck_assert_msg(said("it is the device of another backing"), "%s", t.messages);
}
END_TEST

START_TEST(changed_backing_without_blocks_in_the_log_is_accepted)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	end();
	t.dev[0]->bdev.size -= 512;
	put(t.dev[0], 0, BLOCK, 'z');
	begin();
	expect_block(0, 0, 'z');
	ck_assert_uint_eq(info(0).size, t.dev[0]->bdev.size);
}
END_TEST

START_TEST(smaller_device_under_an_old_name_leaves_a_log_that_can_be_read)
{
	write_and_sync(1, 0, 'h'); /* holds the tail */
	write_and_sync(0, BACKING_BLOCKS - 1, 'a');
	ck_assert_int_eq(do_drain_one(0), 0);
	end();
	t.dev[0]->bdev.size -= 4 * BLOCK;
	begin();
	ck_assert_uint_ne(info(0).id, 1);
	write_and_sync(0, 1, 'b');
	crash();
	begin();
	ck_assert_uint_eq(info(0).size, t.dev[0]->bdev.size);
	expect_block(0, 1, 'b');
	expect_block(1, 0, 'h');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'b');
}
END_TEST

/* ---- uncached ---- */

static void attach_uncached(void)
{
	struct wb_backing_spec spec = spec_of("straight", t.dev[0]);

	end();
	ck_assert_int_eq(try_open(), 0);
	spec.cached = false;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
}

START_TEST(uncached_backing_is_written_and_read_straight)
{
	attach_uncached();
	ck_assert_uint_eq(t.b[0]->entry.id, 0);
	ck_assert_int_eq(do_write(0, SECTOR, SECTOR, 'a'), 0);
	expect_on_backing(0, SECTOR, SECTOR, 'a');
	expect(0, SECTOR, SECTOR, 'a');
	ck_assert_int_eq(do_zero(0, SECTOR, SECTOR), 0);
	expect_on_backing(0, SECTOR, SECTOR, 0);
	ck_assert_uint_eq(status().nr_cached, 0);
	ck_assert_uint_eq(status().nr_records, 0);
}
END_TEST

START_TEST(sync_of_an_uncached_backing_flushes_it_and_not_the_cache)
{
	struct op *op;

	attach_uncached();
	t.nr_trace = 0;
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'a'), 0);
	op = start_read(0, 0, 0);
	op->done = false;
	wb_sync(t.wb, &op->io);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(op_wait(start_dsync(0, BLOCK, BLOCK, 'b')), 0);
	crash();
	expect_on_backing(0, 0, BLOCK, 'a');
	expect_on_backing(0, BLOCK, BLOCK, 'b');
	ck_assert_int_lt(trace_find(0, t.cache, BDEV_FLUSH, 0), 0);
}
END_TEST

START_TEST(errors_of_an_uncached_backing_are_passed_on)
{
	attach_uncached();
	simdev_fail(t.dev[0], BDEV_WRITE, -ENOSPC, 0, 1);
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'a'), -ENOSPC);
	simdev_fail(t.dev[0], BDEV_FLUSH, -EIO, 0, 1);
	ck_assert_int_eq(op_wait(start_dsync(0, 0, BLOCK, 'a')), -EIO);
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 1);
	ck_assert_int_eq(do_read(0, 0, BLOCK), -EIO);
}
END_TEST

START_TEST(backing_with_blocks_in_the_log_can_not_be_used_uncached)
{
	struct wb_backing_spec spec = spec_of("slow0", t.dev[0]);

	reopen_with_dirty_block(true);
	spec.cached = false;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), -EUCLEAN);
	spec.force = true;
	ck_assert_int_eq(wb_attach(t.wb, &spec, &t.b[0]), -EUCLEAN);
}
END_TEST

/* ---- detach ---- */

START_TEST(detached_backing_has_everything_and_is_forgotten)
{
	struct wb_backing_info first = {0};

	write_block(0, 1, 'a');
	ck_assert_int_eq(detach(0), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert(wb_backing_info(t.wb, 0, &first));
	ck_assert_str_eq(first.name, "slow1");
}
END_TEST

START_TEST(detach_is_done_only_when_the_table_is_durable)
{
	t.cache->hold[BDEV_FLUSH] = true;
	wb_detach(t.wb, t.b[0], false, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
}
END_TEST

/* One copy of the table says that the backing is detached, then the cache fails. */
START_TEST(backing_whose_detaching_failed_stays_in_both_copies_of_the_table)
{
	struct op *op;

	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 1, 6);
	wb_detach(t.wb, t.b[0], false, note_done, NULL);
	ck_assert_int_eq(wait_done(), -EIO);
	wb_retry(t.wb);
	op = start_write(0, 0, BLOCK, 'b');
	ck_assert(!op->done);
	ck_assert_int_eq(do_commit(), 0);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(do_commit(), 0);
	write_and_sync(0, 1, 'b');
	crash();
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		damage(t.cache, (uint64_t)copy * WB_SUPER_AREA + 100);
		ck_assert_int_eq(try_open(), 0);
		crash();
		damage(t.cache, (uint64_t)copy * WB_SUPER_AREA + 100); /* as it was */
	}
}
END_TEST

static void note_second(void *ctx, int err)
{
	int *second = ctx;

	*second = err;
}

/* Else two of the table had one name after the detaching had failed. */
START_TEST(missing_backing_that_is_being_detached_is_neither_attached_nor_detached_again)
{
	int second = 0;
	struct wb_backing *missing;

	write_block(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_start(), 0);
	t.cache->hold[BDEV_FLUSH] = true;
	missing = info(0).backing;
	wb_detach(t.wb, missing, false, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	ck_assert_int_eq(try_attach(0, false), -EEXIST);
	wb_detach(t.wb, missing, true, note_second, &second);
	sim_settle(&t.sim);
	ck_assert_int_eq(second, -EALREADY);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
	wb_detach(t.wb, missing, true, note_second, &second);
	ck_assert_int_eq(second, -ENOENT);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(backing_attached_again_does_not_see_blocks_of_its_former_life)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(detach(0), 0);
	put(t.dev[0], BLOCK, BLOCK, 'n');
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_block(0, 1, 'n');
	crash();
	begin();
	expect_block(0, 1, 'n');
}
END_TEST

START_TEST(id_is_not_given_away_while_the_log_may_hold_its_records)
{
	write_block(0, 1, 'a');
	ck_assert_uint_eq(info(0).id, 1);
	ck_assert_int_eq(detach(0), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_uint_eq(info(0).id, 3);
}
END_TEST

START_TEST(backing_attached_while_in_use_is_remembered_after_the_commit)
{
	struct wb_backing_spec spec = spec_of("late", simdev_new(&t.sim, "late", 8 * BLOCK));
	struct wb_backing_info i = {0};
	struct wb_backing *b;

	ck_assert_int_eq(wb_attach(t.wb, &spec, &b), 0);
	ck_assert_int_eq(do_commit(), 0);
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert(wb_backing_info(t.wb, 2, &i));
	ck_assert_str_eq(i.name, "late");
	ck_assert(!wb_backing_info(t.wb, 3, &i));
}
END_TEST

START_TEST(no_more_than_127_backings_are_attached)
{
	struct wb_backing *b;
	char name[16];

	for (unsigned int i = 2; i <= WB_MAX_BACKINGS; i++) {
		struct wb_backing_spec spec = spec_of(name, t.dev[0]);

		snprintf(name, sizeof(name), "n%u", i);
		spec.cached = i % 2;
		ck_assert_int_eq(wb_attach(t.wb, &spec, &b), i < WB_MAX_BACKINGS ? 0 : -ENOSPC);
	}
	ck_assert(said("more than 127 backings"));
}
END_TEST

/* Many lives of one backing: the ids of former ones are given out again in time. */
START_TEST(ids_do_not_run_out)
{
	for (unsigned int i = 0; i < 300; i++) {
		write_block(0, i % BACKING_BLOCKS, 'a');
		ck_assert_int_eq(detach(0), 0);
		ck_assert_int_eq(try_attach(0, false), 0);
		ck_assert_int_eq(do_commit(), 0);
		t.nr_trace = 0;
	}
	ck_assert_uint_le(info(0).id, WB_MAX_TABLE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		names_that_can_not_be_files_are_refused,
		empty_and_gigantic_devices_and_long_paths_are_refused,
		name_in_use_is_refused,
		unreadable_device_is_refused,
		backing_is_remembered_with_name_path_identity_and_size,
		other_size_with_blocks_in_the_log_is_stale,
		other_identity_with_blocks_in_the_log_is_stale_unless_forced,
		contents_changed_since_a_clean_close_are_stale,
		same_contents_on_another_device_are_accepted_after_a_clean_close,
		device_of_another_backing_is_stale_though_both_look_the_same,
		contents_tell_which_is_which_when_the_devices_are_numbered_anew,
		device_of_another_backing_is_stale_though_it_has_changed_meanwhile,
		changed_backing_without_blocks_in_the_log_is_accepted,
		smaller_device_under_an_old_name_leaves_a_log_that_can_be_read,
		uncached_backing_is_written_and_read_straight,
		sync_of_an_uncached_backing_flushes_it_and_not_the_cache,
		errors_of_an_uncached_backing_are_passed_on,
		backing_with_blocks_in_the_log_can_not_be_used_uncached,
		detached_backing_has_everything_and_is_forgotten,
		detach_is_done_only_when_the_table_is_durable,
		backing_whose_detaching_failed_stays_in_both_copies_of_the_table,
		missing_backing_that_is_being_detached_is_neither_attached_nor_detached_again,
		backing_attached_again_does_not_see_blocks_of_its_former_life,
		id_is_not_given_away_while_the_log_may_hold_its_records,
		backing_attached_while_in_use_is_remembered_after_the_commit,
		no_more_than_127_backings_are_attached,
		ids_do_not_run_out,
	};

	return harness_run("engine_attach", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
