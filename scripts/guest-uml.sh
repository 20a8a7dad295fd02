# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154,SC2086 # the variables are run-in's
#
# Part of run-in: starts a User Mode Linux guest. Its root is the host's, through
# hostfs; the command's output comes through two serial lines on two pipes; what
# the kernel logs goes to the file console in the scratch directory.

# With one CPU the kernel and its processes hand over to each other all the time;
# on one host CPU that is a switch, on two it is a wake-up that takes ten times as
# long. Every guest holds the lock of the CPU it is bound to, as long as there is
# a free one. Sets cpu.
choose_cpu() {
	local allowed fd

	mapfile -t allowed < <(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' |
		awk -F- '{ for (i = $1; i <= (NF > 1 ? $2 : $1); i++) print i }' | shuf)
	mkdir -p "$xinet_cache/lock"
	for cpu in "${allowed[@]}"; do
		exec {fd}>"$xinet_cache/lock/cpu-$cpu"
		if flock -n "$fd"; then
			break
		fi
		exec {fd}>&-
	done
}

# forward FIFO DESCRIPTOR: until the end; when nobody reads ours any more the
# guest's output is thrown away, so that the guest is not held up.
forward() {
	{ cat 2>/dev/null || cat >/dev/null; } <"$1" >&"$2"
}

# The guest's memory is a file: on /dev/shm if it has room, as UML would choose.
memory_dir() {
	local free

	free=$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)
	if [ "${free:-0}" -gt "$mem" ]; then echo /dev/shm; else echo "$scratch"; fi
}

run_uml() {
	local build cpu pin=() smp=() forwarders=()

	build=$("$xinet_scripts/kernel-uml" "${kernel#uml-}" $debug)
	prepare_modules "$build/modules" "$module_dir"
	write_orders
	case $kernel in
	uml-6.1) ;;
	*-up) smp=(seccomp=on) ;;
	*) smp=(seccomp=on ncpus="$cpus") ;;
	esac
	if [ "$cpus" = 1 ]; then
		choose_cpu
		pin=(taskset -c "$cpu")
	fi
	mkfifo "$scratch/stdout" "$scratch/stderr"
	forward "$scratch/stdout" 1 &
	forwarders+=($!)
	forward "$scratch/stderr" 2 &
	forwarders+=($!)
	TMPDIR=$(memory_dir) guarded "${pin[@]}" "$build/linux" mem="${mem}M" "${smp[@]}" \
		umid=guest uml_dir="$scratch" \
		root=/dev/root rootfstype=hostfs rootflags=/ ro \
		init="$scratch/init" XINET_SCRATCH="$scratch" \
		con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 ssl1=null,fd:4 \
		printk.time=1 loglevel=4 log_buf_len=4M panic=-1 \
		>"$scratch/console" 2>&1 </dev/null 3>"$scratch/stdout" 4>"$scratch/stderr" &
	guest_pid=$!
	wait_for_guest
	wait "${forwarders[@]}" || true
}
