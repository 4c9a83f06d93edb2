/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arithmetic of a simulated hard disk. No state but struct hdd_model; the caller locks. */
#include "config.h"

#include "engine/posix/hdd_model.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "engine/util.h"

void hdd_model_init(struct hdd_model *model, uint64_t size)
{
	*model = (struct hdd_model){.size = size};
}

uint64_t hdd_transfer(uint64_t len)
{
	return (uint64_t)((double)len * 1e9 / HDD_BYTES_PER_SECOND);
}

static uint64_t seek(const struct hdd_model *model, uint64_t distance)
{
	double part = sqrt((double)distance / (double)model->size);

	return HDD_SEEK_MIN_NS + (uint64_t)(part * (HDD_SEEK_MAX_NS - HDD_SEEK_MIN_NS));
}

uint64_t hdd_positioning(const struct hdd_model *model, uint64_t off)
{
	if (off < model->head)
		return seek(model, model->head - off) + HDD_HALF_ROTATION_NS;
	return min_u64(hdd_transfer(off - model->head),
		       seek(model, off - model->head) + HDD_HALF_ROTATION_NS);
}

void hdd_model_add(struct hdd_model *model, struct hdd_request *request, uint64_t now)
{
	request->arrived = now - (now - model->told_at < HDD_PROMPT_NS ? model->lag : 0);
	request->passed = 0;
	model->queue[model->nr_queued++] = request;
}

/*
 * The nearest of those that are there at `when`; the oldest if it has been passed too often.
 * Nothing passes a flush, and a flush passes nothing.
 */
static unsigned int choose(const struct hdd_model *model, uint64_t when)
{
	uint64_t cost, least = UINT64_MAX;
	unsigned int best = 0;

	if (model->queue[0]->passed >= HDD_PASSED_MAX)
		return 0;
	for (unsigned int i = 0; i < model->nr_queued && !model->queue[i]->flush; i++) {
		if (model->queue[i]->arrived > when)
			continue;
		cost = hdd_positioning(model, model->queue[i]->off);
		if (cost < least) {
			least = cost;
			best = i;
		}
	}
	return best;
}

static struct hdd_request *take(struct hdd_model *model, unsigned int i)
{
	struct hdd_request *request = model->queue[i];

	for (unsigned int older = 0; older < i; older++)
		model->queue[older]->passed++;
	model->nr_queued--;
	memmove(&model->queue[i], &model->queue[i + 1],
		(model->nr_queued - i) * sizeof(model->queue[0]));
	return request;
}

static void serve(struct hdd_model *model)
{
	uint64_t start = max_u64(model->free_at, model->queue[0]->arrived);
	struct hdd_request *request = take(model, choose(model, start));

	request->due = start;
	if (!request->flush) {
		request->due += hdd_positioning(model, request->off) + hdd_transfer(request->len);
		model->head = request->off + request->len;
	}
	model->busy_ns += request->due - start;
	model->free_at = request->due;
	model->serving = request;
}

struct hdd_request *hdd_model_next(struct hdd_model *model, uint64_t now)
{
	struct hdd_request *request;

	if (!model->serving && model->nr_queued)
		serve(model);
	request = model->serving;
	if (!request || request->due > now)
		return NULL;
	model->serving = NULL;
	model->told_at = now;
	model->lag = now - request->due;
	return request;
}

uint64_t hdd_model_busy(const struct hdd_model *model, uint64_t now)
{
	uint64_t left = model->serving && model->serving->due > now ? model->serving->due - now : 0;

	return model->busy_ns - min_u64(left, model->busy_ns);
}

uint64_t hdd_model_due(const struct hdd_model *model)
{
	return model->serving ? model->serving->due : HDD_IDLE;
}
