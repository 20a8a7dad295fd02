#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh [--list]
#
# Installs what building, testing and measuring xinet needs on a Debian 12 or 13
# (as root), and does nothing when all of it is there. Called by make check and make
# demo, and by hand. Kernels are no part of it: kernel-uml and kernel-debian fetch
# those into the cache without installing them.
#
# --list  print the packages and exit

. "$(dirname "$0")/lib.sh"

readonly packages=(
	# kernels and modules
	bc bison build-essential busybox-static ccache cpio debootstrap flex kmod libelf-dev
	libssl-dev pahole patch perl procps rsync util-linux xz-utils zstd
	# the same for other architectures
	g++-aarch64-linux-gnu g++-i686-linux-gnu g++-s390x-linux-gnu
	# the userspace
	cmake libbpf-dev libcli11-dev libfmt-dev libgmock-dev libgtest-dev libmnl-dev
	libpcap-dev ninja-build nlohmann-json3-dev pkg-config
	# guests and what tests call in them
	apparmor ethtool hostname iproute2 ipxe-qemu iputils-ping nftables qemu-system-arm
	qemu-system-misc qemu-system-x86 tcpdump tshark
	# what runs over PF_XINET unchanged; none of them starts a service
	bind9-dnsutils curl dnsmasq-base hping3 iperf3 netcat-openbsd openssl redis-tools
	traceroute
	# measuring, checking
	clang-format clang-tidy codespell git gnuplot-nox graphviz jq shellcheck socat sparse
	# packages
	debhelper lintian rpm rpmlint
)

missing_packages() {
	# shellcheck disable=SC2016 # dpkg-query expands these
	comm -23 <(printf '%s\n' "${packages[@]}" | sort -u) \
		<(dpkg-query -W -f '${binary:Package} ${db:Status-Status}\n' |
			awk '$2 == "installed" { sub(/:.*/, "", $1); print $1 }' | sort -u)
}

install_packages() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
		install "$@" >"$log" 2>&1 </dev/null
}

case ${1:-} in
-h | --help)
	print_help
	exit 0
	;;
--list)
	printf '%s\n' "${packages[@]}"
	exit 0
	;;
'') ;;
*) usage_error "no such option: $1" ;;
esac

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ]; then
	[ "$(id -u)" = 0 ] || die "please install, as root: ${missing[*]}"
	mkdir -p "$xinet_cache"
	log=$xinet_cache/deps.log
	say "installing ${missing[*]}"
	# Package lists may be missing or too old; then they are read first.
	if ! install_packages "${missing[@]}"; then
		say "reading the package lists"
		run_logged "$log" apt-get -qq -o DPkg::Lock::Timeout=300 update
		install_packages "${missing[@]}" || {
			tail -n 20 "$log" >&2
			die "apt-get could not install them; the whole log is $log"
		}
	fi
fi

# Where the guests mount their modules; on a machine without a kernel of its own
# it does not exist.
[ -d /usr/lib/modules ] || mkdir /usr/lib/modules
