/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/newcache.c: limits of geometry, formatting, and probing. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define KIB 1024ull
#define MIB (KIB * KIB)

static int plan(uint64_t size, uint32_t segment_size, struct wb_format_result *result)
{
	const struct wb_format_options options = {.segment_size = segment_size};

	return wb_format_plan(size, &options, result);
}

START_TEST(smallest_cache_has_four_segments)
{
	struct wb_format_result r;

	ck_assert_int_eq(plan(5 * MIB, 0, &r), 0);
	ck_assert_uint_eq(r.segment_size, MIB);
	ck_assert_uint_eq(r.nr_segments, 4);
	ck_assert_int_eq(plan(MIB + 256 * KIB, 0, &r), 0);
	ck_assert_uint_eq(r.segment_size, 64 * KIB);
	ck_assert_uint_eq(r.nr_segments, 4);
	ck_assert_int_eq(plan(MIB + 256 * KIB - 1, 0, &r), -ENOSPC);
	ck_assert_int_eq(plan(MIB - 1, 0, &r), -ENOSPC);
	ck_assert_int_eq(plan(0, 0, &r), -ENOSPC);
	ck_assert_int_eq(plan(5 * MIB - 1, MIB, &r), -ENOSPC);
}
END_TEST

START_TEST(default_segments_are_the_largest_of_which_there_are_four)
{
	struct wb_format_result r;

	ck_assert_int_eq(plan(5 * MIB - 1, 0, &r), 0);
	ck_assert_uint_eq(r.segment_size, 512 * KIB);
	ck_assert_uint_eq(r.nr_segments, 7);
	ck_assert_int_eq(plan(1024 * MIB, 0, &r), 0);
	ck_assert_uint_eq(r.segment_size, MIB);
	ck_assert_uint_eq(r.nr_segments, 1023);
}
END_TEST

START_TEST(segment_size_is_a_power_of_two_within_limits)
{
	const uint32_t bad[] = {1, 4096, 32 * KIB, 65 * KIB, 96 * KIB, 2 * MIB, UINT32_MAX};
	struct wb_format_result r;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(plan(1024 * MIB, bad[i], &r), -EINVAL);
	for (uint32_t size = 64 * KIB; size <= MIB; size *= 2) {
		ck_assert_int_eq(plan(1024 * MIB, size, &r), 0);
		ck_assert_uint_eq(r.segment_size, size);
		ck_assert_uint_eq(r.nr_segments, 1023 * MIB / size);
	}
}
END_TEST

START_TEST(gigantic_device_is_used_as_far_as_positions_go)
{
	struct wb_format_result r;

	ck_assert_int_eq(plan(1ull << 50, 0, &r), 0);
	ck_assert_uint_le(r.nr_segments * 256, UINT32_MAX - 1);
	ck_assert_uint_gt((r.nr_segments + 1) * 256, UINT32_MAX - 1);
}
END_TEST

START_TEST(label_has_at_most_63_bytes)
{
	char label[WB_LABEL_LEN + 1] = {0};
	struct wb_format_options options = {.label = label};
	struct wb_format_result r;

	memset(label, 'l', WB_LABEL_LEN - 1);
	ck_assert_int_eq(wb_format_plan(5 * MIB, &options, &r), 0);
	label[WB_LABEL_LEN - 1] = 'l';
	ck_assert_int_eq(wb_format_plan(5 * MIB, &options, &r), -EINVAL);
}
END_TEST

START_TEST(format_writes_two_superblocks_and_nothing_else)
{
	struct simdev *dev = simdev_new(&t.sim, "new", 5 * MIB);
	const struct wb_format_options options = {.uuid = {4, 5}, .label = "fresh"};
	struct wb_format_result r;
	uint64_t changed = 0;

	put(dev, 0, dev->bdev.size, 'x');
	ck_assert_int_eq(wb_format(&dev->bdev, &options, &r), 0);
	ck_assert_uint_eq(r.nr_segments, 4);
	ck_assert_uint_eq(dev->nr_ios[BDEV_WRITE], 2);
	ck_assert_uint_eq(dev->nr_writes, 0); /* flushed */
	for (uint64_t i = 0; i < dev->bdev.size; i++)
		changed += dev->visible[i] != 'x' &&
			   (i % WB_SUPER_AREA >= BLOCK || i >= WB_SLOTS_OFF);
	ck_assert_uint_eq(changed, 0);
}
END_TEST

START_TEST(format_reports_the_error_of_the_device)
{
	struct simdev *dev = simdev_new(&t.sim, "new", 5 * MIB);
	const struct wb_format_options options = {.label = "fresh"};
	struct wb_format_result r;

	simdev_fail(dev, BDEV_WRITE, -EIO, 1, 1);
	ck_assert_int_eq(wb_format(&dev->bdev, &options, &r), -EIO);
	simdev_fail(dev, BDEV_FLUSH, -EIO, 0, 1);
	ck_assert_int_eq(wb_format(&dev->bdev, &options, &r), -EIO);
	ck_assert_int_eq(wb_format(&t.dev[0]->bdev, &options, &r), -ENOSPC);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 0);
}
END_TEST

START_TEST(formatted_device_is_an_empty_cache)
{
	struct simdev *dev = simdev_new(&t.sim, "new", 2 * MIB);
	const struct wb_format_options options = {.uuid = {4, 5}, .label = "fresh"};
	struct wb_format_result r;

	put(dev, 0, dev->bdev.size, 'x');
	ck_assert_int_eq(wb_format(&dev->bdev, &options, &r), 0);
	t.cache = dev;
	begin();
	ck_assert_str_eq(status().label, "fresh");
	ck_assert_uint_eq(status().nr_segments, r.nr_segments);
	write_and_sync(0, 1, 'a');
	crash();
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(probe_tells_whose_cache_it_is_and_if_it_holds_anything)
{
	struct wb_probe p;

	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), 0);
	ck_assert(p.clean && !p.has_dirty);
	ck_assert_str_eq(p.label, "unit");
	ck_assert_uint_eq(p.uuid[2], 3);
	begin();
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), 0);
	ck_assert(!p.clean && p.has_dirty);
	write_and_sync(0, 1, 'a');
	end();
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), 0);
	ck_assert(p.clean && p.has_dirty);
	begin();
	ck_assert_int_eq(do_drain(), 0);
	end();
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), 0);
	ck_assert(p.clean && !p.has_dirty);
}
END_TEST

START_TEST(probe_refuses_what_is_no_cache_or_damaged_or_unreadable)
{
	struct wb_probe p;

	ck_assert_int_eq(wb_probe(&t.dev[0]->bdev, &p), -EMEDIUMTYPE);
	damage(t.cache, 99);
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), 0);
	damage(t.cache, WB_SUPER_AREA + 99);
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), -EUCLEAN);
	put(t.cache, 0, WB_SLOTS_OFF, 0);
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), -EMEDIUMTYPE);
	simdev_fail(t.cache, BDEV_READ, -EIO, 0, 9);
	ck_assert_int_eq(wb_probe(&t.cache->bdev, &p), -EIO);
}
END_TEST

START_TEST(ram_for_a_cache_grows_with_its_parts)
{
	uint64_t base = wb_ram_needed(100, 256, 4);

	ck_assert_uint_eq(wb_ram_needed(100, 256, 8) - base, 4 * MIB);
	ck_assert_uint_ge(wb_ram_needed(200, 256, 4) - base, 100 * 256 * 18);
	ck_assert_uint_eq(wb_ram_needed(100, 256, 0), wb_ram_needed(100, 256, 64));
	ck_assert_uint_eq(wb_ram_needed(4, 256, 64), wb_ram_needed(4, 256, 4));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		smallest_cache_has_four_segments,
		default_segments_are_the_largest_of_which_there_are_four,
		segment_size_is_a_power_of_two_within_limits,
		gigantic_device_is_used_as_far_as_positions_go,
		label_has_at_most_63_bytes,
		format_writes_two_superblocks_and_nothing_else,
		format_reports_the_error_of_the_device,
		formatted_device_is_an_empty_cache,
		probe_tells_whose_cache_it_is_and_if_it_holds_anything,
		probe_refuses_what_is_no_cache_or_damaged_or_unreadable,
		ram_for_a_cache_grows_with_its_parts,
	};

	return harness_run("engine_newcache", tests, ARRAY_SIZE(tests), harness_setup,
			   harness_teardown);
}
