# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # who sources this sets them
#
# Part of kernel-uml and kernel-kcsan: configures and compiles a kernel. Whoever
# sources this sets version, name (for messages) and build, the directory it is
# built in, and has the functions kbuild (make, with what it needs) and
# wanted_config (the symbols beside defconfig, one "CONFIG_X=y" a line).

# fragment FILE: its symbols for this version, one "CONFIG_X=y" a line. A symbol with
# "# V" behind it is for version V, one with "# V+" for V and newer ones.
fragment() {
	local symbol comment only

	while read -r symbol comment; do
		[[ $symbol == CONFIG_* ]] || continue
		only=${comment#\#} only=${only// /}
		case $only in
		'' | "$version") ;;
		*+) [ "$(printf '%s\n' "${only%+}" "$version" | sort -V | tail -n 1)" = "$version" ] || continue ;;
		*) continue ;;
		esac
		echo "$symbol"
	done <"$1"
}

configure() {
	local symbol missing=()

	run_logged "$build/xinet-config.log" kbuild defconfig
	wanted_config >>"$build/.config"
	run_logged "$build/xinet-config.log" kbuild olddefconfig
	while read -r symbol; do
		case $symbol in
		*=n) ! grep -q "^${symbol%n}" "$build/.config" ;;
		*) grep -qxF "$symbol" "$build/.config" ;;
		esac || missing+=("$symbol")
	done < <(wanted_config)
	[ ${#missing[@]} -eq 0 ] || die "the configuration does not take ${missing[*]}"
}

# follow LOG PID EXPECTED: a line now and then while the build runs.
follow() {
	local seconds=0

	while kill -0 "$2" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 15)) -ne 0 ] ||
			say "building $name: $(grep -c '^  [A-Z]' "$1") steps so far (about $3)"
	done
}

# compile EXPECTED TARGET: the kernel and its modules, those installed below modules/.
compile() {
	local log=$build/xinet-build.log status=0 pid

	say "building the kernel $name; this is done once (log: $log)"
	kbuild -j"$(nproc)" "$2" modules >"$log" 2>&1 </dev/null &
	pid=$!
	follow "$log" "$pid" "$1"
	wait "$pid" || status=$?
	if [ "$status" -ne 0 ]; then
		grep -nE 'error|Error' "$log" | tail -n 20 >&2
		die "the kernel did not build; the whole log is $log"
	fi
	run_logged "$build/xinet-install.log" \
		kbuild INSTALL_MOD_PATH="$build/modules" INSTALL_MOD_STRIP=1 modules_install
	# Building modules needs the headers, the scripts and the symbol table, not the objects.
	find "$build" -path "$build/scripts" -prune -o -path "$build/modules" -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '.*.o.cmd' \
		-o -name '.tmp_vmlinux*' -o -name vmlinux.unstripped \) -type f -exec rm {} +
}

# complete EXPECTED TARGET: all of it, or what is left of an interrupted build.
complete() {
	mkdir -p "$build"
	[ -e "$build/.xinet-configured" ] || configure
	: >"$build/.xinet-configured"
	compile "$@"
}
