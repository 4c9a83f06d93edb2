/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a hard disk takes: one head over one platter at 7200 rpm, 150 MB/s everywhere, and a
 * queue of 32 requests of which it serves the nearest next. Pure arithmetic on a clock that is
 * handed in, in nanoseconds; the caller has the lock.
 *
 * Positioning takes nothing where the last request ended; seek(d) and half a rotation for a
 * distance of d, where seek grows from 0.5 ms to 8 ms with the square root of d over the size; or
 * the time in which a short gap ahead passes under the head, if that is less. Then the transfer.
 * Zeroing is a transfer too.
 *
 * A write takes its time at once, so a flush only waits until all before it are served, while
 * those behind it wait for the flush. Not modelled: a write cache, read-ahead, zones of different
 * speed, the angle of the platter, settling, spin-up, errors.
 */
#ifndef WB_POSIX_HDD_MODEL_H
#define WB_POSIX_HDD_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HDD_QUEUE = 32,	     /* requests that the disk knows; others wait outside */
	HDD_PASSED_MAX = 64, /* so many later ones may be served before one */
};

#define HDD_SEEK_MIN_NS 500000u
#define HDD_SEEK_MAX_NS 8000000u
#define HDD_HALF_ROTATION_NS 4166667u /* 7200 rpm */
#define HDD_BYTES_PER_SECOND 150000000u
/* Whoever asks again so soon after a completion had waited for it: see hdd_model_add. */
#define HDD_PROMPT_NS 1000000u
#define HDD_IDLE UINT64_MAX

struct hdd_request {
	uint64_t off, len; /* bytes */
	bool flush;	   /* off and len don't matter */
	/* the model's */
	uint64_t arrived, due;
	unsigned int passed; /* later ones that were served before it */
};

struct hdd_model {
	uint64_t size;	  /* const */
	uint64_t head;	  /* where the last request ends */
	uint64_t free_at; /* when the head is done with it */
	uint64_t busy_ns; /* that the head has worked or will for `serving` */
	struct hdd_request *serving;
	struct hdd_request *queue[HDD_QUEUE]; /* in the order of arrival */
	unsigned int nr_queued;
	uint64_t told_at, lag; /* when the last completion was told, and how late that was */
};

void hdd_model_init(struct hdd_model *model, uint64_t size);

/* From where the head is to `off`. */
uint64_t hdd_positioning(const struct hdd_model *model, uint64_t off);
uint64_t hdd_transfer(uint64_t len);

/*
 * A request reaches the disk; at most HDD_QUEUE are there, served or not. If the last completion
 * was told late because the host was busy, what follows at once counts as that much earlier: the
 * disk has lost no time by it.
 */
void hdd_model_add(struct hdd_model *model, struct hdd_request *request, uint64_t now);

/*
 * The next request that is done by `now`, with `due`, or NULL. In the order in which they are
 * done. The disk has gone on by itself however late it is asked.
 */
struct hdd_request *hdd_model_next(struct hdd_model *model, uint64_t now);

/* For how long the disk has been at work. Only grows. */
uint64_t hdd_model_busy(const struct hdd_model *model, uint64_t now);

/* When there is something to ask for, after hdd_model_next gave NULL: HDD_IDLE if nothing is. */
uint64_t hdd_model_due(const struct hdd_model *model);

#endif
