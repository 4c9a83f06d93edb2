/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that grows as it is printed into. Belongs to one thread. */
#ifndef FUSE_TEXT_H
#define FUSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *bytes; /* NUL-terminated; NULL while empty */
	size_t len;
	size_t room;
	bool failed; /* no memory: the text is incomplete */
};

/* A struct text that is given back at the end of its scope. */
#define TEXT_SCOPE __attribute__((cleanup(text_free))) struct text

void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string, with its quotes. Paths may be of any bytes: what is no UTF-8 becomes U+FFFD. */
void text_json_string(struct text *text, const char *string);

/* A label's value in the Prometheus text format, with its quotes. */
void text_label(struct text *text, const char *value);

void text_free(struct text *text);

#endif
