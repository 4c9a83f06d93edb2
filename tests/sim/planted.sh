#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Proof that the simulation catches what it is there for: each of the bugs below is planted into a
# copy of the engine, and the simulation has to fail. Prints what each took to be found.
#
#	tests/sim/planted.sh            all
#	tests/sim/planted.sh NAME...    these
#
# A bug is a perl substitution that must change exactly one file. RUNS bounds the search for each.

# shellcheck disable=SC2016 # perl's variables
set -euo pipefail
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
build=$(cd "${top_builddir:-.}" && pwd)
runs=${RUNS:-8500}
cc=${CC:-gcc}
flags=(-std=gnu11 -O1 -g -fno-strict-aliasing -w -pthread "-I$build" -I.)
tmp=$(mktemp -d)
case ${WB_SANITIZERS:-no} in
no) ;;
*)
	echo "skipped: the engine is built here anew, without sanitizers"
	exit 77
	;;
esac
trap 'rm -rf "$tmp"' EXIT

# plant NAME FILE PERL: the name says what the engine does wrong then
bugs=()
plant() {
	bugs+=("$1")
	file[$1]=$2
	perl[$1]=$3
}
declare -A file perl

plant migrate_not_durable engine/migrate.c \
	's/(static bool wanted\(struct wb \*wb, struct wb_backing \*b\)\n\{\n)/$1\tif (wb->ladder.logged > wb->ladder.durable \&\& wb->log.logged_end == wb->ladder.logged) { const struct record *l = head_record(wb, wb->ladder.logged); wb->log.durable_segment = l->segment; wb->log.durable_block = l->block + 1 + l->nr_blocks; wb->ladder.durable = wb->ladder.logged; }\n/'
plant forget_durable_copy_on_overwrite engine/migrate_plan.c \
	's/if \(e->backing == b->backing->entry\.id\)/if ((e->flags \& INDEX_LINKED) \&\& e->backing == b->backing->entry.id)/'
plant superseded_by_a_later_batch engine/migrate_plan.c \
	's/if \(e->backing == b->backing->entry\.id\)/uint32_t at = index_find(\&wb->index, e->backing, index_block(e)); bool later = e->backing \&\& at != INDEX_NONE \&\& at != position \&\& segment_slot_at(wb, at)->segment > b->end.segment \&\& segment_slot_at(wb, at)->last_record <= wb->ladder.durable;\n\t\tif (!later \&\& e->backing == b->backing->entry.id)/'
plant reuse_slot_before_migrated_on_disk engine/segment.c \
	's/slot->last_record <= wb->ladder\.migrated_on_disk/slot->last_record <= wb->ladder.migrated/g'
plant reuse_slot_while_it_is_read engine/segment.c \
	's/ && !slot->pins &&/ \&\&/'
plant reuse_buffer_before_durable engine/segment.c \
	's/buffer->slot->last_record <= wb->ladder\.durable/buffer->slot->last_record <= wb->ladder.logged/'
plant recover_without_flush engine/recover.c \
	's/err = bdev_flush\(wb->cache\);/err = 0;/'
plant ignore_generations engine/recover.c \
	's/scan_is_stale\(&r->scan, header\.generation, header\.record\)\)\n\t\treturn false;/false)\n\t\treturn false;/'
plant no_block_checksum engine/format.c \
	's/return \(uint32_t\)XXH3_64bits_withSeed\(data, WB_BLOCK_SIZE, seed\);/(void)data; return (uint32_t)seed;/'
plant crc32c_as_block_checksum engine/format.c \
	's/return \(uint32_t\)XXH3_64bits_withSeed\(data, WB_BLOCK_SIZE, seed\);/uint32_t crc = (uint32_t)seed; for (const uint8_t *p = data; p < (const uint8_t *)data + WB_BLOCK_SIZE; p++) { crc ^= *p; for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (0x82f63b78 & -(crc & 1)); } return crc;/'
plant acknowledge_sync_before_flush engine/sync.c \
	's/return waiter->target <= wb->ladder\.durable;/return waiter->target <= wb->ladder.logged;/'
plant ignore_failed_flush engine/log.c \
	's/\tif \(io->err\)\n\t\tflush_failed\(wb, io\);/\tio->err = 0;\n$&/'
plant flush_again_without_writing_again engine/log.c \
	's/\tlog_write_all_again\(wb\);\n\twb->log\.flush_not_before/\twb->log.flush_not_before/'
plant end_the_log_at_a_continued_record engine/recover.c \
	's/if \(found && !r->continued\)/if (found)/'
plant discard_stays_out_of_the_log engine/write.c \
	's/\.kind = zeros \? WB_ENTRY_ZEROS/.kind = zeros ? WB_ENTRY_POISON/'
plant replay_skips_a_hole engine/recover.c \
	's/header\.record != r->next_record \|\|/header.record < r->next_record ||/; s/\tr->next_record\+\+;/\tr->next_record = header.record + 1;/'
plant wrong_checksum_in_the_index engine/write.c \
	's/entry\.mask, entry\.value\);\n/entry.mask, entry.value ^ 1);\n/'
plant partial_write_forgets_the_old_copy engine/write.c \
	's/uint8_t mask = r->fetch\.log_only \? r->fetch\.mask : 0xff;/uint8_t mask = 0;/'
plant zeros_of_a_batch_forgotten engine/migrate_io.c \
	's/for \(; b->cursor < zeros->nr; b->cursor\+\+\)/for (; 0;)/'
plant backing_not_flushed engine/migrate_io.c \
	's/if \(b->cursor\+\+ \|\| !b->backing->to_flush\)/if (1)/'
plant batch_not_announced engine/migrate.c \
	's/\tbacking->entry\.batch_end = max_u64\(backing->entry\.batch_end, b->end\.record - 1\);\n//'
plant superblock_copies_not_in_turn engine/super.c \
	's/\tw->copy = \(w->copy \+ 1\) % WB_NR_SUPERS;\n//'
plant dsync_acknowledged_early engine/write.c \
	's/if \(!\(io->flags & WB_IO_DSYNC\)\)/if (1)/'
plant detach_drops_blocks engine/attach.c \
	's/\twb_drain\(wb, backing, drained, backing\);/\tdrained(backing, 0);/'
plant checksum_not_checked_on_read engine/fetch.c \
	's/== e->checksum;/== e->checksum || 1;/'
plant checksum_not_checked_in_migration engine/batch.c \
	's/!= piece->checksum;/!= piece->checksum \&\& 0;/'
plant truncate_without_being_asked engine/recover.c \
	's/if \(!wb->recover_truncate\)/if (0)/'
plant read_only_cache_is_written engine/cache.c \
	's/\tif \(wb->read_only\) \{\n\t\tdone\(ctx, 0\);\n\t\treturn;\n\t\}/\twb->read_only = false;/'
plant zeros_extent_counts_as_older engine/blocks.c \
	's/z->version > version_at/z->version > 1 + version_at/'
plant carrying_forgets_a_live_block engine/carry.c \
	's/if \(!is_live\(wb, position\)\)/if (!is_live(wb, position) || wb->index.entries[position].block_low % 7 == 3)/'
plant tail_moves_before_copies_are_durable engine/carry.c \
	's/if \(wb->ladder\.durable >= c->target\)\n\t\t\tdone/if (1)\n\t\t\tdone/'
plant carrying_overtakes_a_write_in_flight engine/blocks.c \
	's/if \(r->state == REQUEST_COPYING &&/if (0 \&\& r->state == REQUEST_COPYING \&\&/'
plant old_zeros_not_confirmed engine/migrate.c \
	's/if \(!b->old_zeros\) \{/b->backing->entry.zeroed = 0;\n\tif (1) {/'
plant carried_zeros_are_new engine/blocks.c \
	's/\t\t\t\t     WB_ENTRY_OLD_ZEROS\);/\t\t\t\t     WB_ENTRY_ZEROS);/'
plant zeros_are_not_carried engine/carry.c \
	's/if \(!b->carried \|\| e->record <= done\)/if (1)/'
plant poison_is_not_logged engine/migrate.c \
	's/\tblocks_log_extent\(wb, b->backing, piece->block, 1, WB_ENTRY_POISON\);\n//'
plant poison_is_not_carried engine/carry.c \
	's/if \(blocks_lookup\(wb, b, block\)\.kind == BLOCK_POISON\)/if (0)/'
plant watermark_written_too_early engine/super.c \
	's/\t\ttable_entry_encode\(&b->entry, &table\[nr\+\+\]\);/\t\t{ struct table_entry e = b->entry; if (b->batch) e.migrated = e.batch_end; table_entry_encode(\&e, \&table[nr++]); }/'
plant what_a_backing_has_is_loaded engine/recover.c \
	's/return held->record <= backing->entry\.migrated;/return false;/'
plant no_reserve engine/head.c \
	's/return wb->layout\.nr_segments < SMALL_LOG \? 1 : 2;/return 0;/'
plant held_backing_takes_all_of_the_log engine/backing.c \
	's/\tif \(backing_held\(wb, backing\)\) \{\n\t\tmost/\tif (backing_held(wb, backing))\n\t\treturn false;\n\tif (0) {\n\t\tmost/'
plant carried_is_called_consistent engine/carry.c \
	's/\t\tb->entry\.batch_end = max_u64\(b->entry\.batch_end,\s*min_u64\(c->target, b->last_record\)\);\n//'
plant damage_is_carried engine/carry.c \
	's/data_of\(c, position\)\) != e->checksum;/data_of(c, position)) != e->checksum \&\& 0;/'
plant drain_forgets_what_is_carried engine/backing.c \
	's/max_u64\(target, b->carried_until\)/target/'
plant given_up_too_early engine/attach.c \
	's/\tb->entry\.detached = true;\n/$&\tb->detaching = false;\n\tspace_advance_tail(wb);\n/'
plant held_blocks_those_who_could_go engine/write.c \
	's/full = !io_of\(r\)->backing->over_limit;/full = true;/'
plant old_zeros_are_written_again engine/migrate_plan.c \
	's/e->record <= b->backing->entry\.zeroed \|\| //'
plant old_zeros_count_as_new engine/recover.c \
	's/if \(e->kind == WB_ENTRY_OLD_ZEROS\)\n\t\treturn zeros_add_old/if (0)\n\t\treturn zeros_add_old/'
plant poison_is_read_as_zeros engine/blocks.c \
	's/z->poison \? BLOCK_POISON : BLOCK_ZEROS/BLOCK_ZEROS/'
plant poison_let_go_too_early engine/space.c \
	's/return e->until > wb->ladder\.durable;/return false;/'
plant tail_passes_poison engine/space.c \
	's/\*poison = e && e->record < tail->record;/*poison = false;/'
plant watermark_before_the_flush engine/migrate.c \
	's/enter\(b, BATCH_WRITING\);/{ enter(b, BATCH_WRITING); b->backing->entry.migrated = b->end.record - 1; super_commit(b->wb, false); }/'
plant given_up_while_it_is_carried engine/attach.c \
	's/\tb->carried = false;[^\n]*\n//'
plant padding_hides_what_has_grown engine/attach.c \
	's/if \(b->entry\.size % WB_BLOCK_SIZE == 0\)\n\t\treturn 0;/return 0;/'
plant grown_before_it_is_durable engine/attach.c \
	's/waiter_add\(wb, waiter, WAIT_SUPER, super_commit\(wb, true\)\);(\n\t\}\n\twb_unlock\(wb\);\n\}\n)$/super_commit(wb, true);\n\t\twb_defer(wb, \&waiter->work);$1/'
plant acknowledged_and_not_seen engine/read.c \
	's/return true;/break;/'
plant dsync_acknowledged_when_placed engine/write.c \
	's/!io->acknowledged \|\| io->flags & WB_IO_DSYNC \|\|/!io->acknowledged ||/'

wanted=("$@")
[ "${#wanted[@]}" -gt 0 ] || wanted=("${bugs[@]}")

# The sound engine once; then only what each bug changes.
mkdir "$tmp/src" && cp -r "$top/engine" "$top/tests" "$tmp/src" && cd "$tmp/src"
sources=(engine/*.c)
for source in tests/sim/*.c; do # the other program has its own
	[[ $source == */exhaustive* ]] || sources+=("$source")
done
objects() {
	local source
	for source in "${sources[@]}"; do
		echo "$tmp/$(tr / _ <<<"$source").o"
	done
}
for source in "${sources[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	"$cc" "${flags[@]}" -c "$source" -o "$tmp/$(tr / _ <<<"$source").o" &
done
wait

found=0
for name in "${wanted[@]}"; do
	source=${file[$name]}
	object=$tmp/$(tr / _ <<<"$source").o
	cp "$source" "$tmp/sound.c" && cp "$object" "$tmp/sound.o"
	perl -0pi -e "${perl[$name]}" "$source"
	if cmp -s "$source" "$tmp/sound.c"; then
		echo "$name: the code it changes has changed: mend tests/sim/planted.sh"
	else
		"$cc" "${flags[@]}" -c "$source" -o "$object"
		mapfile -t all < <(objects)
		"$cc" -pthread -o "$tmp/sim" "${all[@]}" -lxxhash
		start=$SECONDS
		status=0
		(exec timeout 120 "$tmp/sim" --no-shrink --runs "$runs" >"$tmp/out" 2>&1) || status=$?
		if [ "$status" -eq 0 ] || [ "$status" -eq 124 ]; then
			echo "$name: NOT FOUND in $runs runs"
		else
			found=$((found + 1))
			seed=$(sed -n 's/^replay: .*--seed \([0-9]*\).*/seed \1/p' "$tmp/out")
			what=$(sed -n 's/^FAILED: seed [0-9]*: \(.*\) (life.*/\1/p; s/.*\(Assertion.*\)/\1/p' \
				"$tmp/out" | head -n 1)
			echo "$name: found after $((SECONDS - start)) s: ${seed:+$seed: }$what"
		fi
	fi
	cp "$tmp/sound.c" "$source" && cp "$tmp/sound.o" "$object"
done
echo "planted bugs found: $found of ${#wanted[@]}"
[ "$found" -eq "${#wanted[@]}" ]
