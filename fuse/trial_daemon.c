/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon of a trial: `wbfs mount -f` as our child, its messages kept in a file. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/control_client.h"
#include "fuse/mount_status.h"
#include "fuse/timer.h"
#include "fuse/trial.h"

enum { PAUSE_NS = 5000000, DEVICES_MAX = 4, SECOND = 1000000000 };
/* A daemon that takes so long to begin or end is taken for stuck. */
#define PATIENCE_NS (60ull * SECOND)
#define LOOK_AFTER_NS (2ull * SECOND) /* without progress */

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* ---- the child ---- */

/* Ctrl-C is for us only: we end the daemon. If we die, it ends by itself. */
static void become_daemon(const struct trial *trial, char *const *argv, pid_t parent)
{
	int log;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_DFL);
	if (getppid() != parent || chdir(trial->dir) < 0)
		_exit(EXIT_FAILURE);
	log = open("messages", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	execv("/proc/self/exe", argv);
	_exit(EXIT_FAILURE);
}

static int start(struct trial *trial, const char *const *devices)
{
	char *argv[8 + 2 * DEVICES_MAX + 1] = {"wbfs",	  "mount",   "-f",   "--log-level",
					       "warning", "--cache", "cache"};
	pid_t parent = getpid();
	int argc = 7;

	for (int i = 0; i < DEVICES_MAX && devices[i]; i++) {
		argv[argc++] = "-d";
		argv[argc++] = (char *)devices[i];
	}
	argv[argc] = "mnt";
	fflush(NULL);
	trial->daemon = fork();
	if (trial->daemon == 0)
		become_daemon(trial, argv, parent);
	if (trial->daemon > 0)
		return 0;
	trial->daemon = 0;
	message(MESSAGE_ERROR, "daemon: fork: %s", reason(errno));
	return -EAGAIN;
}

/* ---- how it ended ---- */

/* What it had to say about an error, in its own words. */
static void show_messages(const struct trial *trial)
{
	char path[TRIAL_PATH_LEN], line[MESSAGE_LEN] = "";
	FILE *file;

	trial_path(trial, "messages", path);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
	if (strncmp(line, "hint: ", strlen("hint: ")) != 0)
		hint("wbfs doctor");
}

/* Exit statuses as they came from error numbers; only used where a daemon of ours failed. */
static int error_of(int how)
{
	static const int errors[] = {EIO,   EINVAL, EPERM,   ENOMEM,   EMEDIUMTYPE,
				     EBUSY, EIO,    EUCLEAN, ECANCELED};
	int status = WIFEXITED(how) ? WEXITSTATUS(how) : 0;

	return -(status < (int)(sizeof(errors) / sizeof(errors[0])) ? errors[status] : EIO);
}

/* It is over, though nobody asked it to end. */
static int complain(struct trial *trial, int how)
{
	trial->daemon = 0;
	show_messages(trial);
	if (WIFSIGNALED(how))
		message(MESSAGE_ERROR, "%s: daemon: %s", trial->dir, strsignal(WTERMSIG(how)));
	return error_of(how);
}

static bool is_served(struct trial *trial)
{
	char point[TRIAL_PATH_LEN], version[TRIAL_PATH_LEN + 32];

	trial_path(trial, "mnt", point);
	if (!mounts_find(point, &trial->mount))
		return false;
	snprintf(version, sizeof(version), "%s/.control/version", point);
	return access(version, R_OK) == 0;
}

int trial_mount(struct trial *trial, const char *const *devices)
{
	uint64_t begin = timer_now();
	int how, err = start(trial, devices);

	trial->moved = 0;
	if (err)
		return err;
	while (!is_served(trial)) {
		if (waitpid(trial->daemon, &how, WNOHANG) == trial->daemon)
			return complain(trial, how);
		if (trial_stopped())
			return -EINTR;
		if (timer_now() - begin > PATIENCE_NS) {
			message(MESSAGE_ERROR, "%s: mount: takes too long", trial->dir);
			return -ETIMEDOUT;
		}
		pause_a_little();
	}
	return 0;
}

int trial_unmount(struct trial *trial)
{
	uint64_t begin = timer_now();
	int how;

	kill(trial->daemon, SIGTERM);
	while (waitpid(trial->daemon, &how, WNOHANG) == 0) {
		if (timer_now() - begin > PATIENCE_NS) {
			trial_kill(trial);
			message(MESSAGE_ERROR, "%s: unmount: takes too long", trial->dir);
			return -ETIMEDOUT;
		}
		pause_a_little();
	}
	if (!WIFEXITED(how) || WEXITSTATUS(how))
		return complain(trial, how);
	trial->daemon = 0;
	return trial_remove_mount(trial);
}

void trial_kill(struct trial *trial)
{
	kill(trial->daemon, SIGKILL);
	while (waitpid(trial->daemon, NULL, 0) < 0 && errno == EINTR)
		;
	trial->daemon = 0;
}

/* ---- when it makes others wait ---- */

static bool is_well(const struct trial *trial, uint64_t since)
{
	MOUNT_STATUS_SCOPE status = {0};

	if (mount_status_read(&trial->mount, &status))
		return false;
	for (unsigned int i = 0; i < mount_status_nr_backings(&status); i++) {
		const struct json_object *backing = mount_status_backing(&status, i);
		const char *state = status_text(backing, "state");

		if (strcmp(state, "healthy") == 0)
			continue;
		message(MESSAGE_ERROR, "%s: %s: %s: %s", trial->dir, status_text(backing, "name"),
			state, status_text(backing, "reason"));
		return false;
	}
	if (since < PATIENCE_NS)
		return true;
	message(MESSAGE_ERROR, "%s: stands still for %d s", trial->dir, (int)(since / SECOND));
	return false;
}

bool trial_goes_on(struct trial *trial, uint64_t progress)
{
	uint64_t now = timer_now();

	if (progress != trial->progress || !trial->moved) {
		trial->progress = progress;
		trial->moved = trial->looked = now;
	}
	if (trial->daemon && !trial_stopped() && !trial->failed &&
	    now - trial->looked >= LOOK_AFTER_NS) {
		trial->failed = !is_well(trial, now - trial->moved);
		trial->looked = now;
	}
	if (!trial_stopped() && !trial->failed)
		return true;
	if (trial->daemon)
		kill(trial->daemon, SIGKILL);
	return false;
}

/* ---- the mount that it left ---- */

static int unmount_by_helper(const char *point)
{
	pid_t child = fork();
	int how, null;

	if (child < 0)
		return -errno;
	if (child == 0) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDERR_FILENO);
		execlp("fusermount3", "fusermount3", "-u", "-z", "--", point, (char *)NULL);
		_exit(127);
	}
	while (waitpid(child, &how, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? 0 : -EPERM;
}

int trial_remove_mount(struct trial *trial)
{
	CLEANUP_FREE struct mount_entry *entry = malloc(sizeof(*entry));
	char point[TRIAL_PATH_LEN];
	int err = 0;

	trial_path(trial, "mnt", point);
	for (int i = 0; entry && i < 10 && mounts_find(point, entry); i++) {
		err = umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
		if (err == -EPERM)
			err = unmount_by_helper(point);
		if (err)
			pause_a_little();
	}
	if (err) {
		message(MESSAGE_ERROR, "%s: unmount: %s", point, reason(err));
		hint("fusermount3 -u -z %s", point);
	}
	return err;
}

/* ---- figures ---- */

bool trial_figure_of(const struct text *json, const char *name, uint64_t *value)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%.50s\": ", name);
	at = json->bytes ? strstr(json->bytes, key) : NULL;
	return at && sscanf(at + strlen(key), "%" SCNu64, value) == 1;
}

int trial_figure(const struct trial *trial, const char *name, uint64_t *value)
{
	TEXT_SCOPE json = {0};
	int err = control_get(&trial->mount, "status.json", &json);

	if (!err && !trial_figure_of(&json, name, value)) {
		message(MESSAGE_ERROR, "%s: status.json: %s: not found", trial->dir, name);
		err = -EPROTO;
	}
	return err;
}
