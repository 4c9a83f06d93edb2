/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies on a block device, from sysfs and mountinfo. Belongs to a command's main thread. */
#include "config.h"

#include "fuse/stacked.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "engine/wb_format.h"
#include "fuse/mounts.h"

enum { SYSFS_LEN = 320, DEEPEST = 8 };

struct teller {
	void *(*add)(void *ctx, void *parent, const struct stacked *device);
	void *ctx;
	unsigned int depth;
};

static FILE *open_attribute(const char *name, const char *attribute)
{
	char path[SYSFS_LEN];

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, attribute);
	return fopen(path, "re");
}

static uint64_t read_size(const char *name)
{
	FILE *file = open_attribute(name, "size");
	unsigned long long sectors = 0;

	if (file && fscanf(file, "%llu", &sectors) != 1)
		sectors = 0;
	if (file)
		fclose(file);
	return sectors * WB_SECTOR_SIZE;
}

static dev_t read_number(const char *name)
{
	FILE *file = open_attribute(name, "dev");
	unsigned int major_number = 0, minor_number = 0;

	if (file && fscanf(file, "%u:%u", &major_number, &minor_number) != 2)
		major_number = minor_number = 0;
	if (file)
		fclose(file);
	return makedev(major_number, minor_number);
}

struct place {
	dev_t number;
	char device[STACKED_NAME_LEN + 8];
	char *point;
};

static bool is_there(const struct mount_entry *entry, void *ctx)
{
	struct place *place = ctx;

	if (entry->dev == place->number || strcmp(entry->source, place->device) == 0)
		strcpy(place->point, entry->point);
	return true; /* the last is the topmost */
}

static void find_point(const char *name, char point[PATH_MAX])
{
	struct place place = {.number = read_number(name), .point = point};

	point[0] = '\0';
	snprintf(place.device, sizeof(place.device), "/dev/%.60s", name);
	if (place.number && mounts_each(is_there, &place))
		point[0] = '\0';
}

static bool has_attribute(const char *name, const char *attribute)
{
	char path[SYSFS_LEN];

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, attribute);
	return access(path, F_OK) == 0;
}

static void tell(struct teller *teller, const char *name, const char *type, void *parent);

/* Those above: directories "holders/NAME", and partitions as directories of the device itself. */
static void tell_all(struct teller *teller, const char *name, const char *below, void *parent)
{
	char path[SYSFS_LEN];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "/sys/class/block/%s/%s", name, below);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		bool is_part = !*below && strncmp(entry->d_name, name, strlen(name)) == 0 &&
			       has_attribute(entry->d_name, "partition");

		if (is_part)
			tell(teller, entry->d_name, "part", parent);
		else if (*below && entry->d_name[0] != '.')
			tell(teller, entry->d_name, "dm", parent);
	}
	if (directory)
		closedir(directory);
}

static void tell(struct teller *teller, const char *name, const char *type, void *parent)
{
	CLEANUP_FREE struct stacked *device = malloc(sizeof(*device));
	void *own;

	if (!device || teller->depth == DEEPEST)
		return;
	snprintf(device->name, sizeof(device->name), "%.60s", name);
	device->type = type;
	device->size = read_size(name);
	find_point(name, device->point);
	own = teller->add(teller->ctx, parent, device);
	teller->depth++;
	tell_all(teller, name, "", own);
	tell_all(teller, name, "holders", own);
	teller->depth--;
}

void stacked_tell(const char *name, const char *type, void *parent,
		  void *(*add)(void *ctx, void *parent, const struct stacked *device), void *ctx)
{
	struct teller teller = {.add = add, .ctx = ctx};

	tell(&teller, name, type, parent);
}
