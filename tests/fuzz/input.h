/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzing targets have in common. A target's input is not an image but the choices from
 * which it makes one, checksums included: random bytes would all end at the first checksum. Where
 * the input ends it goes on with zeros, and zeros stand for the usual.
 */
#ifndef WB_TESTS_FUZZ_INPUT_H
#define WB_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's name for a target; without it, main.c calls this for each file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert, also with NDEBUG: what must hold whatever the input is. */
#define FUZZ_ASSERT(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

struct input {
	const uint8_t *at, *end;
};

static inline uint8_t input_byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* Up to len bytes as they are; what is missing stays as it was. */
static inline void input_bytes(struct input *in, void *to, size_t len)
{
	size_t left = (size_t)(in->end - in->at);

	if (len > left)
		len = left;
	memcpy(to, in->at, len);
	in->at += len;
}

/* The usual number, one near it, an edge, or any number at all. */
static inline uint64_t input_number(struct input *in, uint64_t usual)
{
	static const uint64_t edges[] = {
		0, 1, UINT16_MAX, UINT32_MAX, 1ull << 40, 1ull << 49, (1ull << 50) - 1, 1ull << 50,
	};
	uint8_t byte = input_byte(in);
	uint64_t number = 0;

	if (byte < 0xd0)
		return usual + byte;
	if (byte < 0xf0)
		return usual - (byte - 0xcfu);
	if (byte < 0xf8)
		return edges[byte & 7];
	if (byte < 0xfc)
		return UINT64_MAX - (byte & 3);
	input_bytes(in, &number, sizeof(number));
	return number;
}

#endif
