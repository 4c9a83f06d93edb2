/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the cache images that inputs of fuzz_replay stand for into files: FUZZ_SAVE/1.img, 2.img
 * and so on. For tests of programs that take a cache.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int nr;
	static struct image image;
	static struct sim sim;
	struct input in = {data, data + size};
	const char *directory = getenv("FUZZ_SAVE");
	char path[4096];
	FILE *file;

	sim_init(&sim, 1);
	image_make(&image, &sim, &in);
	snprintf(path, sizeof(path), "%s/%u.img", directory ? directory : ".", ++nr);
	file = fopen(path, "wb");
	FUZZ_ASSERT(file);
	FUZZ_ASSERT(fwrite(image.cache->visible, image.cache->bdev.size, 1, file) == 1);
	FUZZ_ASSERT(fclose(file) == 0);
	sim_fini(&sim);
	return 0;
}
