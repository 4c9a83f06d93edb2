/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What recovery knows of all slots from the first header of each: which generations there were,
 * which records are stale, how far the log is known to be durable.
 */
#ifndef WB_ENGINE_SCAN_H
#define WB_ENGINE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/format.h"
#include "engine/wb.h"

struct scan_slot {
	uint64_t segment; /* 0: no header of ours, or not at its place */
	uint64_t record, generation, generation_record, durable;
	bool fills; /* the first record leaves no room for another */
};

struct scan {
	struct scan_slot *slots; /* [nr_segments] */
	struct scan_generation {
		uint64_t generation;
		uint64_t first_record;
	} * generations; /* ascending; first_record the smallest from here on */
	uint32_t nr_generations;
	uint64_t last_generation;
	uint64_t last_segment; /* the largest in any header that is not stale */
	uint64_t durable;      /* the largest that any header vouches for */
};

/* Read the slots' first headers. Blocks. -EIO, -ENOMEM. Undo with scan_fini, also after errors. */
int scan_slots(struct wb *wb, struct scan *scan) WB_CHECK;
void scan_fini(struct scan *scan);

/* A record that a later generation has taken the number of: it contributes nothing. */
bool scan_is_stale(const struct scan *scan, uint64_t generation, uint64_t record);

#endif
