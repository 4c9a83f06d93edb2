/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: what was written, in the order of the log, and what of it must still be there.
 * Every sector written carries the stamp of its write, so that contents tell where they come from.
 */
#ifndef WB_TESTS_MODEL_H
#define WB_TESTS_MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* What model_init makes; see model_init_sized. Backing i has 3 * i sectors less. */
#define MODEL_BACKINGS 2
#define MODEL_SECTORS 160

#define MODEL_MAX_BACKINGS 4
#define MODEL_GARBAGE UINT32_MAX    /* contents that nobody wrote there */
#define MODEL_ANY (UINT32_MAX - 1u) /* a state that nobody knows */

struct model_op {
	unsigned int backing;
	uint32_t first, nr; /* sectors */
	uint32_t stamp;	    /* 0: zeros */
	uint64_t record;    /* of the log, in which it ends; 0 if unknown */
};

/* The stamps of all sectors after the first n operations. */
struct model_state {
	uint64_t n;
	uint32_t *stamps;
};

struct model {
	unsigned int nr_backings;
	uint32_t sectors[MODEL_MAX_BACKINGS];
	uint32_t first[MODEL_MAX_BACKINGS]; /* where a backing begins in model_state.stamps */
	uint32_t nr_sectors;		    /* of all */
	struct model_op *ops;
	uint64_t nr_ops, max_ops;
	uint64_t synced; /* operations that must survive */
	uint32_t stamps;
	struct model_state base;  /* n is 0 */
	struct model_state now;	  /* n is nr_ops */
	struct model_state asked; /* what model_state was last asked for */
};

void model_init(struct model *m);
void model_init_sized(struct model *m, unsigned int nr_backings, const uint32_t *sectors);
void model_fini(struct model *m);
uint32_t model_stamp(struct model *m);
void model_fill(unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp, uint8_t *buf);
/* The stamp of a sector's contents, or MODEL_GARBAGE. */
uint32_t model_stamp_of(unsigned int backing, uint32_t sector, const uint8_t *buf);

uint64_t model_now(const struct model *m);
void model_write(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp);
/* The same, and the record in which the request ends; records never go back. Its operation. */
uint64_t model_placed(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      uint32_t stamp, uint64_t record);
void model_maybe(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp);
void model_synced(struct model *m, uint64_t covered);

/* How many operations end in records up to this one. */
uint64_t model_until(const struct model *m, uint64_t record);
/* The stamps of a backing after n operations; valid until the next call. */
const uint32_t *model_state(struct model *m, unsigned int backing, uint64_t n);
/* Whether one of the operations [from, to) gave a sector this stamp. */
bool model_wrote(const struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp,
		 uint64_t from, uint64_t to);
/* Whether one of the operations [from, to) wrote anything that is not forgotten. */
bool model_has_written(const struct model *m, uint64_t from, uint64_t to);
/* Whether one of the operations [from, to) wrote all of a block. */
bool model_replaced(const struct model *m, unsigned int backing, uint32_t block, uint64_t from,
		    uint64_t to);
/* How many operations it took until a block was written last. */
uint64_t model_last(const struct model *m, unsigned int backing, uint32_t block);
/* Whether a backing was the same after a and b operations. */
bool model_same(struct model *m, unsigned int backing, uint64_t a, uint64_t b);
/* A backing's history is forgotten; these are its stamps, always. */
void model_forget(struct model *m, unsigned int backing, const uint32_t *stamps);
/* Operations from n on never were. */
void model_cut(struct model *m, uint64_t n);
/* The history begins here, with the stamps in `asked`. */
void model_rebase(struct model *m);

/* Each sector shows the last write at `since`, or one acknowledged after. */
bool model_check_read(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      const uint8_t *buf, uint64_t since);
/* The images are the state after some operation >= synced; the history ends there from now on. */
bool model_recover(struct model *m, uint8_t *const images[]);
/* The images are the state after any operation. */
bool model_is_past(struct model *m, uint8_t *const images[]);

/* Tell on stderr what happened to a sector. */
void model_explain(const struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp);

#endif
