/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formatting a device, and finding out what one holds. */
#include "config.h"

#include "engine/newcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/format.h"
#include "engine/layout.h"
#include "engine/super.h"
#include "engine/util.h"
#include "engine/wb.h"

#define MIN_SEGMENTS 4u
#define MIN_SEGMENT_SIZE (64u * 1024)
#define MAX_SEGMENT_SIZE (WB_MAX_SEGMENT_BLOCKS * WB_BLOCK_SIZE)

/* The largest segments of which the device has four. */
static uint32_t default_segment_size(uint64_t size)
{
	uint32_t segment_size = MAX_SEGMENT_SIZE;

	while (segment_size > MIN_SEGMENT_SIZE &&
	       (size - WB_SLOTS_OFF) / segment_size < MIN_SEGMENTS)
		segment_size /= 2;
	return segment_size;
}

int wb_format_plan(uint64_t size, const struct wb_format_options *options,
		   struct wb_format_result *result)
{
	uint32_t segment_size = options->segment_size;

	if (size < WB_SLOTS_OFF)
		return -ENOSPC;
	if (!segment_size)
		segment_size = default_segment_size(size);
	if (segment_size < MIN_SEGMENT_SIZE || segment_size > MAX_SEGMENT_SIZE ||
	    segment_size & (segment_size - 1))
		return -EINVAL;
	if (options->label && strlen(options->label) >= WB_LABEL_LEN)
		return -EINVAL;
	result->segment_size = segment_size;
	result->nr_segments = min_u64((size - WB_SLOTS_OFF) / segment_size,
				      (UINT32_MAX - 1) / (segment_size / WB_BLOCK_SIZE));
	return result->nr_segments < MIN_SEGMENTS ? -ENOSPC : 0;
}

static void new_super(const struct wb_format_options *options,
		      const struct wb_format_result *result, struct super *super)
{
	*super = (struct super){
		.state = WB_SUPER_CLEAN,
		.segment_blocks = result->segment_size / WB_BLOCK_SIZE,
		.nr_segments = (uint32_t)result->nr_segments,
		.generation_segment = 1,
		.generation_record = 1,
		.tail_segment = 1,
		.table_checksum = table_checksum(NULL, 0),
	};
	memcpy(super->uuid, options->uuid, WB_UUID_LEN);
	if (options->label)
		strncpy(super->label, options->label, WB_LABEL_LEN - 1);
}

int newcache_write(struct bdev *dev, const struct wb_format_options *options,
		   const struct wb_format_result *geometry)
{
	_Alignas(WB_BLOCK_SIZE) struct wb_super_disk disk;
	struct super super;

	new_super(options, geometry, &super);
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		super.sequence = i + 1;
		super_encode(&super, &disk);
		int err = bdev_write(dev, (uint64_t)i * WB_SUPER_AREA, &disk, sizeof(disk));

		if (err)
			return err;
	}
	return bdev_flush(dev);
}

int wb_format(struct bdev *dev, const struct wb_format_options *options,
	      struct wb_format_result *result)
{
	int err = wb_format_plan(dev->size, options, result);

	return err ? err : newcache_write(dev, options, result);
}

static void no_log(void *ctx, enum wb_log_level level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

int wb_probe(struct bdev *dev, struct wb_probe *probe)
{
	const struct wb_env silent = {.log = no_log};
	void *memory = aligned_alloc(WB_BLOCK_SIZE, WB_SUPER_AREA);
	struct super super;
	unsigned int copy;
	bool alone;
	int err = -ENOMEM;

	if (memory)
		err = super_read(dev, &silent, memory, &super, &copy, &alone);
	free(memory);
	if (err)
		return err;
	memcpy(probe->uuid, super.uuid, WB_UUID_LEN);
	memcpy(probe->label, super.label, WB_LABEL_LEN);
	probe->clean = super.state == WB_SUPER_CLEAN;
	probe->has_dirty = !probe->clean || super.durable > super.migrated;
	return 0;
}
