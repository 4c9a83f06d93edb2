/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tells a device from others, across reboots and renumbering, as far as the system knows.
 * Called when a backing is attached, on a thread that may block. No state.
 */
#include "config.h"

#include "engine/posix/device.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "engine/posix/io.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/*
 * The name of the link in `dir_path` that leads to the device; the first in the alphabet if there
 * are several, so that it doesn't depend on the order of creation.
 */
static bool find_link(const char *dir_path, dev_t rdev, char name[NAME_MAX + 1])
{
	__attribute__((cleanup(close_dir))) DIR *dir = opendir(dir_path);
	struct dirent *entry;
	struct stat st;

	name[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISBLK(st.st_mode) ||
		    st.st_rdev != rdev)
			continue;
		if (!name[0] || strcmp(entry->d_name, name) < 0)
			snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	}
	return name[0];
}

/* One line of the device's directory in sysfs. */
static bool read_attribute(dev_t rdev, const char *attribute, char *value, size_t len)
{
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(rdev), minor(rdev),
		 attribute);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, value, len - 1);
	if (n <= 0)
		return false;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return value[0];
}

/* Best first: partuuid survives a move to another controller. */
static const struct {
	const char *kind, *dir;
} links[] = {
	{"partuuid", "/dev/disk/by-partuuid"},
	{"by-id", "/dev/disk/by-id"},
};

/* For systems without udev, and devices that it has no link for. */
static const struct {
	const char *kind, *attribute;
} attributes[] = {
	{"dm", "dm/uuid"},	 {"loop", "loop/backing_file"}, {"wwid", "wwid"},
	{"wwid", "device/wwid"}, {"serial", "serial"},
};

/* Of a value that is too long, the end says most: it is a path, or a serial number. */
static void set_identity(char identity[WB_IDENTITY_LEN], const char *kind, const char *value)
{
	size_t room = WB_IDENTITY_LEN - 2 - strlen(kind), len = strlen(value);

	if (len > room)
		value += len - room;
	snprintf(identity, WB_IDENTITY_LEN, "%s:%.*s", kind, (int)room, value);
}

static bool identify_block(dev_t rdev, char identity[WB_IDENTITY_LEN])
{
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (find_link(links[i].dir, rdev, name)) {
			set_identity(identity, links[i].kind, name);
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (read_attribute(rdev, attributes[i].attribute, name, sizeof(name))) {
			set_identity(identity, attributes[i].kind, name);
			return true;
		}
	}
	snprintf(identity, WB_IDENTITY_LEN, "device:%u:%u", major(rdev), minor(rdev));
	return false;
}

/*
 * The file system's id comes from its UUID on most of them; the device number changes with the
 * order in which disks are found.
 */
static bool identify_file(const struct posix_device *device, char identity[WB_IDENTITY_LEN])
{
	struct statfs fs;
	bool has_id = fstatfs(device->fd, &fs) == 0 && (fs.f_fsid.__val[0] || fs.f_fsid.__val[1]);
	uint64_t id = device->dev;

	if (has_id)
		id = (uint64_t)(uint32_t)fs.f_fsid.__val[0] << 32 | (uint32_t)fs.f_fsid.__val[1];
	snprintf(identity, WB_IDENTITY_LEN, "file:%" PRIx64 ":%ju", id, (uintmax_t)device->ino);
	return has_id;
}

bool device_identity(const struct bdev *dev, char identity[WB_IDENTITY_LEN])
{
	const struct posix_device *device = posix_device_under(dev);

	return device->is_block ? identify_block(device->rdev, identity)
				: identify_file(device, identity);
}
