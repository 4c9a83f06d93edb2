/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people type and read them. No state, any thread. */
#include "config.h"

#include "common/size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char suffixes[] = "KMGT";

/* The power of two that a suffix stands for, or -1. */
static int suffix_shift(const char *suffix)
{
	if (!*suffix)
		return 0;
	if (suffix[1])
		return -1;
	for (int i = 0; suffixes[i]; i++)
		if ((*suffix & ~0x20) == suffixes[i])
			return 10 * (i + 1);
	return -1;
}

int parse_size(const char *text, uint64_t *bytes)
{
	uint64_t value = 0;
	const char *p;
	int shift;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (INT64_MAX - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	shift = suffix_shift(p);
	if (p == text || shift < 0 || value > (uint64_t)INT64_MAX >> shift)
		return -EINVAL;
	*bytes = value << shift;
	return 0;
}

const char *format_size(uint64_t bytes, char text[SIZE_TEXT_LEN])
{
	uint64_t unit = 1024;
	int i = 0;

	if (bytes < unit) {
		snprintf(text, SIZE_TEXT_LEN, "%" PRIu64 " bytes", bytes);
		return text;
	}
	while (suffixes[i + 1] && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	uint64_t tenths = bytes % unit * 10 / unit;
	if (tenths)
		snprintf(text, SIZE_TEXT_LEN, "%" PRIu64 ".%" PRIu64 " %ciB", bytes / unit, tenths,
			 suffixes[i]);
	else
		snprintf(text, SIZE_TEXT_LEN, "%" PRIu64 " %ciB", bytes / unit, suffixes[i]);
	return text;
}
