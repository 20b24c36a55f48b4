/*
 * transfers.hpp: transfers of random sizes over hostile wires, every byte compared, nothing left behind.
 *
 * Everything is drawn from the seed: the wire's faults, how many hosts, connections and bytes, how programs read and
 * write. run_transfers() returns what was wrong, "" if nothing was.
 */
#pragma once

#include <cstdint>
#include <string>

namespace microps
{

/** How bad the wires of a run may be. */
struct transfer_plan {
    double drop_max = 0.30; /* each direction */
    double corrupt_max = 0.05;
    unsigned corrupt_bits = 1;
    unsigned hosts = 2;         /* 2 .. 8; the first one serves */
    size_t bytes_max = 1000000; /* each direction of each connection */
    bool switches = false;      /* draw tcp_config and socket options, too, and outages: tcp_switches.hpp */
};

struct transfer_result {
    std::string wrong{}; /* what, for people; empty: all well */
    uint64_t digest = 0; /* of all frames */
    uint64_t frames = 0;
    uint64_t corrupted = 0;   /* frames damaged by the wires */
    uint64_t bytes = 0;       /* transferred */
    uint64_t wrong_bytes = 0; /* delivered, but not what was sent */
};

transfer_result run_transfers(uint64_t seed, const transfer_plan &plan = {});

} // namespace microps
