# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # lib.sh sets them
#
# Part of suite-root and in-suite: trees of Debian's suites in the cache, and how a
# command runs in one.

# What every tree has, so that a module of its suite's kernels can be built there.
readonly tree_packages=(bc bison build-essential ca-certificates ccache cpio flex kmod
	libelf-dev libssl-dev pahole rsync)

# enter ROOT COMMAND...: runs it in the tree, as root, in the current directory if the
# tree has it. The mounts are its own. It sees the project's tree and the cache at the
# paths that they have here, and keeps variables XINET_*, GTEST_* and SOURCE_DATE_EPOCH.
enter() {
	local root=$1 name environment=()
	shift

	for name in $(compgen -e); do
		case $name in
		XINET_* | GTEST_* | CCACHE_* | SOURCE_DATE_EPOCH | KBUILD_*) environment+=("$name=${!name}") ;;
		esac
	done
	mkdir -p "$xinet_cache/ccache"
	# shellcheck disable=SC2016 # for the shell in the namespace
	unshare --mount --propagation private sh -euc '
		root=$1 cwd=$2 tree=$3 cache=$4
		shift 4
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount --rbind /sys "$root/sys"
		mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
		cp /etc/resolv.conf "$root/etc/resolv.conf"
		for dir in "$tree" "$cache"; do
			mkdir -p "$root$dir"
			mount --rbind "$dir" "$root$dir"
		done
		exec chroot "$root" /usr/bin/env -i -C "$([ -d "$root$cwd" ] && echo "$cwd" || echo /)" \
			PATH=/usr/lib/ccache:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
	' sh "$root" "$PWD" "$xinet_tree" "$xinet_cache" \
		XINET_CACHE="$xinet_cache" "${environment[@]}" "$@"
}

# in_tree_apt ROOT ARG...: apt-get there; its output is in ROOT.log. No kernel of a tree is
# booted in it, so none needs an initramfs.
in_tree_apt() {
	local root=$1
	shift

	run_logged "$root.log" enter "$root" INITRD=No apt-get -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o Acquire::Retries=3 -o APT::Sandbox::User=root \
		-o APT::Update::Error-Mode=any "$@"
}

# tree_sources BASE: all suites whose packages its tree may install.
tree_sources() {
	local suite

	for suite in "${debian_suites[@]}"; do
		[ "$(base_of "$suite")" != "$1" ] || suite_sources "$suite"
	done
}

# make_tree BASE ROOT: an interrupted one starts anew, with what was downloaded.
make_tree() {
	local base=$1 root=$2 tmp script=/usr/share/debootstrap/scripts/$1 debs=$xinet_cache/apt/debs

	command -v debootstrap >/dev/null || die "there is no debootstrap: run scripts/deps.sh"
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	need_space 2500 "a tree of $base"
	tmp=$(new_dir "$root")
	mkdir -p "$debs"
	say "making a tree of $base; this is done once (log: $root.log)"
	run_logged "$root.log" debootstrap --variant=minbase --keyring="$debian_keyring" \
		--cache-dir="$debs" "$base" "$tmp" "$(mirror_of "$host_suite")" "$script"
	# nothing in it is started
	printf '#!/bin/sh\nexit 101\n' >"$tmp/usr/sbin/policy-rc.d"
	chmod 755 "$tmp/usr/sbin/policy-rc.d"
	echo 'force-unsafe-io' >"$tmp/etc/dpkg/dpkg.cfg.d/xinet"
	# how this machine fetches: proxies, and how old a mirror may be
	apt-config dump Acquire >"$tmp/etc/apt/apt.conf.d/99xinet"
	tree_sources "$base" >"$tmp/etc/apt/sources.list"
	in_tree_apt "$tmp" update
	in_tree_apt "$tmp" dist-upgrade
	in_tree_apt "$tmp" install "${tree_packages[@]}"
	touch "$tmp/.xinet-updated"
	publish "$root"
}

# overlay TREE DIR: mounts what can be written to without changing the tree at DIR/root.
# For a script that has a mount namespace of its own.
overlay() {
	mkdir -p "$2"/{upper,work,root}
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
}

# suite_tree SUITE [UPDATE] [PACKAGE...]: prints the path of its tree, which then has
# the packages. What is older than a week is brought up to date, if the mirror answers.
suite_tree() {
	local base root update=${2:-} missing=()
	base=$(base_of "$1")
	root=$xinet_cache/root/$base
	shift $(($# < 2 ? $# : 2))

	is_one_of "$base" "${debian_suites[@]}" || usage_error "no such suite: $base (${debian_suites[*]})"
	[ "$(id -u)" = 0 ] || die "a tree of $base can be made and entered by root only"
	mkdir -p "$xinet_cache/root"
	lock "suite-$base"
	[ -d "$root" ] || make_tree "$base" "$root"
	if [ -n "$update" ] || [ -n "$(find "$root/.xinet-updated" -mtime +6)" ]; then
		say "bringing the tree of $base up to date"
		tree_sources "$base" >"$root/etc/apt/sources.list"
		if (in_tree_apt "$root" update && in_tree_apt "$root" dist-upgrade); then
			touch "$root/.xinet-updated"
		else
			say "going on with the tree of $base of $(date -r "$root/.xinet-updated" +%F)"
		fi
	fi
	# shellcheck disable=SC2016 # dpkg-query expands it
	mapfile -t missing < <(comm -13 <(dpkg-query --admindir="$root/var/lib/dpkg" -W \
		-f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | LC_ALL=C sort) \
		<(printf '%s\n' "$@" | sed '/^$/d' | LC_ALL=C sort -u))
	if [ ${#missing[@]} -gt 0 ]; then
		say "installing into the tree of $base: ${missing[*]}"
		(in_tree_apt "$root" install "${missing[@]}") ||
			{ in_tree_apt "$root" update && in_tree_apt "$root" install "${missing[@]}"; }
	fi
	unlock "suite-$base"
	printf '%s\n' "$root"
}
