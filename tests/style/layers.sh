#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The direction of dependencies, and the size of files and functions:
#
#	engine/ knows neither fuse/, mkwbfs/ nor common/, and makes no system calls; engine/posix/,
#	which does, knows neither fuse/ nor mkwbfs/; the engine's flow files don't know each other; every header compiles alone; every source has
#	an SPDX line and is in Makefile.am; no file is longer than 600 lines, no function than 80

set -uo pipefail
cd "${top_srcdir:-$(dirname "$0")/../..}" || exit 1
failures=0

complain() {
	printf '%s\n' "$*"
	failures=$((failures + 1))
}

# forbid WHY PATTERN FILE...: no line of the files may match
forbid() {
	local why=$1 pattern=$2 line
	shift 2
	while IFS= read -r line; do
		complain "$why: $line"
	done < <(grep -HnEs -- "$pattern" "$@")
}

mapfile -t sources < <(find bench common engine fuse mkwbfs tests -name '*.[ch]' 2>/dev/null | sort)
mapfile -t scripts < <(find .ci bench scripts tests -type f \
	\( -path .ci/run -o -path 'scripts/*' -o -path 'bench/*' ! -name '*.[ch]' -o -name '*.sh' -o -name '*.pl' \) | sort)
[ "${#sources[@]}" -gt 0 ] || complain 'no sources found'

# ---- who may include whom ----

forbid 'engine/ includes what is above it' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](fuse|mkwbfs|common|tests|engine/posix|posix)' \
	engine/*.[ch]
forbid 'engine/posix/ includes what is above it' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](fuse|mkwbfs|tests)' engine/posix/*.[ch]
forbid 'common/ includes what is above it' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<](fuse|mkwbfs|tests)' common/*.[ch]
forbid 'mkwbfs/ and fuse/ are strangers' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]fuse' mkwbfs/*.[ch]
forbid 'fuse/ and mkwbfs/ are strangers' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]mkwbfs' fuse/*.[ch]
forbid 'a system call header in the engine' \
	'^[[:space:]]*#[[:space:]]*include[[:space:]]*<(unistd|fcntl|signal|time|liburing|syslog|sys/(mman|ioctl|stat|statfs|syscall|time|types|wait|epoll|eventfd|socket))\.h>' \
	engine/*.[ch]
forbid 'a thread, clock or message of its own in the engine' \
	'\<(pthread_create|thrd_create|clock_gettime|gettimeofday|nanosleep|usleep|f?printf|perror|syslog|exit)[[:space:]]*\(' \
	engine/*.c

flows=(write read fetch sync discard zero log migrate batch recover)
for file in "${flows[@]}"; do
	for other in "${flows[@]}"; do
		# Its own, and the helpers that write or migrate alone are made of.
		case $file:$other in
		"$other:$other" | migrate:batch | batch:migrate | *:fetch) continue ;;
		esac
		[ ! -e "engine/$file.c" ] || forbid 'a flow includes another' \
			"^[[:space:]]*#[[:space:]]*include[[:space:]]*\"(engine/)?$other\.h\"" \
			"engine/$file.c"
	done
done

# ---- headers ----

read -ra compiler <<<"${CC:-cc} -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I."
flags=$(pkg-config --cflags fuse3 liburing libxxhash blkid json-c check 2>/dev/null)
read -ra fuse_flags <<<"$flags"
for header in "${sources[@]}"; do
	case $header in
	*.c) continue ;;
	engine/posix/* | fuse/* | mkwbfs/* | common/* | tests/*) extra=("${fuse_flags[@]}") ;;
	*) extra=() ;;
	esac
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"${compiler[@]}" "${extra[@]}" -fsyntax-only -x c - ||
		complain "does not compile alone, or not twice: $header"
done

# ---- every source ----

for file in "${sources[@]}" "${scripts[@]}"; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
		complain "no SPDX line: $file"
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || complain "$lines lines: $file"
	[[ $file == *.pl || $file == *functions.sh || $file == bench/*.sh || -x $file || $file == *.[ch] ]] ||
		complain "not executable: $file"
done

for file in "${sources[@]}"; do
	program=${file%.c}
	[[ $file == tests/unit/test_*.c ]] || program=$file
	grep -Eq "^[[:space:]]*(.*[[:space:]=])?${program//./\\.}([[:space:]]|\$)" Makefile.am ||
		complain "not in Makefile.am: $program"
done
for file in "${scripts[@]}"; do
	[[ $file == *.ci/run ]] || grep -Fqw -- "$file" Makefile.am ||
		complain "not in Makefile.am: $file"
done

# From the { at the left margin to its }: the body of a function. Initialisers end in };
for file in "${sources[@]}"; do
	while IFS= read -r line; do
		complain "$line"
	done < <(awk -v file="$file" '
		/^[a-zA-Z_].*\(/ { name = $0 }
		/^{/ { start = NR }
		/^}$/ && start {
			if (NR - start - 1 > 80)
				printf "%s:%d: %d lines: %s\n", file, start, NR - start - 1, name
			start = 0
		}' "$file")
done

[ "$failures" -eq 0 ] || {
	printf '%d failures\n' "$failures"
	exit 1
}
