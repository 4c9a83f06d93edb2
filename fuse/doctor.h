/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wbfs doctor finds: a line for each thing that it looked at. Checks print as they go, in
 * main's thread.
 */
#ifndef FUSE_DOCTOR_H
#define FUSE_DOCTOR_H

#include <stdbool.h>

enum finding {
	FINDING_OK,
	FINDING_WARNING, /* wbfs works, but not as well as it could */
	FINDING_FAILURE, /* wbfs, or what was asked about, doesn't work */
	NR_FINDINGS,
};

enum { DOCTOR_FIX_LEN = 512 };

struct doctor {
	bool colour;
	const char *container; /* what we run in, or NULL; known after doctor_system */
	unsigned int nr[NR_FINDINGS];
	char fix[DOCTOR_FIX_LEN]; /* a command for the next finding, or "" */
};

/* A command that would help with what is told next. */
void doctor_fix(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line: what was looked at, and how it is. Uses up the fix; one that is ok has none. */
void doctor_tell(struct doctor *doctor, enum finding finding, const char *what, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

/* doctor_system.c: what every mount on this machine needs. */
void doctor_system(struct doctor *doctor);
/* doctor_io.c: how devices can be used; loop devices, io_uring, memory, virtual CPUs. */
void doctor_io(struct doctor *doctor);
/* doctor_target.c: a mount point, a cache, or what may become a backing. */
void doctor_target(struct doctor *doctor, const char *path);
/* All mounts of wbfs: do their daemons live? */
void doctor_mounts(struct doctor *doctor);

#endif
