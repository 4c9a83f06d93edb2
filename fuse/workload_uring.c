/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A load by io_uring, from one thread: submits and reaps as many at a time as there are. */
#include "config.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuse/pattern.h"
#include "fuse/timer.h"
#include "fuse/workload.h"

struct slot {
	void *buffer;
	uint64_t number;
	uint64_t begun; /* ns */
};

struct uring_load {
	struct workload_run *run;
	struct io_uring ring;
	struct slot slots[WORKLOAD_DEPTH_MAX];
	unsigned int in_flight;
};

static void begin_io(struct uring_load *load, struct slot *slot)
{
	struct workload_run *run = load->run;
	const struct workload *workload = run->workload;
	struct io_uring_sqe *sqe;
	uint64_t off;

	if (!workload_next(run, &slot->number))
		return;
	sqe = io_uring_get_sqe(&load->ring); /* there is one for each slot */
	off = workload_offset(workload, slot->number);
	if (workload->write) {
		workload_fill(workload, slot->number, slot->buffer);
		io_uring_prep_write(sqe, run->fd, slot->buffer, workload->io_len, off);
	} else {
		io_uring_prep_read(sqe, run->fd, slot->buffer, workload->io_len, off);
	}
	io_uring_sqe_set_data(sqe, slot);
	slot->begun = timer_now();
	load->in_flight++;
}

static void reap(struct uring_load *load)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&load->ring, &cqe) == 0) {
		struct slot *slot = io_uring_cqe_get_data(cqe);
		int bytes = cqe->res;

		io_uring_cqe_seen(&load->ring, cqe);
		load->in_flight--;
		workload_done(load->run, load->run->result, slot->number, slot->begun, slot->buffer,
			      bytes);
		begin_io(load, slot);
	}
}

static int go_on(struct uring_load *load)
{
	while (load->in_flight) {
		int n = io_uring_submit_and_wait(&load->ring, 1);

		if (n < 0 && n != -EINTR)
			return n;
		reap(load);
	}
	return 0;
}

int workload_by_uring(struct workload_run *run)
{
	const struct workload *workload = run->workload;
	CLEANUP_FREE char *buffers = NULL;
	struct uring_load load = {.run = run};
	int err;

	if (io_uring_queue_init(WORKLOAD_DEPTH_MAX, &load.ring, 0) < 0)
		return -ENOSYS; /* not here, or forbidden */
	buffers = aligned_alloc(PATTERN_BLOCK, (size_t)workload->depth * workload->io_len);
	if (!buffers) {
		io_uring_queue_exit(&load.ring);
		return -ENOMEM;
	}
	memset(buffers, 0, (size_t)workload->depth * workload->io_len);
	for (unsigned int i = 0; i < workload->depth; i++) {
		load.slots[i].buffer = buffers + (size_t)i * workload->io_len;
		begin_io(&load, &load.slots[i]);
	}
	err = go_on(&load);
	io_uring_queue_exit(&load.ring);
	return err;
}
