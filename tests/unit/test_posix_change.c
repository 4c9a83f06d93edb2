/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of engine/posix/ that grow, or are exchanged below a bdev. */
#include "config.h"

#include <errno.h>

#include "tests/unit/posix_files.h"

static char other_path[PATH_MAX];

static void fill(const char *name, char letter, uint64_t size)
{
	uint8_t *buf = new_buffer(BLOCK);
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	memset(buf, letter, BLOCK);
	ck_assert_int_eq(pwrite(fd, buf, BLOCK, 0), BLOCK);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
	free(buf);
}

static char first_letter(struct bdev *dev)
{
	uint8_t *buf = new_buffer(BLOCK);
	char letter;

	ck_assert_int_eq(bdev_read(dev, 0, buf, BLOCK), 0);
	letter = (char)buf[0];
	free(buf);
	return letter;
}

static struct bdev *open_other(uint64_t size)
{
	struct bdev *dev;

	snprintf(other_path, sizeof(other_path), "%s/other", dir);
	fill(other_path, 'b', size);
	ck_assert_int_eq(device_open(io, other_path, 0, &dev), 0);
	return dev;
}

static void check_exchange(int i, unsigned int flags)
{
	struct bdev *dev, *other, *again;

	fill(path, 'a', FILE_SIZE);
	dev = open_file(i, flags);
	other = open_other(FILE_SIZE);
	ck_assert_int_eq(device_exchange(dev, other), 0);
	ck_assert_int_eq(first_letter(dev), 'b');
	ck_assert_int_eq(first_letter(other), 'a');
	ck_assert_str_eq(dev->path, other_path);
	ck_assert_str_eq(other->path, path);
	ck_assert(device_is_at(dev, other_path) && !device_is_at(dev, path));
	/* The locks went along. */
	bdev_close(other);
	ck_assert_int_eq(device_open(io, path, 0, &again), 0);
	bdev_close(again);
	ck_assert_int_eq(device_open(io, other_path, 0, &again), -EBUSY);
	ck_assert_int_eq(first_letter(dev), 'b');
	bdev_close(dev);
	unlink(other_path);
}

START_TEST(exchanged_devices_change_places)
{
	check_exchange(_i, 0);
}
END_TEST

START_TEST(device_below_a_simulated_disk_is_exchanged)
{
	check_exchange(_i, DEVICE_SIM_HDD);
}
END_TEST

START_TEST(device_of_another_size_is_not_exchanged)
{
	struct bdev *dev, *other;

	fill(path, 'a', FILE_SIZE);
	dev = open_file(_i, 0);
	other = open_other(FILE_SIZE + BLOCK);
	ck_assert_int_eq(device_exchange(dev, other), -EINVAL);
	ck_assert_ptr_nonnull(strstr(last_message, "size"));
	ck_assert_int_eq(first_letter(dev), 'a');
	ck_assert_str_eq(dev->path, path);
	bdev_close(other);
	bdev_close(dev);
	unlink(other_path);
}
END_TEST

static void check_growth(int i, unsigned int flags)
{
	struct bdev *dev = open_file(i, flags);
	uint8_t *buf = new_buffer(BLOCK);
	uint64_t size;

	ck_assert_int_eq(truncate(path, (off_t)(FILE_SIZE + BLOCK)), 0);
	ck_assert_uint_eq(dev->size, FILE_SIZE);
	ck_assert_int_eq(device_read_size(dev, &size), 0);
	ck_assert_uint_eq(size, FILE_SIZE + BLOCK);
	ck_assert_uint_eq(dev->size, FILE_SIZE);
	device_grow(dev, size);
	ck_assert_uint_eq(dev->size, size);
	ck_assert_int_eq(bdev_write(dev, FILE_SIZE, buf, BLOCK), 0);
	ck_assert_int_eq(truncate(path, (off_t)(FILE_SIZE + 100)), 0);
	ck_assert_int_eq(device_read_size(dev, &size), -EINVAL);
	ck_assert_ptr_nonnull(strstr(last_message, "multiple of 512"));
	free(buf);
	bdev_close(dev);
}

START_TEST(file_grows)
{
	check_growth(_i, 0);
}
END_TEST

START_TEST(simulated_disk_grows)
{
	check_growth(_i, DEVICE_SIM_HDD);
}
END_TEST

START_TEST(device_that_can_not_be_read_does_not_work)
{
	struct bdev *dev = open_file(_i, 0);

	ck_assert(device_works(dev));
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert(!device_works(dev));
	bdev_close(dev);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		exchanged_devices_change_places,
		device_below_a_simulated_disk_is_exchanged,
		device_of_another_size_is_not_exchanged,
		file_grows,
		simulated_disk_grows,
		device_that_can_not_be_read_does_not_work,
	};

	return run_with_all_kinds("posix_change", tests, ARRAY_SIZE(tests));
}
