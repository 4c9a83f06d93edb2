/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of figures: what they are called, their units and what they mean. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "fuse/report.h"

#define FIGURE(structure, field, title, figure_unit, metric_name, kind, figure_scale, figure_help) \
	{ \
		.name = (title), .unit = (figure_unit), .metric = (metric_name), \
		.help = (figure_help), .type = (kind), .scale = (figure_scale), \
		.off = offsetof(struct structure, field), \
		.size = sizeof(((struct structure *)NULL)->field) \
	}
#define GAUGE(field, unit, metric, help) \
	FIGURE(wb_status, field, #field, unit, metric, FIGURE_GAUGE, SCALE_ONE, help)
#define COUNT(field, unit, metric, help) \
	FIGURE(wb_status, field, #field, unit, metric, FIGURE_COUNTER, SCALE_ONE, help)
#define HISTOGRAM(field, title, unit, metric, scale, help) \
	FIGURE(wb_status, field, title, unit, metric, FIGURE_HISTOGRAM, scale, help)
#define BACKING_GAUGE(field, unit, metric, help) \
	FIGURE(wb_backing_info, field, #field, unit, metric, FIGURE_GAUGE, SCALE_ONE, help)
#define BACKING_COUNT(field, unit, metric, help) \
	FIGURE(wb_backing_info, field, #field, unit, metric, FIGURE_COUNTER, SCALE_ONE, help)
#define BACKING_HISTOGRAM(field, title, unit, metric, scale, help) \
	FIGURE(wb_backing_info, field, title, unit, metric, FIGURE_HISTOGRAM, scale, help)

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
	GAUGE(migration_rate, "bytes/s", "migration_bytes_per_second",
	      "speed of writing back, over the last few seconds"),
	GAUGE(nr_dirty, "blocks", "dirty_blocks", "blocks that are not yet on their backings"),
	GAUGE(dirty_bytes, "bytes", "dirty_bytes", "what of the log is not yet on the backings"),
	FIGURE(wb_status, oldest_dirty_ns, "oldest_dirty_age", "s", "oldest_dirty_age_seconds",
	       FIGURE_GAUGE, SCALE_NS, "about how long the oldest dirty block has been in the log"),
	GAUGE(nr_cached, "blocks", "cached_blocks", "blocks that can be read from the cache"),
	GAUGE(unsynced_bytes, "bytes", "unsynced_bytes", "acknowledged, lost by a power cut now"),
	FIGURE(wb_status, counted_ns, "counted_for", "s", "counted_seconds", FIGURE_GAUGE, SCALE_NS,
	       "since the mount, or since the counters were cleared"),
	COUNT(nr_syncs, "requests", "syncs", "sync requests"),
	COUNT(nr_flushes, "flushes", "flushes", "flushes of the cache"),
	COUNT(nr_records, "records", "records", "records written to the log"),
	COUNT(nr_record_blocks, "blocks", "record_blocks", "blocks of these, with headers"),
	COUNT(nr_batches, "batches", "batches", "migration batches completed"),
	COUNT(nr_migrated_blocks, "blocks", "migrated_blocks", "blocks written to backings"),
	COUNT(migrated_bytes, "bytes", "migrated_bytes", "bytes written to backings"),
	COUNT(nr_carried_blocks, "blocks", "carried_blocks",
	      "blocks copied forward in the log because their backing can't take them"),
	COUNT(nr_superseded_blocks, "blocks", "superseded_blocks",
	      "blocks that a newer one of their batch made needless"),
	COUNT(nr_checksum_errors, "blocks", "checksum_errors", "blocks with a wrong checksum"),
	COUNT(nr_read_errors, "errors", "read_errors", "reads that a device failed"),
	COUNT(nr_write_errors, "errors", "write_errors", "writes that a device failed"),
	COUNT(nr_flush_errors, "errors", "flush_errors", "flushes that a device failed"),
	COUNT(nr_backing_errors, "errors", "backings_errors", "I/O errors of all backings"),
	COUNT(nr_log_retries, "retries", "log_retries",
	      "writes and flushes of the cache repeated after an error"),
	COUNT(nr_batch_retries, "retries", "batch_retries", "batches repeated after an error"),
	COUNT(nr_waits_for_space, "requests", "waits_for_space", "writes that waited for space"),
	HISTOGRAM(write_ns, "write_latency", "requests", "write_ack_seconds", SCALE_NS,
		  "until a write is acknowledged"),
	HISTOGRAM(sync_ns, "sync_latency", "requests", "sync_seconds", SCALE_NS,
		  "until a sync, or an acknowledged O_DSYNC write, is durable"),
	HISTOGRAM(read_hit_ns, "read_hit_latency", "requests", "read_hit_seconds", SCALE_NS,
		  "reads that the cache has all of"),
	HISTOGRAM(read_miss_ns, "read_miss_latency", "requests", "read_miss_seconds", SCALE_NS,
		  "reads that need the backing"),
	HISTOGRAM(migration_ns, "migration_latency", "writes", "migration_write_seconds", SCALE_NS,
		  "writes of migration to backings"),
	HISTOGRAM(migration_bytes, "migration_write_size", "writes", "migration_write_bytes",
		  SCALE_ONE, "sizes of writes of migration, after merging"),
	HISTOGRAM(batch_ns, "batch_time", "batches", "batch_seconds", SCALE_NS,
		  "migration batches from beginning to end"),
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
	FIGURE(wb_backing_info, utilisation, "utilisation", "%", "backing_utilisation_ratio",
	       FIGURE_GAUGE, SCALE_PERCENT,
	       "how busy its disk is with what is not migration, as last measured"),
	FIGURE(wb_backing_info, migrate_threshold, "migrate_threshold", "%",
	       "backing_migrate_threshold_ratio", FIGURE_GAUGE, SCALE_PERCENT,
	       "migration goes on while its disk is less busy than this"),
	BACKING_GAUGE(paused, "", "backing_paused", "what is written to it is kept in the cache"),
	BACKING_GAUGE(migration_rate, "bytes/s", "backing_migration_bytes_per_second",
		      "speed of writing back, over the last few seconds"),
	BACKING_GAUGE(nr_dirty, "blocks", "backing_dirty_blocks", "blocks not yet on the backing"),
	BACKING_GAUGE(dirty_bytes, "bytes", "backing_dirty_bytes",
		      "what of the log is not yet on the backing"),
	FIGURE(wb_backing_info, oldest_dirty_ns, "oldest_dirty_age", "s",
	       "backing_oldest_dirty_age_seconds", FIGURE_GAUGE, SCALE_NS,
	       "about how long the oldest dirty block has been in the log"),
	BACKING_GAUGE(nr_cached, "blocks", "backing_cached_blocks", "blocks of it in the cache"),
	BACKING_COUNT(nr_reads, "requests", "backing_reads", "read requests"),
	BACKING_COUNT(nr_writes, "requests", "backing_writes", "write requests"),
	BACKING_COUNT(nr_zeros, "requests", "backing_zeros", "discard and write-zeroes requests"),
	BACKING_COUNT(read_bytes, "bytes", "backing_read_bytes", "bytes read"),
	BACKING_COUNT(write_bytes, "bytes", "backing_written_bytes", "bytes written"),
	BACKING_COUNT(migrated_bytes, "bytes", "backing_migrated_bytes",
		      "bytes written back to the backing"),
	BACKING_COUNT(nr_batches, "batches", "backing_batches", "migration batches completed"),
	BACKING_COUNT(nr_migrated_blocks, "blocks", "backing_migrated_blocks",
		      "blocks written to the backing"),
	BACKING_COUNT(nr_superseded_blocks, "blocks", "backing_superseded_blocks",
		      "blocks that a newer one of their batch made needless"),
	BACKING_COUNT(nr_errors, "errors", "backing_errors", "I/O errors of the backing"),
	BACKING_COUNT(nr_batch_retries, "retries", "backing_batch_retries",
		      "batches repeated after an error"),
	BACKING_HISTOGRAM(migration_ns, "migration_latency", "writes",
			  "backing_migration_write_seconds", SCALE_NS,
			  "writes of migration to the backing"),
	BACKING_HISTOGRAM(migration_bytes, "migration_write_size", "writes",
			  "backing_migration_write_bytes", SCALE_ONE,
			  "sizes of writes of migration, after merging"),
	BACKING_HISTOGRAM(batch_ns, "batch_time", "batches", "backing_batch_seconds", SCALE_NS,
			  "migration batches from beginning to end"),
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

const struct wb_histogram *figure_histogram(const struct figure *figure, const void *of)
{
	return (const void *)((const char *)of + figure->off);
}

void figure_buckets(const struct figure *figure, unsigned int *first, unsigned int *last)
{
	bool is_time = figure->scale == SCALE_NS;

	*first = is_time ? 10 : 9; /* about 1 us; a sector */
	*last = is_time ? 36 : 20; /* about 69 s; 1 MiB, the largest write */
}

const char *stat_name(unsigned int index, char name[STAT_NAME_LEN])
{
	snprintf(name, STAT_NAME_LEN, "%s_%s_%s_%s", index & WB_STAT_WRITE ? "write" : "read",
		 index & WB_STAT_HIT ? "hit" : "miss",
		 index & WB_STAT_ON_BUFFER ? "on_buffer" : "not_on_buffer",
		 index & WB_STAT_FULLSIZE ? "full_size" : "partial");
	return name;
}
