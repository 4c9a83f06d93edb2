/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contents of blocks that tell which block it is and which write wrote it, and an order of blocks
 * that looks random and meets each once. No state, any thread.
 */
#ifndef FUSE_PATTERN_H
#define FUSE_PATTERN_H

#include <stdint.h>

enum { PATTERN_BLOCK = 4096 };

/* Fill len bytes (whole blocks) for blocks from `block` on, as write number `seq`, not 0. */
void pattern_fill(void *bytes, uint64_t len, uint64_t block, uint64_t seq);

/*
 * The number of the write that one block shows; 0 for a block of zeros, which nobody wrote;
 * PATTERN_WRONG for anything that was not written to this block.
 */
uint64_t pattern_seq(const void *bytes, uint64_t block);
#define PATTERN_WRONG UINT64_MAX

/* The place of the i-th of nr things in an order of all of them; another order for each seed. */
uint64_t pattern_shuffle(uint64_t i, uint64_t nr, uint64_t seed);

#endif
