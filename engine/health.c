/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/reason.h"

const char *wb_state_name(enum wb_state state)
{
	switch (state) {
	case WB_HEALTHY:
		return "healthy";
	case WB_DEGRADED:
		return "degraded";
	case WB_FAILED:
		return "failed";
	}
	return "unknown";
}

enum wb_state health_state(const struct health *health, const char **reason)
{
	const struct complaint *worst = &health->causes[0];

	for (unsigned int i = 1; i < NR_CAUSES; i++)
		if (health->causes[i].state > worst->state)
			worst = &health->causes[i];
	*reason = worst->reason;
	return worst->state;
}

static bool is_legal(enum health_cause cause, enum wb_state from, enum wb_state to)
{
	if (from != WB_FAILED)
		return true;
	switch (cause) {
	case CAUSE_LOG:
	case CAUSE_SUPER:
		return false;
	case CAUSE_MIGRATION:
		return to != WB_DEGRADED;
	case CAUSE_REQUEST:
	case NR_CAUSES:
		break;
	}
	return true;
}

static void tell(struct wb *wb, struct wb_backing *backing, enum wb_state state, const char *reason)
{
	wb_log(wb, state == WB_HEALTHY ? WB_LOG_INFO : WB_LOG_ERROR, "%s: %s%s%s%s",
	       backing ? backing->entry.name : "cache", wb_state_name(state), *reason ? ": " : "",
	       reason,
	       !backing && state == WB_FAILED ? "; writes and syncs get EIO until a retry" : "");
}

/* The only place where a state changes. */
static bool change(struct wb *wb, struct wb_backing *backing, enum health_cause cause,
		   enum wb_state state, const char *reason)
{
	struct health *health = backing ? &backing->health : &wb->health;
	struct complaint *c = &health->causes[cause];
	enum wb_state from = c->state;

	if (!is_legal(cause, from, state) || (from == WB_HEALTHY && state == from))
		return false;
	c->state = state;
	memcpy(c->reason, reason, sizeof(c->reason));
	if (state == from)
		return false;
	if (!backing && state == WB_FAILED) {
		wb->failed = true;
		wb_kick(wb);
	}
	/* What ends may leave something else that isn't well. */
	if (state == WB_HEALTHY)
		state = health_state(health, &reason);
	tell(wb, backing, state, reason);
	return true;
}

bool health_set(struct wb *wb, struct wb_backing *backing, enum health_cause cause,
		enum wb_state state, const char *format, ...)
{
	char reason[WB_REASON_LEN] = "";
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return change(wb, backing, cause, state, reason);
}

static const char *op_name(enum bdev_op op)
{
	switch (op) {
	case BDEV_READ:
		return "read";
	case BDEV_WRITE:
		return "write";
	case BDEV_FLUSH:
		return "flush";
	case BDEV_ZERO:
		return "zero";
	case BDEV_DISCARD:
		return "discard";
	}
	return "unknown";
}

bool health_io_failed(struct wb *wb, struct wb_backing *backing, enum health_cause cause,
		      enum wb_state state, const struct bdev_io *io)
{
	const char *path = backing ? backing->entry.path : wb->cache->path;
	const char *why = cause == CAUSE_MIGRATION ? " for migration" : "";

	/* The path is cut before what follows it would be. */
	if (io->op == BDEV_FLUSH)
		return health_set(wb, backing, cause, state, "%.150s: flush%s: %s", path, why,
				  reason(io->err));
	return health_set(wb, backing, cause, state, "%.150s: %s %llu bytes at byte %llu%s: %s",
			  path, op_name(io->op), (unsigned long long)io->len,
			  (unsigned long long)io->off, why, reason(io->err));
}

void health_clear(struct wb *wb, struct wb_backing *backing, enum health_cause cause)
{
	static const char none[WB_REASON_LEN];

	change(wb, backing, cause, WB_HEALTHY, none);
}

void health_retry(struct wb *wb)
{
	wb->health = (struct health){0};
	wb->failed = false;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		b->health = (struct health){0};
		b->failed_batches = 0;
		b->failed_requests = 0;
	}
}
