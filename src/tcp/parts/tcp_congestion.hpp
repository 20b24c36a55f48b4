/*
 * tcp_congestion.hpp: how much may be outstanding. A congestion control is a small object that knows nothing of the
 * connection: it gets events and answers cwnd(). What counts as lost is recovery's business (tcp_recovery.hpp), and so
 * is how quickly what is in flight comes down to cwnd().
 *
 * The class holds the window and does what all do alike: slow start, rest and restart. NewReno (tcp_newreno.cpp) and
 * CUBIC (tcp_cubic.hpp) say how to avoid congestion, and what a loss costs.
 */
#pragma once

#include "microps/time.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace microps
{

/** What an acknowledgement of new data tells a congestion control. Amounts are bytes. */
struct tcp_ack_sample {
    net_time now{};
    uint32_t acked = 0;        /* newly delivered: acknowledged, or SACKed */
    uint32_t in_flight = 0;    /* outstanding when we last stopped sending */
    bool cwnd_limited = false; /* and it was cwnd() that stopped us */
    bool round_start = false;  /* a round trip has ended: the first ACK of data sent since the last one ended */
    net_duration rtt{};        /* measured by this ACK; zero: it measures nothing */
    net_duration srtt{};
};

struct tcp_congestion_options {
    uint32_t mss = 536;
    uint32_t initial_window = 536; /* bytes: tcp_initial_window() */
    bool hystart = true;           /* CUBIC: leave slow start when the round trips grow longer (RFC 9406) */
    bool rest = true;              /* a window that is not used shrinks (tcp_slow_start_after_idle) */
    /* RFC 3465 L: how many segments one ACK counts for in slow start at most. 0: all that it acknowledges, as Linux. */
    uint16_t ack_limit = 0;
};

class tcp_congestion
{
public:
    static constexpr uint32_t WINDOW_MAX = uint32_t{1} << 30;

    explicit tcp_congestion(const tcp_congestion_options &options);
    virtual ~tcp_congestion() = default;

    /** New data was acknowledged, outside of fast recovery. */
    virtual void on_ack(const tcp_ack_sample &ack) = 0;
    /** Recovery begins while @p in_flight bytes are outstanding, those that are lost included: a smaller window. */
    virtual void on_loss(net_time now, uint32_t in_flight) = 0;
    /** The retransmission timer expired; @p again: for data that it had expired for already. */
    virtual void on_rto(net_time now, uint32_t in_flight, bool again) = 0;
    /** It was not a loss after all: undo the last on_loss() or on_rto(). */
    virtual void on_spurious(net_time now) = 0;
    /** Data is about to be sent after a pause of @p idle, with nothing outstanding (RFC 5681 4.1). */
    virtual void on_idle(net_duration idle, net_duration rto);
    /** Output stopped, and it was not cwnd() that stopped it: @p in_flight bytes are outstanding (RFC 7661). */
    virtual void on_application_limited(net_time now, uint32_t in_flight, net_duration rto);
    /** The path's largest segment changed. */
    virtual void on_mss(uint32_t mss);
    /** This object takes over from another one, on an open connection. */
    virtual void adopt(uint32_t cwnd, uint32_t ssthresh);
    [[nodiscard]] virtual const char *name() const = 0;
    /** HyStart++ (RFC 9406) has noticed a queue. */
    [[nodiscard]] virtual bool in_conservative_slow_start() const { return false; }

    [[nodiscard]] uint32_t cwnd() const { return cwnd_; }
    /** WINDOW_MAX: no loss yet (RFC 5681 3.1: arbitrarily high). */
    [[nodiscard]] uint32_t ssthresh() const { return ssthresh_; }

protected:
    [[nodiscard]] bool in_slow_start() const { return cwnd_ < ssthresh_; }
    /** Slow start by an ACK of @p acked bytes. Returns how many of them are left beyond ssthresh. */
    uint32_t slow_start(uint32_t acked);
    /** The window was used up: what on_application_limited() had noted is over. */
    void window_used(const tcp_ack_sample &ack);
    void set_cwnd(uint32_t cwnd);
    /** Before a reduction. */
    void remember();
    /** Undoes the last one, once; a window that has become even larger stays. Returns false if there was none. */
    bool restore();

    uint32_t mss_;
    uint32_t cwnd_;
    uint32_t ssthresh_ = WINDOW_MAX;

private:
    void remember_path(); /* before cwnd shrinks for want of use */

    uint32_t initial_;
    uint16_t ack_limit_;
    bool rest_;
    uint32_t earlier_cwnd_ = 0; /* before the last reduction; 0: there is none to undo */
    uint32_t earlier_ssthresh_ = 0;
    uint32_t used_ = 0;                    /* most in flight since ... */
    net_time used_since_ = NET_TIME_NEVER; /* ... the window was used up last, or this was looked at; NEVER: at once */
};

/** "cubic", "reno"; null for an unknown name. */
[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_congestion_make(std::string_view name,
                                                                  const tcp_congestion_options &options);
/** The names that tcp_congestion_make() knows, the default first. */
[[nodiscard]] std::span<const std::string_view> tcp_congestion_names();

/**
 * RFC 6928: ten segments, but no more than 14600 bytes unless two segments are; in proportion for another number of
 * @p segments. One segment if our SYN was lost (RFC 5681 3.1).
 */
[[nodiscard]] uint32_t tcp_initial_window(uint32_t mss, bool syn_lost, uint32_t segments = 10);

/** RFC 5681, RFC 6582: slow start and congestion avoidance, counting bytes (RFC 3465). */
[[nodiscard]] std::unique_ptr<tcp_congestion> tcp_newreno_make(const tcp_congestion_options &options);

} // namespace microps
