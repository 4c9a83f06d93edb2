/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on a device, as far as libblkid and the engine know it. libblkid works on a descriptor
 * of its own; the device is open with its lock all the time, both go through the page cache and
 * so see the same.
 */
#include "config.h"

#include "engine/posix/signatures.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/wb.h"
#include "engine/wb_format.h"

static void free_probe(blkid_probe *probe)
{
	blkid_free_probe(*probe); /* takes NULL */
}

#define CLEANUP_PROBE __attribute__((cleanup(free_probe)))

static int complain(const struct bdev *dev, int err, const char *action)
{
	message(MESSAGE_ERROR, "%s: %s: %s", dev->path, action, reason(err));
	return err;
}

__attribute__((format(printf, 2, 3))) static void add(struct signatures *signatures,
						      const char *format, ...)
{
	size_t len = strlen(signatures->found);
	va_list args;

	if (len)
		len += (size_t)snprintf(signatures->found + len, sizeof(signatures->found) - len,
					", ");
	if (len >= sizeof(signatures->found))
		return;
	va_start(args, format);
	vsnprintf(signatures->found + len, sizeof(signatures->found) - len, format, args);
	va_end(args);
}

/* ---- wbfs caches ---- */

/* True if a superblock's magic is there, whatever its version and the rest of it. */
static int find_magic(struct bdev *dev, bool *found)
{
	uint8_t magic[sizeof(WB_SUPER_MAGIC) - 1];
	int err;

	*found = false;
	for (uint64_t i = 0; i < WB_NR_SUPERS; i++) {
		if (i * WB_SUPER_AREA + sizeof(magic) > dev->size)
			continue;
		err = bdev_read(dev, i * WB_SUPER_AREA, magic, sizeof(magic));
		if (err)
			return complain(dev, err, "read");
		if (!memcmp(magic, WB_SUPER_MAGIC, sizeof(magic)))
			*found = true;
	}
	return 0;
}

static int find_cache(struct bdev *dev, struct signatures *signatures)
{
	struct wb_probe probe;
	bool magic;
	int err = find_magic(dev, &magic);

	if (err)
		return err;
	err = wb_probe(dev, &probe);
	if (err == -EUCLEAN) {
		add(signatures, "a damaged wbfs cache");
	} else if (err == -EMEDIUMTYPE) {
		if (magic)
			add(signatures, "a wbfs cache of another version");
	} else if (err) {
		return complain(dev, err, "read");
	} else {
		signatures->dirty_cache = probe.has_dirty;
		add(signatures, "a wbfs cache");
		if (probe.label[0])
			add(signatures, "label %s", probe.label);
		if (probe.has_dirty)
			add(signatures, "with blocks that are not yet on their backings");
	}
	return 0;
}

/* ---- everything else ---- */

static int open_probe(const struct bdev *dev, int open_flags, int *fd, blkid_probe *probe)
{
	*fd = open(dev->path, open_flags | O_CLOEXEC);
	if (*fd < 0)
		return complain(dev, -errno, "open");
	*probe = blkid_new_probe();
	if (!*probe)
		return complain(dev, -ENOMEM, "probe");
	if (blkid_probe_set_device(*probe, *fd, 0, 0) < 0)
		return complain(dev, -EIO, "probe");
	/* With bad checksums too: a damaged file system may be somebody's. */
	blkid_probe_enable_superblocks(*probe, 1);
	blkid_probe_set_superblocks_flags(*probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
							  BLKID_SUBLKS_MAGIC |
							  BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(*probe, 1);
	blkid_probe_set_partitions_flags(*probe, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	return 0;
}

/* The signature that the last blkid_do_probe has found. */
static void add_found(blkid_probe probe, struct signatures *signatures)
{
	const char *type = NULL, *label = NULL;

	if (blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL) == 0) {
		signatures->partitions = true;
		add(signatures, "a %s partition table", type);
		return;
	}
	if (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) < 0)
		type = "something that libblkid has no name for";
	blkid_probe_lookup_value(probe, "LABEL", &label, NULL);
	if (label && *label)
		add(signatures, "%s (label %s)", type, label);
	else
		add(signatures, "%s", type);
}

static int find_others(const struct bdev *dev, struct signatures *signatures)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_PROBE blkid_probe probe = NULL;
	int result, err = open_probe(dev, O_RDONLY, &fd, &probe);

	if (err)
		return err;
	while ((result = blkid_do_probe(probe)) == 0)
		add_found(probe, signatures);
	return result < 0 ? complain(dev, -EIO, "probe") : 0;
}

int signatures_find(struct bdev *dev, struct signatures *signatures)
{
	int err;

	*signatures = (struct signatures){0};
	err = find_cache(dev, signatures);
	return err ? err : find_others(dev, signatures);
}

/* ---- removing them ---- */

static int wipe_others(const struct bdev *dev)
{
	CLEANUP_CLOSE int fd = -1;
	CLEANUP_PROBE blkid_probe probe = NULL;
	int result, err = open_probe(dev, O_RDWR, &fd, &probe);

	if (err)
		return err;
	while ((result = blkid_do_probe(probe)) == 0)
		if (blkid_do_wipe(probe, 0) < 0)
			return complain(dev, -EIO, "wipe");
	return result < 0 ? complain(dev, -EIO, "probe") : 0;
}

static int wipe_cache(struct bdev *dev)
{
	static uint8_t zeros[WB_BLOCK_SIZE];
	int err;

	for (uint64_t i = 0; i < WB_NR_SUPERS; i++) {
		err = bdev_write(dev, i * WB_SUPER_AREA, zeros, sizeof(zeros));
		if (err)
			return complain(dev, err, "wipe");
	}
	return 0;
}

int signatures_wipe(struct bdev *dev)
{
	int err = wipe_others(dev);

	if (!err)
		err = wipe_cache(dev);
	if (err)
		return err;
	err = bdev_flush(dev);
	return err ? complain(dev, err, "flush") : 0;
}
