/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel, container, /dev/fuse, and who may mount. Nothing here needs a privilege. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/doctor.h"
#include "fuse/doctor_machine.h"

enum { FUSE_MAJOR = 10, FUSE_MINOR = 229, OLDEST_MAJOR = 5, OLDEST_MINOR = 6, FILE_LEN = 4096 };

bool machine_has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, data) == 0 &&
	       data[capability / 32].effective & 1u << capability % 32;
}

size_t machine_read(const char *path, char *text, size_t room)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* ---- what we run on ---- */

static void check_kernel(struct doctor *doctor)
{
	unsigned int major_number = 0, minor_number = 0;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major_number, &minor_number) != 2)
		return;
	if (major_number > OLDEST_MAJOR ||
	    (major_number == OLDEST_MAJOR && minor_number >= OLDEST_MINOR))
		doctor_tell(doctor, FINDING_OK, "kernel", "%s", name.release);
	else
		doctor_tell(doctor, FINDING_WARNING, "kernel",
			    "%s is older than %d.%d: use -o io=threads", name.release, OLDEST_MAJOR,
			    OLDEST_MINOR);
}

/* The marks that container managers leave; NULL if there are none. */
static const char *find_container(void)
{
	static char kind[64];
	char cgroup[FILE_LEN];
	const char *variable = getenv("container");

	if (variable && *variable) {
		snprintf(kind, sizeof(kind), "%s", variable);
		return kind;
	}
	if (machine_read("/run/systemd/container", kind, sizeof(kind))) {
		kind[strcspn(kind, "\n")] = '\0';
		return kind;
	}
	if (access("/run/.containerenv", F_OK) == 0)
		return "podman";
	if (access("/.dockerenv", F_OK) == 0)
		return "docker";
	machine_read("/proc/1/cgroup", cgroup, sizeof(cgroup));
	if (strstr(cgroup, "/docker") || strstr(cgroup, "/kubepods") || strstr(cgroup, "/lxc"))
		return "by its cgroup";
	return NULL;
}

static void check_container(struct doctor *doctor)
{
	doctor->container = find_container();
	if (doctor->container)
		doctor_tell(doctor, FINDING_OK, "container",
			    "in one (%s): devices and rights have to be given to it",
			    doctor->container);
	else
		doctor_tell(doctor, FINDING_OK, "container", "none found");
}

/* ---- /dev/fuse ---- */

/* What would help if the device is not there. */
static void fix_device(struct doctor *doctor)
{
	if (doctor->container)
		doctor_fix(doctor, "start the container with --device /dev/fuse "
				   "--cap-add SYS_ADMIN");
	else
		doctor_fix(doctor, "modprobe fuse");
}

static void check_fuse_device(struct doctor *doctor)
{
	static const char *const path = "/dev/fuse";
	CLEANUP_CLOSE int fd = -1;
	struct stat attr;

	if (stat(path, &attr) < 0) {
		fix_device(doctor);
		doctor_tell(doctor, FINDING_FAILURE, path, "%s", reason(errno));
		return;
	}
	if (!S_ISCHR(attr.st_mode) || attr.st_rdev != makedev(FUSE_MAJOR, FUSE_MINOR)) {
		if (doctor->container)
			fix_device(doctor);
		else
			doctor_fix(doctor, "rm %s && mknod -m 666 %s c %d %d", path, path,
				   FUSE_MAJOR, FUSE_MINOR);
		doctor_tell(doctor, FINDING_FAILURE, path, "is not the device of FUSE");
		return;
	}
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		doctor_tell(doctor, FINDING_OK, path, "can be opened");
		return;
	}
	if (errno == EACCES)
		doctor_fix(doctor, "chmod 666 %s    # as root", path);
	else
		fix_device(doctor);
	doctor_tell(doctor, FINDING_FAILURE, path, "open: %s", reason(errno));
}

/* ---- the right to mount ---- */

static bool find_program(const char *name, char *path, size_t room)
{
	const char *from = getenv("PATH");
	char directories[FILE_LEN], *save = NULL;

	snprintf(directories, sizeof(directories), "%s:/usr/bin:/bin", from ? from : "");
	for (char *dir = strtok_r(directories, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		snprintf(path, room, "%s/%s", dir, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Who isn't root mounts by way of this program. */
static void check_fusermount(struct doctor *doctor)
{
	static const char *const name = "fusermount3";
	char path[FILE_LEN + 64];
	struct stat attr;

	if (!find_program(name, path, sizeof(path))) {
		doctor_fix(doctor, "apt-get install fuse3    # as root");
		doctor_tell(doctor, FINDING_FAILURE, name, "not found, and you are not root");
	} else if (stat(path, &attr) == 0 && !(attr.st_uid == 0 && attr.st_mode & S_ISUID) &&
		   getxattr(path, "security.capability", NULL, 0) <= 0) {
		doctor_fix(doctor, "chown root %s && chmod u+s %s    # as root", path, path);
		doctor_tell(doctor, FINDING_FAILURE, name,
			    "%s is not setuid root, and you are not root", path);
	} else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
		doctor_fix(doctor, "run wbfs outside of what set no_new_privs (systemd: "
				   "NoNewPrivileges=no)");
		doctor_tell(doctor, FINDING_FAILURE, name,
			    "setuid has no effect here (no_new_privs), and you are not root");
	} else {
		doctor_tell(doctor, FINDING_OK, "mounting", "by %s", path);
	}
}

static void check_mounting(struct doctor *doctor)
{
	if (machine_has_capability(CAP_SYS_ADMIN)) {
		doctor_tell(doctor, FINDING_OK, "mounting", "allowed (CAP_SYS_ADMIN)");
	} else if (geteuid() == 0) {
		doctor_fix(doctor, doctor->container
					   ? "start the container with --cap-add SYS_ADMIN"
					   : "run it with the capability CAP_SYS_ADMIN");
		doctor_tell(doctor, FINDING_FAILURE, "mounting",
			    "root without the capability CAP_SYS_ADMIN");
	} else {
		check_fusermount(doctor);
	}
}

static bool has_line(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		found = strcmp(line, wanted) == 0;
	}
	if (file)
		fclose(file);
	return found;
}

static void check_allow_other(struct doctor *doctor)
{
	static const char *const path = "/etc/fuse.conf";

	if (has_line(path, "user_allow_other")) {
		doctor_tell(doctor, FINDING_OK, path, "user_allow_other is set");
	} else if (geteuid() == 0) {
		doctor_tell(doctor, FINDING_OK, path,
			    "user_allow_other is not set, and root doesn't need it");
	} else {
		doctor_fix(doctor, "echo user_allow_other >>%s    # as root", path);
		doctor_tell(doctor, FINDING_WARNING, path,
			    "user_allow_other is not set: what you mount, nobody else can use, not "
			    "even root for a loop device");
	}
}

/* mount(8) and umount(8) look nowhere else. */
static void check_helpers(struct doctor *doctor)
{
	static const char *const helpers[] = {"/sbin/mount.fuse.wbfs", "/sbin/mount.wbfs",
					      "/sbin/umount.fuse.wbfs", "/sbin/umount.wbfs"};
	CLEANUP_FREE char *self = realpath("/proc/self/exe", NULL);

	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		if (access(helpers[i], X_OK) == 0)
			continue;
		doctor_fix(doctor,
			   "cd /sbin && for i in mount umount; do ln -sf %s $i.wbfs; ln -sf "
			   "$i.wbfs $i.fuse.wbfs; done    # as root",
			   self ? self : "wbfs");
		doctor_tell(doctor, FINDING_WARNING, "mount(8)",
			    "%s is missing: fstab doesn't know wbfs, or umount(8) doesn't wait",
			    helpers[i]);
		return;
	}
	doctor_tell(doctor, FINDING_OK, "mount(8)", "knows wbfs");
}

static void check_descriptors(struct doctor *doctor)
{
	enum { ENOUGH = 256 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur >= ENOUGH) {
		doctor_tell(doctor, FINDING_OK, "open files", "up to %ju",
			    (uintmax_t)limit.rlim_cur);
		return;
	}
	doctor_fix(doctor, "ulimit -n 1024");
	doctor_tell(doctor, FINDING_WARNING, "open files", "only %ju: too few for many backings",
		    (uintmax_t)limit.rlim_cur);
}

void doctor_system(struct doctor *doctor)
{
	check_kernel(doctor);
	check_container(doctor);
	check_fuse_device(doctor);
	check_mounting(doctor);
	check_allow_other(doctor);
	check_helpers(doctor);
	check_descriptors(doctor);
}
