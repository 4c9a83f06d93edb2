/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the programs, one line each, on standard error:
 *
 *	PROGRAM: OBJECT: ACTION: REASON
 *	hint: one command that helps
 *
 * A line is one write, so that those of several threads don't mix. Nothing is allocated: messages
 * may come from the I/O path.
 */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stdarg.h>
#include <stdbool.h>

#include "engine/reason.h"

/* In the order of the engine's enum wb_log_level. */
enum message_level { MESSAGE_ERROR, MESSAGE_WARNING, MESSAGE_INFO, MESSAGE_DEBUG };

/* "error", "warning", "info" or "debug". False: none of them. */
bool message_level_parse(const char *name, enum message_level *level);

/* As syslog(3) numbers it. */
int message_priority(enum message_level level);

/*
 * What a line on standard error begins with: "<N>", as sd-daemon(3) has it, if that is the journal,
 * which takes it for the priority; else "". message() does so by itself.
 */
#define MESSAGE_PREFIX_LEN 8
const char *message_prefix(enum message_level level, char prefix[MESSAGE_PREFIX_LEN]);

/* Longest line, with the newline; what is longer is cut. Two paths fit. */
#define MESSAGE_LEN 2400

/*
 * The name that lines begin with; `name` must stay valid. Call before there are threads, as
 * message_set_level and message_set_sink.
 */
void message_set_program(const char *name);

/* Leave out what is less important than `level`. At first MESSAGE_INFO. */
void message_set_level(enum message_level level);

/*
 * Give lines to `sink` instead of standard error, for a daemon that has none: without newline,
 * without the program's name. NULL: standard error again.
 */
void message_set_sink(void (*sink)(enum message_level level, const char *line));

/* "OBJECT: ACTION: REASON", without newline or program name. Any thread; keeps errno. */
void message(enum message_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void message_va(enum message_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/* A command that would help, right after the message that it belongs to. */
void hint(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
