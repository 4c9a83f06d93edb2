/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzzing target on files, for compilers without libFuzzer. */
#include "config.h"

#include <errno.h>

#include "tests/fuzz/input.h"

#define LARGEST_INPUT (1u << 20)

static void die(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	exit(1);
}

static void run(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(LARGEST_INPUT), *input;
	size_t len;

	if (!data || !file)
		die(path);
	len = fread(data, 1, LARGEST_INPUT, file);
	if (ferror(file))
		die(path);
	fclose(file);
	/* Exactly as large as it is, so that sanitizers see where it ends. */
	input = realloc(data, len + !len);
	if (!input)
		die(path);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(input, len);
	free(input);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	return argc > 1 ? 0 : 1;
}
