/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to be true. With devices that only fail, lose power and tear unflushed writes:
 *
 *	opening		succeeds, unless an I/O of it failed
 *	the log ends	where everything synced is in it; at the end of a request
 *	contents	are exactly the state there (one that was opened and read stays)
 *	backings	are each exactly the state at its watermark (backings.c)
 *	reads		return the last write acknowledged before, or one after
 *	errors		have a reason (requests.c, disks.c)
 *
 * When the cache was damaged silently (rot, lost or misdirected writes):
 *
 *	opening		may be refused with EUCLEAN, EMEDIUMTYPE or EIO; but one rotten superblock
 *			is survived without any loss
 *	the log ends	behind all that anything still readable on the cache vouches for as
 *			durable (superblock, header): only records that nothing vouches for look
 *			like a torn tail. After damage at several places the superblock and the
 *			first headers of segments have to be enough for that; and if what was
 *			lost nevertheless had begun to migrate, backings are ahead of the log
 *	contents	are the state there, or EIO
 *	recover_truncate  gives up the end of the log: what is left was written there once
 *	backings	hold nothing that was not written there once
 *	reads		as above, or EIO
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format.h"
#include "engine/layout.h"
#include "tests/sim/world.h"

#define SECTOR 512u
#define BLOCK_SECTORS (WB_BLOCK_SIZE / SECTOR)

/* ---- the ladder ---- */

static bool in_order(const struct wb_status *s)
{
	return s->open_record > s->sealed && s->sealed >= s->logged && s->logged >= s->durable &&
	       s->durable >= s->migrated && s->migrated >= s->migrated_on_disk;
}

static bool fell(const struct wb_status *a, const struct wb_status *b)
{
	return b->open_record < a->open_record || b->sealed < a->sealed || b->logged < a->logged ||
	       b->durable < a->durable || b->migrated < a->migrated ||
	       b->migrated_on_disk < a->migrated_on_disk || b->generation < a->generation ||
	       b->last_durable_segment_id < a->last_durable_segment_id ||
	       b->last_migrated_segment_id < a->last_migrated_segment_id;
}

void check_status(struct world *w)
{
	struct wb_status s;

	wb_status(w->wb, &s);
	if (!in_order(&s))
		fail(w, "the ladder is not in order");
	if (fell(&w->last, &s))
		fail(w, "a number that only grows went back");
	if (s.state != WB_HEALTHY && faults_of(w->cache) == w->cache_faults_at_open &&
	    !faults_damaged(w))
		fail(w, "the cache is %s without a reason: %s", wb_state_name(s.state), s.reason);
	if (s.state == WB_FAILED &&
	    w->cache->nr_failed[BDEV_WRITE] + w->cache->nr_failed[BDEV_FLUSH] ==
		    w->cache_fails_at_open)
		fail(w, "the cache has failed although nothing failed there: %s", s.reason);
	w->last = s;
	w->durable_seen = s.durable;
}

/* ---- what vouches for what is durable ---- */

static bool is_stale(const struct world *w, const struct record_header *h)
{
	for (unsigned int i = 0; i < w->nr_generations; i++)
		if (w->generations[i].generation > h->generation &&
		    h->record >= w->generations[i].first_record)
			return true;
	return false;
}

static bool read_super(struct world *w, unsigned int i, struct super *super)
{
	const uint8_t *at = w->cache->visible + (size_t)i * WB_SUPER_AREA;
	const struct wb_backing_disk *table = (const void *)(at + WB_TABLE_OFF);
	const char *why;

	return !super_decode((const void *)at, super, &why) &&
	       memcmp(super->uuid, w->uuid, WB_UUID_LEN) == 0 &&
	       table_checksum(table, super->table_entries) == super->table_checksum;
}

bool check_super_is_good(struct world *w, unsigned int i)
{
	struct super super;

	return read_super(w, i, &super);
}

/* The newer good superblock; the other one may be older than what was given up. */
static uint64_t vouched_by_supers(struct world *w)
{
	uint64_t sequence = 0, durable = 0;

	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct super super;

		if (!read_super(w, i, &super) || super.sequence < sequence)
			continue;
		sequence = super.sequence;
		durable = super.durable;
	}
	return durable;
}

static bool several_damages(const struct world *w)
{
	return w->nr_rot + w->cache->nr_mishaps > 1;
}

uint64_t check_vouched(struct world *w)
{
	uint32_t blocks = w->geometry.segment_size / WB_BLOCK_SIZE;
	struct layout layout = {blocks, (uint32_t)w->geometry.nr_segments};
	bool several = several_damages(w);
	uint64_t most = vouched_by_supers(w);

	for (uint32_t p = 0; p < layout_nr_positions(&layout); p++) {
		const void *at = w->cache->visible + layout_offset(p);
		struct record_header h;

		if (record_decode(at, w->uuid, blocks, &h) || is_stale(w, &h) ||
		    layout_position(&layout, h.segment, h.block) != p || (h.block && several))
			continue;
		if (h.durable > most)
			note(w,
			     "record %llu (generation %llu, segment %llu, block %u) vouches for %llu",
			     (unsigned long long)h.record, (unsigned long long)h.generation,
			     (unsigned long long)h.segment, h.block, (unsigned long long)h.durable);
		most = h.durable > most ? h.durable : most;
	}
	return most;
}

/* ---- opening ---- */

bool check_opened(struct world *w, uint64_t vouched)
{
	struct wb_status s;
	bool truncated;
	uint64_t n;

	wb_status(w->wb, &s);
	n = model_until(&w->model, s.durable);
	note(w, "opened: record %llu of generation %llu, %llu of %llu operations (%llu synced)",
	     (unsigned long long)s.durable, (unsigned long long)s.generation, (unsigned long long)n,
	     (unsigned long long)model_now(&w->model), (unsigned long long)w->model.synced);
	if (model_has_written(&w->model, n, w->model.synced) && !w->other_damage)
		fail(w, "of %llu operations that were synced only %llu are there",
		     (unsigned long long)w->model.synced, (unsigned long long)n);
	truncated = s.durable < vouched || s.durable < w->base_record ||
		    (s.durable < w->durable_seen && several_damages(w));
	if (s.durable < w->durable_seen && !w->other_damage)
		fail(w, "record %llu was durable, and the log ends at %llu",
		     (unsigned long long)w->durable_seen, (unsigned long long)s.durable);
	if (s.durable < vouched && !w->options.recover_truncate)
		fail(w, "the log ends at record %llu, but %llu is vouched for",
		     (unsigned long long)s.durable, (unsigned long long)vouched);
	model_cut(&w->model, n);
	model_synced(&w->model, n);
	memset(&w->last, 0, sizeof(w->last));
	check_status(w);
	backings_opened(w);
	backings_check(w);
	return truncated;
}

/* One disk: read through the cache, or what is known of it. found gets the stamps. */
static void check_disk(struct world *w, unsigned int i, bool truncated, uint32_t *found)
{
	const uint32_t *state = model_state(&w->model, i, model_now(&w->model));
	uint8_t *ok = w->image + w->max_disk;

	request_read_all(w, i, w->image, ok);
	for (uint32_t at = 0; at < w->model.sectors[i]; at++) {
		uint32_t stamp;

		if ((uint64_t)at * SECTOR >= w->disks[i].size)
			break;
		stamp = model_stamp_of(i, at, w->image + (size_t)at * SECTOR);
		found[at] = ok[at / BLOCK_SECTORS] ? stamp : MODEL_ANY;
		if (found[at] == state[at] || found[at] == MODEL_ANY)
			continue;
		/* Of a batch that was not completed; the backing may still lose it. */
		if (stamp != MODEL_GARBAGE && (truncated || state[at] == MODEL_ANY)) {
			found[at] = MODEL_ANY;
			continue;
		}
		model_explain(&w->model, i, at, stamp);
		fail(w, "disk %u does not show the state at the end of the log", i);
	}
}

static void check_uncached(struct world *w)
{
	const uint8_t *at = w->image;

	request_read_all(w, UNCACHED, w->image, w->image + w->max_disk);
	if (!w->image[w->max_disk])
		return;
	for (uint32_t s = 0; s < UNCACHED_SECTORS; s++, at += SECTOR)
		if (!uncached_seen(&w->uncached, s, model_stamp_of(UNCACHED, s, at)))
			fail(w, "the disk that is not cached lost sector %u", s);
}

static bool can_be_read(const struct disk *d)
{
	return d->state == DISK_THERE || d->state == DISK_ATTACHING;
}

void check_contents(struct world *w, bool truncated)
{
	uint32_t *found = malloc(w->model.nr_sectors * sizeof(*found));

	for (uint32_t i = 0; found && i < w->model.nr_sectors; i++)
		found[i] = MODEL_ANY;
	for (unsigned int i = 0; found && i < w->nr_cached; i++)
		if (can_be_read(&w->disks[i]))
			check_disk(w, i, truncated, found + w->model.first[i]);
	if (found && truncated) {
		memcpy(w->model.asked.stamps, found, w->model.nr_sectors * sizeof(*found));
		model_rebase(&w->model);
		backings_rebased(w);
		w->base_record = w->last.durable;
	}
	free(found);
	if (can_be_read(&w->disks[UNCACHED]))
		check_uncached(w);
}

/* ---- after all faults are mended ---- */

static void check_backing_is_well(struct world *w, unsigned int i)
{
	struct wb_backing_info info;

	for (unsigned int n = 0; wb_backing_info(w->wb, n, &info); n++) {
		if (info.backing != w->disks[i].handle || !info.id)
			continue;
		if (info.state != WB_HEALTHY || info.held)
			fail(w, "disk %u is not well: %s", i, info.reason);
		/* Poison is carried forward as long as it is there. */
		if ((info.in_log || !info.consistent) && !peek_has_poison(w->wb))
			fail(w, "disk %u has all, and is not said to show a state of the past", i);
	}
}

void check_healed(struct world *w)
{
	struct wb_status s;
	const char *what;

	wb_status(w->wb, &s);
	if (s.state != WB_HEALTHY)
		fail(w, "the cache stays %s: %s", wb_state_name(s.state), s.reason);
	if (s.nr_dirty)
		fail(w, "a drained cache has dirty blocks");
	what = peek_counters(w->wb);
	if (what)
		fail(w, "%s", what);
	check_status(w);
	backings_check(w);
	for (unsigned int i = 0; i < w->nr_cached; i++)
		check_backing_is_well(w, i);
}
