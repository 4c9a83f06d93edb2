/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of several words was probably meant. No state, any thread. */
#ifndef FUSE_NEAREST_H
#define FUSE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *typed;
	const char *word; /* the best so far, or NULL */
	size_t distance;  /* of it */
};

/* Start with what was typed. */
struct nearest nearest_to(const char *typed);

/* One more word that could have been meant; it must stay valid as long as the answer is used. */
void nearest_offer(struct nearest *nearest, const char *word);

/* The nearest word if it is near enough to be worth telling, or NULL. */
const char *nearest_word(const struct nearest *nearest);

#endif
