/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of mkwbfs. */
#ifndef MKWBFS_OPTIONS_H
#define MKWBFS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct mkwbfs_options {
	const char *path;      /* of the cache */
	const char *label;     /* or NULL */
	uint64_t size;	       /* of the image to create; 0: not given */
	uint32_t segment_size; /* 0: not given */
	bool force;
	bool dry_run;
};

/*
 * Read the command line. 1 if -h or -V has been answered and nothing is left to do, 0, or -EINVAL
 * after a message.
 */
int mkwbfs_options_parse(int argc, char **argv, struct mkwbfs_options *options)
	__attribute__((warn_unused_result));

#endif
