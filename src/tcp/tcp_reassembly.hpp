/*
 * tcp_reassembly.hpp: which bytes behind RCV.NXT are here already (the bytes themselves are in the receive ring), and
 * where the peer's FIN stands if it came early. The number of pieces is bounded: a stranger who sends every second
 * byte must not make us remember them all (RFC 9293 3.10.7.4 leaves holding early segments to us).
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
    /** Pieces of data that are kept; what would make one more is refused. */
    static constexpr size_t PIECES_MAX = 64;

    /** The bytes from @p first up to, without, @p last. */
    struct piece {
        tcp_seq first;
        tcp_seq last;
    };

    /** Notes early bytes, merging what overlaps or touches. Returns false when that would be one piece too many. */
    [[nodiscard]] bool add(tcp_seq first, tcp_seq last);
    /** Returns how far the stream is complete if it is complete up to @p next, and forgets the pieces before that. */
    tcp_seq take(tcp_seq next);
    /** In order of their sequence numbers. (SACK will report them.) */
    [[nodiscard]] std::span<const piece> pieces() const { return pieces_; }
    [[nodiscard]] bool empty() const { return pieces_.empty(); }

    /** The sequence number of a FIN that came early. */
    std::optional<tcp_seq> fin{};

    void clear();

private:
    std::vector<piece> pieces_;
};

} // namespace microps
