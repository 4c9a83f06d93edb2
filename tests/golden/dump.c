/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/golden/dump.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 32u /* that are written out in a line */
#define MIN_RUN 16u    /* equal bytes that are worth a line of their own */

static uint64_t run_len(const uint8_t *bytes, uint64_t at, uint64_t size)
{
	uint64_t end = at + 1;

	while (end < size && bytes[end] == bytes[at])
		end++;
	return end - at;
}

/* Bytes up to the next run. */
static uint64_t literal_len(const uint8_t *bytes, uint64_t at, uint64_t size)
{
	uint64_t len = 0;

	while (at + len < size && len < LINE_BYTES && run_len(bytes, at + len, size) < MIN_RUN)
		len++;
	return len;
}

void dump_write(FILE *file, const char *name, const uint8_t *bytes, uint64_t size)
{
	fprintf(file, "device %s %" PRIu64 "\n", name, size);
	for (uint64_t at = 0, len; at < size; at += len) {
		len = run_len(bytes, at, size);
		if (len >= MIN_RUN && !bytes[at])
			continue;
		fprintf(file, "%" PRIx64 ": ", at);
		if (len >= MIN_RUN) {
			fprintf(file, "%" PRIu64 "*%02x\n", len, bytes[at]);
			continue;
		}
		len = literal_len(bytes, at, size);
		for (uint64_t i = 0; i < len; i++)
			fprintf(file, "%02x", bytes[at + i]);
		fputc('\n', file);
	}
}

static bool read_device(struct dump *dump, const char *line)
{
	struct dump_device *device = &dump->devices[dump->nr];

	if (dump->nr == DUMP_DEVICES ||
	    sscanf(line, "device %31s %" SCNu64, device->name, &device->size) != 2)
		return false;
	device->bytes = calloc(1, device->size);
	dump->nr++;
	return device->bytes;
}

static bool read_bytes(struct dump *dump, const char *line)
{
	struct dump_device *device = dump->nr ? &dump->devices[dump->nr - 1] : NULL;
	uint64_t at, len;
	unsigned int byte;
	int used = 0;

	if (!device || sscanf(line, "%" SCNx64 ": %n", &at, &used) != 1 || at >= device->size)
		return false;
	line += used;
	if (sscanf(line, "%" SCNu64 "*%2x", &len, &byte) == 2) {
		if (len > device->size - at)
			return false;
		memset(device->bytes + at, (int)byte, len);
		return true;
	}
	for (; *line != '\n'; line += 2, at++) {
		if (at >= device->size || sscanf(line, "%2x%n", &byte, &used) != 1 || used != 2)
			return false;
		device->bytes[at] = (uint8_t)byte;
	}
	return true;
}

bool dump_read(FILE *file, struct dump *dump, unsigned int *line)
{
	char text[256];

	*dump = (struct dump){.nr = 0};
	for (*line = 1; fgets(text, sizeof(text), file); ++*line) {
		if (strcmp(text, "end\n") == 0)
			return true;
		if (text[0] == '#')
			continue;
		if (!(strncmp(text, "device ", 7) == 0 ? read_device(dump, text)
						       : read_bytes(dump, text)))
			return false;
	}
	return false;
}

const struct dump_device *dump_find(const struct dump *dump, const char *name)
{
	for (unsigned int i = 0; i < dump->nr; i++)
		if (strcmp(dump->devices[i].name, name) == 0)
			return &dump->devices[i];
	return NULL;
}

void dump_free(struct dump *dump)
{
	for (unsigned int i = 0; i < dump->nr; i++)
		free(dump->devices[i].bytes);
}
