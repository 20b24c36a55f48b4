/*
 * tcp_reassembly.hpp: tcp_reassembly knows which out-of-order data is here: the ranges of sequence numbers beyond
 * RCV.NXT whose bytes are in the receive ring already, and where the peer's FIN stands if it came out of order. Holding
 * out-of-order segments is a SHOULD of RFC 9293 3.10.7.4. The number of ranges is bounded: an attacker who sends every
 * second byte must not make us remember all of them. Storing bytes is left to tcp_ring, and reporting the ranges by
 * SACK to tcp_sack_reporter.
 *
 * The ranges are a sorted list in which none overlaps or touches another. Finding a place in it takes the logarithm of
 * their number; a new range moves those after it, a few kilobytes at most.
 */
#pragma once

#include "tcp_seq.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace microps
{

class tcp_reassembly
{
public:
    /** The sequence numbers from `first` up to, but without, `last`. */
    struct range {
        tcp_seq first;
        tcp_seq last;
    };

    /**
     * Adds out-of-order data, merged with the ranges that it overlaps or touches. Returns false, and adds nothing, if
     * there would be more than @p ranges_max ranges.
     */
    [[nodiscard]] bool add(tcp_seq first, tcp_seq last, size_t ranges_max);
    /** The stream is complete up to @p next: returns how far it is with these ranges, and removes those it includes. */
    tcp_seq take(tcp_seq next);

    /** Returns the first part of this range that is here already, a duplicate; nothing if all of it is new. */
    [[nodiscard]] std::optional<range> overlap(tcp_seq first, tcp_seq last) const;
    /** Returns the range that contains @p at; null if that byte is missing. */
    [[nodiscard]] const range *find(tcp_seq at) const;
    /** All ranges, in the order of their sequence numbers. */
    [[nodiscard]] std::span<const range> ranges() const { return ranges_; }
    [[nodiscard]] bool empty() const { return ranges_.empty(); }

    /** The sequence number of an out-of-order FIN. */
    std::optional<tcp_seq> fin{};

    void clear();

private:
    std::vector<range> ranges_;
};

} // namespace microps
