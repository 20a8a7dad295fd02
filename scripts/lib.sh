# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scripts of this directory share: progress messages, the cache, locks,
# steps that leave nothing half done behind, and Debian packages fetched without
# installing them. Sourced by the scripts beside it; does nothing by itself.

set -euo pipefail

script_name=${0##*/}
xinet_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
xinet_tree=$(dirname "$xinet_scripts")
xinet_cache=${XINET_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/xinet}
# shellcheck disable=SC2034 # those who source this use them
readonly script_name xinet_scripts xinet_tree xinet_cache

# The folders of the module's sources.
# shellcheck disable=SC2034
readonly module_folders=(af_xinet inet ip packet)

# What is compiled again without a change comes from ccache, in another clone, too. What a
# file includes it learns from the compiler, which costs a quarter less than to preprocess
# the file for that.
export CCACHE_DIR=$xinet_cache/ccache CCACHE_MAXSIZE=10G CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1 \
	CCACHE_BASEDIR=$xinet_tree CCACHE_COMPILERCHECK=content \
	CCACHE_SLOPPINESS=include_file_mtime,include_file_ctime,time_macros
[[ :$PATH: == *:/usr/lib/ccache:* ]] || PATH=/usr/lib/ccache:$PATH

# A make that called us must not decide how the makes we call behave.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES GNUMAKEFLAGS MAKELEVEL KDIR ARCH CROSS_COMPILE \
	KBUILD_OUTPUT O M W C

# --- messages: all on stderr, so that stdout carries only a script's result ---

say() { printf '%s: %s\n' "$script_name" "$*" >&2; }

die() {
	say "$*"
	exit 1
}

usage_error() {
	say "$*"
	say "see '$script_name --help'"
	exit 2
}

# The comment block at the top of the calling script is its --help.
print_help() { awk 'NR > 3 && !/^#/ { exit } NR > 3 { sub(/^# ?/, ""); print }' "$0"; }

# --- locks: held until the process ends, or until unlock ---

declare -A lock_fd=()

# lock NAME: one process at a time; says so when it has to wait.
lock() {
	local fd

	mkdir -p "$xinet_cache/lock"
	exec {fd}>"$xinet_cache/lock/$1"
	if ! flock -n "$fd"; then
		say "waiting for another run that prepares $1"
		flock "$fd"
	fi
	lock_fd[$1]=$fd
}

unlock() {
	local fd=${lock_fd[$1]}

	exec {fd}>&-
	unset "lock_fd[$1]"
}

# --- directories that appear complete or not at all ---

# new_dir PATH: prints an empty directory beside PATH to fill and then publish.
# What an interrupted run has left there goes first; hold PATH's lock.
new_dir() {
	local tmp=$1.incomplete

	rm -rf "$tmp"
	mkdir -p "$tmp"
	printf '%s\n' "$tmp"
}

publish() {
	rm -rf "$1"
	mv -T "$1.incomplete" "$1"
}

# need_space MEGABYTES WHAT: fails, with a sentence, before the disk is full.
need_space() {
	local free

	mkdir -p "$xinet_cache"
	free=$(df --output=avail -m "$xinet_cache" | tail -n 1)
	[ "$free" -ge "$1" ] ||
		die "$2 needs $1 MB in $xinet_cache, which has $((free)): remove old kernels there, or set XINET_CACHE"
}

# run_logged LOG COMMAND...: quiet when it works, the log's end when it does not.
run_logged() {
	local log=$1 status=0
	shift

	"$@" >"$log" 2>&1 </dev/null || status=$?
	if [ "$status" -ne 0 ]; then
		tail -n 30 "$log" >&2
		die "failed ($status): $*; the whole log is $log"
	fi
}

# short_hash < DATA: names a cache entry by what it was made from.
short_hash() { sha256sum | cut -c 1-12; }

# shell_quote WORD...: quoted for a POSIX shell, one line.
shell_quote() {
	local word separator=''

	for word; do
		printf "%s'%s'" "$separator" "${word//\'/\'\\\'\'}"
		separator=' '
	done
}

# --- other architectures, by Debian's names ---

# foreign_arch KERNEL: its architecture, or nothing for this machine's.
foreign_arch() {
	case $1 in
	*-i386 | *-arm64 | *-s390x) echo "${1##*-}" ;;
	esac
}

# multiarch ARCH: what Debian calls the directory of its libraries.
multiarch() {
	case $1 in
	i386) echo i386-linux-gnu ;;
	arm64) echo aarch64-linux-gnu ;;
	s390x) echo s390x-linux-gnu ;;
	*) usage_error "no such architecture: $1 (i386, arm64 and s390x exist)" ;;
	esac
}

# cross_compile ARCH: what the names of its compilers begin with.
cross_compile() {
	case $1 in
	i386) echo i686-linux-gnu- ;;
	*) echo "$(multiarch "$1")-" ;;
	esac
}

# --- the initrd of a QEMU guest ---

# begin_initrd TREE [BUSYBOX]: busybox and init; /lib/load lists the modules init loads.
begin_initrd() {
	mkdir -p "$1"/{bin,lib,proc,sys,dev,root}
	cp "${2:-$(command -v busybox)}" "$1/bin/busybox"
	cp "$xinet_scripts/kernel/initrd-init" "$1/init"
	: >"$1/lib/load"
}

# pack_initrd TREE FILE: the tree is removed.
pack_initrd() {
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc) >"$2"
	rm -r "$1"
}

# --- Debian's kernels ---
#
# The names that build-module and run-in know. A new series is a word here; the suites
# are searched for it in this order, and the first that has it is taken.

# shellcheck disable=SC2034
readonly debian_kernels=(6.1 6.1-rt 6.12 6.12-rt 7.2 7.2-rt 7.3 7.3-rt
	6.1-i386 6.1-arm64 6.1-s390x)
# shellcheck disable=SC2034
readonly uml_kernels=(6.1 newest newest-up 7.2 7.2-up 7.3 7.3-up)
readonly debian_suites=(bookworm bookworm-backports trixie trixie-backports forky sid experimental)

kernel_names() { echo "${uml_kernels[@]/#/uml-}" "${debian_kernels[@]/#/debian-}" qemu-kcsan; }

# is_kernel NAME: of run-in and build-module.
is_kernel() {
	local names

	read -ra names <<<"$(kernel_names)"
	is_one_of "${1:-none}" "${names[@]}"
}

# find_kernel KERNEL [--debug]: sets kdir, kernel_make, what make is told, and in_suite,
# the words before a command that builds for it: a kernel of another suite than this
# machine's wants that suite's tools.
# shellcheck disable=SC2034 # those who call this use them
find_kernel() {
	local base suite cross arch

	in_suite=() kernel_make=()
	is_kernel "$1" || usage_error "which kernel? $(kernel_names)"
	[[ $1 == uml-* ]] || [ -z "${2:-}" ] || usage_error "--debug is for uml kernels"
	case $1 in
	uml-*)
		kdir=$("$xinet_scripts/kernel-uml" "${1#uml-}" ${2:+--debug})
		kernel_make=(ARCH=um)
		;;
	qemu-kcsan) kdir=$("$xinet_scripts/kernel-kcsan") ;;
	debian-*)
		base=$("$xinet_scripts/kernel-debian" "${1#debian-}")
		kdir=$(readlink -f "$base/headers")
		suite=$(cat "$base/suite")
		arch=$(foreign_arch "$1")
		if [ -n "$arch" ]; then
			cross=$(cross_compile "$arch")
			command -v "${cross}gcc" >/dev/null || die "there is no ${cross}gcc: run scripts/deps.sh"
			kernel_make=(CROSS_COMPILE="$cross")
		fi
		[ "$suite" = "$host_suite" ] ||
			in_suite=("$xinet_scripts/in-suite" "$suite" --with "$(cat "$base/compiler")" --)
		;;
	esac
}

# suites_of SERIES: where it is looked for: a series that is a release's own is that
# release's.
suites_of() {
	case $1 in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	*) echo "${debian_suites[@]:3}" ;;
	esac
}

# base_of SUITE: the suite whose userland its packages are for.
base_of() {
	case $1 in
	experimental) echo sid ;;
	*) echo "${1%-backports}" ;;
	esac
}

# is_one_of WORD LIST...
is_one_of() {
	local word=$1
	shift

	[[ " $* " == *" $word "* ]]
}

# --- Debian packages, downloaded only ---
#
# Every suite gets an apt configuration of its own in the cache, with the
# mirrors of this machine, so that a kernel of another release is found while
# the machine's own packages stay what they are. Nothing is ever installed by it.
# SUITE may name another architecture than the machine's: bookworm:arm64.

readonly debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# shellcheck disable=SC1091
host_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
readonly host_suite

# mirror_of RELEASE: the address this machine has for it, or nothing.
mirror_of() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(CREATED_BY)|$(RELEASE)|$(CODENAME)|$(REPO_URI)' |
		awk -F'|' -v want="$1" '$1 == "Packages" && ($2 == want || $3 == want) { print $4; exit }'
}

# suite_sources SUITE: its sources.list; a release's has its updates, too.
suite_sources() {
	local suite=${1%:*} line="deb [signed-by=$debian_keyring]" main security

	main=$(mirror_of "$host_suite")
	[ -n "$main" ] || die "apt has no mirror for $host_suite: see /etc/apt/sources.list"
	printf '%s %s %s main\n' "$line" "$main" "$suite"
	case $suite in
	bookworm | trixie)
		printf '%s %s %s-updates main\n' "$line" "$main" "$suite"
		security=$(mirror_of "$host_suite-security")
		[ -z "$security" ] || [ -e "$xinet_cache/apt/$1/no-security" ] ||
			printf '%s %s %s-security main\n' "$line" "$security" "$suite"
		;;
	esac
}

# suite_apt SUITE TOOL ARG...: apt-get or apt-cache, looking at that suite only.
suite_apt() {
	local dir=$xinet_cache/apt/$1 arch=${1#*:} tool=$2 foreign=()

	[ "$arch" = "$1" ] || foreign=(-o APT::Architecture="$arch" -o APT::Architectures="$arch")
	shift 2
	"$tool" -qq "${foreign[@]}" \
		-o Dir::State::lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" \
		-o Dir::Etc::sourcelist="$dir/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Sandbox::User=root \
		-o Acquire::Retries=3 "$@"
}

# suite_update SUITE [FORCE]: once per process, and once an hour; several of them may run
# at the same time. When the mirror does not answer, lists that were read before do.
declare -A suite_updated=()
suite_update() {
	local suite=$1 dir=$xinet_cache/apt/$1

	[ -z "${suite_updated[$suite]:-}" ] || return 0
	lock "apt-$suite"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	suite_sources "$suite" >"$dir/sources.list.new"
	if [ -n "${2:-}" ] || ! cmp -s "$dir/sources.list.new" "$dir/sources.list" ||
		[ -z "$(find "$dir/updated" -mmin -60 2>/dev/null)" ]; then
		mv "$dir/sources.list.new" "$dir/sources.list"
		read_lists "$suite"
	fi
	suite_updated[$suite]=1
	unlock "apt-$suite"
}

update_lists() {
	suite_apt "$suite" apt-get -o APT::Update::Error-Mode=any update \
		>"$dir/update.log" 2>&1 </dev/null
}

read_lists() {
	local suite=$1 dir=$xinet_cache/apt/$1

	say "reading the package lists of $suite"
	if update_lists; then
		touch "$dir/updated"
		return
	fi
	# Some mirrors have security updates of few architectures.
	if [[ $suite == *:* ]] && [ ! -e "$dir/no-security" ]; then
		: >"$dir/no-security"
		suite_sources "$suite" >"$dir/sources.list"
		if update_lists; then
			say "there are no security updates of $suite: going on without"
			touch "$dir/updated"
			return
		fi
		rm "$dir/no-security"
	fi
	tail -n 5 "$dir/update.log" >&2
	[ -e "$dir/updated" ] ||
		die "apt cannot read the package lists of $suite: does its mirror have that suite, and is it reached?"
	say "going on with the lists of $suite of $(date -r "$dir/updated" +%F)"
}

# package_field SUITE PACKAGE FIELD: of the newest version in the suite.
package_field() {
	suite_apt "$1" apt-cache show --no-all-versions "$2" 2>/dev/null |
		sed -n "s/^$3: //p" | head -n 1
}

package_version() {
	local version

	version=$(package_field "$1" "$2" Version)
	[ -n "$version" ] || die "the suite $1 has no package $2 (any more?)"
	printf '%s\n' "$version"
}

# fetch_packages SUITE DIR PACKAGE...: puts the .deb files into DIR.
fetch_packages() {
	local suite=$1 dir=$2
	shift 2

	say "downloading $*"
	lock "apt-$suite" # the lists stay what they are
	(cd "$dir" && run_logged "$xinet_cache/apt/$suite/download.log" \
		suite_apt "$suite" apt-get download "$@")
	unlock "apt-$suite"
}
