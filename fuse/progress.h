/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bar on a terminal for what takes long, a line every ten seconds elsewhere. */
#ifndef FUSE_PROGRESS_H
#define FUSE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_MARKS = 16, PROGRESS_LINE_LEN = 320 };

struct progress {
	const char *what;
	bool terminal;
	uint64_t begin; /* ns */
	uint64_t shown; /* when the last line was */
	uint64_t moved; /* when less was left for the last time */
	uint64_t total; /* the most that was left, bytes */
	uint64_t left;
	/* the last seconds, as a ring: what was left when; for the rate */
	struct progress_mark {
		uint64_t at, left;
	} marks[PROGRESS_MARKS];
	unsigned int nr_marks;
	bool drawn;
	bool told_why;
};

/* `what` leads the line: "drain"; it must stay valid. */
struct progress progress_begin(const char *what);

/*
 * So many bytes are left now. Call a few times a second. True if it has not become less for some
 * seconds: progress_stalled may then say why.
 */
bool progress_left(struct progress *progress, uint64_t bytes);

/* Why it stands still; told once for each time. */
void progress_stalled(struct progress *progress, const char *why);

/* The end: takes the bar away if it was not complete. */
void progress_end(struct progress *progress, bool complete);

/* The same in words, without what leads it: "45 %, 1.2 GiB left, 84 MiB/s, 15 s". */
void progress_words(const struct progress *progress, char *words, size_t size);

/* The line for a terminal of so many columns: never wider, with a bar if there is room. */
void progress_line(const struct progress *progress, unsigned int columns,
		   char line[PROGRESS_LINE_LEN]);

/* A time span as people read it: "15 s", "3 min 20 s", "2 h 5 min". */
void progress_time(uint64_t seconds, char *text, size_t size);

#endif
