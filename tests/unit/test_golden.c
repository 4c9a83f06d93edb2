/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden images (tests/golden/) stay readable: caches that earlier programs wrote, with what must
 * be read from them. If one of these fails, the format has changed and needs a new version number.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format.h"
#include "engine/layout.h"
#include "tests/golden/dump.h"
#include "tests/sim/simdev.h"

#define NR_BACKINGS 2u

static const char *const names[] = {"clean",	   "torn",  "unfinished",
				    "generations", "batch", "carried"};
#define NR_IMAGES ((int)(sizeof(names) / sizeof(*names)))

static const char *const backing_names[NR_BACKINGS] = {"slow0", "slow1"};
static const char *const expected_names[NR_BACKINGS] = {"expected0", "expected1"};

static struct {
	struct dump dump;
	struct sim sim;
	struct simdev *cache, *dev[NR_BACKINGS];
	struct wb_backing *backing[NR_BACKINGS];
	struct wb *wb;
	bool done;
	int err;
} g;

/* ---- the image ---- */

static struct simdev *stored_device(const char *name)
{
	const struct dump_device *from = dump_find(&g.dump, name);
	struct simdev *dev;

	ck_assert_ptr_nonnull(from);
	dev = simdev_new(&g.sim, from->name, from->size);
	memcpy(dev->visible, from->bytes, from->size);
	memcpy(dev->stable, from->bytes, from->size);
	return dev;
}

static void load(int image)
{
	const char *top = getenv("top_srcdir");
	unsigned int line = 0;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/%s.golden", top ? top : ".", names[image]);
	file = fopen(path, "r");
	ck_assert_msg(file, "%s: %s", path, strerror(errno));
	ck_assert_msg(dump_read(file, &g.dump, &line), "%s:%u: not a dump", path, line);
	fclose(file);
	sim_init(&g.sim, 1);
	g.cache = stored_device("cache");
	for (unsigned int i = 0; i < NR_BACKINGS; i++)
		g.dev[i] = stored_device(backing_names[i]);
}

static void teardown(void)
{
	sim_fini(&g.sim);
	dump_free(&g.dump);
	memset(&g, 0, sizeof(g));
}

/* ---- using it ---- */

static void note_done(void *ctx, int err)
{
	(void)ctx;
	g.done = true;
	g.err = err;
}

static int wait_done(void)
{
	sim_run_until(&g.sim, &g.done);
	g.done = false;
	return g.err;
}

static void open_image(bool read_only)
{
	const struct wb_options options = {.read_only = read_only, .nr_buffers = 4};
	int err = wb_open(&g.cache->bdev, &options, &g.sim.env, &g.wb);

	ck_assert_msg(!err, "error %d: %s", -err, g.sim.last_message);
	g.sim.wb = g.wb;
	for (unsigned int i = 0; i < NR_BACKINGS; i++) {
		const struct wb_backing_spec spec = {
			.name = backing_names[i],
			.path = backing_names[i],
			.identity = backing_names[i],
			.dev = &g.dev[i]->bdev,
			.cached = true,
		};

		err = wb_attach(g.wb, &spec, &g.backing[i]);
		ck_assert_msg(!err, "error %d: %s", -err, g.sim.last_message);
	}
	ck_assert_int_eq(wb_knob_set(g.wb, NULL, WB_KNOB_ALLOW_MIGRATE, 0), 0);
	wb_start(g.wb, note_done, NULL);
	ck_assert_int_eq(wait_done(), 0);
}

static void close_image(void)
{
	wb_stop(g.wb, note_done, NULL);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_int_eq(wb_close(g.wb), 0);
	g.wb = g.sim.wb = NULL;
}

static void read_done(struct wb_io *io, int err)
{
	note_done(io->ctx, err);
}

static void expect_same(const uint8_t *bytes, uint64_t off, uint64_t len, unsigned int backing)
{
	const struct dump_device *expected = dump_find(&g.dump, expected_names[backing]);

	ck_assert_ptr_nonnull(expected);
	for (uint64_t i = 0; i < len; i++)
		ck_assert_msg(bytes[i] == expected->bytes[off + i],
			      "%s: byte %llu is 0x%02x and not 0x%02x", backing_names[backing],
			      (unsigned long long)(off + i), bytes[i], expected->bytes[off + i]);
}

static void expect_all_read(void)
{
	static _Alignas(WB_BLOCK_SIZE) uint8_t buf[WB_BLOCK_SIZE];
	static _Alignas(WB_BLOCK_SIZE) uint8_t pages[WB_IO_PAGES * WB_BLOCK_SIZE];
	static struct wb_io io;

	for (unsigned int i = 0; i < NR_BACKINGS; i++)
		for (uint64_t off = 0; off < g.dev[i]->bdev.size; off += WB_BLOCK_SIZE) {
			uint64_t left = g.dev[i]->bdev.size - off;

			io = (struct wb_io){.backing = g.backing[i], .off = off, .buf = buf};
			io.len = left < WB_BLOCK_SIZE ? left : WB_BLOCK_SIZE;
			io.pages = pages;
			io.done = read_done;
			wb_read(g.wb, &io);
			ck_assert_int_eq(wait_done(), 0);
			expect_same(buf, off, io.len, i);
		}
}

/* ---- what has to stay ---- */

START_TEST(every_byte_can_still_be_read)
{
	load(_i);
	open_image(true);
	expect_all_read();
	close_image();
}
END_TEST

START_TEST(every_byte_still_gets_to_the_backings)
{
	load(_i);
	open_image(false);
	expect_all_read();
	wb_drain(g.wb, NULL, note_done, NULL);
	ck_assert_int_eq(wait_done(), 0);
	expect_all_read();
	close_image();
	for (unsigned int i = 0; i < NR_BACKINGS; i++)
		expect_same(g.dev[i]->stable, 0, g.dev[i]->bdev.size, i);
}
END_TEST

/* Superblocks and tables are encoded as they were, byte for byte. */
START_TEST(superblocks_are_still_written_the_same)
{
	static _Alignas(WB_BLOCK_SIZE) struct wb_super_disk again;
	struct wb_backing_disk entry_again;

	load(_i);
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		const uint8_t *at = g.cache->visible + copy * WB_SUPER_AREA;
		const struct wb_backing_disk *table = (const void *)(at + WB_TABLE_OFF);
		struct table_entry entry;
		struct super super;
		const char *why;

		ck_assert_int_eq(super_decode((const void *)at, &super, &why), 0);
		super_encode(&super, &again);
		ck_assert_mem_eq(&again, at, sizeof(again));
		ck_assert_uint_eq(super.table_checksum, table_checksum(table, super.table_entries));
		for (unsigned int i = 0; i < super.table_entries; i++) {
			ck_assert_int_eq(table_entry_decode(&table[i], &entry), 0);
			table_entry_encode(&entry, &entry_again);
			ck_assert_mem_eq(&entry_again, &table[i], sizeof(entry_again));
		}
	}
}
END_TEST

/* The record at a block, if there is one; the number of blocks that it takes. */
static unsigned int check_record(const uint8_t *at, const struct super *super)
{
	const struct wb_record_disk *disk = (const void *)at;
	static struct wb_record_disk again;
	struct record_header header;

	if (record_decode(disk, super->uuid, super->segment_blocks, &header))
		return 1;
	memset(&again, 0xee, sizeof(again));
	for (unsigned int i = 0; i < header.nr_entries; i++) {
		struct record_entry entry = record_entry(disk, i);

		entry_encode(&entry, &again.entries[i]);
	}
	record_encode(&header, &again);
	ck_assert_mem_eq(&again, at, sizeof(again));
	return 1u + header.nr_blocks;
}

START_TEST(record_headers_are_still_written_the_same)
{
	struct super super;
	const char *why;
	unsigned int nr = 0;

	load(_i);
	ck_assert_int_eq(super_decode((const void *)g.cache->visible, &super, &why), 0);
	for (uint64_t off = WB_SLOTS_OFF; off < g.cache->bdev.size;) {
		unsigned int blocks = check_record(g.cache->visible + off, &super);

		nr += blocks > 1;
		off += blocks * (uint64_t)WB_BLOCK_SIZE;
	}
	ck_assert_uint_gt(nr, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("golden");
	TCase *tcase = tcase_create("golden");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, every_byte_can_still_be_read, 0, NR_IMAGES);
	tcase_add_loop_test(tcase, every_byte_still_gets_to_the_backings, 0, NR_IMAGES);
	tcase_add_loop_test(tcase, superblocks_are_still_written_the_same, 0, NR_IMAGES);
	tcase_add_loop_test(tcase, record_headers_are_still_written_the_same, 0, NR_IMAGES);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed != 0;
}
