# shellcheck shell=bash
# Sourced by the measurements against the kernel: namespaces, taps, the wire between them, one transfer, statistics.
#
# A lane is a pair (or more) of network namespaces of its own, `$prefix-$lane-l0`, `-l1` ... on the left and `-r` on the
# right, each with one tap, tap0. Whoever has the stack has the tap: the kernel by an address on it, ours by PF_PACKET.
set -uo pipefail
PATH=$PATH:/usr/sbin:/sbin

bench=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
root=$(dirname "$(dirname "$bench")")
bin=$root/build/test/bench
prefix=mb$$
work=$(mktemp -d)
rate=100 delay=10 queue=200 # Mbit/s; ms one way; frames
pcap=                       # a folder: captures of both ends

note() { echo "$*" >&2; }
die() { note "$0: $*" && exit 1; }
skip() { note "SKIPPED: $*" && exit 77; }

need_rights() {
    [ "$(id -u)" = 0 ] || skip 'it needs root'
    [ -c /dev/net/tun ] || skip 'there is no /dev/net/tun'
    ip netns add "$prefix-try" 2>/dev/null || skip 'no right to make a network namespace'
    ip netns del "$prefix-try"
    trap clean_up EXIT
    trap 'exit 130' INT TERM
}

clean_up() {
    local pids ns
    pids=$(jobs -p)
    # shellcheck disable=SC2086
    [ -z "$pids" ] || kill $pids 2>/dev/null
    wait 2>/dev/null
    for ns in $(ip netns list | awk -v prefix="$prefix-" 'index($1, prefix) == 1 {print $1}'); do
        ip netns del "$ns"
    done
    rm -rf "$work"
}

# host NS NUMBER: a namespace with tap0; its address is 10.0.0.NUMBER, its hardware address 02:00:00:00:00:NUMBER.
host() {
    local ns=$1 number=$2
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
        net.ipv4.tcp_no_metrics_save=1
    ip -n "$ns" tuntap add mode tap name tap0
    ip -n "$ns" link set tap0 address "$(hardware "$number")" txqueuelen 1000 up
}
hardware() { printf '02:00:00:00:00:%02x' "$1"; }

# stack NS NUMBER kernel|microps: who has the tap from now on.
stack() {
    ip -n "$1" addr flush dev tap0
    [ "$3" = kernel ] || return 0
    ip -n "$1" addr add "10.0.0.$2/24" dev tap0
    local number
    for number in 1 2 3 4 100; do # no frame of ARP gets lost
        [ "$number" = "$2" ] || ip -n "$1" neigh replace "10.0.0.$number" lladdr "$(hardware $number)" dev tap0
    done
}

# bulk NS NUMBER kernel|microps ARGUMENTS...: bench_bulk on that stack, before all other programs; nobody waits for ever.
bulk() {
    local ns=$1 number=$2 kind=$3
    shift 3
    local how=(-k)
    [ "$kind" = kernel ] ||
        how=(--device pcap:tap0 --mac "$(hardware "$number")" --addr "10.0.0.$number/24" --gateway none --log error)
    exec nice -n -10 timeout -s KILL 120 ip netns exec "$ns" "$bin/bench_bulk" "${how[@]}" "$@"
}

# wait_text FILE TEXT: until it is there, ten seconds at most.
wait_text() {
    local tries=500
    until grep -q "$2" "$1" 2>/dev/null; do
        [ $((tries--)) -gt 0 ] || return 1
        sleep 0.02
    done
}

# wire NAME LEFTS RIGHT ARGUMENTS...: starts bench_wire; its process in $wire_pid, its words in $work/NAME.wire.
wire() {
    local name=$1 lefts=$2 right=$3
    shift 3
    : >"$work/$name.wire"
    # It is the hardware here: it comes first.
    chrt -f 10 "$bin/bench_wire" --rate $rate --delay $delay --queue $queue "$@" "$lefts" "$right" >"$work/$name.wire" &
    wire_pid=$!
    wait_text "$work/$name.wire" ready || die "bench_wire: $(cat "$work/$name.wire")"
}
wire_end() {
    kill "$wire_pid" 2>/dev/null
    wait "$wire_pid" 2>/dev/null
}

# value NAME FILE: of NAME=VALUE in a file.
value() { sed -n "s/.* $1=\([0-9.]*\).*/\1/p" "$2" | tail -n 1; }

# The statistics that the tables are made of, for awk programs: sort(list, n), quantile(sorted list, n, which).
# shellcheck disable=SC2034
statistics='
    function sort(list, n,    i, j, x) {
        for (i = 2; i <= n; i++) {
            x = list[i]
            for (j = i - 1; j >= 1 && list[j] > x; j--) list[j + 1] = list[j]
            list[j + 1] = x
        }
    }
    function quantile(list, n, which,    at, low) {
        at = 1 + (n - 1) * which
        low = int(at)
        return low >= n ? list[n] : list[low] + (at - low) * (list[low + 1] - list[low])
    }'
