/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a daemon that makes the last things durable. Its lock file says how much that is; the
 * lock, when it is over. Runs in a command's main thread.
 */
#include "config.h"

#include "fuse/ending.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "fuse/mounts.h"
#include "fuse/progress.h"
#include "fuse/run_lock.h"
#include "fuse/users.h"

enum {
	FIRST_PAUSE_MS = 1,
	LONGEST_PAUSE_MS = 100,
	NOTICE_TRIES = 200,
	NOTICE_PAUSE_MS = 10,
	ELSEWHERE_MS = 3000
};

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void ending_catch_signals(void)
{
	struct sigaction note = {.sa_handler = note_interrupt};

	sigaction(SIGINT, &note, NULL);
	sigaction(SIGTERM, &note, NULL);
}

static void pause_ms(unsigned int ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000L};

	nanosleep(&pause, NULL);
}

static enum exit_status judge(int lock, const char *object, const char *action)
{
	struct run_lock end;

	if (!run_lock_read(lock, &end) || end.exit_status < 0) {
		message(MESSAGE_ERROR, "%s: %s: the daemon died; what was not synced is lost",
			object, action);
		return EXIT_STATUS_IO;
	}
	if (end.exit_status != EXIT_STATUS_DONE)
		message(MESSAGE_ERROR, "%s: %s: the daemon ended with an error, see its messages",
			object, action);
	return (enum exit_status)end.exit_status;
}

static void tell_why(struct progress *progress, const struct run_lock *end)
{
	progress_stalled(progress, end->unsynced
					   ? "waiting for the cache device"
					   : "waiting for a batch of migration, and to close");
}

static void tell_stopped(const struct run_lock *end, const char *object, const char *action)
{
	char left[SIZE_TEXT_LEN];

	if (end->ending)
		message(MESSAGE_WARNING,
			"%s: %s: stopped waiting: %s not yet durable; process %d goes on with it",
			object, action, format_size(end->unsynced, left), (int)end->pid);
	else
		message(MESSAGE_WARNING, "%s: %s: stopped waiting: process %d has not begun to end",
			object, action, (int)end->pid);
}

/* It does not end: somebody keeps the file system, where we don't see it, or it hangs. */
static void tell_elsewhere(dev_t dev, pid_t daemon, const char *object, const char *action)
{
	struct user user;

	if (users_find_elsewhere(dev, &user))
		message(MESSAGE_WARNING, "%s: %s: waiting: process %d (%s) %s", object, action,
			(int)user.pid, user.comm, user.how);
	else
		message(MESSAGE_WARNING,
			"%s: %s: waiting: the daemon, process %d, has not begun to end", object,
			action, (int)daemon);
}

/* False if interrupted. */
static bool wait_until_gone(int lock, dev_t dev, const char *object, const char *action)
{
	struct sigaction old_int, old_term, note = {.sa_handler = note_interrupt};
	struct progress progress = progress_begin(action);
	struct run_lock end = {0};
	unsigned int pause = FIRST_PAUSE_MS, waited = 0;
	bool held;

	sigaction(SIGINT, &note, &old_int);
	sigaction(SIGTERM, &note, &old_term);
	while ((held = run_lock_is_held(lock)) && !interrupted) {
		if (run_lock_read(lock, &end) && end.ending &&
		    progress_left(&progress, end.unwritten))
			tell_why(&progress, &end);
		if (!end.ending && waited < ELSEWHERE_MS && waited + pause >= ELSEWHERE_MS)
			tell_elsewhere(dev, end.pid, object, action);
		waited += pause;
		pause_ms(pause);
		pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
	}
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	progress_end(&progress, !held);
	if (held)
		tell_stopped(&end, object, action);
	return !held;
}

enum exit_status ending_wait(int lock, dev_t dev, const char *object, const char *action)
{
	if (!wait_until_gone(lock, dev, object, action))
		return EXIT_STATUS_STOPPED;
	return judge(lock, object, action);
}

struct search {
	dev_t dev;
	bool found;
};

static bool has_number(const struct mount_entry *entry, void *ctx)
{
	struct search *search = ctx;

	search->found = entry->dev == search->dev && mounts_is_ours(entry);
	return !search->found;
}

static bool is_mounted(dev_t dev)
{
	struct search search = {.dev = dev};

	/* If that can't be read, let the cache's own lock decide. */
	return mounts_each(has_number, &search) < 0 || search.found;
}

int ending_wait_for_cache(const char *cache, const char *mount_point)
{
	struct run_lock end = {0};
	dev_t dev = 0;
	CLEANUP_CLOSE int lock = run_lock_find(cache, &dev);

	if (lock < 0 || is_mounted(dev))
		return 0;
	/* It may not have noticed yet; and it may be mounted where we can't see it. */
	for (int i = 0; i < NOTICE_TRIES && run_lock_is_held(lock); i++) {
		if (run_lock_read(lock, &end) && end.ending)
			return wait_until_gone(lock, dev, mount_point, "mount") ? 0 : -EINTR;
		pause_ms(NOTICE_PAUSE_MS);
	}
	return 0;
}
