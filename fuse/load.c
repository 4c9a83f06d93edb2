/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "fuse/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/util.h"

#define NS_PER_MS 1000000ull
#define SLACK_MS 1000u /* io_ticks comes in steps of the kernel's clock */

static int open_stat(const char *sys_block, uint64_t device, const char *up)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%u:%u/%sstat", sys_block, major(device), minor(device),
		 up);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int load_open(const char *sys_block, uint64_t device)
{
	int fd = open_stat(sys_block, device, "");

	return fd == -ENOENT ? open_stat(sys_block, device, "../") : fd;
}

bool load_parse(const char *text, uint32_t *io_ticks)
{
	unsigned long long value = 0;
	char *end;

	for (int field = 1; field <= 10; field++, text = end) {
		value = strtoull(text, &end, 10);
		if (end == text)
			return false;
	}
	*io_ticks = (uint32_t)value;
	return true;
}

bool load_read(int fd, uint32_t *io_ticks)
{
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return load_parse(text, io_ticks);
}

bool load_tells(const struct load_sample *from, const struct load_sample *to)
{
	return (to->migration_ns - from->migration_ns) * 10 <= to->at - from->at;
}

static int percent(uint64_t part, uint64_t of)
{
	return part >= of ? 100 : (int)(part * 100 / of);
}

int load_utilisation(const struct load_sample *from, const struct load_sample *to)
{
	uint64_t elapsed = to->at - from->at;
	uint64_t migration = min_u64(to->migration_ns - from->migration_ns, elapsed);
	uint64_t foreground = to->foreground_ns - from->foreground_ns;
	uint64_t busy = 0;

	if (from->has_busy && to->has_busy) {
		uint32_t ms = to->busy_ms - from->busy_ms;

		if (ms > elapsed / NS_PER_MS * 2 + SLACK_MS)
			return -1;
		busy = ms * NS_PER_MS;
	}
	if (elapsed == migration)
		return -1;
	/* While we migrate, the disk is busy anyway. */
	busy -= min_u64(busy, migration);
	return percent(max_u64(busy, foreground), elapsed - migration);
}

bool load_is_busy(unsigned int utilisation, unsigned int threshold)
{
	return threshold < 100 && utilisation >= threshold;
}
