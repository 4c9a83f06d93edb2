/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine's mutex, and what has to wait until it is released: I/O to submit, callbacks to call.
 *
 * Every entry into the engine is lock, change some state, unlock. Whoever changes something that
 * another flow may wait for says wb_kick; wb_unlock then lets all flows look (wb.pump) until
 * nothing moves any more, releases the mutex, and only then submits and calls back.
 */
#ifndef WB_ENGINE_LOCK_H
#define WB_ENGINE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

/* Something to call without the mutex. Embedded; its owner keeps it until fn is called. */
struct work {
	void (*fn)(struct work *work);
	/* set when it is deferred */
	struct work *next;
	struct wb *wb;	     /* that counts it, or NULL */
	unsigned int effort; /* about how long it takes */
};

void wb_lock(struct wb *wb);
void wb_unlock(struct wb *wb);

/* From within a work, without the mutex. What this thread calls next; NULL: nothing is due. */
const struct work *wb_next_due(void);
/* The same: call this before that. It has not much to do once it has released the mutex. */
void wb_call_next(struct work *work);

/* All of these: mutex held. */
void wb_kick(struct wb *wb);
void wb_submit_later(struct wb *wb, struct bdev *dev, struct bdev_io *io);
void wb_defer(struct wb *wb, struct work *work);
/* The same for what tells somebody that something is done, and takes no time to speak of. */
void wb_answer(struct wb *wb, struct work *work);
/* The same for wb_stop's, when all others have been called: the wb may be gone afterwards. */
void wb_answer_last(struct wb *wb, struct work *work);
/* Whether all that was deferred has been called, on whatever thread, and has returned. */
bool wb_all_called(struct wb *wb);
/* Have the pump run at or soon after `when` (ns). Forgotten each time the pump runs. */
void wb_wake_at(struct wb *wb, uint64_t when);
uint64_t wb_now(struct wb *wb);

void wb_log(struct wb *wb, enum wb_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
