/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on a device before it is formatted or overwritten. Messages go to standard error. */
#ifndef WB_POSIX_SIGNATURES_H
#define WB_POSIX_SIGNATURES_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/bdev.h"

struct signatures {
	char found[512];  /* in words, "" if nothing is there */
	bool dirty_cache; /* a wbfs cache with blocks that may not be on their backings */
	bool partitions;
};

/* Look for anything that is known. Reads only. 0 or -errno after a message. */
int signatures_find(struct bdev *dev, struct signatures *signatures)
	__attribute__((warn_unused_result));

/*
 * Remove all that is known, by whatever finds it, and make that durable: nothing is recognised
 * on the device afterwards. 0 or -errno after a message.
 */
int signatures_wipe(struct bdev *dev) __attribute__((warn_unused_result));

#endif
