/*
 * tcp_congestion.hpp: congestion control decides how much may be in the network: the congestion window cwnd, and
 * ssthresh (RFC 5681 3.1). CUBIC and NewReno are built in; a program brings its own by deriving from tcp_congestion and
 * calling tcp_congestion_register(). docs/simulation.md shows one.
 *
 * A congestion control is a small object that knows nothing of the connection: it gets events and answers cwnd() and
 * ssthresh(). Which segments are lost is decided by tcp_recovery, and how quickly pipe comes down to ssthresh during
 * fast recovery by tcp_prr. All amounts are bytes of data; times are those of the stack's clock, virtual in a
 * simulation.
 *
 *   when                                              the stack calls
 *   both SYNs are acknowledged                        the factory
 *   TCP_CONGESTION chooses another one later          the factory, then adopt() with the windows of the old one
 *   an ACK of new data, not in fast recovery          on_ack()
 *   fast recovery begins                              on_loss(); no on_ack() until it ends, then cwnd() counts again
 *   the retransmission timer expires                  on_rto(); then on_ack() for each ACK of new data
 *   the last on_loss() or on_rto() was spurious       on_spurious(), before other calls for the same ACK
 *   new data is to be sent, nothing is outstanding    on_idle()
 *   sending stops, but not because of cwnd()          on_application_limited()
 *   the path's largest segment changes                on_mss()
 *
 * cwnd() and ssthresh() are read whenever something may be sent. During fast recovery PRR reduces what is in the
 * network to ssthresh(), so on_loss() sets both. A cwnd() of less than one segment counts as one, so that a connection
 * never stalls.
 *
 * Each connection owns an object of its own, and destroys it when the connection ends or another congestion control
 * replaces it. All calls, the factory's included, are made under the stack's lock: they must not call the library
 * (except for the log), must not sleep, and should return quickly, since they run for each ACK. What the factory or the
 * object refers to must outlive the stack's connections, which end by net_shutdown().
 */
#pragma once

#include "microps/annotations.hpp"
#include "microps/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

namespace microps
{

struct net_stack;

/** What an acknowledgement of new data tells a congestion control. Amounts are bytes. */
struct tcp_ack_sample {
    net_time now{};
    uint32_t acked = 0;        /* newly delivered: acknowledged or SACKed (RFC 9937's DeliveredData) */
    uint32_t round_peak = 0;   /* the largest pipe (RFC 6675) of this round trip */
    bool cwnd_limited = false; /* in this round trip cwnd() limited sending */
    bool round_start = false;  /* the first ACK of data sent since the last round_start: a round trip has ended */
    net_duration rtt{};        /* round trip measured by this ACK; zero: none */
    net_duration srtt{};       /* RFC 6298's SRTT */
};

/** What a congestion control is made with. */
struct tcp_congestion_options {
    uint32_t mss = 536;            /* SMSS (RFC 5681 2): most data in one segment */
    uint32_t initial_window = 536; /* bytes: tcp_initial_window() */
    bool hystart = true;           /* CUBIC: HyStart++ (RFC 9406) may end the first slow start */
    bool rest = true;              /* a cwnd that is not used shrinks (RFC 2861; tcp_slow_start_after_idle) */
    /* RFC 3465's L: for how many segments one ACK counts in slow start at most. 0: for all that it acknowledges. */
    uint16_t ack_limit = 0;
};

/**
 * The base of all congestion controls. It holds cwnd and ssthresh and does what all have in common: slow start,
 * shrinking a window that is not used, undoing a reduction. A derived class decides how cwnd grows (on_ack) and how a
 * loss reduces it (on_loss, on_rto).
 */
class tcp_congestion
{
public:
    static constexpr uint32_t WINDOW_MAX = uint32_t{1} << 30;

    explicit tcp_congestion(const tcp_congestion_options &options);
    virtual ~tcp_congestion() = default;

    /** New data was acknowledged, not in fast recovery: slow start or congestion avoidance. */
    virtual void on_ack(const tcp_ack_sample &ack) = 0;
    /**
     * Fast recovery begins: reduce cwnd and ssthresh. @p flight_size is RFC 5681's FlightSize, what is outstanding,
     * lost bytes included, but without what limited transmit has sent beyond cwnd.
     */
    virtual void on_loss(net_time now, uint32_t flight_size) = 0;
    /** The retransmission timer has expired, @p repeated: for the same data (RFC 5681 3.1: then ssthresh stays). */
    virtual void on_rto(net_time now, uint32_t flight_size, bool repeated) = 0;
    /** The last on_loss() or on_rto() was spurious: undo it (RFC 4015 4). */
    virtual void on_spurious(net_time now) = 0;
    /** New data is to be sent after a pause of @p idle, with nothing outstanding (RFC 5681 4.1, RFC 2861). */
    virtual void on_idle(net_duration idle, net_duration rto);
    /** The program or the peer's window, not cwnd(), limits sending to @p pipe bytes in the network (RFC 2861). */
    virtual void on_application_limited(net_time now, uint32_t pipe, net_duration rto);
    /** The path's largest segment has changed to @p mss. */
    virtual void on_mss(uint32_t mss);
    /** This object replaces another one, whose windows these are, on an open connection. */
    virtual void adopt(uint32_t cwnd, uint32_t ssthresh);
    /** The name under which it is registered, which TCP_CONGESTION answers. */
    [[nodiscard]] virtual const char *name() const = 0;
    /** HyStart++ is in Conservative Slow Start (RFC 9406: CSS); counted when it begins. */
    [[nodiscard]] virtual bool in_conservative_slow_start() const { return false; }

    [[nodiscard]] uint32_t cwnd() const { return cwnd_; }
    /** WINDOW_MAX before the first loss (RFC 5681 3.1: "arbitrarily high"). */
    [[nodiscard]] uint32_t ssthresh() const { return ssthresh_; }

protected:
    [[nodiscard]] bool in_slow_start() const { return cwnd_ < ssthresh_; }
    /** Slow start for an ACK of @p acked bytes. Returns how many of them are left when cwnd has reached ssthresh. */
    uint32_t slow_start(uint32_t acked);
    /** cwnd was used up: what on_application_limited() has measured so far does not count. */
    void window_used(const tcp_ack_sample &ack);
    /** Sets cwnd, to WINDOW_MAX at most. */
    void set_cwnd(uint32_t cwnd);
    /** Saves cwnd and ssthresh before a reduction, for restore(). */
    void remember();
    /** Undoes the last reduction, once; a cwnd that has become even larger stays. Returns false if there is none. */
    bool restore();

    uint32_t mss_;
    uint32_t cwnd_; /* begins as the initial window */
    uint32_t ssthresh_ = WINDOW_MAX;

private:
    void remember_path(); /* sets ssthresh before a cwnd that was not used shrinks */

    uint32_t initial_; /* the initial window, which is also the restart window (RFC 5681 4.1) */
    uint16_t ack_limit_;
    bool rest_;
    uint32_t prior_cwnd_ = 0; /* before the last reduction; 0: there is none to undo */
    uint32_t prior_ssthresh_ = 0;
    uint32_t w_used_ = 0;              /* RFC 2861's W_used: the largest pipe since t_prev_ */
    net_time t_prev_ = NET_TIME_NEVER; /* T_prev: when cwnd was used up last, or this was evaluated; NEVER: not yet */
};

/**
 * Returns the initial window in bytes (RFC 6928 2): ten segments, but at most 14600 bytes, or two segments if these are
 * more; in proportion for another number of @p segments. One segment if our SYN was lost (RFC 5681 3.1).
 */
[[nodiscard]] uint32_t tcp_initial_window(uint32_t mss, bool syn_lost, uint32_t segments = 10);

/** Makes a congestion control for one connection, which owns it. Called under the stack's lock; never returns null. */
using tcp_congestion_factory = std::function<std::unique_ptr<tcp_congestion>(const tcp_congestion_options &)>;

/** Longest name that TCP_CONGESTION can carry. */
inline constexpr size_t TCP_CONGESTION_NAME_MAX = 15;

/**
 * Registers a congestion control in this stack. From now on @p name chooses it: for a socket by TCP_CONGESTION, for all
 * that are opened later by the sysctl name tcp_congestion_control or tcp_config::congestion_control. The stack knows it
 * until net_shutdown(). Returns 0, or -1: EINVAL (the name is empty, longer than TCP_CONGESTION_NAME_MAX or has a blank
 * in it, or there is no factory), EEXIST (the stack has one of this name), ENOBUFS (it has 256).
 */
int tcp_congestion_register(net_stack &net, const char *name, tcp_congestion_factory factory)
    MICROPS_REQUIRES(net_locked);

} // namespace microps
