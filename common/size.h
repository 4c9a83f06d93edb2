/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes as people type and read them. */
#ifndef COMMON_SIZE_H
#define COMMON_SIZE_H

#include <stdint.h>

/*
 * Bytes from a decimal number with an optional suffix K, M, G or T (powers of 1024, either case).
 * -EINVAL for anything else, and for what doesn't fit in 63 bits (no file is larger); *bytes then
 * stays as it was.
 */
int parse_size(const char *text, uint64_t *bytes) __attribute__((warn_unused_result));

#define SIZE_TEXT_LEN 24

/* For people: "512 bytes", "64 KiB", "1.5 GiB"; rounded down to a tenth. Returns text. */
const char *format_size(uint64_t bytes, char text[SIZE_TEXT_LEN]);

#endif
