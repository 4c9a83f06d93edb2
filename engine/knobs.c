/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The knobs: one table, from which everything that names them follows. */
#include "config.h"

#include <errno.h>

#include "engine/engine.h"

static const char *const on_full_words[] = {"wait", "error"};

const struct wb_knob wb_knobs[WB_NR_ALL_KNOBS] = {
	[WB_KNOB_ALLOW_MIGRATE] = {"allow_migrate", 0, 1, 1, NULL, "", "migration may run now"},
	[WB_KNOB_FORCE_MIGRATE] = {"force_migrate", 0, 1, 0, NULL, "", "migrate whatever the load"},
	[WB_KNOB_BARRIER_DEADLINE_MS] = {"barrier_deadline_ms", 1, 10000, 3, NULL, "ms",
					 "the longest that a sync is held back to share a flush"},
	[WB_KNOB_NR_MAX_BATCHED_MIGRATION] = {"nr_max_batched_migration", 1, 256, 32, NULL,
					      "segments", "segments written back together"},
	[WB_KNOB_COMMIT_SUPER_BLOCK_INTERVAL] = {"commit_super_block_interval", 0, 86400, 0, NULL,
						 "s", "write the superblock this often; 0: off"},
	[WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL] = {"flush_current_buffer_interval", 0, 86400, 1,
						   NULL, "s",
						   "bounds what a power cut can lose; 0: off"},
	[WB_KNOB_ON_FULL] = {"on_full", 0, 1, 0, on_full_words, "",
			     "what writes get when the log is full and can't be migrated"},
	[WB_KNOB_UPDATE_INTERVAL] = {"update_interval", 0, 86400, 1, NULL, "s",
				     "how often the backings' load is looked at; 0: off"},
	[WB_KNOB_DISCARD_CACHE] = {"discard_cache", 0, 1, 0, NULL, "",
				   "discard segments of the cache that are needed no more"},
	[WB_KNOB_MIGRATE_THRESHOLD] = {"migrate_threshold", 0, 100, 70, NULL, "%",
				       "migrate while the backing is busy for less than this"},
	[WB_KNOB_PAUSED] = {"paused", 0, 1, 0, NULL, "",
			    "keep what is written to the backing in the cache"},
};

unsigned int wb_knob_get(struct wb *wb, const struct wb_backing *backing, enum wb_knob_id id)
{
	unsigned int value;

	wb_lock(wb);
	value = id < WB_NR_KNOBS ? wb->knobs[id] : backing->knobs[id - WB_NR_KNOBS];
	wb_unlock(wb);
	return value;
}

int wb_knob_set(struct wb *wb, struct wb_backing *backing, enum wb_knob_id id, unsigned int value)
{
	if (value < wb_knobs[id].min || value > wb_knobs[id].max)
		return -EINVAL;
	wb_lock(wb);
	if (id < WB_NR_KNOBS)
		wb->knobs[id] = value;
	else
		backing->knobs[id - WB_NR_KNOBS] = value;
	wb->space_changes++;
	wb_kick(wb);
	wb_unlock(wb);
	return 0;
}
