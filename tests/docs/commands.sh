#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every command shown in README and in the man pages works as it is shown, one after the other, on
# image files in the place of devices. Shown are: in README blocks indented by four blanks, in the
# pages those between lines of ```. A block whose first word is a program is run; one that begins
# with a device is a line of fstab; all others are pictures or examples of output, and must not
# look like commands.

# In a mount namespace of its own, in which mount(8) finds our helpers.
if [ -z "${WB_DOCS_INSIDE-}" ] && [ "$(id -u)" -eq 0 ]; then
	export WB_DOCS_INSIDE=1
	exec unshare --mount --propagation private "$0" "$@"
fi

. "$(dirname "$0")/../e2e/functions.sh"
requires mkfs.ext4 resize2fs unshare
requires_filesystem ext4
requires_loop
[ -n "${WB_DOCS_INSIDE-}" ] || skip 'not root'

# What shows as a command by its first word.
programs='autoreconf|apt-get|cat|cp|echo|fsck|fuse2fs|fusermount|loop=.*|losetup|make|mkdir|mkfs[.]ext4|mkwbfs|mount|'
programs+='resize2fs|scripts/[a-z-]+|sync|systemctl|umount|wbfs'

# ---- taking them out of the text: FILE:LINE, a tab, the line ----

blocks_of() {
	case $1 in
	*.scd)
		awk '/^```/ { inside = !inside; print "-"; next }
			inside { printf "%s:%d\t%s\n", name, NR, $0 }' name="${1##*/}" "$1"
		;;
	*)
		awk '/^    / { printf "%s:%d\t%s\n", name, NR, substr($0, 5); next } { print "-" }' \
			name="${1##*/}" "$1"
		;;
	esac
}

# ---- what is different here ----

# Paths of the text, as sed would have them.
here() {
	sed -e "s|/dev/nvme0n1|$tmp/nvme0n1.img|g" -e "s|/dev/sd\([bc]\)|$tmp/sd\1.img|g" \
		-e "s|/mnt/wb|$tmp/wb|g" -e "s|/srv|$tmp/srv|g" -e "s|/somewhere|$tmp/somewhere|g" \
		<<<"$1"
}

# These run elsewhere: in scripts/runtests, in continuous integration, in tests of their own.
elsewhere() {
	case $1 in
	scripts/*)
		[ -x "$top_srcdir/${1%% *}" ] || fail "$where: there is no ${1%% *}"
		;;
	'make deb' | 'make install'* | 'make check'* | autoreconf* | apt-get* | systemctl*) ;;
	resize2fs*)
		! can_resize_online || return 1
		;;
	fuse2fs* | fusermount*)
		! command -v fuse2fs >/dev/null || return 1
		;;
	'wbfs demo'* | 'wbfs doctor'* | 'wbfs bench'*) ;; # see tests/e2e
	*) return 1 ;;
	esac
}

# With CAP_SYS_RESOURCE, which containers may lack.
can_resize_online() {
	local caps
	caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	((16#$caps >> 24 & 1))
}

# What a person would look at and end by a key ends by itself. A daemon may end after fusermount.
unattended() {
	sed -e 's/^fusermount .*/& \&\& ended fuse2f[s]/' -e 's/^wbfs top /wbfs top -b -n 1 /' \
		-e 's/^wbfs stat \(.*[^0-9] \)\{0,1\}1$/& 2/' <<<"$1"
}

# Described as it will be.
is_for_later() {
	[[ $1 == *'wbfs '[a-z]* ]] &&
		grep -o 'wbfs [a-z]*' <<<"$1" | cut -d ' ' -f 2 |
		grep -qxFf <(grep -v '^#' "$top_srcdir/tests/docs/not_yet")
}

# ---- the script that is made of them ----

make_script() {
	local -
	set +x
	local where line run=
	cat <<-'END'
		set -euo pipefail
		at() { where=$1; printf '\n%s: $ %s\n' "$1" "$2"; }
		trap 'echo "FAIL: $where: exit status $?" >&2' ERR
		fstab() { echo "$1" >>"$LIBMOUNT_FSTAB"; }
		ended() {
			for ((i = 0; i < 200; i++)); do
				grep -qa "^$1" /proc/[0-9]*/cmdline 2>/dev/null || break
				sleep 0.1
			done
		}
		grow() { for disk in "$here"/sd?.img; do truncate -s +64M "$disk"; done; }
	END
	while IFS=$'\t' read -r where line; do
		if [ "$where" = - ]; then
			run=
			continue
		fi
		if [ -z "$run" ]; then
			run=text
			[[ ! $line =~ ^($programs)($| ) ]] || run=commands
			[[ ! $line =~ ^/dev/.*\ (fuse\.)?wbfs\  ]] || run=fstab
		fi
		case $run in
		fstab)
			printf 'fstab %q\n' "$(here "$line")"
			;;
		text)
			[[ ! $line =~ ^(mk)?wbfs\ [a-z/-] ]] ||
				fail "$where: looks like a command but would not be run: $line"
			;;
		commands)
			line=${line%%  *\# *} # what is said about it
			if elsewhere "$line"; then
				printf 'not run here: %s\n' "$line" >&2
				continue
			fi
			if is_for_later "$line"; then
				printf 'NOT YET: %s: %s\n' "$where" "$line" >&2
				continue
			fi
			[[ $line != 'wbfs resize'* ]] || printf 'grow\n'
			printf 'at %q %q\n%s\n' "$where" "$line" "$(unattended "$(here "$line")")"
			nr=$((nr + 1))
			;;
		esac
	done
}

# ---- running it ----

install_helpers() {
	local sbin program
	sbin=$(realpath /sbin)
	mkdir "$tmp/sbin" "$tmp/sbin.real"
	mount --bind "$sbin" "$tmp/sbin.real"
	for program in "$tmp"/sbin.real/*; do
		ln -s "$program" "$tmp/sbin/"
	done
	ln -sf "$WBFS" "$tmp/sbin/mount.wbfs"
	ln -sf "$WBFS" "$tmp/sbin/mount.fuse.wbfs"
	mount --bind "$tmp/sbin" "$sbin"
	on_exit umount --lazy "$tmp/sbin.real"
	on_exit umount --lazy "$sbin"
}

# Whatever they leave, when they fail in the middle.
clean_up() {
	local device file
	! mountpoint -q "$tmp/srv" || umount "$tmp/srv"
	losetup --list --noheadings --output NAME,BACK-FILE | while read -r device file; do
		[[ $file != "$tmp"/* ]] || losetup --detach "$device"
	done
	end_wb "$tmp/wb"
}

# run_document FILE: with new devices. The page about control files takes a mount for granted.
run_document() {
	local dir=$tmp/work mounts_itself
	rm -rf "$dir"
	mkdir -p "$dir" "$tmp/srv" "$tmp/somewhere" "$tmp/wb"
	cp "$top_srcdir/README" "$tmp/somewhere/"
	rm -f "$tmp"/*.img "$tmp/fstab"
	truncate -s 128M "$tmp/nvme0n1.img"
	truncate -s 64M "$tmp/sdb.img" "$tmp/sdc.img"
	: >"$tmp/fstab"
	nr=0
	blocks_of "$1" >"$tmp/blocks"
	make_script <"$tmp/blocks" >"$tmp/script"
	printf '\n==== %s: %d commands\n' "${1##*/}" "$nr"
	mounts_itself=$(grep -cE '^wbfs mount ' "$tmp/script") || true
	if [ "$mounts_itself" -eq 0 ] && grep -q "$tmp/wb" "$tmp/script"; then
		mkwbfs "$tmp/nvme0n1.img"
		wbfs mount --cache "$tmp/nvme0n1.img" -d "disk=$tmp/sdb.img" "$tmp/wb"
		echo "wbfs umount '$tmp/wb'" >>"$tmp/script"
	fi
	(cd "$dir" && here=$tmp LIBMOUNT_FSTAB=$tmp/fstab PATH=$tmp/bin:$PATH \
		timeout --foreground 120 bash "$tmp/script") </dev/null ||
		fail "${1##*/}: a command that it shows does not work"
	! mountpoint -q "$tmp/wb" || fail "${1##*/}: its commands leave something mounted"
	no_daemons || fail "${1##*/}: its commands leave a daemon running"
}

# ---- within sentences ----

# What stands between backticks and begins with a program, once each; not names of commands only.
sentences_of() {
	tr -s '\n ' ' ' <"$1" | awk -v RS='`' 'NR % 2 == 0 && !seen[$0]++' |
		grep -E "^($programs|modprobe) " | grep -vE '^wbfs [a-z]+$' || true
}

# Of a command that is named without them: the mount point, and what else it can't do without.
complete() {
	case $1 in
	'wbfs mount --without'*) echo "umount; $1 --cache $cache $mnt" ;;
	'wbfs attach'*) echo "wbfs detach $mnt NAME; $(here "${1/PATH//dev/sdb}")" ;;
	'wbfs detach'*) echo "$1 --yes $mnt NAME" ;;
	*/mnt/wb* | 'echo '* | 'cat '*) here "$1" ;;
	*) echo "$1 $mnt" ;;
	esac
}

# run_sentence COMMAND: in the mount point of a new cache with a backing that is called NAME
run_sentence() {
	printf '\n%s: $ %s\n' "${document##*/}" "$1"
	rm -f "$tmp"/*.img
	truncate -s 64M "$tmp/sdb.img"
	mkwbfs --size 16M "$cache" >"$tmp/out"
	wbfs mount --cache "$cache" -d "NAME=$tmp/sdb.img" "$mnt"
	head -c 100000 /dev/urandom | dd of="$mnt/NAME" conv=notrunc status=none
	cat >"$tmp/script" <<-END
		set -euo pipefail
		umount() { wbfs umount "$mnt"; }
		cd "$mnt"
		run() { cd /; eval "\$1"; }
	END
	if [[ $1 == wbfs* ]]; then
		printf 'run %q\n' "$(complete "$1")" >>"$tmp/script"
	else
		complete "$1" >>"$tmp/script"
	fi
	PATH=$tmp/bin:$PATH timeout --foreground 60 bash "$tmp/script" </dev/null ||
		fail "${document##*/}: does not work: $1"
	end_wb "$mnt"
	nr=$((nr + 1))
}

run_sentences() {
	nr=0
	sentences_of "$1" >"$tmp/sentences"
	while read -r -u 4 sentence; do
		case $sentence in
		modprobe* | losetup* | fsck* | make*) ;; # of other programs, and of the whole machine
		*) elsewhere "$sentence" || run_sentence "$sentence" ;;
		esac
	done 4<"$tmp/sentences"
	[ "$nr" -ge 9 ] || fail "${1##*/}: only $nr commands within sentences"
}

nr=0
total=0
mkdir "$tmp/bin"
ln -s "$WBFS" "$MKWBFS" "$tmp/bin/"
install_helpers
on_exit clean_up
for document in "$top_srcdir"/README "$top_srcdir"/docs/man/*.scd; do
	run_document "$document"
	total=$((total + nr))
done
document=$top_srcdir/README
run_sentences "$document"
total=$((total + nr))
[ "$total" -ge 40 ] || fail "only $total commands were found in all"
echo "documented commands: $total"
