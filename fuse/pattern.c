/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block begins with its number and the write's, and goes on with words that follow from both, so
 * that a torn or misplaced one shows, and that no device can shrink it.
 */
#include "config.h"

#include "fuse/pattern.h"

#include <string.h>

enum { WORDS = PATTERN_BLOCK / sizeof(uint64_t), HEAD_WORDS = 2, ROUNDS = 4 };

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u; /* splitmix64 */
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static void fill_block(uint64_t *words, uint64_t block, uint64_t seq)
{
	uint64_t key = mix(block * 0x9e3779b97f4a7c15u + seq);

	words[0] = block;
	words[1] = seq;
	for (uint64_t i = HEAD_WORDS; i < WORDS; i++)
		words[i] = (key + i * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
}

void pattern_fill(void *bytes, uint64_t len, uint64_t block, uint64_t seq)
{
	for (uint64_t off = 0; off + PATTERN_BLOCK <= len; off += PATTERN_BLOCK)
		fill_block((uint64_t *)((char *)bytes + off), block++, seq);
}

uint64_t pattern_seq(const void *bytes, uint64_t block)
{
	static const uint64_t zeros[WORDS];
	uint64_t expected[WORDS];
	uint64_t seq;

	memcpy(&seq, (const char *)bytes + sizeof(uint64_t), sizeof(seq));
	if (seq == 0)
		return memcmp(bytes, zeros, sizeof(zeros)) == 0 ? 0 : PATTERN_WRONG;
	fill_block(expected, block, seq);
	return memcmp(bytes, expected, sizeof(expected)) == 0 ? seq : PATTERN_WRONG;
}

/*
 * A Feistel network over the next power of four: what falls outside goes round again. Each round
 * can be undone whatever mix() does, so it is a permutation.
 */
uint64_t pattern_shuffle(uint64_t i, uint64_t nr, uint64_t seed)
{
	unsigned int half = 1;
	uint64_t mask;

	while (half < 32 && (UINT64_C(1) << (2 * half)) < nr)
		half++;
	mask = (UINT64_C(1) << half) - 1;
	do {
		uint64_t left = i >> half, right = i & mask;

		for (unsigned int round = 0; round < ROUNDS; round++) {
			uint64_t next = left ^ (mix(right + seed * 8 + round) & mask);

			left = right;
			right = next;
		}
		i = left << half | right;
	} while (i >= nr);
	return i;
}
