/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What engine/posix/transfer.c makes of results that real devices rarely give. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "engine/posix/io.h"

#define MIB (1024ull * 1024)

static struct posix_device device;
static char data[3][8192];
static struct iovec iov[3];
static struct bdev_io io;
static struct step step;

static void setup(void)
{
	device = (struct posix_device){.fd = 42, .bdev = {.logical_block_size = 512}};
	for (int i = 0; i < 3; i++)
		iov[i] = (struct iovec){data[i], sizeof(data[i])};
	io = (struct bdev_io){
		.op = BDEV_WRITE, .off = MIB, .len = sizeof(data), .iov = iov, .nr_iov = 3};
	transfer_begin(&device.bdev, &io);
	transfer_step(&io, &step);
}

/* The step that follows a result which doesn't end the I/O. */
static void go_on(int64_t result)
{
	ck_assert(!transfer_result(&io, result));
	transfer_step(&io, &step);
}

static void begin_zero(void)
{
	io = (struct bdev_io){.op = BDEV_ZERO, .off = 512, .len = 2 * MIB + 512};
	transfer_begin(&device.bdev, &io);
	transfer_step(&io, &step);
}

START_TEST(whole_transfer_is_one_step)
{
	ck_assert_int_eq(step.kind, STEP_WRITEV);
	ck_assert_int_eq(step.fd, 42);
	ck_assert_int_eq(step.nr_iov, 3);
	ck_assert_uint_eq(step.off, MIB);
	ck_assert(transfer_result(&io, sizeof(data)));
	ck_assert_int_eq(io.err, 0);
}
END_TEST

START_TEST(short_transfer_goes_on_at_the_rest_of_the_buffer)
{
	go_on(8192 + 512);
	ck_assert_int_eq(step.kind, STEP_WRITE);
	ck_assert_ptr_eq(step.buf, data[1] + 512);
	ck_assert_uint_eq(step.len, 8192 - 512);
	ck_assert_uint_eq(step.off, MIB + 8192 + 512);
	go_on(8192 - 512);
	ck_assert_ptr_eq(step.buf, data[2]);
	ck_assert_uint_eq(step.off, MIB + 2 * 8192);
	ck_assert(transfer_result(&io, 8192));
	ck_assert_int_eq(io.err, 0);
}
END_TEST

START_TEST(short_transfer_at_the_end_of_a_buffer_goes_on_with_the_others)
{
	go_on(8192);
	ck_assert_int_eq(step.kind, STEP_WRITEV);
	ck_assert_ptr_eq(step.iov, &iov[1]);
	ck_assert_int_eq(step.nr_iov, 2);
}
END_TEST

START_TEST(part_of_a_block_is_transferred_again)
{
	go_on(512 + 100);
	ck_assert_ptr_eq(step.buf, data[0] + 512);
	ck_assert_uint_eq(step.off, MIB + 512);
}
END_TEST

START_TEST(transfer_of_nothing_is_an_io_error)
{
	ck_assert(transfer_result(&io, 0));
	ck_assert_int_eq(io.err, -EIO);
}
END_TEST

START_TEST(interrupted_step_is_repeated)
{
	static const int passing[] = {-EINTR, -EAGAIN, -ECANCELED};

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		go_on(passing[i]);
		ck_assert_ptr_eq(step.iov, &iov[0]);
		ck_assert_uint_eq(step.off, MIB);
	}
}
END_TEST

START_TEST(error_ends_the_io)
{
	ck_assert(transfer_result(&io, -ENOSPC));
	ck_assert_int_eq(io.err, -ENOSPC);
}
END_TEST

START_TEST(failed_flush_is_reported)
{
	io = (struct bdev_io){.op = BDEV_FLUSH};
	transfer_begin(&device.bdev, &io);
	transfer_step(&io, &step);
	ck_assert_int_eq(step.kind, STEP_FLUSH);
	ck_assert(transfer_result(&io, -EIO));
	ck_assert_int_eq(io.err, -EIO);
}
END_TEST

START_TEST(refused_zeroing_falls_back_to_writing_zeros)
{
	begin_zero();
	ck_assert_int_eq(step.mode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	go_on(-EOPNOTSUPP);
	ck_assert_int_eq(step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
	ck_assert_uint_eq(step.len, 2 * MIB + 512);
	go_on(-EOPNOTSUPP);
	ck_assert_int_eq(step.kind, STEP_WRITE);
	ck_assert_uint_eq(step.off, 512);
	go_on((int64_t)step.len);
	ck_assert_uint_eq(step.off, 512 + MIB);
	go_on((int64_t)step.len);
	ck_assert_uint_eq(step.len, 512);
	ck_assert(transfer_result(&io, 512));
	ck_assert_int_eq(io.err, 0);
}
END_TEST

START_TEST(later_zeroing_begins_with_what_worked)
{
	begin_zero();
	go_on(-EOPNOTSUPP);
	ck_assert(transfer_result(&io, 0));
	begin_zero();
	ck_assert_int_eq(step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}
END_TEST

START_TEST(zeroing_refused_twice_at_a_time_skips_no_method)
{
	struct bdev_io first;

	begin_zero();
	first = io;
	begin_zero();
	ck_assert(!transfer_result(&first, -EOPNOTSUPP));
	go_on(-EOPNOTSUPP);
	ck_assert_int_eq(step.mode, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}
END_TEST

START_TEST(zeroing_that_failed_is_not_tried_another_way)
{
	begin_zero();
	ck_assert(transfer_result(&io, -ENOSPC));
	ck_assert_int_eq(io.err, -ENOSPC);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		whole_transfer_is_one_step,
		short_transfer_goes_on_at_the_rest_of_the_buffer,
		short_transfer_at_the_end_of_a_buffer_goes_on_with_the_others,
		part_of_a_block_is_transferred_again,
		transfer_of_nothing_is_an_io_error,
		interrupted_step_is_repeated,
		error_ends_the_io,
		failed_flush_is_reported,
		refused_zeroing_falls_back_to_writing_zeros,
		later_zeroing_begins_with_what_worked,
		zeroing_refused_twice_at_a_time_skips_no_method,
		zeroing_that_failed_is_not_tried_another_way,
	};
	Suite *suite = suite_create("transfer");
	TCase *tcase = tcase_create("transfer");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed != 0;
}
