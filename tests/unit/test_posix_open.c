/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files engine/posix/ opens, and which it refuses and why. */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/posix_files.h"

static void expect_refused(int i, const char *name, unsigned int flags, int err, const char *why)
{
	struct bdev *dev = NULL;

	if (!io)
		start(i);
	nr_messages = 0;
	ck_assert_int_eq(device_open(io, name, flags, &dev), err);
	ck_assert_int_eq(nr_messages, 1);
	ck_assert_msg(strstr(last_message, why), "'%s' is not in: %s", why, last_message);
	ck_assert_ptr_nonnull(strstr(last_message, name));
}

START_TEST(second_open_is_refused_until_the_first_is_closed)
{
	struct bdev *dev = open_file(_i, 0), *again;

	expect_refused(_i, path, 0, -EBUSY, "in use");
	expect_refused(_i, path, DEVICE_READ_ONLY, -EBUSY, "in use");
	bdev_close(dev);
	ck_assert_int_eq(device_open(io, path, 0, &again), 0);
	bdev_close(again);
}
END_TEST

START_TEST(readers_share_a_file_and_keep_writers_out)
{
	struct bdev *dev = open_file(_i, DEVICE_READ_ONLY), *second;

	ck_assert_int_eq(device_open(io, path, DEVICE_READ_ONLY, &second), 0);
	expect_refused(_i, path, 0, -EBUSY, "in use");
	bdev_close(dev);
	bdev_close(second);
}
END_TEST

START_TEST(unfit_objects_are_refused_with_one_message)
{
	char fifo[128];

	expect_refused(_i, dir, 0, -EISDIR, "is a directory");
	expect_refused(_i, "/dev/null", 0, -EINVAL, "neither a file nor a block device");
	make_file(0);
	expect_refused(_i, path, 0, -EINVAL, "is empty");
	make_file(FILE_SIZE + 100);
	expect_refused(_i, path, 0, -EINVAL, "multiple of 512");
	unlink(path);
	expect_refused(_i, path, 0, -ENOENT, "no such file");
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_refused(_i, fifo, 0, -EINVAL, "neither a file nor a block device");
	unlink(fifo);
}
END_TEST

START_TEST(path_is_absolute_and_the_identity_is_that_of_the_inode)
{
	struct bdev *dev;
	char name[128], identity[WB_IDENTITY_LEN], other[WB_IDENTITY_LEN];

	snprintf(name, sizeof(name), "%s/link", dir);
	ck_assert_int_eq(symlink("file.img", name), 0);
	start(_i);
	ck_assert_int_eq(device_open(io, name, 0, &dev), 0);
	unlink(name);
	ck_assert_str_eq(dev->path, path);
	ck_assert_uint_eq(device_number(dev), 0);
	ck_assert(device_identity(dev, identity));
	bdev_close(dev);
	snprintf(name, sizeof(name), "%s/old", dir);
	ck_assert_int_eq(rename(path, name), 0);
	make_file(FILE_SIZE);
	ck_assert_int_eq(device_open(io, path, 0, &dev), 0);
	device_identity(dev, other);
	ck_assert_str_ne(identity, other);
	bdev_close(dev);
	unlink(name);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		second_open_is_refused_until_the_first_is_closed,
		readers_share_a_file_and_keep_writers_out,
		unfit_objects_are_refused_with_one_message,
		path_is_absolute_and_the_identity_is_that_of_the_inode,
	};

	return run_with_all_kinds("posix_open", tests, ARRAY_SIZE(tests));
}
