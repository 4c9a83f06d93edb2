/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal for wbfs top, by ncurses; without it top_terminal_open always fails. Only the
 * command's main thread calls this.
 */
#ifndef FUSE_TOP_TERMINAL_H
#define FUSE_TOP_TERMINAL_H

#include <stdbool.h>

#include "fuse/canvas.h"

/*
 * Take the terminal. -ENOSYS: built without ncurses; -ENOTTY: standard input or output is no
 * terminal; -EOPNOTSUPP: one that can't move its cursor, or that isn't known.
 */
int top_terminal_open(void) __attribute__((warn_unused_result));
/* Give it back as it was. */
void top_terminal_close(void);

void top_terminal_size(unsigned int *rows, unsigned int *cols);
void top_terminal_show(const struct canvas *canvas);

enum { TOP_KEY_NONE = -1, TOP_KEY_END = -2 };

/*
 * Wait for a key, a new size, or until fd can be read, or for so long. Returns the key or
 * TOP_KEY_NONE; TOP_KEY_END after SIGINT, SIGTERM, SIGHUP, or when the terminal has gone.
 */
int top_terminal_wait(int fd, unsigned int ms);

#endif
