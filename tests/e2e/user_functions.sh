# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Read after functions.sh by tests of what an ordinary user can do. They have read
# namespace_functions.sh before. $own is a directory of that user's, with $mnt in it.

[ -n "${tmp-}" ] || exit 99 # functions.sh makes it
requires setpriv fusermount3
[ -u "$(command -v fusermount3)" ] || skip 'fusermount3 is not set-user-ID root'

user_id=$(id -u nobody) # fusermount3 wants to know its name
as() {
	setpriv --reuid="$1" --regid="$1" --clear-groups env -u XDG_RUNTIME_DIR "${@:2}"
}
as_user() {
	as "$user_id" "$@"
}
as_other() {
	as "$(id -u daemon)" "$@"
}
as_user test -x "$WBFS" || skip 'the programs are where only root can run them'

# udev makes it so; here there may be none.
mknod -m 666 "$tmp/fuse" c 10 229
mount --bind "$tmp/fuse" /dev/fuse
on_exit umount /dev/fuse
on_exit rm -rf "/tmp/wbfs-$user_id"

chmod 755 "$tmp"
own=$tmp/own
mkdir "$own"
mnt=$own/wb
export exposed=$mnt/disk
mkdir "$mnt"
chown -R "$user_id:$user_id" "$own"
# Root may not look inside, so mountpoint(1) can't tell.
is_mounted() {
	grep -q " ${1:-$mnt} fuse" /proc/mounts
}
end_own() {
	not is_mounted || wbfs umount "$mnt" || umount -l "$mnt"
}
on_exit end_own
