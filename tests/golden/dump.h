/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contents of devices as text: a line for each device with its name and size, then lines with what
 * isn't zero in it, an offset in hexadecimal and either bytes (0012: 8b7762...) or so many times
 * the same byte (1000: 4096*61).
 */
#ifndef WB_TESTS_GOLDEN_DUMP_H
#define WB_TESTS_GOLDEN_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define DUMP_NAME_LEN 32
#define DUMP_DEVICES 8

struct dump {
	struct dump_device {
		char name[DUMP_NAME_LEN];
		uint64_t size;
		uint8_t *bytes;
	} devices[DUMP_DEVICES];
	unsigned int nr;
};

void dump_write(FILE *file, const char *name, const uint8_t *bytes, uint64_t size);

/* False: not a dump, or cut off; line says where. Free with dump_free in any case. */
bool dump_read(FILE *file, struct dump *dump, unsigned int *line);
const struct dump_device *dump_find(const struct dump *dump, const char *name);
void dump_free(struct dump *dump);

#endif
