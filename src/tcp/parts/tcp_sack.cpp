/*
 * tcp_sack.cpp: the SACK blocks of our ACKs (RFC 2018 4, RFC 2883 4).
 */
#include "tcp_sack.hpp"

#include <algorithm>

namespace microps
{

void tcp_sack_reporter::on_out_of_order(const tcp_reassembly::range &range)
{
    /* Entries that are a part of this range now are dropped, and the oldest one if there is no room. */
    std::array<tcp_seq, tcp_sack_blocks::MAX> next{range.first};
    uint8_t count = 1;
    for (const tcp_seq at : std::span(recent_).first(recent_count_)) {
        const bool inside = range.first <= at && at < range.last;
        if (!inside && count < next.size()) next[count++] = at;
    }
    recent_ = next;
    recent_count_ = count;
}

void tcp_sack_reporter::on_duplicate(tcp_seq first, tcp_seq last)
{
    duplicate_ = {first, last};
    duplicate_pending_ = true;
}

/** Returns whether one of these blocks is this range. */
static bool tcp_sack_has(std::span<const tcp_sack_block> blocks, const tcp_reassembly::range &range)
{
    return std::any_of(blocks.begin(), blocks.end(), [&](const tcp_sack_block &b) { return b.first == range.first; });
}

tcp_sack_blocks tcp_sack_reporter::report(const tcp_reassembly &out_of_order)
{
    tcp_sack_blocks report;
    if (duplicate_pending_) report.add(duplicate_.first, duplicate_.last);
    duplicate_pending_ = false;
    const size_t duplicates = report.count;
    const auto add = [&](const tcp_reassembly::range &range) {
        if (tcp_sack_has(report.all().subspan(duplicates), range)) return false;
        report.add(range.first, range.last);
        return true;
    };
    uint8_t kept = 0;
    for (const tcp_seq at : std::span(recent_).first(recent_count_)) {
        const tcp_reassembly::range *range = out_of_order.find(at);
        if (range && add(*range)) recent_[kept++] = at; /* the rest: delivered, or merged with one reported above */
    }
    recent_count_ = kept;
    /* RFC 2018 4: "as many distinct SACK blocks as possible". */
    for (const tcp_reassembly::range &range : out_of_order.ranges()) {
        if (report.count == tcp_sack_blocks::MAX) break;
        add(range);
    }
    return report;
}

} // namespace microps
