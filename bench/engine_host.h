/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host for the engine without FUSE: devices that do next to nothing, so that what is measured is
 * the engine. I/O ends on the thread that submitted it, when that calls host_complete.
 */
#ifndef WB_BENCH_ENGINE_HOST_H
#define WB_BENCH_ENGINE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

struct host_dev {
	struct bdev bdev;
	/*
	 * The cache's superblocks and whatever is in the file, if there is one: of writes, blocks
	 * that are not all zeros. The rest is discarded and reads as zeros.
	 */
	uint8_t *supers; /* NULL: none */
	int fd;		 /* -1: none */
	bool dense;	 /* zeros are written, too */
};

/* Leave the program with a message if what was asked for failed. */
void host_check(int err, const char *what);

void host_dev_init(struct host_dev *dev, const char *name, uint64_t size, int fd);
void host_dev_fini(struct host_dev *dev);

/* Call back what this thread has submitted, and what that submits, until nothing is left. */
void host_complete(void);

extern const struct wb_env host_env;
/* The engine gets memory that has been used before, as it has after a turn of the log. */
extern bool host_touch;

/*
 * A formatted cache of so many blocks of 4 KiB, opened and started with one backing; no migration.
 */
struct wb *host_start(struct host_dev *cache, struct host_dev *slow, struct wb_backing **backing);
void host_stop(struct wb *wb);

/* ---- figures ---- */

#define HOST_MOST_ROUNDS 99

/* NAME MIN MEDIAN MAX UNIT; values are sorted. */
void host_print(const char *name, double *values, unsigned int nr, const char *unit);

/* xorshift64 */
static inline uint64_t host_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
