/*
 * tcp_scoreboard.hpp: tcp_scoreboard (the word is RFC 6675's) knows of each sent and unacknowledged segment when it was
 * sent last, whether it was retransmitted, whether it is lost, and whether the peer has SACKed it (RFC 2018). This is
 * the only place for such marks. Which segments are lost is decided by tcp_recovery. The bytes themselves are in the
 * send ring, from where a retransmission reads them again.
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

/** One sent segment: the sequence numbers from `first` up to, but without, `last`. */
struct tcp_sent {
    tcp_seq first;
    tcp_seq last;
    net_time when{};                /* when it was sent last */
    uint16_t gso_size = UINT16_MAX; /* the device has cut what is longer into segments of so many bytes */
    uint8_t flags = 0;              /* its SYN and FIN, which occupy sequence numbers */
    bool retransmitted = false;     /* its ACK measures no round trip (Karn's algorithm) */
    bool lost = false;              /* lost, and not retransmitted since */
    bool sacked = false;            /* the peer has it as out-of-order data */

    /** Its length in sequence numbers. */
    [[nodiscard]] uint32_t size() const { return last.since(first); }
    /** Its length in bytes of data, without SYN and FIN. */
    [[nodiscard]] uint32_t data_size() const { return size() - static_cast<uint32_t>(std::popcount(flags)); }
};

class tcp_scoreboard
{
public:
    [[nodiscard]] bool empty() const { return begin_ == segments_.size(); }
    [[nodiscard]] size_t count() const { return segments_.size() - begin_; }
    /** The oldest and the newest segment; only if not empty(). */
    [[nodiscard]] const tcp_sent &front() const { return segments_[begin_]; }
    [[nodiscard]] const tcp_sent &back() const { return segments_.back(); }
    /** All of them, oldest first. */
    [[nodiscard]] std::span<const tcp_sent> all() const { return std::span(segments_).subspan(begin_); }
    /** FlightSize (RFC 5681 2): sequence numbers sent and not acknowledged. */
    [[nodiscard]] uint32_t outstanding() const { return outstanding_; }
    /** Those of them that are lost and not retransmitted since. */
    [[nodiscard]] uint32_t lost() const { return lost_; }
    /** Those of them that the peer has SACKed. */
    [[nodiscard]] uint32_t sacked() const { return sacked_; }
    /** RFC 6675's pipe: those that are in the network as far as known, outstanding less SACKed and lost. */
    [[nodiscard]] uint32_t pipe() const { return outstanding_ - lost_ - sacked_; }
    /** Returns whether a retransmitted segment is outstanding. */
    [[nodiscard]] bool has_retransmitted() const { return retransmitted_ > 0; }
    /** The end of the newest segment that is SACKed; only while sacked() > 0. */
    [[nodiscard]] tcp_seq highest_sacked() const { return highest_sacked_; }

    /** New data was sent; it follows everything sent before. If it is longer than @p gso_size, the device cuts it. */
    void on_sent(tcp_seq first, tcp_seq last, uint8_t flags, net_time now, uint16_t gso_size = UINT16_MAX);
    /** The oldest segment was acknowledged: removes it. */
    void pop_front();
    /** A part of the oldest segment, up to @p una, was acknowledged: removes that part. */
    void trim_front(tcp_seq una);
    /**
     * The peer has SACKed what lies from @p first up to, but without, @p last: marks it, and calls @p on_delivered with
     * each newly SACKed segment. Of a segment that lies there in part, a part is marked only if the segment is longer
     * than @p mss (the device has cut it into several), and then in whole multiples of @p mss, so that a peer that
     * reports single bytes does not make us keep an entry for each of them.
     */
    template <typename F>
    void sack(tcp_seq first, tcp_seq last, uint32_t mss, F &&on_delivered);
    /** Reneging (RFC 2018 8): the peer has discarded what it had SACKed, so all SACK marks are removed. */
    void forget_sacks();

    void mark_front_lost();
    /** Marks lost what is not SACKed and @p is_lost says so of. Returns how many sequence numbers that is. */
    template <typename F>
    uint32_t mark_lost_if(F &&is_lost);
    /** Marks lost what was on the wire in segments of more than @p size bytes. Returns whether any is marked newly. */
    bool mark_larger_lost(uint32_t size);
    /** An undo: no segment is lost any more. */
    void forget_losses();
    /**
     * Returns the first lost segment, with at most @p max bytes of data, or null. A longer one is divided; short ones
     * that follow each other are joined, so that what was sent in tiny segments is not retransmitted in tiny segments.
     */
    [[nodiscard]] const tcp_sent *next_lost(uint32_t max);
    /** The segment that next_lost() returned was retransmitted. */
    void on_retransmitted(net_time now);
    /** Marks the last segment lost, or its last @p max bytes of data, so that a tail loss probe retransmits it. */
    void mark_back_lost(uint32_t max);
    void clear();

private:
    void mark_lost(size_t index);
    void mark_sacked(size_t index);
    void split(size_t index, tcp_seq at);
    void join(size_t index, uint32_t max);
    [[nodiscard]] size_t find(tcp_seq seq) const;

    std::vector<tcp_sent> segments_; /* those before begin_ are removed */
    size_t begin_ = 0;
    size_t first_lost_ = 0; /* no segment before this index is lost */
    uint32_t outstanding_ = 0;
    uint32_t lost_ = 0;
    uint32_t sacked_ = 0;
    uint32_t retransmitted_ = 0; /* segments */
    tcp_seq highest_sacked_{};
};

template <typename F>
void tcp_scoreboard::sack(tcp_seq first, tcp_seq last, uint32_t mss, F &&on_delivered)
{
    for (size_t i = find(first); i < segments_.size() && segments_[i].first < last; i++) {
        if (segments_[i].sacked) continue;
        if (segments_[i].data_size() > mss && segments_[i].first < first) {
            /* The part before @p first, rounded up to whole segments, stays unmarked. */
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
