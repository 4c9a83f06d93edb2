/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration without sorting, to show what sorting gives: after superseding, which needs the order
 * by block, what is left goes back into the order of the log. Replaces engine/batch.c in
 * bench/wbfs-unsorted, which bench/migration mounts; not part of wbfs.
 */
#include "config.h"

#include "engine/batch.h"

#include <stdlib.h>

void pieces_compose_sorted(struct pieces *p, uint8_t backing, uint64_t seed);

#define pieces_compose pieces_compose_sorted
#include "engine/batch.c"
#undef pieces_compose

static int by_version(const void *a, const void *b)
{
	const struct piece *one = a, *other = b;

	return (one->version > other->version) - (one->version < other->version);
}

void pieces_compose(struct pieces *p, uint8_t backing, uint64_t seed)
{
	pieces_compose_sorted(p, backing, seed);
	qsort(p->pieces, p->nr, sizeof(*p->pieces), by_version);
}
