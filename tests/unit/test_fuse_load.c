/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/load.c: how busy a disk is, from what the kernel says of it, and the verdict. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/util.h"
#include "fuse/load.h"

#define MS 1000000ull
#define S (1000 * MS)

static const char stat_line[] =
	"    1234      567    89012     3456     7890      123   456789     1011        2    12131"
	"    14151        1        2        3        4        5        6\n";

/* The first look is at 1 s; the second one `elapsed` later. */
static const struct load_sample from = {.at = S, .has_busy = true, .busy_ms = 5000};

static struct load_sample after(uint64_t elapsed, uint32_t busy_ms)
{
	struct load_sample to = from;

	to.at += elapsed;
	to.busy_ms += busy_ms;
	return to;
}

START_TEST(io_ticks_is_the_tenth_number)
{
	uint32_t ticks = 0;

	ck_assert(load_parse(stat_line, &ticks));
	ck_assert_uint_eq(ticks, 12131);
	ck_assert(load_parse("1 2 3 4 5 6 7 8 9 4294967295", &ticks));
	ck_assert_uint_eq(ticks, UINT32_MAX);
}
END_TEST

START_TEST(what_is_no_stat_line_is_refused)
{
	uint32_t ticks = 77;

	ck_assert(!load_parse("", &ticks));
	ck_assert(!load_parse("1 2 3 4 5 6 7 8 9", &ticks));
	ck_assert(!load_parse("1 2 3 4 5 6 7 8 9 x", &ticks));
	ck_assert(!load_parse("one two", &ticks));
	ck_assert_uint_eq(ticks, 77);
}
END_TEST

START_TEST(utilisation_is_the_part_of_the_time)
{
	struct load_sample to = after(S, 0);

	ck_assert_int_eq(load_utilisation(&from, &to), 0);
	to = after(S, 250);
	ck_assert_int_eq(load_utilisation(&from, &to), 25);
	to = after(10 * S, 9999);
	ck_assert_int_eq(load_utilisation(&from, &to), 99);
	to = after(S, 1004);
	ck_assert_int_eq(load_utilisation(&from, &to), 100);
}
END_TEST

START_TEST(counter_may_wrap_around)
{
	struct load_sample a = {.at = S, .has_busy = true, .busy_ms = UINT32_MAX - 99};
	struct load_sample b = {.at = 2 * S, .has_busy = true, .busy_ms = 300};

	ck_assert_int_eq(load_utilisation(&a, &b), 40);
}
END_TEST

START_TEST(counter_that_jumped_tells_nothing)
{
	struct load_sample to = after(S, 0);

	to.busy_ms = 0; /* begun anew */
	ck_assert_int_eq(load_utilisation(&from, &to), -1);
	to = after(S, 5000);
	ck_assert_int_eq(load_utilisation(&from, &to), -1);
}
END_TEST

START_TEST(no_time_tells_nothing)
{
	struct load_sample to = from;

	ck_assert_int_eq(load_utilisation(&from, &to), -1);
	to = after(S, 1000);
	to.migration_ns = S;
	ck_assert_int_eq(load_utilisation(&from, &to), -1);
}
END_TEST

START_TEST(own_migration_does_not_count)
{
	struct load_sample to = after(S, 100);

	to.migration_ns = 100 * MS;
	ck_assert_int_eq(load_utilisation(&from, &to), 0);
	/* Somebody else is at it all the time, whether we migrate or not. */
	to = after(S, 1000);
	to.migration_ns = 100 * MS;
	ck_assert_int_eq(load_utilisation(&from, &to), 100);
	to = after(S, 550);
	to.migration_ns = 100 * MS;
	ck_assert_int_eq(load_utilisation(&from, &to), 50);
}
END_TEST

START_TEST(only_a_time_with_little_migration_tells)
{
	struct load_sample to = after(S, 500);

	to.migration_ns = 100 * MS;
	ck_assert(load_tells(&from, &to));
	to.migration_ns++;
	ck_assert(!load_tells(&from, &to));
}
END_TEST

START_TEST(without_a_device_only_own_requests_count)
{
	struct load_sample to = after(S, 900);

	to.has_busy = false;
	ck_assert_int_eq(load_utilisation(&from, &to), 0);
	to.foreground_ns = 300 * MS;
	ck_assert_int_eq(load_utilisation(&from, &to), 30);
	/* A device that counts nothing is no better. */
	to = after(S, 0);
	to.foreground_ns = 300 * MS;
	ck_assert_int_eq(load_utilisation(&from, &to), 30);
}
END_TEST

START_TEST(threshold_is_what_it_must_stay_below)
{
	ck_assert(!load_is_busy(69, 70));
	ck_assert(load_is_busy(70, 70));
	ck_assert(load_is_busy(0, 0));
	ck_assert(load_is_busy(100, 99));
	ck_assert(!load_is_busy(100, 100));
}
END_TEST

static char root[] = "/tmp/wbfs-load.XXXXXX";

static void make(const char *format, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), format, root);
	if (!text) {
		ck_assert_int_eq(mkdir(path, 0700), 0);
		return;
	}
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(partition_without_a_stat_file_has_that_of_its_disk)
{
	char path[128];
	uint32_t ticks;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(root));
	make("%s/sda", NULL);
	make("%s/sda/sda1", NULL);
	make("%s/sda/stat", stat_line);
	snprintf(path, sizeof(path), "%s/8:1", root);
	ck_assert_int_eq(symlink("sda/sda1", path), 0);
	fd = load_open(root, makedev(8, 1));
	ck_assert_int_ge(fd, 0);
	ck_assert(load_read(fd, &ticks));
	ck_assert_uint_eq(ticks, 12131);
	close(fd);
	make("%s/sda/sda1/stat", "1 1 1 1 1 1 1 1 1 42\n");
	fd = load_open(root, makedev(8, 1));
	ck_assert(load_read(fd, &ticks));
	ck_assert_uint_eq(ticks, 42);
	close(fd);
	snprintf(path, sizeof(path), "rm -r %s", root);
	ck_assert_int_eq(system(path), 0);
}
END_TEST

START_TEST(missing_device_is_an_error_and_so_is_an_empty_file)
{
	uint32_t ticks;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(load_open("/nonexistent", makedev(8, 1)), -ENOENT);
	ck_assert_int_eq(load_open(LOAD_SYS_BLOCK, makedev(0, 77)), -ENOENT);
	ck_assert(!load_read(fd, &ticks));
	ck_assert(!load_read(-1, &ticks));
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		io_ticks_is_the_tenth_number,
		what_is_no_stat_line_is_refused,
		utilisation_is_the_part_of_the_time,
		counter_may_wrap_around,
		counter_that_jumped_tells_nothing,
		no_time_tells_nothing,
		own_migration_does_not_count,
		only_a_time_with_little_migration_tells,
		without_a_device_only_own_requests_count,
		threshold_is_what_it_must_stay_below,
		partition_without_a_stat_file_has_that_of_its_disk,
		missing_device_is_an_error_and_so_is_an_empty_file,
	};
	TCase *tcase = tcase_create("all");
	Suite *suite = suite_create("fuse_load");
	SRunner *runner = srunner_create(suite);
	int failed;

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
