/*
 * tcp_congestion.hpp: how much may be outstanding. A congestion control is a small object that knows nothing of the
 * connection: it gets events and answers cwnd(). What counts as lost is recovery's business (tcp_recovery.hpp).
 *
 * Here: NewReno's window (RFC 5681). Others (CUBIC) become further implementations of the interface.
 */
#pragma once

#include "microps/time.hpp"

#include <cstdint>
#include <memory>

namespace microps
{

/** What an acknowledgement of new data tells a congestion control. Amounts are bytes. */
struct tcp_ack_sample {
    net_time now{};
    uint32_t acked = 0;        /* newly acknowledged */
    uint32_t in_flight = 0;    /* outstanding when we last stopped sending */
    bool cwnd_limited = false; /* and it was cwnd() that stopped us */
    net_duration srtt{};
};

class tcp_congestion
{
public:
    virtual ~tcp_congestion() = default;
    /** New data was acknowledged, outside of fast recovery. */
    virtual void on_ack(const tcp_ack_sample &ack) = 0;
    /** Fast recovery begins while @p in_flight bytes are outstanding. */
    virtual void on_loss(net_time now, uint32_t in_flight) = 0;
    /** The retransmission timer expired; @p again: for data that it had expired for already. */
    virtual void on_rto(net_time now, uint32_t in_flight, bool again) = 0;
    /** It was not a loss after all: undo the last on_loss() or on_rto(). */
    virtual void on_spurious() = 0;
    /** Nothing was sent for @p idle, which is longer than the retransmission timeout. */
    virtual void on_idle(net_duration idle) = 0;
    /** The path's largest segment changed. */
    virtual void on_mss(uint32_t mss) = 0;
    [[nodiscard]] virtual uint32_t cwnd() const = 0;
    [[nodiscard]] virtual uint32_t ssthresh() const = 0;
    [[nodiscard]] virtual const char *name() const = 0;
};

/** RFC 6928: ten segments, but no more than 14600 bytes unless two segments are. One if our SYN was lost (RFC 5681 3.1). */
[[nodiscard]] uint32_t tcp_initial_window(uint32_t mss, bool syn_lost);

/** RFC 5681: slow start and congestion avoidance, counting bytes (RFC 3465). */
[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_newreno_make(uint32_t mss, uint32_t initial_window);

} // namespace microps
