/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wbfs inspect prints. For one thread. */
#include "config.h"

#include "fuse/inspect.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { FLUSH_AT = 65536 };

static void flush(struct out *out)
{
	if (out->text.bytes)
		fwrite(out->text.bytes, 1, out->text.len, stdout);
	out->text.len = 0;
}

static void indent(struct out *out)
{
	text_printf(&out->text, "%*s", out->depth * 2, "");
}

/* What stands between the last field or object and the next one. */
static void separate(struct out *out)
{
	bool some = out->level[out->depth].has_some;

	out->level[out->depth].has_some = true;
	if (out->json)
		text_printf(&out->text, "%s\n", some ? "," : "");
	else if (out->level[out->depth].row)
		text_printf(&out->text, "%s", some ? ", " : " ");
}

static void begin_field(struct out *out, const char *name)
{
	separate(out);
	if (out->json) {
		indent(out);
		text_printf(&out->text, "\"%s\": ", name);
	} else if (out->level[out->depth].row) {
		text_printf(&out->text, "%s ", name);
	} else {
		indent(out);
		text_printf(&out->text, "%s: ", name);
	}
}

static void end_field(struct out *out)
{
	if (!out->json && !out->level[out->depth].row)
		text_printf(&out->text, "\n");
}

static void deeper(struct out *out, bool row, bool list)
{
	assert(out->depth + 1 < OUT_DEPTH);
	out->depth++;
	out->level[out->depth].row = row;
	out->level[out->depth].list = list;
	out->level[out->depth].has_some = false;
}

void out_begin(struct out *out, bool json)
{
	*out = (struct out){.json = json};
	if (json)
		text_printf(&out->text, "{");
	out->depth = json;
}

int out_finish(struct out *out)
{
	int err = out->text.failed ? -ENOMEM : 0;

	if (out->json)
		text_printf(&out->text, "\n}\n");
	flush(out);
	text_free(&out->text);
	return err;
}

void out_list(struct out *out, const char *name)
{
	if (!out->json)
		return;
	begin_field(out, name);
	text_printf(&out->text, "[");
	deeper(out, false, true);
}

static void begin_object(struct out *out, const char *title, uint64_t number, bool row)
{
	if (out->json) {
		separate(out);
		indent(out);
		text_printf(&out->text, "{");
		deeper(out, false, false);
		out_number(out, title, number);
		return;
	}
	indent(out);
	text_printf(&out->text, "%s %" PRIu64 ":%s", title, number, row ? "" : "\n");
	deeper(out, row, false);
}

void out_object(struct out *out, const char *title, uint64_t number)
{
	begin_object(out, title, number, false);
}

void out_row(struct out *out, const char *title, uint64_t number)
{
	begin_object(out, title, number, true);
}

void out_end(struct out *out)
{
	bool row = out->level[out->depth].row, list = out->level[out->depth].list;

	if (out->json) {
		out->depth--;
		text_printf(&out->text, "\n");
		indent(out);
		text_printf(&out->text, list ? "]" : "}");
	} else if (out->depth) {
		out->depth--;
		if (row)
			text_printf(&out->text, "\n");
	}
	if (out->text.len > FLUSH_AT)
		flush(out);
}

void out_number(struct out *out, const char *name, uint64_t value)
{
	begin_field(out, name);
	text_printf(&out->text, "%" PRIu64, value);
	end_field(out);
}

void out_hex(struct out *out, const char *name, uint64_t value)
{
	begin_field(out, name);
	text_printf(&out->text, out->json ? "\"0x%" PRIx64 "\"" : "0x%" PRIx64, value);
	end_field(out);
}

void out_word(struct out *out, const char *name, const char *word)
{
	begin_field(out, name);
	if (out->json)
		text_json_string(&out->text, word);
	else
		text_printf(&out->text, "%s", word);
	end_field(out);
}

void out_bytes(struct out *out, const char *name, const uint8_t *bytes, size_t len)
{
	begin_field(out, name);
	text_printf(&out->text, "\"");
	for (size_t i = 0; i < len && bytes[i]; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~')
			text_printf(&out->text, out->json ? "\\\\x%02x" : "\\x%02x", bytes[i]);
		else if (bytes[i] == '\\' || bytes[i] == '"')
			text_printf(&out->text, "\\%c", bytes[i]);
		else
			text_printf(&out->text, "%c", bytes[i]);
	}
	text_printf(&out->text, "\"");
	end_field(out);
}
