/*
 * tcp_scoreboard.hpp: what is known of each sent and unacknowledged segment: when it was sent, how often, whether it
 * is lost. It knows no bytes: they are in the send ring and are read again when a segment is sent again. Here, on the
 * segment, is the one place for such marks; SACK will add "sacked".
 */
#pragma once

#include "microps/time.hpp"
#include "tcp_seq.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace microps
{

/** One sent segment: the sequence numbers from `first` up to, without, `last`. */
struct tcp_sent {
    tcp_seq first;
    tcp_seq last;
    net_time when{};     /* sent last */
    uint8_t flags = 0;   /* its SYN and FIN, which occupy sequence numbers */
    bool resent = false; /* more than once: says nothing about the round trip (Karn) */
    bool lost = false;   /* and not sent again since */

    /** In sequence numbers. */
    [[nodiscard]] uint32_t size() const { return last.since(first); }
    /** In bytes of data: without SYN and FIN. */
    [[nodiscard]] uint32_t data_size() const { return size() - static_cast<uint32_t>(std::popcount(flags)); }
};

class tcp_scoreboard
{
public:
    [[nodiscard]] bool empty() const { return begin_ == segments_.size(); }
    [[nodiscard]] size_t count() const { return segments_.size() - begin_; }
    /** The oldest segment; there must be one. */
    [[nodiscard]] const tcp_sent &front() const { return segments_[begin_]; }
    /** Sequence numbers sent and not acknowledged. */
    [[nodiscard]] uint32_t outstanding() const { return outstanding_; }
    /** Those of them that are lost and not sent again. */
    [[nodiscard]] uint32_t lost() const { return lost_; }

    /** New data was sent; it follows everything sent before. */
    void on_sent(tcp_seq first, tcp_seq last, uint8_t flags, net_time now);
    /** The oldest segment was acknowledged. */
    void pop_front();
    /** A part of the oldest segment was acknowledged, up to @p una. */
    void trim_front(tcp_seq una);

    void mark_front_lost();
    void mark_all_lost();
    /** Those before @p end with more than @p size bytes of data are lost. Returns whether one was not already. */
    bool mark_larger_lost(uint32_t size, tcp_seq end);
    /** The first lost segment, with at most @p max bytes of data (a longer one is divided); null if none is. */
    [[nodiscard]] const tcp_sent *next_lost(uint32_t max);
    /** The segment that next_lost() returned was sent again. */
    void on_resent(net_time now);
    void clear();

private:
    void mark_lost(tcp_sent &segment);

    std::vector<tcp_sent> segments_; /* those before begin_ are gone */
    size_t begin_ = 0;
    size_t first_lost_ = 0; /* none before it is lost */
    uint32_t outstanding_ = 0;
    uint32_t lost_ = 0;
};

} // namespace microps
