# shellcheck shell=bash
# Sourced by the tests of the programs. Every case is a function; the script's last line is `run_case "$@"`.
set -uo pipefail

# shellcheck disable=SC2034
bin=$1 # where the programs are
shift
work=$(mktemp -d)
chmod 755 "$work"
never=$work/never # as standard input: nothing comes, and no end
mkfifo "$never"
exec {never_fd}<>"$never"
background=()
cleanup() {
    [ ${#background[@]} = 0 ] || kill -9 "${background[@]}" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
unset MICROPS_LOG

fail() {
    echo "FAILED: $*" >&2
    for file in "$work"/*.txt "$work"/*.log; do
        [ -s "$file" ] && echo "--- $file" >&2 && tail -n 60 "$file" >&2
    done
    exit 1
}

# With MICROPS_REQUIRE_TAP=1 nothing may be skipped.
skip() {
    [ "${MICROPS_REQUIRE_TAP:-}" = 1 ] && fail "may not be skipped (MICROPS_REQUIRE_TAP=1): $*"
    echo "SKIPPED: $*"
    exit 77
}

# expect_status STATUS COMMAND...: its outputs are in out.txt and err.txt afterwards.
expect_status() {
    local expected=$1 status=0
    shift
    timeout 60 "$@" >"$work/out.txt" 2>"$work/err.txt" </dev/null || status=$?
    [ "$status" = "$expected" ] || fail "$*: exit status $status, not $expected"
}

expect_out() { grep -qE -- "$1" "$work/out.txt" || fail "standard output lacks: $1"; }
expect_err() { grep -qE -- "$1" "$work/err.txt" || fail "standard error lacks: $1"; }
expect_log() { grep -qE -- "$1" "$work/$2.log" || fail "$2.log lacks: $1"; }
expect_equal() { [ "$1" = "$2" ] || fail "'$1' is not '$2'"; }

# start NAME COMMAND...: in the background; standard error in NAME.log, its process in $pid. At the end it is killed;
# what it has started itself is not, so COMMAND is the program and not timeout(1).
start() {
    local name=$1
    shift
    : >"$work/$name.log" # now: nobody must find what an earlier one has written
    "$@" <&0 2>"$work/$name.log" & # without <&0 it would get /dev/null
    pid=$!
    background+=("$pid")
}

# wait_for COMMAND...: until it succeeds, 20 seconds at most.
wait_for() {
    local tries=400
    until "$@" >/dev/null 2>&1; do
        [ $((tries--)) -gt 0 ] || fail "this does not come true: $*"
        sleep 0.05
    done
}
wait_log() { wait_for grep -qE -- "$1" "$work/$2.log"; }

# interrupt PID: it ends within a second (a sanitizer or a busy machine gets three), with status 0.
interrupt() {
    local began=$EPOCHREALTIME status=0
    kill -INT "$1"
    wait "$1" || status=$?
    local took=$(((${EPOCHREALTIME/[.,]/} - ${began/[.,]/}) / 1000))
    [ "$status" = 0 ] || fail "exit status $status after Ctrl-C"
    [ "$took" -lt "${INTERRUPT_LIMIT:-1000}" ] || fail "it took $took ms to end"
    echo "ended after $took ms"
}

run_case() {
    declare -F "$1" >/dev/null || fail "$1: there is no such case"
    "$1"
    echo "passed"
}
