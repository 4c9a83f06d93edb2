/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/reason.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Where the system's words say too little, or not what it means to a block device. */
static const struct {
	int err;
	const char *words;
} better_words[] = {
	{EBUSY, "in use"},
	{EIO, "input/output error"},
	{EMEDIUMTYPE, "not a wbfs cache, or of a format that this program doesn't know"},
	{ENOMEM, "not enough memory"},
	{EROFS, "read-only"},
	{ESTALE, "not the device that it was"},
	{EUCLEAN, "damaged"},
};

#define REASON_LEN 64

const char *reason(int err)
{
	static _Thread_local char words[REASON_LEN];
	const char *system;

	if (err < 0)
		err = -err;
	for (size_t i = 0; i < sizeof(better_words) / sizeof(better_words[0]); i++)
		if (better_words[i].err == err)
			return better_words[i].words;
	system = strerrordesc_np(err);
	if (!system) {
		snprintf(words, sizeof(words), "error %d", err);
		return words;
	}
	snprintf(words, sizeof(words), "%s", system);
	words[0] = (char)tolower((unsigned char)words[0]);
	return words;
}
