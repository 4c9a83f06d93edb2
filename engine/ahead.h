/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recovery's reading: the segments of the chain in their order, many of them ahead, into the
 * segment buffers. Of a segment that is a single record known to be durable only the header is
 * read.
 */
#ifndef WB_ENGINE_AHEAD_H
#define WB_ENGINE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/scan.h"
#include "engine/wb.h"

#define AHEAD_SEGMENTS 64u /* being read */

struct ahead {
	struct wb *wb;
	const struct scan *scan;
	struct ahead_read {
		uint64_t segment; /* whose contents it has or gets; 0: none */
		bool in_flight;
		struct bdev_io io;
	} reads[AHEAD_SEGMENTS];
	uint32_t nr;
	uint64_t requested; /* segments before it have been submitted */
};

/* From this segment on. */
void ahead_start(struct ahead *ahead, struct wb *wb, const struct scan *scan, uint64_t segment);
/* Wait for what is in flight. */
void ahead_stop(struct ahead *ahead);

/*
 * The contents of a segment, NULL if its slot has another. Blocks. Segments are asked for in order;
 * the memory stays as it is until the next one is asked for. -EIO.
 */
int ahead_load(struct ahead *ahead, uint64_t segment, const uint8_t **memory) WB_CHECK;

#endif
