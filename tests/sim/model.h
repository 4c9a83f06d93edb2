/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: what was written, in the order of the log, and what of it must still be there.
 * Every sector written carries the stamp of its write, so that contents tell where they come from.
 */
#ifndef WB_TESTS_MODEL_H
#define WB_TESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_BACKINGS 2
#define MODEL_SECTORS 160 /* of each backing, at the most */

struct model_op {
	unsigned int backing;
	uint32_t first, nr; /* sectors */
	uint32_t stamp;	    /* 0: zeros */
};

struct model {
	struct model_op *ops;
	uint64_t nr_ops, max_ops;
	uint64_t synced; /* operations that must survive */
	uint32_t stamps;
};

void model_init(struct model *m);
void model_fini(struct model *m);
uint32_t model_stamp(struct model *m);
void model_fill(unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp, uint8_t *buf);
uint64_t model_now(const struct model *m);
void model_write(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp);
void model_maybe(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp);
void model_synced(struct model *m, uint64_t covered);
/* Each sector shows the last write at `since`, or one acknowledged after. */
bool model_check_read(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      const uint8_t *buf, uint64_t since);
/* The images are the state after some operation >= synced; the history ends there from now on. */
bool model_recover(struct model *m, uint8_t *const images[MODEL_BACKINGS]);
/* The images are the state after any operation. */
bool model_is_past(struct model *m, uint8_t *const images[MODEL_BACKINGS]);

#endif
