/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the programs. Any thread; the settings are made before there are threads. */
#include "config.h"

#include "common/message.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static const char *program = "wbfs";
static enum message_level least = MESSAGE_INFO;
static _Thread_local bool last_is_shown = true; /* the thread's last message */
static bool to_journal;				/* standard error is the journal's */
static void (*line_sink)(enum message_level level, const char *line);

/* systemd says so: device and inode of what it gave as standard error. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat attr;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &attr) == 0 && attr.st_dev == dev && attr.st_ino == ino;
}

void message_set_program(const char *name)
{
	program = name;
	to_journal = stderr_is_journal();
}

void message_set_level(enum message_level level)
{
	least = level;
}

void message_set_sink(void (*sink)(enum message_level level, const char *line))
{
	line_sink = sink;
}

static const char *const level_names[] = {
	[MESSAGE_ERROR] = "error",
	[MESSAGE_WARNING] = "warning",
	[MESSAGE_INFO] = "info",
	[MESSAGE_DEBUG] = "debug",
};

bool message_level_parse(const char *name, enum message_level *level)
{
	for (enum message_level l = MESSAGE_ERROR; l <= MESSAGE_DEBUG; l++) {
		if (strcmp(name, level_names[l]) != 0)
			continue;
		*level = l;
		return true;
	}
	return false;
}

int message_priority(enum message_level level)
{
	switch (level) {
	case MESSAGE_ERROR:
		return LOG_ERR;
	case MESSAGE_WARNING:
		return LOG_WARNING;
	case MESSAGE_INFO:
		return LOG_INFO;
	case MESSAGE_DEBUG:
		return LOG_DEBUG;
	}
	return LOG_INFO;
}

const char *message_prefix(enum message_level level, char prefix[MESSAGE_PREFIX_LEN])
{
	prefix[0] = '\0';
	if (to_journal)
		snprintf(prefix, MESSAGE_PREFIX_LEN, "<%d>", message_priority(level));
	return prefix;
}

/* "PREFIX: " and the text, as one line and one write. Control characters can't forge a line. */
static void put_line(enum message_level level, const char *prefix, const char *format, va_list args)
{
	int saved = errno;
	char line[MESSAGE_LEN], priority[MESSAGE_PREFIX_LEN];
	size_t start, len;
	int n;

	start = (size_t)snprintf(line, sizeof(line) / 2,
				 "%s%s: ", line_sink ? "" : message_prefix(level, priority),
				 prefix);
	errno = saved; /* for %m */
	n = vsnprintf(line + start, sizeof(line) - start - 1, format, args);
	if (n < 0)
		line[start] = '\0';
	len = strlen(line);
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)line[i]))
			line[i] = '?';
	if (line_sink) {
		line_sink(level, prefix == program ? line + start : line);
	} else {
		line[len++] = '\n';
		/* Nowhere to tell of a failure. */
		if (write(STDERR_FILENO, line, len) < 0)
			n = -1;
	}
	errno = saved;
}

void message_va(enum message_level level, const char *format, va_list args)
{
	last_is_shown = level <= least;
	if (last_is_shown)
		put_line(level, program, format, args);
}

void message(enum message_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message_va(level, format, args);
	va_end(args);
}

void hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (last_is_shown)
		put_line(MESSAGE_INFO, "hint", format, args);
	va_end(args);
}
