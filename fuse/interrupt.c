/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-C of a command that works on a cache by itself. */
#include "config.h"

#include "fuse/interrupt.h"

#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/exit_status.h"
#include "common/message.h"

static char last_words[MESSAGE_LEN]; /* const once signals are caught */
static size_t last_words_len;	     /* the same */
static atomic_bool deferred, asked, ending;
static char doomed[PATH_MAX]; /* while is_doomed */
static atomic_bool is_doomed;

static void note_signal(int number)
{
	(void)number;
	if (atomic_load(&deferred) && !atomic_exchange(&asked, true))
		return;
	/* Two that come together say it once. */
	if (atomic_exchange(&ending, true))
		return;
	if (atomic_load(&is_doomed))
		unlink(doomed);
	/* Nowhere to tell of a failure. */
	_exit(write(STDERR_FILENO, last_words, last_words_len) < 0 ? EXIT_STATUS_STOPPED
								   : EXIT_STATUS_STOPPED);
}

void interrupt_catch(const char *object, const char *action, const char *what)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action_of_all = {.sa_handler = note_signal};

	snprintf(last_words, sizeof(last_words), "wbfs: %.1100s: %s: %s\n", object, action, what);
	last_words_len = strlen(last_words);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action_of_all, NULL);
}

void interrupt_defer(void)
{
	atomic_store(&deferred, true);
}

void interrupt_dooms(const char *path)
{
	atomic_store(&is_doomed, false);
	if (!path)
		return;
	snprintf(doomed, sizeof(doomed), "%s", path);
	atomic_store(&is_doomed, true);
}

bool interrupt_asked(void)
{
	return atomic_load(&asked);
}
