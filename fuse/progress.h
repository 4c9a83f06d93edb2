/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bar on a terminal for what takes long, a line now and then elsewhere. */
#ifndef FUSE_PROGRESS_H
#define FUSE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	bool terminal;
	uint64_t start, shown; /* ns */
	uint64_t total;	       /* the most that was left, bytes */
	bool drawn;
};

struct progress progress_begin(const char *what);
/* So much is left now. Call a few times a second. */
void progress_left(struct progress *progress, uint64_t bytes);
void progress_end(struct progress *progress, bool complete);

#endif
