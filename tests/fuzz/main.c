/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzzing target on files and on all files of directories, for compilers without libFuzzer:
 * the stored inputs are tests like any other.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "tests/fuzz/input.h"

#define LARGEST_INPUT (1u << 20)

static void die(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, strerror(errno));
	exit(1);
}

static unsigned int run_file(const char *path)
{
	uint8_t *data = malloc(LARGEST_INPUT);
	FILE *file = fopen(path, "rb");
	uint8_t *input;
	size_t len;

	if (!data || !file)
		die(path, "open");
	len = fread(data, 1, LARGEST_INPUT, file);
	if (ferror(file))
		die(path, "read");
	fclose(file);
	/* Exactly as large as it is, so that sanitizers see where it ends. */
	input = realloc(data, len + !len);
	if (!input)
		die(path, "read");
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return 1;
}

static unsigned int run_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned int nr = 0;

	if (!dir)
		die(path, "open");
	while ((entry = readdir(dir))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		nr += run_file(file);
	}
	closedir(dir);
	return nr;
}

int main(int argc, char **argv)
{
	unsigned int nr = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st))
			die(argv[i], "open");
		nr += S_ISDIR(st.st_mode) ? run_directory(argv[i]) : run_file(argv[i]);
	}
	printf("%u inputs\n", nr);
	return nr ? 0 : 1;
}
