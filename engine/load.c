/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine and whoever measures the load of backings tell each other: which load is its own,
 * and the verdict.
 */
#include "config.h"

#include "engine/engine.h"

void wb_set_busy(struct wb *wb, struct wb_backing *backing, bool busy)
{
	wb_lock(wb);
	if (backing->busy != busy)
		wb_kick(wb);
	backing->busy = busy;
	wb_unlock(wb);
}

void wb_set_utilisation(struct wb *wb, struct wb_backing *backing, unsigned int percent)
{
	wb_lock(wb);
	backing->utilisation = percent;
	wb_unlock(wb);
}

void wb_quiet(struct wb *wb, struct wb_backing *backing, uint64_t until)
{
	wb_lock(wb);
	backing->quiet_until = until;
	wb_kick(wb);
	wb_unlock(wb);
}

bool backing_is_urgent(struct wb *wb, const struct wb_backing *b)
{
	return b->nr_drains || wb->nr_drains || b->detaching || b->suspended || b->over_limit ||
	       wb->stopping || wb->knobs[WB_KNOB_FORCE_MIGRATE] || space_under_pressure(wb);
}

bool backing_must_be_quiet(struct wb *wb, const struct wb_backing *b, bool overdue)
{
	bool measured = b->quiet_until && wb_now(wb) < b->quiet_until;

	if ((!measured && (!b->busy || overdue)) || backing_is_urgent(wb, b))
		return false;
	if (measured)
		wb_wake_at(wb, b->quiet_until);
	return true;
}

void wb_usage(struct wb *wb, const struct wb_backing *backing, struct wb_usage *usage)
{
	uint64_t now;

	wb_lock(wb);
	now = wb_now(wb);
	*usage = (struct wb_usage){
		.foreground_ns = busy_until(&backing->foreground, now),
		.migration_ns = busy_until(&backing->migration, now),
		.migrating = backing->migration.nr,
	};
	wb_unlock(wb);
}
