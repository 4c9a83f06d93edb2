/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that grows as it is printed into. No state of its own, any thread. */
#include "config.h"

#include "fuse/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_FIRST = 512 };

static bool make_room(struct text *text, size_t len)
{
	size_t room = text->room ? text->room : TEXT_FIRST;
	char *bytes;

	while (room < text->len + len + 1)
		room *= 2;
	if (room == text->room)
		return true;
	bytes = realloc(text->bytes, room);
	if (!bytes) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !make_room(text, (size_t)len))
		return;
	va_start(args, format);
	vsnprintf(text->bytes + text->len, text->room - text->len, format, args);
	va_end(args);
	text->len += (size_t)len;
}

/* How long the UTF-8 character is that begins here; 0: none does. */
static int utf8_len(const unsigned char *c)
{
	int len = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

	if (c[0] > 0xf4)
		return 0;
	for (int i = 1; i < len; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, a surrogate, or beyond the last. */
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
	    (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return len;
}

void text_json_string(struct text *text, const char *string)
{
	int len;

	text_printf(text, "\"");
	for (const char *c = string; *c; c += len ? len : 1) {
		len = utf8_len((const unsigned char *)c);
		if (!len)
			text_printf(text, "\\ufffd");
		else if (*c == '"' || *c == '\\')
			text_printf(text, "\\%c", *c);
		else if ((unsigned char)*c < ' ')
			text_printf(text, "\\u%04x", (unsigned char)*c);
		else
			text_printf(text, "%.*s", len, c);
	}
	text_printf(text, "\"");
}

void text_label(struct text *text, const char *value)
{
	text_printf(text, "\"");
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			text_printf(text, "\\%c", *c);
		else if (*c == '\n')
			text_printf(text, "\\n");
		else
			text_printf(text, "%c", *c);
	}
	text_printf(text, "\"");
}

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}
