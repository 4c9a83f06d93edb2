/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes, exit statuses and messages as both programs use them. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/exit_status.h"
#include "common/message.h"
#include "common/size.h"

START_TEST(sizes_take_suffixes_of_powers_of_1024)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"1K", 1024},
		{"64m", 64 << 20},
		{"1G", 1 << 30},
		{"3T", 3ull << 40},
		{"9223372036854775807", INT64_MAX},
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(parse_size(good[i].text, &bytes), 0);
		ck_assert_uint_eq(bytes, good[i].bytes);
	}
}
END_TEST

START_TEST(junk_is_no_size)
{
	static const char *const bad[] = {
		"",
		"K",
		"-1",
		"+1",
		"1.5G",
		"1KB",
		"1 K",
		" 1K",
		"0x10",
		"1P",
		"1k ",
		"8388608T",
		"9223372036854775808",
		"M1",
		"1GG",
		"1e9",
		"\xff",
		"18446744073709551617",
	};
	uint64_t bytes = 42;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse_size(bad[i], &bytes) == -EINVAL, "taken: '%s'", bad[i]);
	ck_assert_uint_eq(bytes, 42);
}
END_TEST

START_TEST(sizes_are_written_for_people)
{
	char text[SIZE_TEXT_LEN];

	ck_assert_str_eq(format_size(0, text), "0 bytes");
	ck_assert_str_eq(format_size(1023, text), "1023 bytes");
	ck_assert_str_eq(format_size(65536, text), "64 KiB");
	ck_assert_str_eq(format_size(1536 << 10, text), "1.5 MiB");
	ck_assert_str_eq(format_size((1 << 20) - 1, text), "1023.9 KiB");
	ck_assert_str_eq(format_size(UINT64_MAX, text), "16777215.9 TiB");
}
END_TEST

START_TEST(exit_statuses_follow_from_errors)
{
	ck_assert_int_eq(exit_status_of(0), 0);
	ck_assert_int_eq(exit_status_of(-EINVAL), 1);
	ck_assert_int_eq(exit_status_of(-ENOENT), 1);
	ck_assert_int_eq(exit_status_of(-EACCES), 2);
	ck_assert_int_eq(exit_status_of(-ENOMEM), 3);
	ck_assert_int_eq(exit_status_of(-EMEDIUMTYPE), 4);
	ck_assert_int_eq(exit_status_of(-EBUSY), 5);
	ck_assert_int_eq(exit_status_of(-EIO), 6);
	ck_assert_int_eq(exit_status_of(-EUCLEAN), 7);
	ck_assert_int_eq(exit_status_of(-ESTALE), 7);
	ck_assert_int_eq(exit_status_of(-EINTR), 8);
	ck_assert_int_eq(exit_status_for_mount(EXIT_STATUS_DONE), 0);
	ck_assert_int_eq(exit_status_for_mount(EXIT_STATUS_USAGE), 1);
	ck_assert_int_eq(exit_status_for_mount(EXIT_STATUS_BUSY), 32);
}
END_TEST

static char line[MESSAGE_LEN];

static void keep_line(enum message_level level, const char *text)
{
	(void)level;
	strcpy(line, text);
}

START_TEST(message_is_one_line_whatever_is_in_it)
{
	char long_path[2 * MESSAGE_LEN];

	message_set_sink(keep_line);
	message(MESSAGE_ERROR, "%s: open: %s", "/tmp/a\nb\x1b[1m", reason(-ENOENT));
	ck_assert_str_eq(line, "/tmp/a?b?[1m: open: no such file or directory");
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	message(MESSAGE_ERROR, "%s", long_path);
	ck_assert_uint_lt(strlen(line), MESSAGE_LEN);
	hint("wbfs status");
	ck_assert_str_eq(line, "hint: wbfs status");
	message_set_sink(NULL);
}
END_TEST

START_TEST(message_below_the_level_is_left_out)
{
	message_set_sink(keep_line);
	line[0] = '\0';
	message(MESSAGE_DEBUG, "detail");
	ck_assert_str_eq(line, "");
	message_set_level(MESSAGE_DEBUG);
	message(MESSAGE_DEBUG, "detail");
	ck_assert_str_eq(line, "detail");
}
END_TEST

START_TEST(unknown_error_still_has_words)
{
	ck_assert_str_eq(reason(-4000), "error 4000");
	ck_assert_str_eq(reason(ENOSPC), reason(-ENOSPC));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		sizes_take_suffixes_of_powers_of_1024, junk_is_no_size,
		sizes_are_written_for_people,	       exit_statuses_follow_from_errors,
		message_is_one_line_whatever_is_in_it, message_below_the_level_is_left_out,
		unknown_error_still_has_words,
	};
	Suite *suite = suite_create("common");
	TCase *tcase = tcase_create("common");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed != 0;
}
