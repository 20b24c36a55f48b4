/*
 * tcp_layer.hpp: everything the module remembers, in one place, and what tcp.cpp offers to the others: initial sequence
 * numbers, and words for the log. Everything that takes a layer or a PCB runs under the stack's lock.
 */
#pragma once

#include "microps/tcp.hpp"
#include "parts/tcp_syncookie.hpp"
#include "tcp_congestion_list.hpp"
#include "tcp_pcb.hpp"
#include "tcp_segment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace microps
{

/** Everything the module remembers, in one place. */
struct tcp_layer {
    explicit tcp_layer(net_stack &net_) MICROPS_REQUIRES(net_locked);

    net_stack &net;
    tcp_config config{};

    std::vector<std::unique_ptr<tcp_pcb>> pcbs MICROPS_GUARDED_BY(net_locked){};
    std::vector<std::unique_ptr<tcp_pcb>> ended MICROPS_GUARDED_BY(net_locked){}; /* freed when the batch is done */
    size_t live = 0;                                                              /* PCBs not released */
    size_t orphans = 0; /* of them: closed by the user, and not in TIME_WAIT */

    std::vector<tcp_pcb *> buckets MICROPS_GUARDED_BY(net_locked); /* connections, by the hash of their endpoints */
    size_t connections = 0;
    std::unordered_map<uint16_t, std::vector<tcp_pcb *>> listeners MICROPS_GUARDED_BY(net_locked){}; /* by port */
    std::unordered_map<uint16_t, size_t> bound MICROPS_GUARDED_BY(net_locked){}; /* how many PCBs are bound to a port */
    tcp_pcb_list time_wait MICROPS_GUARDED_BY(net_locked){};                     /* oldest first */

    std::vector<tcp_congestion_entry> congestions MICROPS_GUARDED_BY(net_locked){}; /* tcp_congestion_register() */

    std::vector<tcp_pcb *> output_wanted MICROPS_GUARDED_BY(net_locked){}; /* by tcp_output_request() */

    siphash_key table_key;
    siphash_key iss_key;
    siphash_key port_key;
    siphash_key timestamp_key;
    uint16_t port_next = 0; /* RFC 6056 3.3.3: next_ephemeral */
    tcp_rate challenges{};  /* RFC 5961 7: challenge ACKs per second, of the whole stack */
    uint64_t challenge_limit = 0;
    tcp_syncookies cookies;
};

tcp_seq tcp_iss_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
std::string tcp_flg_ntoa(uint8_t flags);
const char *tcp_state_ntoa(tcp_pcb_state state);
/** The original's dump of a header. */
void tcp_dump(const tcp_hdr &hdr);

} // namespace microps
