/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The image file that --size creates. */
#ifndef MKWBFS_IMAGE_H
#define MKWBFS_IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct image {
	char path[PATH_MAX]; /* absolute */
	uint64_t size;	     /* to have; 0: no image to make, use what is there */
	bool exists;
	bool empty;   /* exists with size 0, and will be filled */
	bool created; /* something that image_undo takes back */
};

/*
 * Look at what is there and decide what --size (`size`, or 0 if it wasn't given) means. Changes
 * nothing. 0 or -errno after a message.
 */
int image_plan(struct image *image, const char *path, uint64_t size)
	__attribute__((warn_unused_result));

/*
 * Create the file or fill the empty one, or allocate the holes of one that has the size already.
 * Durable when it returns 0. -errno after a message; -EINTR if *stopped became true.
 */
int image_allocate(struct image *image, const volatile bool *stopped)
	__attribute__((warn_unused_result));

/* Leave things as they were before image_allocate. */
void image_undo(struct image *image);

#endif
