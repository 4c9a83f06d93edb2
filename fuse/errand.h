/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing files that a daemon serves, which may hang: a process that waits for an
 * answer to a request can't always be killed. So a child goes, and can be left behind.
 */
#ifndef FUSE_ERRAND_H
#define FUSE_ERRAND_H

#include <stdbool.h>

#include "fuse/text.h"

/* Read a file. 0 or -errno; -ETIMEDOUT: no answer in ERRAND_PATIENCE seconds. */
int errand_read(const char *path, struct text *text) __attribute__((warn_unused_result));

/*
 * Write into one. The same, but what is written may take as long as it likes to have effect.
 * *opened: the file has been opened, so an error is about the value.
 */
int errand_write(const char *path, const char *value, bool *opened)
	__attribute__((warn_unused_result));

enum { ERRAND_PATIENCE = 5 };

#endif
