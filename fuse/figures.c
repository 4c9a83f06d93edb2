/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of figures: what they are called, their units and what they mean. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "fuse/report.h"

#define FIGURE(structure, field, figure_unit, metric_name, figure_type, figure_help) \
	{ \
		.name = #field, .unit = (figure_unit), .metric = (metric_name), \
		.help = (figure_help), .type = (figure_type), \
		.off = offsetof(struct structure, field), \
		.size = sizeof(((struct structure *)NULL)->field) \
	}
#define GAUGE(field, unit, metric, help) FIGURE(wb_status, field, unit, metric, FIGURE_GAUGE, help)
#define COUNT(field, unit, metric, help) \
	FIGURE(wb_status, field, unit, metric, FIGURE_COUNTER, help)
#define BACKING_GAUGE(field, unit, metric, help) \
	FIGURE(wb_backing_info, field, unit, metric, FIGURE_GAUGE, help)
#define BACKING_COUNT(field, unit, metric, help) \
	FIGURE(wb_backing_info, field, unit, metric, FIGURE_COUNTER, help)

const struct figure cache_figures[] = {
	GAUGE(generation, "", "generation", "times that the cache was opened for writing"),
	GAUGE(ram_bytes, "bytes", "ram_bytes", "memory for index, buffers and tables"),
	GAUGE(nr_segments, "segments", "segments", "segments in the log"),
	GAUGE(segment_blocks, "blocks", "segment_blocks", "blocks of 4096 bytes in a segment"),
	GAUGE(nr_buffers, "buffers", "buffers", "segment buffers in memory"),
	GAUGE(nr_free_segments, "segments", "free_segments", "segments that can be written"),
	GAUGE(current_segment_id, "", "current_segment_id", "segment that is being filled"),
	GAUGE(cursor, "blocks", "cursor_blocks", "next block in the current segment"),
	GAUGE(last_flushed_segment_id, "", "last_flushed_segment_id",
	      "last segment written to the cache"),
	GAUGE(last_durable_segment_id, "", "last_durable_segment_id",
	      "last segment that survives a power cut"),
	GAUGE(last_migrated_segment_id, "", "last_migrated_segment_id",
	      "last segment that is on the backings"),
	GAUGE(open_record, "", "open_record", "record that takes writes now"),
	GAUGE(sealed, "", "sealed_record", "last record without writers"),
	GAUGE(logged, "", "logged_record", "last record written to the cache"),
	GAUGE(durable, "", "durable_record", "last record that survives a power cut"),
	GAUGE(migrated, "", "migrated_record", "last record that is on the backings"),
	GAUGE(migrated_on_disk, "", "migrated_on_disk_record",
	      "last record whose space can be used again"),
	GAUGE(migrating, "", "migrating", "migration is at work"),
	GAUGE(nr_dirty, "blocks", "dirty_blocks", "blocks that are not yet on their backings"),
	GAUGE(nr_cached, "blocks", "cached_blocks", "blocks that can be read from the cache"),
	GAUGE(unsynced_bytes, "bytes", "unsynced_bytes", "acknowledged, lost by a power cut now"),
	COUNT(nr_syncs, "requests", "syncs", "sync requests"),
	COUNT(nr_flushes, "flushes", "flushes", "flushes of the cache"),
	COUNT(nr_records, "records", "records", "records written to the log"),
	COUNT(nr_record_blocks, "blocks", "record_blocks", "blocks of these, with headers"),
	COUNT(nr_batches, "batches", "batches", "migration batches completed"),
	COUNT(nr_migrated_blocks, "blocks", "migrated_blocks", "blocks written to backings"),
	COUNT(nr_carried_blocks, "blocks", "carried_blocks",
	      "blocks copied forward in the log because their backing can't take them"),
	COUNT(nr_superseded_blocks, "blocks", "superseded_blocks",
	      "blocks that a newer one of their batch made needless"),
	COUNT(nr_checksum_errors, "blocks", "checksum_errors", "blocks with a wrong checksum"),
	COUNT(nr_read_errors, "errors", "read_errors", "reads that a device failed"),
	COUNT(nr_write_errors, "errors", "write_errors", "writes that a device failed"),
	COUNT(nr_flush_errors, "errors", "flush_errors", "flushes that a device failed"),
	COUNT(nr_waits_for_space, "requests", "waits_for_space", "writes that waited for space"),
	{0},
};

const struct figure backing_figures[] = {
	BACKING_GAUGE(size, "bytes", "backing_size_bytes", "size of the backing"),
	BACKING_GAUGE(attached, "", "backing_attached", "the backing is there"),
	BACKING_GAUGE(in_log, "", "backing_in_log", "the log holds what is not on the backing"),
	BACKING_GAUGE(consistent, "", "backing_consistent",
		      "without the cache, the backing shows a state of the past"),
	BACKING_GAUGE(held, "", "backing_held", "its blocks stay in the log"),
	BACKING_GAUGE(busy, "", "backing_busy", "its load leaves no room for migration"),
	BACKING_GAUGE(nr_dirty, "blocks", "backing_dirty_blocks", "blocks not yet on the backing"),
	BACKING_GAUGE(nr_cached, "blocks", "backing_cached_blocks", "blocks of it in the cache"),
	BACKING_COUNT(nr_reads, "requests", "backing_reads", "read requests"),
	BACKING_COUNT(nr_writes, "requests", "backing_writes", "write requests"),
	BACKING_COUNT(nr_zeros, "requests", "backing_zeros", "discard and write-zeroes requests"),
	BACKING_COUNT(read_bytes, "bytes", "backing_read_bytes", "bytes read"),
	BACKING_COUNT(write_bytes, "bytes", "backing_written_bytes", "bytes written"),
	BACKING_COUNT(migrated_bytes, "bytes", "backing_migrated_bytes",
		      "bytes written back to the backing"),
	BACKING_COUNT(nr_errors, "errors", "backing_errors", "I/O errors of the backing"),
	{0},
};

uint64_t figure_value(const struct figure *figure, const void *of)
{
	const unsigned char *field = (const unsigned char *)of + figure->off;
	uint64_t wide;
	uint32_t narrow;

	if (figure->size == sizeof(bool))
		return *(const bool *)field;
	if (figure->size == sizeof(narrow)) {
		memcpy(&narrow, field, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, field, sizeof(wide));
	return wide;
}

const char *stat_name(unsigned int index, char name[STAT_NAME_LEN])
{
	snprintf(name, STAT_NAME_LEN, "%s_%s_%s_%s", index & WB_STAT_WRITE ? "write" : "read",
		 index & WB_STAT_HIT ? "hit" : "miss",
		 index & WB_STAT_ON_BUFFER ? "on_buffer" : "not_on_buffer",
		 index & WB_STAT_FULLSIZE ? "full_size" : "partial");
	return name;
}
