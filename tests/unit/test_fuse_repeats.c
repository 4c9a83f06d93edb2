/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/repeats.c: which of the messages that come again and again are told. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuse/repeats.h"

#define SECOND 1000000000ull

static struct repeats repeats;

static void setup(void)
{
	repeats = (struct repeats){0};
}

static uint64_t count(const char *text)
{
	return repeats_count(&repeats, text, SECOND);
}

START_TEST(told_at_powers_of_two)
{
	for (uint64_t i = 1; i <= 70; i++)
		ck_assert_uint_eq(count("disk: it fails"), (i & (i - 1)) == 0 ? i : 0);
}
END_TEST

START_TEST(offsets_and_counts_make_no_difference)
{
	ck_assert_uint_eq(count("/dev/sda: read 512 bytes at byte 4096: input/output error"), 1);
	ck_assert_uint_eq(count("/dev/sda: read 8192 bytes at byte 0: input/output error"), 2);
	ck_assert_uint_eq(count("/dev/sda: read 1 bytes at byte 777777: input/output error"), 0);
}
END_TEST

START_TEST(devices_and_errors_make_a_difference)
{
	ck_assert_uint_eq(count("/dev/sda1: read 512 bytes: input/output error"), 1);
	ck_assert_uint_eq(count("/dev/sda2: read 512 bytes: input/output error"), 1);
	ck_assert_uint_eq(count("/dev/sda2: read 512 bytes: no space left on device"), 1);
	ck_assert_uint_eq(count("/dev/sda2: write 512 bytes: no space left on device"), 1);
}
END_TEST

START_TEST(after_a_while_it_is_news_again)
{
	for (int i = 0; i < 3; i++)
		count("disk: it fails");
	ck_assert_uint_eq(repeats_count(&repeats, "disk: it fails", 500 * SECOND), 4);
	ck_assert_uint_eq(repeats_count(&repeats, "disk: it fails", 1000 * SECOND), 0);
	ck_assert_uint_eq(repeats_count(&repeats, "disk: it fails", 1601 * SECOND), 1);
}
END_TEST

START_TEST(many_others_make_one_forgotten_and_not_the_newest)
{
	char text[32];

	ck_assert_uint_eq(repeats_count(&repeats, "old", SECOND), 1);
	for (uint64_t i = 0; i < REPEATS_KNOWN; i++) {
		snprintf(text, sizeof(text), "other%d", (int)i);
		ck_assert_uint_eq(repeats_count(&repeats, text, (2 + i) * SECOND), 1);
	}
	ck_assert_uint_eq(repeats_count(&repeats, text, 100 * SECOND), 2);
	ck_assert_uint_eq(repeats_count(&repeats, "old", 101 * SECOND), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fuse_repeats");
	TCase *tests = tcase_create("repeats");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, told_at_powers_of_two);
	tcase_add_test(tests, offsets_and_counts_make_no_difference);
	tcase_add_test(tests, devices_and_errors_make_a_difference);
	tcase_add_test(tests, after_a_while_it_is_news_again);
	tcase_add_test(tests, many_others_make_one_forgotten_and_not_the_newest);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
