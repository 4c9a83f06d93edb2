/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What standard output can show. Called in a command's main thread. */
#ifndef FUSE_TERMINAL_H
#define FUSE_TERMINAL_H

#include <stdbool.h>

/* Take the locale's character set over from the environment; the rest of it stays C. */
void terminal_init(void);

/* Whether it takes more than ASCII. */
bool terminal_is_utf8(void);

/* Columns: of the terminal, or as COLUMNS says, or 80. */
unsigned int terminal_width(void);

/*
 * Print a paragraph and a newline: on a terminal broken between words, with an indent from the
 * second line on; elsewhere as one line.
 */
void terminal_paragraph(const char *text, unsigned int indent);

#endif
