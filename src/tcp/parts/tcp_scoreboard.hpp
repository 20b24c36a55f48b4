/*
 * tcp_scoreboard.hpp: what is known of each sent and unacknowledged segment: when it was sent, how often, whether it
 * is lost, whether the peer has it already (SACK, RFC 2018). It knows no bytes: they are in the send ring and are read
 * again when a segment is sent again. Here, on the segment, is the one place for such marks.
 */
#pragma once

#include "microps/time.hpp"
#include "tcp_seq.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace microps
{

/** One sent segment: the sequence numbers from `first` up to, without, `last`. */
struct tcp_sent {
    tcp_seq first;
    tcp_seq last;
    net_time when{};                /* sent last */
    uint16_t gso_size = UINT16_MAX; /* the device has cut what is longer into segments of so many bytes */
    uint8_t flags = 0;              /* its SYN and FIN, which occupy sequence numbers */
    bool resent = false;            /* more than once: says nothing about the round trip (Karn) */
    bool lost = false;              /* and not sent again since */
    bool sacked = false;            /* the peer has it, behind a hole */

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
    /** The oldest and the newest segment; there must be one. */
    [[nodiscard]] const tcp_sent &front() const { return segments_[begin_]; }
    [[nodiscard]] const tcp_sent &back() const { return segments_.back(); }
    /** All of them, oldest first. */
    [[nodiscard]] std::span<const tcp_sent> all() const { return std::span(segments_).subspan(begin_); }
    /** Sequence numbers sent and not acknowledged. */
    [[nodiscard]] uint32_t outstanding() const { return outstanding_; }
    /** Those of them that are lost and not sent again. */
    [[nodiscard]] uint32_t lost() const { return lost_; }
    /** Those that the peer has already. */
    [[nodiscard]] uint32_t sacked() const { return sacked_; }
    /** Those that are in the network: RFC 6675 calls it pipe. */
    [[nodiscard]] uint32_t pipe() const { return outstanding_ - lost_ - sacked_; }
    /** Whether something that was sent again is outstanding. */
    [[nodiscard]] bool has_resent() const { return resent_ > 0; }
    /** The end of the newest segment that was SACKed. Only while sacked() > 0. */
    [[nodiscard]] tcp_seq highest_sacked() const { return highest_sacked_; }

    /** New data was sent; it follows everything sent before. If it is longer than @p gso_size, the device cuts it. */
    void on_sent(tcp_seq first, tcp_seq last, uint8_t flags, net_time now, uint16_t gso_size = UINT16_MAX);
    /** The oldest segment was acknowledged. */
    void pop_front();
    /** A part of the oldest segment was acknowledged, up to @p una. */
    void trim_front(tcp_seq una);
    /**
     * The peer has what lies from @p first up to, without, @p last: calls @p on_delivered with each segment of which
     * that is news. Of a segment that lies there in part, a part is marked only if it is longer than @p mss (several
     * segments in one, which the device has cut), and then whole segments: a peer that reports single bytes does not make
     * us keep books of bytes.
     */
    template <typename F>
    void sack(tcp_seq first, tcp_seq last, uint32_t mss, F &&on_delivered);
    /** The peer has thrown away what it had SACKed (RFC 2018 8): all SACK marks go. */
    void forget_sacks();

    void mark_front_lost();
    /** Marks lost what is not SACKed, and of it what @p is_lost says. Returns how many sequence numbers were marked. */
    template <typename F>
    uint32_t mark_lost_if(F &&is_lost);
    /** What was on the wire with more than @p size bytes of data is lost. Returns whether something was not already. */
    bool mark_larger_lost(uint32_t size);
    /** Nothing is lost after all. */
    void forget_losses();
    /**
     * The first lost segment, with at most @p max bytes of data; null if none is. A longer one is divided; short ones
     * that follow each other are joined, so that what was written in tiny pieces is not sent again in tiny segments.
     */
    [[nodiscard]] const tcp_sent *next_lost(uint32_t max);
    /** The segment that next_lost() returned was sent again. */
    void on_resent(net_time now);
    /** The last segment, with at most @p max bytes of data, counts as lost: it will be sent again. */
    void mark_back_lost(uint32_t max);
    void clear();

private:
    void mark_lost(size_t index);
    void mark_sacked(size_t index);
    void split(size_t index, tcp_seq at);
    void join(size_t index, uint32_t max);
    [[nodiscard]] size_t find(tcp_seq seq) const;

    std::vector<tcp_sent> segments_; /* those before begin_ are gone */
    size_t begin_ = 0;
    size_t first_lost_ = 0; /* none before it is lost */
    uint32_t outstanding_ = 0;
    uint32_t lost_ = 0;
    uint32_t sacked_ = 0;
    uint32_t resent_ = 0; /* segments */
    tcp_seq highest_sacked_{};
};

template <typename F>
void tcp_scoreboard::sack(tcp_seq first, tcp_seq last, uint32_t mss, F &&on_delivered)
{
    for (size_t i = find(first); i < segments_.size() && segments_[i].first < last; i++) {
        if (segments_[i].sacked) continue;
        if (segments_[i].data_size() > mss && segments_[i].first < first) {
            const uint32_t before = (first.since(segments_[i].first) + mss - 1) / mss * mss;
            if (before < segments_[i].data_size()) split(i, segments_[i].first + before);
            continue;
        }
        if (segments_[i].data_size() > mss && segments_[i].last > last) {
            const uint32_t within = last.since(segments_[i].first) / mss * mss;
            if (within > 0 && within < segments_[i].data_size()) split(i, segments_[i].first + within);
        }
        if (segments_[i].first < first || segments_[i].last > last) continue;
        on_delivered(static_cast<const tcp_sent &>(segments_[i]));
        mark_sacked(i);
    }
}

template <typename F>
uint32_t tcp_scoreboard::mark_lost_if(F &&is_lost)
{
    const uint32_t before = lost_;
    for (size_t i = begin_; i < segments_.size(); i++) {
        const tcp_sent &segment = segments_[i];
        if (!segment.sacked && !segment.lost && is_lost(segment)) mark_lost(i);
    }
    return lost_ - before;
}

} // namespace microps
