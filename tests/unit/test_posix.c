/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads, writes, flushes and zeroing by engine/posix/, alone and many at a time. */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/posix_files.h"

/* One I/O for each block, 1031 (a prime) blocks further each time. */
static void init_scattered(struct bdev_io *ios, enum bdev_op op, uint8_t *data)
{
	for (unsigned int i = 0; i < NR_BLOCKS; i++) {
		uint64_t off = (uint64_t)(i * 1031 % NR_BLOCKS) * BLOCK;

		bdev_io_init(&ios[i], op, off, data + off, BLOCK);
		ios[i].done = count_down;
	}
	nr_left = NR_BLOCKS;
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i / BLOCK * 7 + i);
}

START_TEST(many_writes_in_flight_out_of_order_read_back)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *data = new_buffer(FILE_SIZE), *copy = new_buffer(FILE_SIZE);
	struct bdev_io *ios = calloc(NR_BLOCKS, sizeof(*ios));

	fill(data, FILE_SIZE);
	init_scattered(ios, BDEV_WRITE, data);
	for (unsigned int i = 0; i < NR_BLOCKS; i++)
		bdev_submit(dev, &ios[i]);
	wait_for_all();
	ck_assert_int_eq(bdev_flush(dev), 0);
	ck_assert_int_eq(bdev_read(dev, 0, copy, FILE_SIZE), 0);
	ck_assert_mem_eq(data, copy, FILE_SIZE);
	bdev_close(dev);
	free(ios);
	free(copy);
	free(data);
}
END_TEST

START_TEST(chain_longer_than_the_ring_completes)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *data = new_buffer(FILE_SIZE), *copy = new_buffer(FILE_SIZE);
	struct bdev_io *ios = calloc(NR_BLOCKS, sizeof(*ios));

	fill(data, FILE_SIZE);
	ck_assert_int_eq(bdev_write(dev, 0, data, FILE_SIZE), 0);
	init_scattered(ios, BDEV_READ, copy);
	for (unsigned int i = 0; i + 1 < NR_BLOCKS; i++)
		ios[i].next = &ios[i + 1];
	dev->ops->submit(dev, ios);
	wait_for_all();
	ck_assert_mem_eq(data, copy, FILE_SIZE);
	bdev_close(dev);
	free(ios);
	free(copy);
	free(data);
}
END_TEST

START_TEST(vector_of_several_buffers_is_one_write_and_is_left_as_it_was)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *data = new_buffer(5 * BLOCK), *copy = new_buffer(5 * BLOCK);
	struct iovec iov[] = {{data + 3 * BLOCK, 2 * BLOCK},
			      {data, BLOCK},
			      {data + BLOCK, 2 * BLOCK}};
	struct iovec saved[3];
	struct bdev_io bio = {
		.op = BDEV_WRITE, .off = BLOCK, .len = 5 * BLOCK, .iov = iov, .nr_iov = 3};

	fill(data, 5 * BLOCK);
	memcpy(saved, iov, sizeof(iov));
	ck_assert_int_eq(bdev_run(dev, &bio), 0);
	ck_assert_mem_eq(iov, saved, sizeof(iov));
	ck_assert_int_eq(bdev_read(dev, BLOCK, copy, 5 * BLOCK), 0);
	ck_assert_mem_eq(copy, data + 3 * BLOCK, 2 * BLOCK);
	ck_assert_mem_eq(copy + 2 * BLOCK, data, 3 * BLOCK);
	bdev_close(dev);
	free(copy);
	free(data);
}
END_TEST

/* More buffers than one system call takes: goes on where the first one ended. */
START_TEST(vector_longer_than_the_system_takes_is_written_whole)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *data = new_buffer(FILE_SIZE), *copy = new_buffer(FILE_SIZE);
	struct iovec *iov = calloc(NR_BLOCKS, sizeof(*iov));
	struct bdev_io bio = {.op = BDEV_WRITE, .len = FILE_SIZE, .iov = iov, .nr_iov = NR_BLOCKS};

	fill(data, FILE_SIZE);
	for (unsigned int i = 0; i < NR_BLOCKS; i++)
		iov[i] = (struct iovec){data + (size_t)i * BLOCK, BLOCK};
	ck_assert_int_eq(bdev_run(dev, &bio), 0);
	ck_assert_int_eq(bdev_read(dev, 0, copy, FILE_SIZE), 0);
	ck_assert_mem_eq(data, copy, FILE_SIZE);
	bdev_close(dev);
	free(iov);
	free(copy);
	free(data);
}
END_TEST

START_TEST(zeroed_range_reads_as_zeros_and_its_neighbours_stay)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *data = new_buffer(8 * BLOCK), *copy = new_buffer(8 * BLOCK);
	struct stat st;
	struct bdev_io bio;

	fill(data, 8 * BLOCK);
	ck_assert_int_eq(bdev_write(dev, 0, data, 8 * BLOCK), 0);
	bdev_io_init(&bio, BDEV_ZERO, BLOCK, NULL, 6 * BLOCK);
	ck_assert_int_eq(bdev_run(dev, &bio), 0);
	ck_assert_int_eq(bdev_read(dev, 0, copy, 8 * BLOCK), 0);
	memset(data + BLOCK, 0, 6 * BLOCK);
	ck_assert_mem_eq(data, copy, 8 * BLOCK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, FILE_SIZE);
	bdev_close(dev);
	free(copy);
	free(data);
}
END_TEST

/* ---- submitting from done ---- */

#define RELAY_STEPS 2000u

struct relay {
	struct bdev_io bio;
	struct bdev *dev;
	uint8_t *buf;
	unsigned int nr_steps;
	int depth; /* of done in submit: must stay 1 */
};

static void relay_on(struct bdev_io *bio)
{
	struct relay *relay = bio->owner;
	uint64_t off = bio->off + BLOCK < FILE_SIZE ? bio->off + BLOCK : 0;

	ck_assert_int_eq(bio->err, 0);
	ck_assert_int_eq(++relay->depth, 1);
	if (++relay->nr_steps == RELAY_STEPS) {
		count_down(bio);
		return;
	}
	bdev_io_init(bio, relay->nr_steps % 2 ? BDEV_WRITE : BDEV_READ, off, relay->buf, BLOCK);
	bio->owner = relay;
	bio->done = relay_on;
	relay->depth--;
	bdev_submit(relay->dev, bio);
}

START_TEST(done_may_submit_the_same_io_again)
{
	enum { NR_RELAYS = 8 };
	struct relay relays[NR_RELAYS] = {0};
	struct bdev *dev = open_file(_i, 0);
	uint8_t *buf = new_buffer(NR_RELAYS * BLOCK);

	nr_left = NR_RELAYS;
	for (unsigned int i = 0; i < NR_RELAYS; i++) {
		struct relay *relay = &relays[i];

		relay->dev = dev;
		relay->buf = buf + (size_t)i * BLOCK;
		bdev_io_init(&relay->bio, BDEV_READ, 0, relay->buf, BLOCK);
		relay->bio.owner = relay;
		relay->bio.done = relay_on;
		bdev_submit(dev, &relay->bio);
	}
	wait_for_all();
	bdev_close(dev);
	free(buf);
}
END_TEST

/* What a thread submitted must not be lost when it ends. */
static void *submit_and_end(void *arg)
{
	struct bdev_io *bio = arg;

	bdev_submit(bio->owner, bio);
	return NULL;
}

START_TEST(io_of_a_thread_that_ended_completes)
{
	enum { NR_THREADS = 64 };
	struct bdev *dev = open_file(_i, DEVICE_BUFFERED);
	struct bdev_io ios[NR_THREADS];
	pthread_t threads[NR_THREADS];
	uint8_t *data = new_buffer(FILE_SIZE);

	nr_left = NR_THREADS;
	ck_assert_int_eq(bdev_write(dev, 0, data, FILE_SIZE), 0);
	for (int i = 0; i < NR_THREADS; i++) {
		bdev_io_init(&ios[i], i % 2 ? BDEV_FLUSH : BDEV_WRITE, 0, i % 2 ? NULL : data,
			     i % 2 ? 0 : BLOCK);
		ios[i].done = count_down;
		ios[i].owner = dev;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_and_end, &ios[i]), 0);
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	wait_for_all();
	bdev_close(dev);
	free(data);
}
END_TEST

START_TEST(buffered_device_takes_any_offset_length_and_address)
{
	struct bdev *dev = open_file(_i, DEVICE_BUFFERED);
	uint8_t *data = new_buffer(BLOCK), *copy = new_buffer(BLOCK);
	struct bdev_io bio;

	fill(data, BLOCK);
	ck_assert_uint_eq(dev->logical_block_size, 1);
	ck_assert_uint_eq(dev->memory_align, 1);
	ck_assert_int_eq(bdev_write(dev, 1001, data + 3, 2001), 0);
	bdev_io_init(&bio, BDEV_ZERO, 1501, NULL, 7);
	ck_assert_int_eq(bdev_run(dev, &bio), 0);
	ck_assert_int_eq(bdev_read(dev, 1001, copy + 1, 2001), 0);
	memset(data + 3 + 500, 0, 7);
	ck_assert_mem_eq(copy + 1, data + 3, 2001);
	bdev_close(dev);
	free(copy);
	free(data);
}
END_TEST

START_TEST(file_cut_off_after_open_gives_io_error)
{
	struct bdev *dev = open_file(_i, 0);
	uint8_t *copy = new_buffer(4 * BLOCK);

	ck_assert_int_eq(truncate(path, 2 * BLOCK), 0);
	ck_assert_int_eq(bdev_read(dev, 0, copy, 4 * BLOCK), -EIO);
	ck_assert_int_eq(bdev_read(dev, 4 * BLOCK, copy, BLOCK), -EIO);
	ck_assert_int_eq(bdev_read(dev, 0, copy, 2 * BLOCK), 0);
	bdev_close(dev);
	free(copy);
}
END_TEST

START_TEST(growing_file_keeps_its_size)
{
	struct bdev *dev = open_file(_i, 0);

	ck_assert_int_eq(truncate(path, 2 * FILE_SIZE), 0);
	ck_assert_uint_eq(dev->size, FILE_SIZE);
	bdev_close(dev);
}
END_TEST

START_TEST(write_to_a_read_only_device_fails)
{
	struct bdev *dev = open_file(_i, DEVICE_READ_ONLY);
	uint8_t *data = new_buffer(BLOCK);

	ck_assert(dev->read_only);
	ck_assert_int_ne(bdev_write(dev, 0, data, BLOCK), 0);
	ck_assert_int_eq(bdev_read(dev, 0, data, BLOCK), 0);
	ck_assert_int_eq(bdev_flush(dev), 0);
	bdev_close(dev);
	free(data);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		many_writes_in_flight_out_of_order_read_back,
		chain_longer_than_the_ring_completes,
		vector_of_several_buffers_is_one_write_and_is_left_as_it_was,
		vector_longer_than_the_system_takes_is_written_whole,
		zeroed_range_reads_as_zeros_and_its_neighbours_stay,
		done_may_submit_the_same_io_again,
		io_of_a_thread_that_ended_completes,
		buffered_device_takes_any_offset_length_and_address,
		file_cut_off_after_open_gives_io_error,
		growing_file_keeps_its_size,
		write_to_a_read_only_device_fails,
	};

	return run_with_all_kinds("posix", tests, ARRAY_SIZE(tests));
}
