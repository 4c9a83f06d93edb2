/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that come again and again: the first one is told, then the second, the fourth, the
 * eighth ... Two are the same if they differ in nothing but numbers that stand by themselves:
 * offsets and counts, not those in the name of a device. After ten minutes without
 * one it is new again. Memory is fixed; the caller has the lock.
 */
#ifndef FUSE_REPEATS_H
#define FUSE_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

enum { REPEATS_KNOWN = 64 };

struct repeats {
	struct {
		uint64_t hash; /* 0: free */
		uint64_t nr;
		uint64_t last; /* ns */
	} known[REPEATS_KNOWN];
};

/* Count a message at a time (ns). How often it has come if it is to be told, else 0. */
uint64_t repeats_count(struct repeats *repeats, const char *text, uint64_t now);

#endif
