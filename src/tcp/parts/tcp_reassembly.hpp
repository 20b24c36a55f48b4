/*
 * tcp_reassembly.hpp: which bytes behind RCV.NXT are here already (the bytes themselves are in the receive ring), and
 * where the peer's FIN stands if it came early. The number of ranges is bounded: a stranger who sends every second
 * byte must not make us remember them all (RFC 9293 3.10.7.4 leaves holding early segments to us).
 *
 * The ranges are a sorted list in which none overlaps or touches another. Finding a place in it takes the logarithm of
 * their number; a new one moves those behind it, a few kilobytes at most.
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
    /** The bytes from @p first up to, without, @p last. */
    struct range {
        tcp_seq first;
        tcp_seq last;
    };

    /**
     * Notes early bytes, merging what overlaps or touches. Returns false, and notes nothing, when that would be one
     * range more than @p ranges_max.
     */
    [[nodiscard]] bool add(tcp_seq first, tcp_seq last, size_t ranges_max);
    /** Returns how far the stream is complete if it is complete up to @p next, and forgets the ranges before that. */
    tcp_seq take(tcp_seq next);

    /** The first of these bytes that are here already, as far as they follow each other. */
    [[nodiscard]] std::optional<range> overlap(tcp_seq first, tcp_seq last) const;
    /** The range that this byte is in; null: it is missing. */
    [[nodiscard]] const range *find(tcp_seq at) const;
    /** In order of their sequence numbers. */
    [[nodiscard]] std::span<const range> ranges() const { return ranges_; }
    [[nodiscard]] bool empty() const { return ranges_.empty(); }

    /** The sequence number of a FIN that came early. */
    std::optional<tcp_seq> fin{};

    void clear();

private:
    std::vector<range> ranges_;
};

} // namespace microps
