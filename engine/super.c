/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/super.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/reason.h"

#define IDLE_COMMIT_AFTER NS_PER_S

static struct wb_backing_disk *table_of(uint8_t *memory)
{
	return (struct wb_backing_disk *)(memory + WB_TABLE_OFF);
}

static uint64_t table_len(unsigned int nr)
{
	return round_up_u64(nr * sizeof(struct wb_backing_disk), WB_BLOCK_SIZE);
}

static void env_log(const struct wb_env *env, enum wb_log_level level, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	env->log(env->ctx, level, message);
}

static int table_check(const struct super *super, uint8_t *memory, const char **why)
{
	bool seen[WB_MAX_TABLE + 1] = {false};

	*why = "backing table: checksum mismatch";
	if (table_checksum(table_of(memory), super->table_entries) != super->table_checksum)
		return -EUCLEAN;
	*why = "backing table: impossible entry";
	for (unsigned int i = 0; i < super->table_entries; i++) {
		struct table_entry entry;

		if (table_entry_decode(&table_of(memory)[i], &entry) || seen[entry.id] ||
		    entry.batch_end > super->durable || entry.zeroed > super->durable)
			return -EUCLEAN;
		seen[entry.id] = true;
	}
	return 0;
}

static int check_copy(struct bdev *dev, uint64_t off, uint8_t *memory, struct super_copy *copy)
{
	struct super *super = &copy->super;
	int err = super_decode((struct wb_super_disk *)memory, super, &copy->why);

	if (err)
		return err;
	if (super->table_entries) {
		copy->why = "backing table: can't be read";
		err = bdev_read(dev, off + WB_TABLE_OFF, memory + WB_TABLE_OFF,
				table_len(super->table_entries));
		if (err)
			return err;
	}
	err = table_check(super, memory, &copy->why);
	if (err)
		return err;
	copy->why = "the device is smaller than the cache it held";
	if (dev->size < layout_offset(super->nr_segments * super->segment_blocks))
		return -EUCLEAN;
	copy->why = NULL;
	return 0;
}

void super_read_copy(struct bdev *dev, unsigned int i, uint8_t *memory, struct super_copy *copy)
{
	uint64_t off = (uint64_t)i * WB_SUPER_AREA;

	*copy = (struct super_copy){.why = "can't be read"};
	copy->err = bdev_read(dev, off, memory, WB_BLOCK_SIZE);
	if (!copy->err)
		copy->err = check_copy(dev, off, memory, copy);
}

/* Written by a newer program: what the other copy says is not the last word then. */
static bool is_newer_format(const struct super_copy *copy)
{
	return copy->err == -EMEDIUMTYPE && strcmp(copy->why, SUPER_NOT_OURS) != 0;
}

static int refuse(struct bdev *dev, const struct wb_env *env, const struct super_copy *copies)
{
	const char *path = dev->path;

	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		uint64_t features = copies[i].super.features_incompat & ~WB_FEATURES_INCOMPAT;

		if (!is_newer_format(&copies[i]))
			continue;
		if (features)
			env_log(env, WB_LOG_ERROR, "%s: open cache: %s: 0x%llx", path,
				copies[i].why, (unsigned long long)features);
		else
			env_log(env, WB_LOG_ERROR, "%s: open cache: %s", path, copies[i].why);
		return -EMEDIUMTYPE;
	}
	if (copies[0].err == -EMEDIUMTYPE && copies[1].err == -EMEDIUMTYPE) {
		env_log(env, WB_LOG_ERROR, "%s: open cache: %s", path, copies[0].why);
		return -EMEDIUMTYPE;
	}
	env_log(env, WB_LOG_ERROR,
		"%s: open cache: superblock 0 at byte 0: %s; superblock 1 at byte %u: %s", path,
		copies[0].why ? copies[0].why : "good", WB_SUPER_AREA,
		copies[1].why ? copies[1].why : "good");
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++)
		if (copies[i].err && copies[i].err != -EMEDIUMTYPE && copies[i].err != -EUCLEAN)
			return copies[i].err;
	return -EUCLEAN;
}

/* Rot of one copy is survived. One that can't be read may be the newer one, and good. */
static bool can_do_without(const struct super_copy *copy)
{
	return copy->err == -EUCLEAN || (copy->err == -EMEDIUMTYPE && !is_newer_format(copy));
}

int super_read(struct bdev *dev, const struct wb_env *env, uint8_t *memory, struct super *super,
	       unsigned int *which, bool *alone)
{
	struct super_copy copies[WB_NR_SUPERS];
	unsigned int nr_good = 0;

	if (dev->size < WB_SLOTS_OFF) {
		env_log(env, WB_LOG_ERROR, "%s: open cache: too small to be a wbfs cache",
			dev->path);
		return -EMEDIUMTYPE;
	}
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		super_read_copy(dev, i, memory, &copies[i]);
		if (!copies[i].err && (!nr_good++ || copies[i].super.sequence > super->sequence)) {
			*super = copies[i].super;
			*which = i;
		}
	}
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++)
		if (!nr_good || (copies[i].err && !can_do_without(&copies[i])))
			return refuse(dev, env, copies);
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++)
		if (copies[i].err)
			env_log(env, WB_LOG_WARNING,
				"%s: open cache: superblock %u at byte %u: %s; using the other one",
				dev->path, i, i * WB_SUPER_AREA, copies[i].why);
	*alone = nr_good < WB_NR_SUPERS;
	/* The table of the better one, into the caller's memory. */
	super_read_copy(dev, *which, memory, &copies[*which]);
	return copies[*which].err;
}

static unsigned int fill_table(struct wb *wb)
{
	struct wb_backing_disk *table = table_of(wb->super.memory);
	unsigned int nr = 0;

	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!b->entry.id)
			continue;
		b->writing_migrated = b->entry.migrated;
		table_entry_encode(&b->entry, &table[nr++]);
	}
	memset(&table[nr], 0, table_len(nr) - nr * sizeof(*table));
	return nr;
}

uint64_t super_fill(struct wb *wb, enum wb_super_state state)
{
	struct super_writer *w = &wb->super;
	struct super *s = &w->super;

	s->state = state;
	s->sequence++;
	s->generation = wb->generation;
	s->generation_record = wb->generation_record;
	s->migrated = wb->ladder.migrated;
	s->tail_segment = wb->tail.segment;
	s->tail_block = wb->tail.block;
	s->durable = wb->ladder.durable;
	s->table_entries = fill_table(wb);
	s->table_sequence = s->sequence;
	s->table_checksum = table_checksum(table_of(w->memory), s->table_entries);
	super_encode(s, (struct wb_super_disk *)w->memory);
	return WB_TABLE_OFF + table_len(s->table_entries);
}

uint64_t super_commit(struct wb *wb, bool to_both)
{
	assert(!wb->read_only);
	wb->super.both_wanted |= to_both;
	wb_kick(wb);
	return ++wb->super.wanted;
}

/* A write or flush has failed: the same copy again, since it may be torn now. */
static void write_again(struct wb *wb, int err)
{
	struct super_writer *w = &wb->super;
	uint64_t pause = retry_pause(++w->attempts);

	wb->figures.nr_log_retries += pause != 0;
	w->state = SUPER_IDLE;
	w->not_before = wb_now(wb) + pause;
	health_set(wb, NULL, CAUSE_SUPER, pause ? WB_DEGRADED : WB_FAILED,
		   "%.150s: write superblock %u at byte %llu: %s", wb->cache->path, w->copy,
		   (unsigned long long)w->io.off, reason(err));
	wb_kick(wb);
}

static void write_done(struct bdev_io *io)
{
	struct wb *wb = io->owner;

	wb_lock(wb);
	assert(wb->super.state == SUPER_WRITING);
	if (io->err) {
		wb->figures.nr_write_errors++;
		write_again(wb, io->err);
	} else {
		wb->super.state = wb->super.again ? SUPER_IDLE : SUPER_WRITTEN;
		wb_kick(wb);
	}
	wb->super.again = false;
	wb_unlock(wb);
}

/* An idle log says how far it is durable, so that a later loss of it is noticed. */
static void commit_when_due(struct wb *wb)
{
	struct super_writer *w = &wb->super;
	uint64_t interval = wb->knobs[WB_KNOB_COMMIT_SUPER_BLOCK_INTERVAL] * NS_PER_S;
	uint64_t due;

	if (!wb->started || w->done < w->wanted || w->durable >= wb->ladder.durable)
		return;
	if (interval)
		due = w->written_at + interval;
	else if (head_last(wb) == wb->ladder.durable)
		due = wb->log.durable_since + IDLE_COMMIT_AFTER;
	else
		return;
	if (wb_now(wb) >= due)
		super_commit(wb, false);
	else
		wb_wake_at(wb, due);
}

void super_pump(struct wb *wb)
{
	struct super_writer *w = &wb->super;
	uint64_t len;

	if (!wb->failed)
		commit_when_due(wb);
	if (w->state != SUPER_IDLE || w->done >= w->wanted || wb->failed)
		return;
	if (w->not_before > wb_now(wb)) {
		wb_wake_at(wb, w->not_before);
		return;
	}
	if (w->both_wanted) {
		w->both_wanted = false;
		w->copies_left = WB_NR_SUPERS;
	}
	w->written = w->wanted;
	w->writing_migrated = wb->ladder.migrated;
	w->writing_durable = wb->ladder.durable;
	w->written_at = wb_now(wb);
	len = super_fill(wb, WB_SUPER_IN_USE);
	bdev_io_init(&w->io, BDEV_WRITE, (uint64_t)w->copy * WB_SUPER_AREA, w->memory, len);
	w->io.owner = wb;
	w->io.done = write_done;
	w->state = SUPER_WRITING;
	wb_submit_later(wb, wb->cache, &w->io);
}

void super_flush_starts(struct wb *wb)
{
	if (wb->super.state == SUPER_WRITTEN)
		wb->super.state = SUPER_FLUSHING;
}

void super_flush_ended(struct wb *wb, int err)
{
	struct super_writer *w = &wb->super;

	if (err && w->state == SUPER_WRITING)
		w->again = true;
	else if (err && w->state != SUPER_IDLE)
		write_again(wb, err);
	if (w->state != SUPER_FLUSHING)
		return;
	w->state = SUPER_IDLE;
	w->attempts = 0;
	health_clear(wb, NULL, CAUSE_SUPER);
	w->copy = (w->copy + 1) % WB_NR_SUPERS;
	ladder_raise(&wb->ladder, &wb->ladder.migrated_on_disk, w->migrated_on_newest);
	w->migrated_on_newest = w->writing_migrated;
	w->durable = w->writing_durable;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		b->migrated_on_disk = b->writing_migrated;
	}
	if (w->copies_left)
		w->copies_left--;
	if (!w->copies_left)
		w->done = w->written;
	wb_kick(wb);
}
