/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches with good checksums that no program of ours leaves behind. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* The newest superblock, in both copies. */
static void forge_supers(const struct super *super)
{
	struct super copy = *super;

	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct wb_super_disk disk;

		super_encode(&copy, &disk);
		memcpy(t.cache->visible + i * WB_SUPER_AREA, &disk, sizeof(disk));
		memcpy(t.cache->stable + i * WB_SUPER_AREA, &disk, sizeof(disk));
		copy.sequence--;
	}
}

/* A backing may have some of the batch, so what lies before its end must not get lost. */
START_TEST(log_that_ends_within_a_batch_in_progress_is_damaged)
{
	struct super super;

	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_commit(), 0);
	crash();
	super = newest_super();
	super.batch_end = 3;
	forge_supers(&super);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert_msg(said("up to record 3 at least were durable"), "%s", t.messages);
	t.options.recover_truncate = true;
	begin();
	ck_assert_uint_eq(status().batch_end, 1);
	ck_assert_int_eq(do_drain(), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		log_that_ends_within_a_batch_in_progress_is_damaged,
	};

	return harness_run("engine_hostile", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
