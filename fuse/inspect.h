/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wbfs inspect prints, as lines for people or as JSON: objects with fields, and rows, which
 * are objects that people get as one line. For one thread.
 */
#ifndef FUSE_INSPECT_H
#define FUSE_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuse/text.h"

enum { OUT_DEPTH = 8 };

struct out {
	bool json;
	struct text text; /* not printed yet */
	int depth;
	struct {
		bool row; /* the innermost object is one */
		bool list;
		bool has_some;
	} level[OUT_DEPTH];
};

void out_begin(struct out *out, bool json);
/* Print the rest. -ENOMEM if something is missing. */
int out_finish(struct out *out);

/* A list of objects; people don't see it. */
void out_list(struct out *out, const char *name);
/* An object or row of a list. People see "TITLE NUMBER: ", and JSON has that in its fields. */
void out_object(struct out *out, const char *title, uint64_t number);
void out_row(struct out *out, const char *title, uint64_t number);
/* End of the innermost of these. */
void out_end(struct out *out);

void out_number(struct out *out, const char *name, uint64_t value);
void out_hex(struct out *out, const char *name, uint64_t value);
void out_word(struct out *out, const char *name, const char *word);
/* Text as it is on disk: up to a NUL or len bytes, whatever they are. */
void out_bytes(struct out *out, const char *name, const uint8_t *bytes, size_t len);

#endif
