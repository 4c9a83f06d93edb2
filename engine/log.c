/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the log: sealed records to the cache device, several in flight, and flushes that make
 * them durable.
 *
 * A record stays in its buffer until a flush that began after its write has succeeded. When a
 * write fails it is repeated in place after a pause; when a flush fails, nothing since the last
 * good one is known to be on the device, so all of it is written again before the next flush. When
 * that doesn't help either the cache has failed.
 */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/log.h"

static void finish_header(struct wb *wb, struct record *record)
{
	struct record_header header = {
		.generation = wb->generation,
		.generation_record = wb->generation_record,
		.segment = record->segment,
		.record = record->number,
		.durable = wb->ladder.durable,
		.block = record->block,
		.nr_entries = record->nr_entries,
		.nr_blocks = record->nr_blocks,
		.continued = record->continued,
	};

	memcpy(header.uuid, wb->uuid, WB_UUID_LEN);
	record_encode(&header, record->header);
}

static void seal_ready(struct wb *wb)
{
	while (wb->ladder.sealed + 1 < wb->ladder.open) {
		struct record *record = head_record(wb, wb->ladder.sealed + 1);

		if (record->state != RECORD_CLOSED || record->copiers)
			return;
		finish_header(wb, record);
		record->state = RECORD_READY;
		ladder_raise(&wb->ladder, &wb->ladder.sealed, record->number);
		wb->figures.nr_records++;
		wb->figures.nr_record_blocks += record->nr_blocks + 1u;
	}
}

/* ---- record writes ---- */

static void advance_logged(struct wb *wb)
{
	struct log *log = &wb->log;

	while (log->written < wb->ladder.sealed &&
	       head_record(wb, log->written + 1)->state == RECORD_WRITTEN) {
		log->written++;
		if (log->written <= wb->ladder.logged)
			continue;
		ladder_raise(&wb->ladder, &wb->ladder.logged, log->written);
		if (!head_record(wb, log->written)->continued)
			log->logged_end = log->written;
	}
}

static void log_failed(struct wb *wb, uint64_t pause, const struct bdev_io *io)
{
	wb->log.sick_until = wb->ladder.sealed;
	health_io_failed(wb, NULL, CAUSE_LOG, pause ? WB_DEGRADED : WB_FAILED, io);
}

/* What a write of a record has come to; returns the pause before it is repeated, if it failed. */
static uint64_t settle(struct wb *wb, struct record *record, int err)
{
	uint64_t pause = 0;

	if (err) {
		pause = retry_pause(++record->attempts);
		wb->figures.nr_log_retries += pause != 0;
		record->not_before = wb_now(wb) + pause;
	} else if (!record->again) {
		record->state = RECORD_WRITTEN;
		record->attempts = 0;
		return 0;
	}
	record->again = false;
	record->state = RECORD_READY;
	wb->log.next_write = min_u64(wb->log.next_write, record->number);
	return pause;
}

static void records_written(struct bdev_io *io)
{
	struct wb *wb = io->owner;
	struct record *first = container_of(io, struct record, io);
	uint64_t last = first->written_with;
	uint64_t pause = 0;

	wb_lock(wb);
	wb->log.in_flight--;
	for (uint64_t n = first->number; n <= last; n++)
		pause = settle(wb, head_record(wb, n), io->err);
	if (io->err) {
		wb->figures.nr_write_errors++;
		log_failed(wb, pause, io);
	} else {
		advance_logged(wb);
	}
	wb_kick(wb);
	wb_unlock(wb);
}

/* Whether a record can be written by the same I/O as the one before it. */
static bool may_join(const struct record *before, const struct record *record)
{
	return record->state == RECORD_READY && record->segment == before->segment &&
	       !before->attempts && !record->attempts;
}

/*
 * Write a record, and those behind it that are ready and lie next to it: when the disk can't keep
 * up, it gets few large writes.
 */
static void write_records(struct wb *wb, struct record *first)
{
	uint32_t position = layout_position(&wb->layout, first->segment, first->block);
	struct record *last = first;
	uint32_t blocks;

	first->state = RECORD_WRITING;
	while (last->number < wb->ladder.sealed) {
		struct record *next = head_record(wb, last->number + 1);

		if (!may_join(last, next))
			break;
		assert(next->block == last->block + 1 + last->nr_blocks);
		next->state = RECORD_WRITING;
		last = next;
	}
	first->written_with = last->number;
	blocks = last->block + 1 + last->nr_blocks - first->block;
	bdev_io_init(&first->io, BDEV_WRITE, layout_offset(position), first->header,
		     (uint64_t)blocks * WB_BLOCK_SIZE);
	first->io.owner = wb;
	first->io.done = records_written;
	wb->log.in_flight++;
	wb_submit_later(wb, wb->cache, &first->io);
}

static void write_ready(struct wb *wb)
{
	struct log *log = &wb->log;

	for (; log->next_write <= wb->ladder.sealed && log->in_flight < LOG_WRITES_IN_FLIGHT;
	     log->next_write++) {
		struct record *record = head_record(wb, log->next_write);

		if (record->state != RECORD_READY)
			continue;
		if (record->not_before > wb_now(wb)) {
			wb_wake_at(wb, record->not_before);
			return;
		}
		write_records(wb, record);
	}
}

/* ---- flushes ---- */

void log_write_all_again(struct wb *wb)
{
	for (uint64_t n = wb->ladder.durable + 1; n <= wb->ladder.sealed; n++) {
		struct record *record = head_record(wb, n);

		if (record->state == RECORD_WRITTEN)
			record->state = RECORD_READY;
		record->again = record->state == RECORD_WRITING;
		record->attempts = 0;
		record->not_before = 0;
	}
	wb->log.written = wb->ladder.durable;
	wb->log.next_write = wb->ladder.durable + 1;
}

static void flush_failed(struct wb *wb, const struct bdev_io *io)
{
	uint64_t pause = retry_pause(++wb->log.flush_attempts);

	wb->figures.nr_flush_errors++;
	wb->figures.nr_log_retries += pause != 0;
	log_write_all_again(wb);
	wb->log.flush_not_before = wb_now(wb) + pause;
	log_failed(wb, pause, io);
}

static void flush_succeeded(struct wb *wb)
{
	uint64_t from = wb->ladder.durable;
	const struct record *last = head_record(wb, wb->log.flush_target);

	ladder_raise(&wb->ladder, &wb->ladder.durable, wb->log.flush_target);
	if (wb->ladder.durable > from) {
		wb->log.durable_segment = last->segment;
		wb->log.durable_block = last->block + 1 + last->nr_blocks;
		wb->log.durable_since = wb_now(wb);
		space_advance_tail(wb); /* if nobody needs it: what was given up meanwhile */
	}
	for (uint64_t n = from + 1; n <= wb->ladder.durable; n++)
		head_record(wb, n)->state = RECORD_NONE;
	wb->log.flush_attempts = 0;
	if (wb->ladder.durable >= wb->log.sick_until)
		health_clear(wb, NULL, CAUSE_LOG);
	wb->figures.nr_flushes++;
	wb->head.unsynced_from = 0;
	if (head_last(wb) > wb->ladder.durable)
		wb->head.unsynced_from = head_record(wb, wb->ladder.durable + 1)->since;
}

static void flushed(struct bdev_io *io)
{
	struct wb *wb = io->owner;

	wb_lock(wb);
	wb->log.flushing = false;
	if (io->err)
		flush_failed(wb, io);
	else if (wb->log.written >= wb->log.flush_target)
		flush_succeeded(wb);
	/* Else a retry has begun to write all of it again, and flushes it then. */
	super_flush_ended(wb, io->err);
	wb_kick(wb);
	wb_unlock(wb);
}

static bool flush_wanted(struct wb *wb)
{
	uint64_t end = wb->log.logged_end;
	struct waiter *sync;

	if (wb->super.state == SUPER_WRITTEN)
		return true;
	if (end <= wb->ladder.durable)
		return false;
	if (wb->log.wanted > wb->ladder.durable || wb->segments.wanted ||
	    segments_not_durable(wb) * 4 > wb->segments.nr_buffers ||
	    (wb->ladder.open - wb->ladder.durable) * 2 > wb->head.nr)
		return true;
	sync = waiter_first(wb, WAIT_DURABLE);
	return sync && sync->target <= end;
}

static void flush(struct wb *wb)
{
	struct log *log = &wb->log;

	if (log->flushing || log->written < wb->ladder.logged || !flush_wanted(wb))
		return;
	if (log->flush_not_before > wb_now(wb)) {
		wb_wake_at(wb, log->flush_not_before);
		return;
	}
	log->flushing = true;
	log->flush_target = max_u64(log->logged_end, wb->ladder.durable);
	super_flush_starts(wb);
	bdev_io_init(&log->flush, BDEV_FLUSH, 0, NULL, 0);
	log->flush.owner = wb;
	log->flush.done = flushed;
	wb_submit_later(wb, wb->cache, &log->flush);
}

/* flush_current_buffer_interval bounds what a power cut can take. */
static void flush_by_interval(struct wb *wb)
{
	uint64_t interval = wb->knobs[WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL] * NS_PER_S;
	uint64_t due = wb->head.unsynced_from + interval;

	if (!interval || !wb->head.unsynced_from || wb->log.wanted >= head_last(wb))
		return;
	if (wb_now(wb) < due) {
		wb_wake_at(wb, due);
		return;
	}
	wb->log.wanted = head_last(wb);
	head_seal(wb, false);
}

void log_pump(struct wb *wb)
{
	if (wb->failed || !wb->started)
		return;
	flush_by_interval(wb);
	/* Somebody waits for space: let go of all that could be migrated. */
	if (wb->segments.wanted)
		head_seal(wb, false);
	seal_ready(wb);
	write_ready(wb);
	flush(wb);
}
