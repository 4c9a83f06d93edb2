/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads: the sampler, and one for each action; detached. Everything that they share with main
 * is in `source`, under its lock, and stays there until the process ends.
 */
#include "config.h"

#include "fuse/top_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/control_client.h"
#include "fuse/timer.h"

static struct {
	pthread_mutex_t lock;
	int event_fd;		  /* const after start */
	struct mount_entry mount; /* const after start */
	double interval;	  /* s; const after start */
	/* protected by lock */
	struct top_sample sample;
	bool fresh;	/* main has not taken it */
	int err;	/* the sampler has ended */
	uint64_t asked; /* ns: since when the sampler waits, or 0 */
	char notice[TOP_NOTICE_LEN];
	bool collecting;    /* messages become the notice */
	const char *acting; /* what an action thread is about, or NULL */
	bool pause;
	unsigned int nr_names;
	char names[TOP_BACKINGS][WB_NAME_LEN]; /* of the backings that it is for */
} source = {.lock = PTHREAD_MUTEX_INITIALIZER, .event_fd = -1};

static void wake_main(void)
{
	uint64_t one = 1;
	ssize_t n = write(source.event_fd, &one, sizeof(one));

	(void)n; /* main looks again anyway */
}

static void set_notice(const char *text)
{
	LOCK_SCOPE(&source.lock);

	snprintf(source.notice, sizeof(source.notice), "%s", text);
}

/* Where messages go while the screen is ours. Hints don't fit there. */
static void collect(enum message_level level, const char *line)
{
	bool is_hint = strncmp(line, "hint: ", strlen("hint: ")) == 0;
	LOCK_SCOPE(&source.lock);

	(void)level;
	if (!source.collecting)
		dprintf(STDERR_FILENO, "%s%s\n", is_hint ? "" : "wbfs: ", line);
	else if (!is_hint)
		snprintf(source.notice, sizeof(source.notice), "%s", line);
}

int top_source_read(const struct mount_entry *mount, struct top_sample *sample)
{
	TEXT_SCOPE text = {0};
	int err = control_get(mount, "status.json", &text);

	if (!err)
		err = top_sample_parse(text.bytes ? text.bytes : "", timer_now(), sample);
	if (err == -EBADMSG) {
		message(MESSAGE_ERROR, "%s: status.json: not understood", mount->point);
		return -EIO;
	}
	return err;
}

static void sleep_for(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds};

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	nanosleep(&time, NULL);
}

static void *sampler(void *unused)
{
	static struct top_sample sample; /* the thread's */
	uint64_t asked = 0;
	int err = 0;

	while (!err) {
		if (!asked)
			asked = timer_now();
		pthread_mutex_lock(&source.lock);
		source.asked = asked;
		pthread_mutex_unlock(&source.lock);
		err = top_source_read(&source.mount, &sample);
		if (err == -ETIMEDOUT) {
			err = 0; /* the screen says for how long, and it may come back */
			continue;
		}
		asked = 0;
		pthread_mutex_lock(&source.lock);
		source.asked = 0;
		source.err = err;
		if (!err) {
			source.sample = sample;
			source.fresh = true;
		}
		pthread_mutex_unlock(&source.lock);
		wake_main();
		if (!err)
			sleep_for(source.interval);
	}
	return unused;
}

static int start_thread(void *(*run)(void *))
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int top_source_start(const struct mount_entry *mount, double interval)
{
	int err;

	source.mount = *mount;
	source.interval = interval;
	source.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (source.event_fd < 0)
		return -errno;
	source.collecting = true;
	message_set_sink(collect);
	err = start_thread(sampler);
	return err ? err : source.event_fd;
}

int top_source_take(struct top_sample *sample, uint64_t *asked)
{
	uint64_t count;
	ssize_t n = read(source.event_fd, &count, sizeof(count));
	LOCK_SCOPE(&source.lock);

	(void)n; /* there may be nothing */
	*asked = source.asked;
	if (source.fresh) {
		*sample = source.sample;
		source.fresh = false;
		return 1;
	}
	return source.err;
}

/* ---- actions ---- */

static void *act(void *unused)
{
	char path[NAME_MAX + 32], done[TOP_NOTICE_LEN];
	int err = 0;

	if (!source.nr_names) {
		err = control_set(&source.mount, "flush_current_buffer", "1");
		snprintf(done, sizeof(done), "flushed: everything written is durable on the cache");
	} else {
		snprintf(done, sizeof(done),
			 source.pause ? "migration is paused, also when wbfs top ends"
				      : "migration goes on");
	}
	for (unsigned int i = 0; !err && i < source.nr_names; i++) {
		snprintf(path, sizeof(path), "devices/%s/paused", source.names[i]);
		err = control_set(&source.mount, path, source.pause ? "1" : "0");
	}
	if (!err)
		set_notice(done);
	pthread_mutex_lock(&source.lock);
	source.acting = NULL;
	pthread_mutex_unlock(&source.lock);
	wake_main();
	return unused;
}

/* What the thread needs is there, and stays as it is while it is acting. */
static void start_acting(const char *what)
{
	int err;

	source.acting = what;
	snprintf(source.notice, sizeof(source.notice), "%s...", what);
	err = start_thread(act);
	if (err) {
		source.acting = NULL;
		snprintf(source.notice, sizeof(source.notice), "%s: %s", what, reason(err));
	}
}

static bool is_acting(void)
{
	if (source.acting)
		snprintf(source.notice, sizeof(source.notice), "%s: not done yet", source.acting);
	return source.acting;
}

void top_source_flush(void)
{
	LOCK_SCOPE(&source.lock);

	if (is_acting())
		return;
	source.nr_names = 0;
	start_acting("flush");
}

void top_source_pause(const struct top_sample *sample, bool pause)
{
	LOCK_SCOPE(&source.lock);

	if (is_acting())
		return;
	source.nr_names = 0;
	source.pause = pause;
	for (unsigned int i = 0; i < sample->nr_backings; i++)
		if (sample->backings[i].id && sample->backings[i].attached)
			strcpy(source.names[source.nr_names++], sample->backings[i].name);
	if (source.nr_names)
		start_acting(pause ? "pause migration" : "resume migration");
	else
		snprintf(source.notice, sizeof(source.notice), "no backing to be migrated");
}

void top_source_notice(char notice[TOP_NOTICE_LEN])
{
	LOCK_SCOPE(&source.lock);

	strcpy(notice, source.notice);
}

void top_source_stop(void)
{
	LOCK_SCOPE(&source.lock);

	source.collecting = false;
}
