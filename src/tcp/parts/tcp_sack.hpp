/*
 * tcp_sack.hpp: which of the early ranges our ACKs report, and in which order (RFC 2018 4): the range with the segment
 * that came last, then those reported last, so that each is told several times should ACKs be lost; each as large as
 * it is now. In front stands, once, what came twice (RFC 2883).
 *
 * A range is remembered by one of its bytes, so it may grow, merge with others and go without notice.
 */
#pragma once

#include "tcp_options.hpp"
#include "tcp_reassembly.hpp"

#include <array>
#include <cstdint>

namespace microps
{

class tcp_sack_reporter
{
public:
    /** An early segment came, and belongs to this range now: the first of the next report. */
    void on_out_of_order(const tcp_reassembly::range &range);
    /** These bytes came a second time: the next report says so. */
    void on_duplicate(tcp_seq first, tcp_seq last);
    [[nodiscard]] bool duplicate_pending() const { return duplicate_pending_; }
    /** The blocks of the ACK that is sent now. */
    [[nodiscard]] tcp_sack_blocks report(const tcp_reassembly &early);

private:
    std::array<tcp_seq, tcp_sack_blocks::MAX> recent_{}; /* a byte of each range, the newest in front */
    uint8_t recent_count_ = 0;
    bool duplicate_pending_ = false;
    tcp_sack_block duplicate_{};
};

} // namespace microps
