/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logs as a killed daemon leaves them, written by the engine itself into images of nearly no size.
 */
#ifndef WB_BENCH_SCALE_LOG_H
#define WB_BENCH_SCALE_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct scale_log {
	const char *path;   /* of the image, which is made */
	uint64_t nr_blocks; /* cached, all of them dirty and each written once; a power of two */
	bool synced;	    /* each with a sync behind it: records of two blocks */
	bool dense;	    /* blocks of zeros take up space, too */
	uint64_t len;	    /* bytes of its segments */
};

void scale_log_make(struct scale_log *log);

#endif
