/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "fuse/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { USUAL_WIDTH = 80, LEAST_WIDTH = 20, MOST_WIDTH = 1000 };

void terminal_init(void)
{
	setlocale(LC_CTYPE, "");
}

bool terminal_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

unsigned int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0 && columns)
		width = atoi(columns);
	if (width <= 0 || width > MOST_WIDTH)
		return USUAL_WIDTH;
	return width < LEAST_WIDTH ? LEAST_WIDTH : (unsigned int)width;
}

/* Characters, not bytes. */
static unsigned int nr_columns(const char *text, size_t len)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < len; i++)
		nr += ((unsigned char)text[i] & 0xc0) != 0x80;
	return nr;
}

void terminal_paragraph(const char *text, unsigned int indent)
{
	unsigned int width = isatty(STDOUT_FILENO) ? terminal_width() : 0;
	unsigned int at = 0;

	while (*text) {
		size_t blanks = strspn(text, " ");
		size_t len = blanks + strcspn(text + blanks, " ");

		if (width && at > indent && at + nr_columns(text, len) > width) {
			printf("\n%*s", (int)indent, "");
			at = indent;
			text += blanks;
			len -= blanks;
		}
		printf("%.*s", (int)len, text);
		at += nr_columns(text, len);
		text += len;
	}
	printf("\n");
}
