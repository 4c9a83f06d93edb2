/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of several words was probably meant: the smallest edit distance. No state, any thread. */
#include "config.h"

#include "fuse/nearest.h"

#include <string.h>

enum { NEAREST_MAX = 40 }; /* longer words are not compared */

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions and changes that lead from a to b: Levenshtein's distance, row by row. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t len_a = strlen(a), len_b = strlen(b);
	size_t row[NEAREST_MAX + 1];

	if (len_a > NEAREST_MAX || len_b > NEAREST_MAX)
		return NEAREST_MAX;
	for (size_t j = 0; j <= len_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			size_t above = row[j];

			row[j] = smaller(smaller(above, row[j - 1]) + 1,
					 diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[len_b];
}

struct nearest nearest_to(const char *typed)
{
	return (struct nearest){.typed = typed, .distance = NEAREST_MAX};
}

void nearest_offer(struct nearest *nearest, const char *word)
{
	size_t distance = edit_distance(nearest->typed, word);

	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->word = word;
	}
}

const char *nearest_word(const struct nearest *nearest)
{
	size_t len = strlen(nearest->typed);

	return nearest->distance <= 1 + len / 3 && nearest->distance < len ? nearest->word : NULL;
}
