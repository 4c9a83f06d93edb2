/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache image from the input of a fuzzing target. An empty input makes a cache of 3 segments of
 * 4 blocks, in use, with no backing and an empty log:
 *
 *	geometry    a byte, index of a table; a byte, blocks that the device is shorter; a byte
 *		    for how it is opened; a byte, the seed of the simulation
 *	superblock  state, then numbers (see input_number): segment_blocks, nr_segments, sequence,
 *		    generation, its first segment and record, migrated, tail's segment and block,
 *		    durable
 *	table	    how many entries, then for each: id, flags, size, last record, sample, name,
 *		    migrated, batch_end, zeroed
 *	the other   a byte: older by one, or damaged, or another one with the same fields again
 *	log	    steps until the input ends, see steps[]
 *
 * All checksums are right unless a step says otherwise.
 */
#ifndef WB_TESTS_FUZZ_IMAGE_H
#define WB_TESTS_FUZZ_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/layout.h"
#include "engine/wb.h"
#include "tests/fuzz/input.h"
#include "tests/sim/simdev.h"

#define IMAGE_BLOCKS 16u    /* of each backing, as its size is usually remembered */
#define IMAGE_BAD "damaged" /* how blocks begin that must not be read */
#define IMAGE_IDS 3u	    /* that entries usually have */

struct image {
	struct simdev *cache;
	struct layout layout; /* how the log is laid out; the superblock may say otherwise */
	struct wb_options options;
	uint8_t seed;
	bool crash; /* instead of closing it */
	bool keep;  /* don't migrate before */
	/*
	 * The log is such as a program could have written: in order, and copies of a block have all
	 * sectors that older ones have. Otherwise the contents of blocks in partial[] may depend on
	 * whether they are migrated.
	 */
	bool in_order;
	bool partial[IMAGE_IDS + 1][IMAGE_BLOCKS];
};

void image_make(struct image *image, struct sim *sim, struct input *in);

#endif
