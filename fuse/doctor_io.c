/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop devices, io_uring, and memory. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "fuse/doctor.h"
#include "fuse/doctor_machine.h"

enum { LOOP_MAJOR = 7, FILE_LEN = 4096, LITTLE_MEMORY_MIB = 512 };

/* ---- loop devices ---- */

/* There is a free one; is it in /dev, and is it that? */
static void check_free_loop(struct doctor *doctor, int number)
{
	struct stat attr;
	char path[32];

	snprintf(path, sizeof(path), "/dev/loop%d", number);
	if (stat(path, &attr) == 0 && S_ISBLK(attr.st_mode)) {
		doctor_tell(doctor, FINDING_OK, "loop devices", "%s is free", path);
		return;
	}
	doctor_fix(doctor, "mknod %s b %d %d", path, LOOP_MAJOR, number);
	doctor_tell(doctor, FINDING_WARNING, "loop devices", "the next free one, %s, is not there",
		    path);
}

/* A warning at most: an exposed file can be used without one, by qemu for example. */
static void check_loop(struct doctor *doctor)
{
	static const char *const path = "/dev/loop-control";
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	int err = fd < 0 ? errno : 0, number;

	if (err == EACCES || err == EPERM) {
		doctor_fix(doctor, "udisksctl loop-setup -f MOUNTPOINT/NAME, or wbfs loop as root");
		doctor_tell(doctor, FINDING_WARNING, path, "open: %s: only root can make them",
			    reason(err));
		return;
	}
	if (err) {
		doctor_fix(doctor, doctor->container ? "start the container with --privileged"
						     : "modprobe loop");
		doctor_tell(doctor, FINDING_WARNING, path,
			    "%s: there can be no file system on what wbfs shows",
			    err == ENOENT ? "not there" : reason(err));
		return;
	}
	number = ioctl(fd, LOOP_CTL_GET_FREE);
	if (number >= 0) {
		check_free_loop(doctor, number);
		return;
	}
	doctor_fix(doctor, "losetup --list    # and detach what is needed no more");
	doctor_tell(doctor, FINDING_WARNING, "loop devices", "none is free: %s", reason(errno));
}

/* ---- io_uring ---- */

static void no_log(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx, (void)level, (void)text;
}

static void fix_uring(struct doctor *doctor, int err)
{
	char disabled[16];

	machine_read("/proc/sys/kernel/io_uring_disabled", disabled, sizeof(disabled));
	if (*disabled == '2' || (*disabled == '1' && !machine_has_capability(CAP_SYS_ADMIN)))
		doctor_fix(doctor, "sysctl kernel.io_uring_disabled=0    # as root; is %c",
			   *disabled);
	else if (err == ENOMEM)
		doctor_fix(doctor, "ulimit -l unlimited    # as root");
	else if (doctor->container)
		doctor_fix(doctor, "start the container with --security-opt seccomp=FILE, a "
				   "profile that allows io_uring_setup");
}

/* By doing what a mount does. */
static void check_uring(struct doctor *doctor)
{
	const struct wb_env env = {.log = no_log};
	struct posix_io *io;
	int err = posix_io_start(POSIX_IO_URING, &env, &io);

	if (!err) {
		posix_io_stop(io);
		doctor_tell(doctor, FINDING_OK, "io_uring", "works");
		return;
	}
	fix_uring(doctor, -err);
	doctor_tell(doctor, FINDING_WARNING, "io_uring",
		    "%s: threads are used instead, which is slower", reason(err));
}

/* ---- memory ---- */

static void check_lock_limit(struct doctor *doctor)
{
	struct rlimit limit;
	char size[SIZE_TEXT_LEN];

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	if (machine_has_capability(CAP_IPC_LOCK) || machine_has_capability(CAP_SYS_RESOURCE) ||
	    limit.rlim_cur == RLIM_INFINITY) {
		doctor_tell(doctor, FINDING_OK, "locked memory", "no limit");
		return;
	}
	doctor_fix(doctor,
		   "ulimit -l unlimited    # as root, or LimitMEMLOCK=infinity for systemd");
	doctor_tell(doctor, FINDING_WARNING, "locked memory",
		    "limited to %s: the daemon may be swapped out, and wait for what it serves",
		    format_size(limit.rlim_cur, size));
}

/* A figure of /proc/meminfo. */
static bool memory_figure(const char *text, const char *name, uint64_t *value)
{
	const char *line = strstr(text, name);

	return line && sscanf(line + strlen(name), ": %" SCNu64, value) == 1;
}

static void check_memory(struct doctor *doctor, const char *meminfo)
{
	uint64_t kib;
	char size[SIZE_TEXT_LEN];

	if (!memory_figure(meminfo, "MemAvailable", &kib))
		return;
	format_size(kib << 10, size);
	if (kib >> 10 >= LITTLE_MEMORY_MIB) {
		doctor_tell(doctor, FINDING_OK, "memory", "%s available", size);
		return;
	}
	doctor_fix(doctor, "wbfs mount -o buffers=16 ...");
	doctor_tell(doctor, FINDING_WARNING, "memory",
		    "only %s available; mkwbfs says how much a mount needs", size);
}

/* "always [madvise] never" */
static bool never_huge(void)
{
	char text[128];

	machine_read("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text));
	return !*text || strstr(text, "[never]");
}

static void check_huge_pages(struct doctor *doctor, const char *meminfo)
{
	uint64_t nr_free = 0;

	memory_figure(meminfo, "HugePages_Free", &nr_free);
	if (nr_free || !never_huge()) {
		doctor_tell(doctor, FINDING_OK, "huge pages", "%" PRIu64 " reserved and free%s",
			    nr_free, never_huge() ? "" : ", others as needed");
		return;
	}
	doctor_fix(doctor,
		   "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled    # as root");
	doctor_tell(doctor, FINDING_WARNING, "huge pages", "none: direct I/O takes more CPU time");
}

/* ---- virtual machines ---- */

/*
 * To wake up a virtual CPU that has halted takes its host longer than most requests take. Linux can
 * have it wait a little before it halts; without that driver there is nothing to tell.
 */
static void check_halt_polling(struct doctor *doctor)
{
	static const char path[] = "/sys/module/haltpoll/parameters/guest_halt_poll_ns";
	char text[32], driver[32];
	unsigned int ns;

	machine_read("/sys/devices/system/cpu/cpuidle/current_driver", driver, sizeof(driver));
	machine_read(path, text, sizeof(text));
	if (strncmp(driver, "haltpoll", strlen("haltpoll")) != 0 || sscanf(text, "%u", &ns) != 1)
		return;
	if (ns) {
		doctor_tell(doctor, FINDING_OK, "halt polling", "%u us", ns / 1000);
		return;
	}
	doctor_fix(doctor, "echo 200000 >%s    # as root; costs the host some CPU time", path);
	doctor_tell(doctor, FINDING_WARNING, "halt polling",
		    "off: one who waits for each write waits up to twice as long");
}

void doctor_io(struct doctor *doctor)
{
	char meminfo[FILE_LEN];

	check_loop(doctor);
	check_uring(doctor);
	check_lock_limit(doctor);
	machine_read("/proc/meminfo", meminfo, sizeof(meminfo));
	check_memory(doctor, meminfo);
	check_huge_pages(doctor, meminfo);
	check_halt_polling(doctor);
}
