#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An ordinary user with image files: format, mount, make a file system in the exposed file, use it
# without a loop device, drain, unmount. What only root can do is refused, saying so; so is what
# concerns somebody else's mount. Root can unmount it, and waits for its daemon.

. "$(dirname "$0")/namespace_functions.sh"
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/user_functions.sh"
requires mkfs.ext4 debugfs e2fsck

as_user "$MKWBFS" --size 32M "$own/cache.img"
as_user truncate -s 64M "$own/disk.img"
as_user "${daemon[@]}" mount --cache "$own/cache.img" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} \
	-d "disk=$own/disk.img" "$mnt"
as_user test -w "$exposed" || fail 'its own exposed file can not be written to'

# In use without a loop device.
random_file "$tmp/model" 3000000
chmod 644 "$tmp/model"
as_user mkfs.ext4 -q -F "$exposed"
as_user debugfs -w -R "write $tmp/model file" "$exposed"
as_user debugfs -R "dump file $own/copy" "$exposed"
cmp "$tmp/model" "$own/copy"
as_user "$WBFS" set "$mnt" nr_max_batched_migration=8
as_user "$WBFS" flush "$mnt"
as_user "$WBFS" status "$mnt" >"$tmp/status"
grep -q 'healthy' "$tmp/status" || fail 'no status'

# For root only, or for its owner only.
expect_status 2 as_user "$WBFS" loop "$mnt" disk
grep -q '^wbfs: /dev/loop-control: ' "$tmp/err" || fail 'it does not say what is missing'
grep -q '^hint: ' "$tmp/err" || fail 'no hint'
expect_status 2 as_other "$WBFS" umount "$mnt"
expect_status 2 as_other "$WBFS" drain "$mnt"
expect_status 2 as_other "$WBFS" flush "$mnt"
for command in umount drain flush; do
	expect_status '[12]' as_other "$WBFS" "$command" "$mnt"
	[ "$(wc -l <"$tmp/err")" -le 2 ] || fail "more than a message and a hint: $(cat "$tmp/err")"
	grep -q "^wbfs: $mnt" "$tmp/err" || fail 'it does not name the mount'
done
is_mounted || fail 'somebody else has unmounted it'

# shellcheck disable=SC2016 # for the inner shell
expect_status 5 as_user sh -c 'exec 5<"$1"; "$2" umount "$3"' sh "$exposed" "$WBFS" "$mnt"
grep -q "in use: process .* has open $exposed" "$tmp/err" || fail 'it does not say by whom'

as_user "$WBFS" drain "$mnt"
pid=$(daemon_pid)
as_user "$WBFS" umount "$mnt"
not is_mounted || fail 'still mounted'
[ ! -e "/proc/$pid/exe" ] || fail 'it did not wait for the daemon'
e2fsck -fn "$own/disk.img"

# The cache remembers. Root's umount waits for it, too.
mount_own() {
	as_user "${daemon[@]}" mount --cache "$own/cache.img" "$@" "$mnt"
}
mount_own ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"}
pid=$(daemon_pid)
wbfs umount "$mnt"
[ ! -e "/proc/$pid/exe" ] || fail "root's umount did not wait for the daemon"

# A dead one.
mount_own ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"}
kill_wb
mount_own ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"}
as_user debugfs -R "dump file $own/copy" "$exposed"
cmp "$tmp/model" "$own/copy"
as_user "$WBFS" umount "$mnt"

if ! grep -q '^user_allow_other' /etc/fuse.conf 2>/dev/null; then
	expect_status 2 mount_own -o allow_other
	grep -q 'user_allow_other' "$tmp/err" || fail 'it does not say what is to be done'
	not is_mounted || fail 'mounted all the same'
fi

# A directory of somebody else's.
mkdir "$tmp/roots"
expect_status 2 as_user "${daemon[@]}" mount --cache "$own/cache.img" "$tmp/roots"
no_daemons || fail 'a daemon is left'
