/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mount options, from lists and from the command line, and backings as people name them. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "fuse/args.h"
#include "fuse/options.h"

static char said[MESSAGE_LEN * 2]; /* all messages of a test */

static void remember(enum message_level level, const char *line)
{
	(void)level;
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static struct mount_options options;

static void setup(void)
{
	said[0] = '\0';
	message_set_sink(remember);
	options_init(&options);
}

static void teardown(void)
{
	options_free(&options);
}

static int parse_list(const char *list)
{
	return options_parse_list(&options, list);
}

START_TEST(a_list_sets_what_it_names)
{
	ck_assert_int_eq(parse_list("ro,buffers=8,cache=/x,io=threads,on_full=error"), 0);
	ck_assert(options.read_only);
	ck_assert_uint_eq(options.buffers, 8);
	ck_assert_str_eq(options.cache, "/x");
	ck_assert_int_eq(options.io, POSIX_IO_THREADS);
	ck_assert(options.knobs[WB_KNOB_ON_FULL].set);
	ck_assert_uint_eq(options.knobs[WB_KNOB_ON_FULL].value, 1);
}
END_TEST

START_TEST(what_any_mount_may_have_is_ignored)
{
	ck_assert_int_eq(parse_list("rw,defaults,nofail,_netdev,noauto,user,x-systemd.automount,"
				    "x-gvfs-hide,relatime,comment=hi,,"),
			 0);
	ck_assert_str_eq(said, "");
	ck_assert_uint_eq(options.pass.nr, 0);
}
END_TEST

START_TEST(what_the_kernel_does_is_passed_on)
{
	ck_assert_int_eq(parse_list("noexec,sync"), 0);
	ck_assert_uint_eq(options.pass.nr, 2);
	ck_assert(name_list_has(&options.pass, "sync"));
}
END_TEST

START_TEST(an_unknown_option_is_refused_with_the_nearest)
{
	ck_assert_int_lt(parse_list("bufers=8"), 0);
	ck_assert_ptr_nonnull(strstr(said, "bufers: unknown option"));
	ck_assert_ptr_nonnull(strstr(said, "did you mean buffers?"));
}
END_TEST

START_TEST(a_sloppy_mount_ignores_unknown_options)
{
	options.sloppy = true;
	ck_assert_int_eq(parse_list("bufers=8,ro"), 0);
	ck_assert(options.read_only);
}
END_TEST

START_TEST(a_value_is_wanted_where_it_belongs_only)
{
	ck_assert_int_lt(parse_list("buffers"), 0);
	ck_assert_int_lt(parse_list("ro=1"), 0);
	ck_assert_int_lt(parse_list("buffers=1"), 0);
	ck_assert_int_lt(parse_list("recover=all"), 0);
	ck_assert_int_lt(parse_list("migrate_threshold=1"), 0);
}
END_TEST

START_TEST(quotes_and_backslashes_keep_commas)
{
	ck_assert_int_eq(parse_list("cache=/a\\,b,device=\"d=/x,cache=none\",ro"), 0);
	ck_assert_str_eq(options.cache, "/a,b");
	ck_assert_uint_eq(options.nr_devices, 1);
	ck_assert_str_eq(options.devices[0].path, "/x");
	ck_assert(options.devices[0].uncached);
	ck_assert(options.read_only);
}
END_TEST

START_TEST(a_backing_has_a_name_a_path_and_options)
{
	struct device_option device;

	ck_assert_int_eq(device_option_parse("t", "a=/x=y\\,z,migrate_threshold=9", &device), 0);
	ck_assert_str_eq(device.name, "a");
	ck_assert_str_eq(device.path, "/x=y,z");
	ck_assert(!device.uncached);
	ck_assert(device.migrate_threshold.set);
	ck_assert_uint_eq(device.migrate_threshold.value, 9);
	device_option_free(&device);
}
END_TEST

START_TEST(a_backing_can_be_a_simulated_disk)
{
	struct device_option device;

	ck_assert_int_eq(device_option_parse("t", "a=/x,sim=hdd,cache=none", &device), 0);
	ck_assert(device.sim_hdd);
	ck_assert(device.uncached);
	device_option_free(&device);
	ck_assert_int_eq(device_option_parse("t", "a=/x", &device), 0);
	ck_assert(!device.sim_hdd);
	device_option_free(&device);
}
END_TEST

START_TEST(an_unknown_option_of_a_backing_is_refused_with_the_nearest)
{
	struct device_option device;

	ck_assert_int_lt(device_option_parse("t", "a=/x,sim=hhd", &device), 0);
	ck_assert_ptr_nonnull(strstr(said, "a: sim=hhd: unknown option"));
	ck_assert_ptr_nonnull(strstr(said, "did you mean sim=hdd?"));
	said[0] = '\0';
	ck_assert_int_lt(device_option_parse("t", "a=/x,nonsense=4", &device), 0);
	ck_assert_ptr_nonnull(strstr(said, "known are cache=none, sim=hdd"));
}
END_TEST

START_TEST(unfit_backings_are_refused)
{
	static const char *const bad[] = {
		"",
		"a",
		"=/x",
		"a=",
		"a/b=/x",
		".=/x",
		".control=/x",
		"a=/x,cache=some",
		"a=/x,migrate_threshold=101",
		"a=/x,foo",
		"a=/x,sim",
		"a=/x,sim=",
		"a=/x,sim=hdd7",
	};
	struct device_option device;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		said[0] = '\0';
		ck_assert_msg(device_option_parse("t", bad[i], &device) < 0, "took %s", bad[i]);
		ck_assert_msg(*said, "nothing said about %s", bad[i]);
	}
}
END_TEST

START_TEST(a_name_can_be_given_once)
{
	ck_assert_int_eq(parse_list("device=a=/x"), 0);
	ck_assert_int_lt(parse_list("device=a=/y"), 0);
	ck_assert_ptr_nonnull(strstr(said, "twice"));
	ck_assert_uint_eq(options.nr_devices, 1);
}
END_TEST

static int parse_words(int argc, const char **argv)
{
	const struct args args = {
		.command = "mount",
		.options = option_rows,
		.find = options_find_knob,
		.ctx = &options,
		.min_words = 1,
		.max_words = 1,
	};

	return args_parse(&args, argc, (char **)argv);
}

START_TEST(options_stand_anywhere_and_words_remain)
{
	const char *argv[] = {"mount",	     "--cache=/c",	  "/mnt", "-fd", "a=/x",
			      "-obuffers=4", "--update_interval", "0",	  NULL};

	ck_assert_int_eq(parse_words(8, argv), 1);
	ck_assert_str_eq(argv[0], "/mnt");
	ck_assert_ptr_null(argv[1]);
	ck_assert_str_eq(options.cache, "/c");
	ck_assert(options.foreground);
	ck_assert_str_eq(options.devices[0].name, "a");
	ck_assert_uint_eq(options.buffers, 4);
	ck_assert(options.knobs[WB_KNOB_UPDATE_INTERVAL].set);
}
END_TEST

START_TEST(bad_words_are_refused)
{
	const char *no_value[] = {"mount", "/mnt", "--cache", NULL};
	const char *unknown[] = {"mount", "/mnt", "--cach", "x", NULL};
	const char *letter[] = {"mount", "/mnt", "-z", NULL};
	const char *flag[] = {"mount", "/mnt", "--ro=1", NULL};
	const char *few[] = {"mount", "-f", NULL};
	const char *many[] = {"mount", "a", "b", NULL};

	ck_assert_int_lt(parse_words(3, no_value), 0);
	ck_assert_int_lt(parse_words(4, unknown), 0);
	ck_assert_int_lt(parse_words(3, letter), 0);
	ck_assert_int_lt(parse_words(3, flag), 0);
	ck_assert_int_lt(parse_words(2, few), 0);
	ck_assert_int_lt(parse_words(3, many), 0);
}
END_TEST

START_TEST(a_double_dash_ends_the_options)
{
	const char *argv[] = {"mount", "--", "-strange", NULL};

	ck_assert_int_eq(parse_words(3, argv), 1);
	ck_assert_str_eq(argv[0], "-strange");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *lists = tcase_create("options");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, lists);
	tcase_add_checked_fixture(lists, setup, teardown);
	tcase_add_test(lists, a_list_sets_what_it_names);
	tcase_add_test(lists, what_any_mount_may_have_is_ignored);
	tcase_add_test(lists, what_the_kernel_does_is_passed_on);
	tcase_add_test(lists, an_unknown_option_is_refused_with_the_nearest);
	tcase_add_test(lists, a_sloppy_mount_ignores_unknown_options);
	tcase_add_test(lists, a_value_is_wanted_where_it_belongs_only);
	tcase_add_test(lists, quotes_and_backslashes_keep_commas);
	tcase_add_test(lists, a_backing_has_a_name_a_path_and_options);
	tcase_add_test(lists, a_backing_can_be_a_simulated_disk);
	tcase_add_test(lists, an_unknown_option_of_a_backing_is_refused_with_the_nearest);
	tcase_add_test(lists, unfit_backings_are_refused);
	tcase_add_test(lists, a_name_can_be_given_once);
	tcase_add_test(lists, options_stand_anywhere_and_words_remain);
	tcase_add_test(lists, bad_words_are_refused);
	tcase_add_test(lists, a_double_dash_ends_the_options);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
