# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC2154,SC2086 # the variables are run-in's
#
# Part of run-in: starts a QEMU guest with a stock Debian kernel, or with that of
# kernel-kcsan. Its root is the host's, or that of another architecture, through 9p; the command's output comes through two virtio ports into two
# files of the scratch directory, from where it is forwarded as it comes; what the
# kernel logs comes through the serial port into the file console there. The two
# network cards are on a hub of QEMU's own, with no way out.

# kvm_works: asks once per boot of this machine, by booting the kernel.
kvm_works() {
	local boot_id answer=no cached=$xinet_cache/kvm log

	[ -w /dev/kvm ] || return 1
	read -r boot_id </proc/sys/kernel/random/boot_id
	lock kvm
	if [ "$(cut -d ' ' -f 1 "$cached" 2>/dev/null)" != "$boot_id" ]; then
		say "trying whether KVM works here"
		log=$scratch/probe
		{
			timeout -s KILL 15 "${qemu[@]}" -monitor none -accel kvm -cpu host -m 256 -serial "file:$log" \
				-append "console=ttyS0 quiet panic=-1 XINET_PROBE=1" </dev/null || true
		} >/dev/null 2>&1
		! grep -q 'this machine works' "$log" 2>/dev/null || answer=yes
		printf '%s %s\n' "$boot_id" "$answer" >"$cached"
		say "KVM works here: $answer"
	fi
	unlock kvm
	[ "$(cut -d ' ' -f 2 "$cached")" = yes ]
}

# Sets accelerator and emulated, what the kernel is told when it is not on a CPU.
# With --icount the machine stays as it is: its instructions are counted.
choose_accelerator() {
	# The kernel counts ticks to see whether the timer works; on a busy machine
	# an emulated CPU misses them, and the kernel panics.
	emulated=no_timer_check
	if [ -n "$icount" ]; then
		accelerator=(-accel 'tcg,thread=single' -icount shift=0 -cpu max)
	elif [ "$machine" = arm64 ]; then
		# Signing pointers as the architecture says costs the emulator a lot.
		accelerator=(-accel 'tcg,thread=multi' -cpu 'max,pauth-impdef=on') emulated=''
	elif [ "$machine" = s390x ]; then
		accelerator=(-accel 'tcg,thread=multi' -cpu max) emulated=''
	elif kvm_works; then
		accelerator=(-accel kvm -cpu host) emulated=''
	else
		# For cmpxchg16b the emulator stops every other CPU, and a guest was
		# seen to die there with an address in its flags. With erms the kernel
		# copies and clears memory byte by byte, which takes an emulated CPU
		# three times as long; fsrm, which QEMU 10 has, implies erms to the kernel.
		accelerator=(-accel 'tcg,thread=multi' -cpu 'max,-cx16,-erms,-fsrm')
		# The emulator translates a library anew for each address where it is
		# mapped: without random ones a program starts three times as fast.
		emulated+=' norandmaps'
	fi
	# Stock kernels end grace periods of RCU at once, or the tests wait for those of the
	# siblings most of their time. The kernels that look for races have them as they are.
	case $kernel,$icount in
	debian-*,) emulated+=' XINET_EXPEDITE=1' ;;
	esac
}

# choose_machine: sets qemu, the beginning of the command, and console.
choose_machine() {
	console=ttyS0
	case $machine in
	'' | i386) qemu=(qemu-system-x86_64 -machine q35) ;;
	arm64) qemu=(qemu-system-aarch64 -machine virt) console=ttyAMA0 ;;
	s390x) qemu=(qemu-system-s390x -machine s390-ccw-virtio) console=ttysclp0 ;;
	esac
}

# share_arguments NAME DIR OPTIONS: a directory of the host, as 9p.
share_arguments() {
	shared+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap$3"
		-device "virtio-9p-$bus,fsdev=$1,mount_tag=$1")
}

# forward_file FILE DESCRIPTOR: what the guest writes into FILE, until it is gone.
forward_file() {
	# shellcheck disable=SC2261 # the first is a copy of one of ours
	tail -q -c +1 -f -s 0.1 --pid="$guest_pid" "$1" >&"$2" 2>/dev/null || true
}

run_qemu() {
	local base root=/ bus qemu accelerator emulated console monitor=none without_rom=''
	local shared=() nics=() ports=() forwarders=() i mac path

	bus=$(virtio_bus)

	case $kernel in
	qemu-kcsan) base=$("$xinet_scripts/kernel-kcsan") ;;
	*) base=$("$xinet_scripts/kernel-debian" "${kernel#debian-}") ;;
	esac
	if [ -n "$userland" ]; then
		root=$scratch/root
		prepare_root "$("$xinet_scripts/foreign-root" "$userland")"
	fi
	prepare_modules "$base/modules" "$module_dir"
	write_orders
	# for bench/profile
	[ -z "${XINET_QEMU_MONITOR:-}" ] || monitor=unix:$XINET_QEMU_MONITOR,server=on,wait=off
	choose_machine
	qemu+=(-nodefaults -no-user-config -display none
		-no-reboot -kernel "$base/vmlinuz" -initrd "$base/initrd")
	choose_accelerator

	case $device in
	usb-net) nics+=(-device qemu-xhci) ;;
	*-ccw) ;;
	*) without_rom=,romfile= ;;
	esac
	share_arguments root "$root" ,readonly=on
	if [ -n "$userland" ]; then
		i=0
		while read -r path; do
			share_arguments "shown$i" "$path" ,readonly=on
			i=$((i + 1))
		done <"$scratch/shown"
	fi
	share_arguments scratch "$scratch" ''
	[ -z "$writable" ] || share_arguments writable "$writable" ''
	i=0
	for mac in "$mac0" "$mac1"; do
		nics+=(-netdev "hubport,id=net$i,hubid=0"
			-device "$device,netdev=net$i,mac=$mac$without_rom")
		i=$((i + 1))
	done
	ports=(-device "virtio-serial-$bus")
	for i in stdout stderr; do
		: >"$scratch/$i"
		ports+=(-chardev "file,id=$i,path=$scratch/$i,append=on"
			-device "virtserialport,chardev=$i,name=xinet.$i")
	done

	guarded "${qemu[@]}" -monitor "$monitor" "${accelerator[@]}" -smp "$cpus" -m "$mem" \
		"${shared[@]}" "${nics[@]}" "${ports[@]}" \
		-object rng-random,id=rng,filename=/dev/urandom -device "virtio-rng-$bus,rng=rng" \
		-serial "file:$scratch/console" \
		-append "console=$console quiet panic=-1 log_buf_len=4M $emulated XINET_SCRATCH=$scratch XINET_INIT=$scratch/init" \
		>"$scratch/qemu.log" 2>&1 </dev/null &
	guest_pid=$!
	forward_file "$scratch/stdout" 1 &
	forwarders+=($!)
	forward_file "$scratch/stderr" 2 &
	forwarders+=($!)
	wait_for_guest
	wait "${forwarders[@]}" || true
	cat "$scratch/qemu.log" >>"$scratch/console"
}
