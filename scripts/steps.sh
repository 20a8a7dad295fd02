# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154 # the caller sets logs
#
# Part of check and test-check: runs steps, several at a time, reads the results of
# each and adds them up. Tests that failed for lack of CPU time get a second run.
# The caller sets $logs, an empty directory, and may set $only, a regular expression
# for the names of the steps to run.
#
# Results come in one of two forms:
#
# gtest_step  a gtest program, which writes JSON. A run without complete JSON has
#             failed, whatever its exit status is: the guest may have crashed.
# step        any other program: "N passed, N failed", or lines that begin with
#             "ok " or "not ok "
#
# Step NAME writes its output to $logs/NAME.log. $logs/NAME/ has its other files:
# tests.json; again, the tests to run again; seconds, the time that it took; name, its
# name, and counts, how many tests passed, failed and were skipped.

passed=0 failed=0 skipped=0
declare -gA running=()  # the name of each step that runs, by process
declare -gA of_gtest=() # the names of the steps that write JSON
failures=()             # a line for each test that failed
slots=$(nproc)
[ "$slots" -le 4 ] || slots=4 # a guest takes up to two CPUs and a gigabyte

# --- reading ---

# gtest_results FILE: a line "VERDICT SUITE.TEST" for each test. Fails without a
# complete result. What is neither a success nor skipped counts as a failure.
gtest_results() {
	# shellcheck disable=SC2016 # jq's variables
	jq --raw-output --slurp '
		if length != 1 then
			error("not the result of one run")
		else
			.[0].testsuites[] | .name as $suite | .testsuite[] |
			(if (.failures // []) != [] then "failed"
			elif .result == "SKIPPED" or .status == "NOTRUN" then "skipped"
			elif .result == "COMPLETED" then "passed"
			else "failed" end) + " " + $suite + "." + .name
		end' "$1" 2>/dev/null
}

# of_verdict VERDICT RESULTS: the names of the tests that have it.
of_verdict() { sed -n "s/^$1 //p" <<<"$2"; }

count_lines() { grep -c . <<<"$1" || true; }

# sum_of PATTERN FILE: adds up the number that PATTERN has in parentheses.
sum_of() { sed -nE "s/$1/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'; }

# read_results NAME: sets ok, bad, left_out and names from what the step left behind.
read_results() {
	local log results

	log=$(log_of "$1") ok=0 bad=0 left_out=0 names=''
	if [ -n "${of_gtest[$1]:-}" ]; then
		results=$(gtest_results "${log%.log}/tests.json") || results="failed (no complete results: see its log)"
		ok=$(count_lines "$(of_verdict passed "$results")")
		left_out=$(count_lines "$(of_verdict skipped "$results")")
		names=$(of_verdict failed "$results")
		bad=$(count_lines "$names")
		return
	fi
	ok=$(sum_of '^([0-9]+) passed, [0-9]+ failed$' "$log")
	bad=$(sum_of '^[0-9]+ passed, ([0-9]+) failed$' "$log")
	if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
		ok=$(grep -c '^ok ' "$log") || true
		bad=$(grep -c '^not ok ' "$log") || true
	fi
	names=$(sed -n 's/^not ok //p' "$log" | sort -u)
}

# how_it_ended LOG: of a step that failed without a failed test, a few lines that tell why:
# what run-in found in the guest's log, or the end of LOG.
how_it_ended() {
	awk '/^run-in: the guest.* reports:$/ { found = 1 } found && n++ < 14' "$1" | cut -c 1-150 |
		grep . || tail -n 6 "$1" | cut -c 1-150
}

# add_up NAME STATUS: counts the step, and shows the end of its log if it failed.
add_up() {
	local name=$1 status=$2 log ok bad left_out names note=''

	log=$(log_of "$name")
	read_results "$name"
	if [ -e "${log%.log}/again" ]; then
		# The second run counts what failed here.
		bad=0 names='' note=', the rest again'
	else
		# A step that fails without a failed test counts as one, and so does
		# one that ran no test.
		[ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
		[ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
	fi
	echo "$ok $bad $left_out" >"${log%.log}/counts"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left_out))
	printf '%-58s %4d passed %3d failed %3d skipped  %4d s%s\n' "$name" "$ok" "$bad" \
		"$left_out" "$(cat "${log%.log}/seconds")" "$note"
	if [ "$bad" -gt 0 ]; then
		echo "--- $name: exit status $status, the end of $log:"
		grep -avE '^(\[ RUN|\[       OK|ok )' "$log" | tail -n 60 || true
		echo "---"
		names=${names:-"exit status $status:"$'\n'$(how_it_ended "$log")}
		[[ $names != "(no complete results"* ]] || names+=$'\n'$(how_it_ended "$log")
		failures+=("failed: $name: ${names//$'\n'/$'\n'failed: $name: }")
	fi
	grep '^unsteady: ' "$log" || true
}

# --- running ---

log_of() {
	echo "$logs/$(tr -c 'a-zA-Z0-9.\n' '-' <<<"$1").log"
}

# step NAME COMMAND...: unless $only leaves it out.
step() {
	[[ ! $1 =~ ${only:-} ]] || start "$@"
}

# gtest_step NAME COMMAND...: COMMAND runs a gtest program. If it does so in a guest,
# $step_dir must be writable there.
gtest_step() {
	of_gtest[$1]=1
	step "$@"
}

# start NAME COMMAND...: runs beside the steps that run already. COMMAND finds its
# name in $step_name, its log and its directory in $step_log and $step_dir.
start() {
	local step_name=$1 step_log step_dir
	shift

	[ ${#running[@]} -lt "$slots" ] || reap
	step_log=$(log_of "$step_name")
	step_dir=${step_log%.log}
	mkdir "$step_dir"
	echo "$step_name" >"$step_dir/name"
	(
		# shellcheck disable=SC2030 # the step's own clock
		SECONDS=0 status=0
		if [ -n "${of_gtest[$step_name]:-}" ]; then
			export GTEST_OUTPUT="json:$step_dir/tests.json"
		fi
		"$@" >"$step_log" 2>&1 </dev/null || status=$?
		echo "$SECONDS" >"$step_dir/seconds"
		exit "$status"
	) &
	running[$!]=$step_name
}

# reap: waits for the next step to end, and counts it.
reap() {
	local pid='' name status=0

	wait -n -p pid "${!running[@]}" || status=$?
	name=${running[$pid]}
	unset "running[$pid]"
	add_up "$name" "$status"
}

# finish: waits for every step that runs.
finish() {
	while [ ${#running[@]} -gt 0 ]; do
		reap
	done
}

# --- a second run ---

# guest FILTER KERNEL [OPTION...]: the userspace tests in a guest, by in_guest().
# A guest that gets too little CPU time can miss a deadline. Therefore up to three
# tests that fail are reported as unsteady and run again in a fresh guest, when no
# other step runs any more; all tests are, after one that hung, and after the host has killed
# the guest. A report of the kernel (exit status 125) is final.
guest() {
	local filter=$1 status=0 again unsteady
	shift

	in_guest "$filter" "$@" || status=$?
	if hung "$status" || killed "$status"; then
		again=$filter
		unsteady=$(grep -vE '^\[( RUN |       OK )' "$step_log" | tail -n 80) || true
	elif again=$(forgivable "$status"); then
		unsteady=$again
		again=$(paste -sd: <<<"$again")
	else
		return "$status"
	fi
	printf 'unsteady: %s\n' "${unsteady//$'\n'/$'\n'unsteady: }"
	printf '%s\n' "$step_name" "$again" "$@" >"$step_dir/again"
}

# hung STATUS: the guest was killed after its time (124), or the tests' watchdog has
# ended a test.
hung() {
	[ "$1" -eq 124 ] || { [ "$1" -eq 1 ] && grep -q '^it hangs$' "$step_log"; }
}

# killed STATUS: the host has killed the guest, and its kernel has reported nothing. When User
# Mode Linux 7.3 gives back areas of vmalloc, KASAN clears the shadow of all between the first
# and the last of them, which can be terabytes (kasan_release_vmalloc(), mm/kasan/shadow.c).
killed() {
	[ "$1" -eq 125 ] && grep -q '^run-in: the guest died (status 137)$' "$step_log" &&
		"$xinet_scripts/scan-log" "$step_log" >/dev/null
}

# forgivable STATUS: the names of the tests that failed, one a line; fails if they
# are too many, or if something else went wrong.
forgivable() {
	local results names

	[ "$1" -eq 1 ] || return 1
	results=$(gtest_results "$step_dir/tests.json") || return 1
	names=$(of_verdict failed "$results")
	[ -n "$names" ] && [ "$(wc -l <<<"$names")" -le 3 ] || return 1
	# A failure outside of a test has no name to filter by.
	! grep -q '\.$' <<<"$names" || return 1
	echo "$names"
}

# second_runs: what guest() left for the end, one after the other.
second_runs() {
	local left words

	for left in "$logs"/*/again; do
		[ -e "$left" ] || continue
		mapfile -t words <"$left"
		of_gtest["${words[0]}, again, alone"]=1
		start "${words[0]}, again, alone" in_guest "${words[@]:1}"
		finish
	done
}

# what_cost: the steps that took longest, a line each.
what_cost() {
	local file

	for file in "$logs"/*/seconds; do
		[ ! -e "$file" ] || printf '%6d s  %s\n' "$(cat "$file")" "$(cat "${file%seconds}name")"
	done | sort -rn | head -n 12
}

# sum_up: what took longest and what failed, a line each, and the sums. Fails if anything did, or nothing ran.
sum_up() {
	echo "what took longest:"
	what_cost
	[ ${#failures[@]} -eq 0 ] || printf '%s\n' "${failures[@]}"
	# shellcheck disable=SC2031
	echo "$skipped skipped; in $((SECONDS / 60)) minutes"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
