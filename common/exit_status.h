/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit statuses of all programs. */
#ifndef COMMON_EXIT_STATUS_H
#define COMMON_EXIT_STATUS_H

enum exit_status {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_USAGE = 1, /* what was typed can't be done */
	EXIT_STATUS_PERMISSION = 2,
	EXIT_STATUS_RESOURCES = 3,   /* memory, space, descriptors */
	EXIT_STATUS_NOT_A_CACHE = 4, /* no wbfs cache, or one of another format */
	EXIT_STATUS_BUSY = 5,
	EXIT_STATUS_IO = 6,
	EXIT_STATUS_CORRUPT = 7, /* damaged, or not the device that it was */
	EXIT_STATUS_STOPPED = 8, /* stopped before complete */
};

/* The exit status for 0 or -errno. */
enum exit_status exit_status_of(int err);

/* The same told as a mount helper has to, see mount(8). */
int exit_status_for_mount(enum exit_status status);

#endif
