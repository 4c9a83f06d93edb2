/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring of messages and the thread that writes them. messages_put is called on any thread,
 * also with locks of the engine held: it never waits for more than a short critical section, and
 * when the ring is full a message is counted instead of kept. What comes again and again is told
 * at powers of two.
 */
#include "config.h"

#include "fuse/messages.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/repeats.h"
#include "fuse/syslog.h"
#include "fuse/timer.h"

enum { RING_LINES = 64 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	pthread_t thread; /* const while running */
	/* protected by lock */
	struct line {
		enum message_level level;
		time_t time;
		char text[MESSAGE_LEN];
	} lines[RING_LINES];	/* each stays until its place is needed */
	unsigned int first, nr; /* lines that wait, as a ring */
	unsigned int nr_lost;
	struct repeats repeats;
	bool writing, stopping, to_syslog;
} ring = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
};

static _Thread_local char last[MESSAGE_LEN];

static bool is_hint(const char *text)
{
	return strncmp(text, "hint: ", strlen("hint: ")) == 0;
}

/* False: it is lost. */
static bool write_line(const struct line *line, bool to_syslog)
{
	char prefix[MESSAGE_PREFIX_LEN];

	if (to_syslog)
		return syslog_send(line->level, line->text);
	return dprintf(STDERR_FILENO, "%s%s%s\n", message_prefix(line->level, prefix),
		       is_hint(line->text) ? "" : "wbfs: ", line->text) >= 0;
}

/* Called with the lock held; gives it up to write. */
static void write_first(void)
{
	static struct line line; /* the thread's */
	bool lost;
	bool to_syslog = ring.to_syslog;
	unsigned int nr_lost = ring.nr_lost;

	line.level = ring.lines[ring.first].level;
	strcpy(line.text, ring.lines[ring.first].text);
	ring.first = (ring.first + 1) % RING_LINES;
	ring.nr--;
	ring.nr_lost = 0;
	ring.writing = true;
	pthread_mutex_unlock(&ring.lock);
	lost = !write_line(&line, to_syslog);
	if (nr_lost && !lost) {
		line.level = MESSAGE_WARNING;
		snprintf(line.text, sizeof(line.text), "log: %u messages lost: too many at once",
			 nr_lost);
		if (write_line(&line, to_syslog))
			nr_lost = 0;
	}
	pthread_mutex_lock(&ring.lock);
	ring.nr_lost += nr_lost + lost;
	ring.writing = false;
	if (!ring.nr)
		pthread_cond_broadcast(&ring.idle);
}

static void *writer(void *unused)
{
	LOCK_SCOPE(&ring.lock);

	for (;;) {
		if (ring.nr)
			write_first();
		else if (ring.stopping)
			return unused;
		else
			pthread_cond_wait(&ring.work, &ring.lock);
	}
}

/* How often it has come; 0: not to be told again. A hint goes with its message. */
static uint64_t count(enum message_level level, const char *text)
{
	static _Thread_local bool told = true;
	uint64_t nr = 1;

	if (is_hint(text))
		return told;
	if (level != MESSAGE_DEBUG)
		nr = repeats_count(&ring.repeats, text, timer_now());
	told = nr;
	return nr;
}

static void messages_put(enum message_level level, const char *text)
{
	LOCK_SCOPE(&ring.lock);
	struct line *line = &ring.lines[(ring.first + ring.nr) % RING_LINES];
	uint64_t nr = count(level, text);

	if (!is_hint(text))
		snprintf(last, sizeof(last), "%s", text);
	if (!nr)
		return;
	if (ring.nr == RING_LINES) {
		ring.nr_lost++;
		return;
	}
	line->level = level;
	line->time = time(NULL);
	if (nr == 1)
		snprintf(line->text, sizeof(line->text), "%s", text);
	else
		snprintf(line->text, sizeof(line->text), "%.*s (%" PRIu64 " times)",
			 MESSAGE_LEN - 40, text, nr);
	ring.nr++;
	pthread_cond_signal(&ring.work);
}

int messages_start(void)
{
	int err = pthread_create(&ring.thread, NULL, writer, NULL);

	if (err)
		return -err;
	message_set_sink(messages_put);
	return 0;
}

void messages_to_syslog(void)
{
	messages_flush();
	LOCK_SCOPE(&ring.lock);
	ring.to_syslog = true;
}

void messages_flush(void)
{
	LOCK_SCOPE(&ring.lock);

	while (ring.nr || ring.writing)
		pthread_cond_wait(&ring.idle, &ring.lock);
}

void messages_stop(void)
{
	pthread_mutex_lock(&ring.lock);
	ring.stopping = true;
	pthread_cond_signal(&ring.work);
	pthread_mutex_unlock(&ring.lock);
	pthread_join(ring.thread, NULL);
	ring.stopping = false;
	message_set_sink(NULL);
}

unsigned int messages_recent(struct recent_message recent[MESSAGES_RECENT])
{
	unsigned int nr = 0;
	LOCK_SCOPE(&ring.lock);

	/* From the newest back; a place that was never used ends it. */
	for (unsigned int i = 1; i <= RING_LINES && nr < MESSAGES_RECENT; i++) {
		const struct line *line =
			&ring.lines[(ring.first + ring.nr + RING_LINES - i) % RING_LINES];

		if (!line->time)
			break;
		if (is_hint(line->text) || line->level > MESSAGE_INFO)
			continue;
		recent[nr].level = line->level;
		recent[nr].time = line->time;
		snprintf(recent[nr].text, sizeof(recent[nr].text), "%s", line->text);
		nr++;
	}
	return nr;
}

const char *messages_last(void)
{
	return last;
}

void messages_forget_last(void)
{
	last[0] = '\0';
}
