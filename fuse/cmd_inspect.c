/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs inspect: what is on a cache, decoded. Shows broken structures as they are, with what is
 * wrong: nothing here is believed because it is on disk. Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/format.h"
#include "engine/layout.h"
#include "engine/posix/device.h"
#include "engine/super.h"
#include "fuse/commands.h"
#include "fuse/inspect.h"
#include "fuse/interrupt.h"
#include "fuse/report.h"

struct inspect {
	bool json, supers, table, segments;
	uint64_t segment; /* 0: none in particular */
	struct bdev *dev;
	struct out out;
	uint8_t *memory; /* WB_SUPER_AREA */
	struct super_copy copies[WB_NR_SUPERS];
	/* what is behind the superblocks, by the best one */
	struct layout layout;
	uint8_t uuid[WB_UUID_LEN];
	bool has_layout;
	int err; /* the first thing that is wrong */
};

static int set_flag(void *ctx, const struct arg_option *option, const char *value)
{
	struct inspect *inspect = ctx;

	(void)value;
	if (strcmp(option->name, "json") == 0)
		inspect->json = true;
	else if (strcmp(option->name, "superblock") == 0)
		inspect->supers = true;
	else if (strcmp(option->name, "table") == 0)
		inspect->table = true;
	else
		inspect->segments = true;
	return 0;
}

static int set_segment(void *ctx, const struct arg_option *option, const char *value)
{
	struct inspect *inspect = ctx;
	char *end;

	(void)option;
	errno = 0;
	inspect->segment = strtoull(value, &end, 10);
	if (*end || errno || *value < '0' || *value > '9' || !inspect->segment) {
		message(MESSAGE_ERROR, "inspect: --segment %s: not the number of a segment", value);
		return -EINVAL;
	}
	return 0;
}

const struct arg_option inspect_options[] = {
	{"superblock", 0, NULL, "both superblocks", set_flag},
	{"table", 0, NULL, "the backing table of each", set_flag},
	{"segments", 0, NULL, "what each slot of the log holds", set_flag},
	{"segment", 0, "N", "the records and entries of a segment", set_segment},
	{"json", 0, NULL, "as JSON", set_flag},
	{0},
};

static void note(struct inspect *inspect, int err)
{
	if (err && !inspect->err)
		inspect->err = err;
}

/* ---- superblocks ---- */

static const char *state_name(uint32_t state)
{
	return state == WB_SUPER_CLEAN	  ? "closed in order"
	       : state == WB_SUPER_IN_USE ? "in use"
					  : "impossible";
}

static void show_super(struct inspect *inspect, unsigned int i)
{
	const struct wb_super_disk *disk = (const void *)inspect->memory;
	struct out *out = &inspect->out;
	char uuid[UUID_TEXT_LEN];

	out_object(out, "superblock", i);
	out_number(out, "offset", (uint64_t)i * WB_SUPER_AREA);
	out_word(out, "verdict", inspect->copies[i].why ? inspect->copies[i].why : "good");
	out_bytes(out, "magic", disk->magic, sizeof(disk->magic));
	out_number(out, "version", le32_get(disk->version));
	out_number(out, "state", le32_get(disk->state));
	out_word(out, "state_means", state_name(le32_get(disk->state)));
	out_hex(out, "features_compat", le64_get(disk->features_compat));
	out_hex(out, "features_ro_compat", le64_get(disk->features_ro_compat));
	out_hex(out, "features_incompat", le64_get(disk->features_incompat));
	out_word(out, "uuid", report_uuid(disk->uuid, uuid));
	out_bytes(out, "label", disk->label, sizeof(disk->label));
	out_number(out, "sequence", le64_get(disk->sequence));
	out_number(out, "segment_blocks", le32_get(disk->segment_blocks));
	out_number(out, "nr_segments", le32_get(disk->nr_segments));
	out_number(out, "generation", le64_get(disk->generation));
	out_number(out, "generation_segment", le64_get(disk->generation_segment));
	out_number(out, "generation_record", le64_get(disk->generation_record));
	out_number(out, "migrated", le64_get(disk->migrated));
	out_number(out, "tail_segment", le64_get(disk->tail_segment));
	out_number(out, "tail_block", le32_get(disk->tail_block));
	out_number(out, "durable", le64_get(disk->durable));
	out_number(out, "table_entries", le32_get(disk->table_entries));
	out_number(out, "table_sequence", le64_get(disk->table_sequence));
	out_hex(out, "table_checksum", le64_get(disk->table_checksum));
	out_hex(out, "checksum", le64_get(disk->checksum));
	out_end(out);
}

static void show_entry(struct inspect *inspect, unsigned int i, const struct wb_backing_disk *disk)
{
	struct out *out = &inspect->out;
	struct table_entry entry;

	out_object(out, "entry", i);
	out_word(out, "verdict", table_entry_decode(disk, &entry) ? "impossible entry" : "good");
	out_number(out, "id", disk->id);
	out_bytes(out, "name", disk->name, sizeof(disk->name));
	out_bytes(out, "path", disk->path, sizeof(disk->path));
	out_bytes(out, "identity", disk->identity, sizeof(disk->identity));
	out_number(out, "size", le64_get(disk->size));
	out_hex(out, "flags", disk->flags);
	out_word(out, "detached", disk->flags & WB_BACKING_DETACHED ? "yes" : "no");
	out_word(out, "sample_valid", disk->flags & WB_BACKING_SAMPLE_VALID ? "yes" : "no");
	out_hex(out, "sample", le64_get(disk->sample));
	out_number(out, "last_record", le64_get(disk->last_record));
	out_number(out, "migrated", le64_get(disk->migrated));
	out_number(out, "batch_end", le64_get(disk->batch_end));
	out_number(out, "zeroed", le64_get(disk->zeroed));
	out_end(out);
}

/* The table as it is, also when a checksum says that it is broken. */
static void show_table(struct inspect *inspect, unsigned int i)
{
	const struct wb_super_disk *disk = (const void *)inspect->memory;
	const struct wb_backing_disk *table = (const void *)(inspect->memory + WB_TABLE_OFF);
	uint64_t off = (uint64_t)i * WB_SUPER_AREA + WB_TABLE_OFF;
	uint32_t nr = le32_get(disk->table_entries);
	struct out *out = &inspect->out;
	int err;

	out_object(out, "table", i);
	out_number(out, "offset", off);
	err = bdev_read(inspect->dev, off, inspect->memory + WB_TABLE_OFF,
			WB_SUPER_AREA - WB_TABLE_OFF);
	if (err || nr > WB_MAX_TABLE) {
		note(inspect, err ? err : -EUCLEAN);
		out_word(out, "verdict", err ? "can't be read" : "impossible number of entries");
		nr = 0;
	} else {
		out_word(out, "verdict",
			 table_checksum(table, nr) == le64_get(disk->table_checksum)
				 ? "good"
				 : "checksum mismatch");
	}
	out_list(out, "entries");
	for (uint32_t e = 0; e < nr; e++)
		show_entry(inspect, e, &table[e]);
	if (out->json)
		out_end(out);
	out_end(out);
}

/* A copy that is broken may still say how the log is laid out, if no good one does. */
static void take_layout(struct inspect *inspect, const struct super_copy *copy)
{
	const struct wb_super_disk *disk = (const void *)inspect->memory;
	struct layout layout = {le32_get(disk->segment_blocks), le32_get(disk->nr_segments)};

	if (copy->err &&
	    (inspect->has_layout || memcmp(disk->magic, WB_SUPER_MAGIC, sizeof(disk->magic)) != 0))
		return;
	if (layout.segment_blocks < 2 || layout.segment_blocks > WB_MAX_SEGMENT_BLOCKS ||
	    !layout.nr_segments ||
	    (uint64_t)layout.nr_segments * layout.segment_blocks > UINT32_MAX - 1 ||
	    layout_offset(layout.nr_segments * layout.segment_blocks) > inspect->dev->size)
		return;
	inspect->has_layout = true;
	inspect->layout = layout;
	memcpy(inspect->uuid, disk->uuid, WB_UUID_LEN);
}

static void look_at_supers(struct inspect *inspect)
{
	struct super_copy *copies = inspect->copies;

	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		memset(inspect->memory, 0, WB_SUPER_AREA);
		super_read_copy(inspect->dev, i, inspect->memory, &copies[i]);
		take_layout(inspect, &copies[i]);
	}
	if (copies[0].err == -EMEDIUMTYPE && copies[1].err == -EMEDIUMTYPE) {
		message(MESSAGE_ERROR, "%s: inspect: %s", inspect->dev->path, copies[0].why);
		note(inspect, -EMEDIUMTYPE);
	}
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++)
		note(inspect, copies[i].err == -EMEDIUMTYPE ? -EUCLEAN : copies[i].err);
}

static void show_supers(struct inspect *inspect, const char *list,
			void (*show)(struct inspect *inspect, unsigned int i))
{
	out_list(&inspect->out, list);
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct super_copy copy;

		memset(inspect->memory, 0, WB_SUPER_AREA);
		super_read_copy(inspect->dev, i, inspect->memory, &copy);
		show(inspect, i);
	}
	if (inspect->out.json)
		out_end(&inspect->out);
}

/* ---- the log ---- */

/* The record at a block of a slot, if it belongs there and to the cache. memory: of that block. */
static bool decode(const struct inspect *inspect, uint32_t slot, uint32_t block,
		   const uint8_t *memory, struct record_header *header)
{
	return !record_decode((const void *)memory, inspect->uuid, inspect->layout.segment_blocks,
			      header) &&
	       header->block == block && layout_slot(&inspect->layout, header->segment) == slot;
}

static uint64_t offset_in(const struct inspect *inspect, uint32_t slot, uint32_t block)
{
	return layout_offset(slot * inspect->layout.segment_blocks + block);
}

/* Reads no more than the headers. */
static void show_slot(struct inspect *inspect, uint32_t slot)
{
	struct out *out = &inspect->out;
	struct record_header first = {0}, header, last = {0};
	uint64_t nr_records = 0, nr_entries = 0, nr_blocks = 0;
	int err = 0;

	for (uint32_t block = 0; block + 1 < inspect->layout.segment_blocks;
	     block += 1u + header.nr_blocks) {
		err = bdev_read(inspect->dev, offset_in(inspect, slot, block), inspect->memory,
				WB_BLOCK_SIZE);
		if (err || !decode(inspect, slot, block, inspect->memory, &header) ||
		    (block &&
		     (header.segment != first.segment || header.record != last.record + 1)))
			break;
		first = nr_records++ ? first : header;
		last = header;
		nr_entries += header.nr_entries;
		nr_blocks += header.nr_blocks;
	}
	note(inspect, err);
	out_row(out, "slot", slot);
	out_number(out, "offset", offset_in(inspect, slot, 0));
	if (nr_records) {
		out_number(out, "segment", first.segment);
		out_number(out, "generation", first.generation);
		out_number(out, "first_record", first.record);
		out_number(out, "last_record", last.record);
		out_number(out, "entries", nr_entries);
		out_number(out, "data_blocks", nr_blocks);
		out_number(out, "durable", last.durable);
	}
	if (err || !nr_records)
		out_word(out, "verdict", err ? "can't be read" : "no record of this cache");
	out_end(out);
}

static void show_slots(struct inspect *inspect)
{
	out_list(&inspect->out, "slots");
	for (uint32_t slot = 0; slot < inspect->layout.nr_segments; slot++)
		show_slot(inspect, slot);
	if (inspect->out.json)
		out_end(&inspect->out);
}

static const char *kind_name(uint8_t kind)
{
	switch ((enum wb_entry_kind)kind) {
	case WB_ENTRY_DATA:
		return "data";
	case WB_ENTRY_ZEROS:
		return "zeros";
	case WB_ENTRY_POISON:
		return "poison";
	case WB_ENTRY_OLD_ZEROS:
		return "old zeros";
	}
	return "impossible";
}

static void show_record_entry(struct inspect *inspect, unsigned int i, const struct record_entry *e,
			      const uint8_t *data)
{
	struct out *out = &inspect->out;
	bool good = true;

	out_row(out, "entry", i);
	out_word(out, "kind", kind_name(e->kind));
	out_number(out, "backing", e->backing);
	out_number(out, "block", e->block);
	if (e->kind == WB_ENTRY_DATA) {
		good = format_block_checksum(format_seed(inspect->uuid), e->backing, e->block,
					     data) == e->value;
		out_hex(out, "sectors", e->mask);
		out_hex(out, "checksum", e->value);
		out_word(out, "verdict", good ? "good" : "checksum mismatch");
	} else {
		out_number(out, "blocks", e->value);
	}
	if (!good)
		note(inspect, -EUCLEAN);
	out_end(out);
}

static void show_record(struct inspect *inspect, uint32_t slot, const uint8_t *memory,
			const struct record_header *header)
{
	const struct wb_record_disk *disk = (const void *)(memory +
							   (size_t)header->block * WB_BLOCK_SIZE);
	const uint8_t *data = (const uint8_t *)disk + WB_BLOCK_SIZE;
	struct out *out = &inspect->out;

	out_object(out, "record", header->record);
	out_number(out, "offset", offset_in(inspect, slot, header->block));
	out_number(out, "generation", header->generation);
	out_number(out, "generation_record", header->generation_record);
	out_number(out, "durable", header->durable);
	out_word(out, "continued", header->continued ? "yes" : "no");
	out_number(out, "data_blocks", header->nr_blocks);
	out_list(out, "entries");
	for (unsigned int i = 0; i < header->nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		show_record_entry(inspect, i, &e, data);
		data += e.kind == WB_ENTRY_DATA ? WB_BLOCK_SIZE : 0;
	}
	if (out->json)
		out_end(out);
	out_end(out);
}

static int no_such_segment(const struct inspect *inspect, uint32_t slot, uint64_t there)
{
	if (there)
		message(MESSAGE_ERROR,
			"%s: inspect: segment %" PRIu64 ": not there: slot %" PRIu32
			" at byte %" PRIu64 " holds segment %" PRIu64,
			inspect->dev->path, inspect->segment, slot, offset_in(inspect, slot, 0),
			there);
	else
		message(MESSAGE_ERROR,
			"%s: inspect: segment %" PRIu64 ": not there: slot %" PRIu32
			" at byte %" PRIu64 " begins with no record of this cache",
			inspect->dev->path, inspect->segment, slot, offset_in(inspect, slot, 0));
	return -ENOENT;
}

/* Every record of the segment that is where it belongs, also behind broken ones. */
static int show_segment(struct inspect *inspect)
{
	uint32_t slot = layout_slot(&inspect->layout, inspect->segment), nr = 0;
	uint64_t off = offset_in(inspect, slot, 0), there = 0;
	struct record_header header;
	int err = bdev_read(inspect->dev, off, inspect->memory,
			    layout_segment_len(&inspect->layout));

	if (err) {
		message(MESSAGE_ERROR, "%s: inspect: segment at byte %" PRIu64 ": %s",
			inspect->dev->path, off, reason(err));
		return err;
	}
	out_list(&inspect->out, "records");
	for (uint32_t block = 0; block + 1 < inspect->layout.segment_blocks; block++) {
		const uint8_t *memory = inspect->memory + (size_t)block * WB_BLOCK_SIZE;

		if (!decode(inspect, slot, block, memory, &header))
			continue;
		there = header.segment;
		if (there != inspect->segment)
			continue;
		show_record(inspect, slot, inspect->memory, &header);
		block += header.nr_blocks;
		nr++;
	}
	if (inspect->out.json)
		out_end(&inspect->out);
	return nr ? 0 : no_such_segment(inspect, slot, there);
}

/* ---- the command ---- */

static void show_log(struct inspect *inspect)
{
	if (!inspect->segments && !inspect->segment)
		return;
	if (!inspect->has_layout) {
		message(MESSAGE_ERROR, "%s: inspect: no superblock says how the log is laid out",
			inspect->dev->path);
		note(inspect, -EUCLEAN);
		return;
	}
	if (inspect->segments)
		show_slots(inspect);
	if (inspect->segment)
		note(inspect, show_segment(inspect));
}

static void show(struct inspect *inspect)
{
	if (!inspect->table && !inspect->segments && !inspect->segment && !inspect->supers)
		inspect->supers = inspect->table = true;
	look_at_supers(inspect);
	out_begin(&inspect->out, inspect->json);
	if (inspect->supers)
		show_supers(inspect, "superblocks", show_super);
	if (inspect->table)
		show_supers(inspect, "tables", show_table);
	show_log(inspect);
	note(inspect, out_finish(&inspect->out));
}

static void log_message(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

static int inspect_device(struct inspect *inspect, struct posix_io *io, const char *path)
{
	int err = device_open(io, path, DEVICE_READ_ONLY | DEVICE_BUFFERED, &inspect->dev);

	if (err)
		return err;
	inspect->memory = aligned_alloc(WB_BLOCK_SIZE, 2 * WB_SUPER_AREA); /* or a segment */
	if (!inspect->memory) {
		err = -ENOMEM;
	} else if (inspect->dev->size < WB_SLOTS_OFF) {
		message(MESSAGE_ERROR, "%s: inspect: too small to be a wbfs cache",
			inspect->dev->path);
		err = -EMEDIUMTYPE;
	} else {
		show(inspect);
		err = inspect->err;
	}
	free(inspect->memory);
	bdev_close(inspect->dev);
	return err;
}

static int inspect_path(struct inspect *inspect, const char *path)
{
	static const struct wb_env env = {.log = log_message};
	struct posix_io *io;
	int err;

	interrupt_catch(path, "inspect", INTERRUPT_STOPPED);
	err = posix_io_start(POSIX_IO_THREADS, &env, &io);
	if (err)
		return err;
	err = inspect_device(inspect, io, path);
	posix_io_stop(io);
	return err;
}

enum exit_status command_inspect(int argc, char **argv)
{
	struct inspect inspect = {.json = false};
	const struct args args = {
		.command = argv[0],
		.options = inspect_options,
		.ctx = &inspect,
		.min_words = 1,
		.max_words = 1,
	};
	int err = args_parse(&args, argc, argv);

	if (err >= 0)
		err = inspect_path(&inspect, argv[0]);
	return exit_status_of(err);
}
