/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle of a disk that is not cached, and has its own guarantees only: a completed write is
 * read, and survives a power cut if a sync that began later has succeeded. Sectors stand alone.
 */
#ifndef WB_TESTS_UNCACHED_H
#define WB_TESTS_UNCACHED_H

#include <stdbool.h>
#include <stdint.h>

#define UNCACHED_SECTORS 96
#define UNCACHED_MOST 12

/* What a sector may be: any of these, the last written last. */
struct uncached_sector {
	uint32_t stamps[UNCACHED_MOST];
	unsigned int nr;
	unsigned int nr_done; /* of them: by completed writes, when the sync in flight began */
	bool known;	      /* the last one it is, as long as the power stays on */
	bool wild;	      /* it was written too often to keep account */
};

struct uncached {
	struct uncached_sector sectors[UNCACHED_SECTORS];
};

/* A write begins, ends; a sync begins, succeeds. Ranges of sectors. */
void uncached_begin(struct uncached *u, uint32_t first, uint32_t nr, uint32_t stamp);
void uncached_end(struct uncached *u, uint32_t first, uint32_t nr, int err);
/* A completed write was one with WB_IO_DSYNC. */
void uncached_dsynced(struct uncached *u, uint32_t first, uint32_t nr);
void uncached_sync_begin(struct uncached *u);
void uncached_synced(struct uncached *u);
/* Something may have been lost or done: no sector is known. */
void uncached_doubt(struct uncached *u);
/* The sector has this stamp; false: it can't have. */
bool uncached_seen(struct uncached *u, uint32_t sector, uint32_t stamp);

#endif
