/*
 * tcp_congestion.hpp: congestion control: how much may be outstanding. CUBIC and NewReno are built in; a program brings
 * its own by deriving from tcp_congestion and calling tcp_congestion_register(). docs/simulation.md shows one.
 *
 * A congestion control is a small object that knows nothing of the connection: it gets events and answers cwnd() and
 * ssthresh(). What counts as lost is decided elsewhere (loss recovery), and so is how quickly what is in flight comes
 * down to the window (PRR). All amounts are bytes of data; times are those of the stack's clock, virtual in a simulation.
 *
 *   when                                              the stack calls
 *   both SYNs are acknowledged                        the factory
 *   TCP_CONGESTION replaces another one later         the factory, then adopt() with the window of the other one
 *   an ACK of new data, not in fast recovery          on_ack()
 *   fast recovery begins                              on_loss(); no on_ack() until it ends, cwnd() then holds again
 *   the retransmission timer expires                  on_rto(); then on_ack() for each ACK of new data
 *   the last on_loss() or on_rto() was wrong          on_spurious(), before other calls for the same ACK
 *   data is about to leave and nothing is outstanding on_idle()
 *   output stops, and not because of cwnd()           on_application_limited()
 *   the path's largest segment changes                on_mss()
 *
 * cwnd() and ssthresh() are read whenever something may be sent. During fast recovery PRR brings the window down to
 * ssthresh(), so on_loss() sets both. A cwnd() of less than one segment counts as one, so that no connection stands still.
 *
 * Each connection has an object of its own, owns it, and destroys it when the connection ends or another control
 * replaces it. All calls, the factory's included, come under the stack's lock: they may not call the library back (but
 * for the log), may not sleep, and should return quickly, since they run for each ACK. What the factory or the object
 * refers to has to outlive the stack's connections: it ends after net_shutdown().
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
    uint32_t acked = 0;        /* newly delivered: acknowledged, or SACKed */
    uint32_t round_peak = 0;   /* most that was in the network in this round trip (pipe) */
    bool cwnd_limited = false; /* and it was cwnd() that stopped us */
    bool round_start = false;  /* a round trip has ended: the first ACK of data sent since the last one ended */
    net_duration rtt{};        /* measured by this ACK; zero: it measures nothing */
    net_duration srtt{};
};

/** What a congestion control begins with. */
struct tcp_congestion_options {
    uint32_t mss = 536;            /* most data in one segment */
    uint32_t initial_window = 536; /* bytes: tcp_initial_window() */
    bool hystart = true;           /* CUBIC: leave slow start when the round trips grow longer (RFC 9406) */
    bool rest = true;              /* a window that is not used shrinks (tcp_slow_start_after_idle) */
    /* RFC 3465 L: how many segments one ACK counts for in slow start at most. 0: all that it acknowledges, as Linux. */
    uint16_t ack_limit = 0;
};

/**
 * The base of all congestion controls. It holds the window and does what all do alike: slow start, a window that rests,
 * undoing a reduction. What derives from it says how to avoid congestion (on_ack) and what a loss costs (on_loss, on_rto).
 */
class tcp_congestion
{
public:
    static constexpr uint32_t WINDOW_MAX = uint32_t{1} << 30;

    explicit tcp_congestion(const tcp_congestion_options &options);
    virtual ~tcp_congestion() = default;

    /** New data was acknowledged, outside of fast recovery. */
    virtual void on_ack(const tcp_ack_sample &ack) = 0;
    /** Recovery begins while @p flight_size bytes are outstanding, those that are lost included: a smaller window. */
    virtual void on_loss(net_time now, uint32_t flight_size) = 0;
    /** The retransmission timer expired; @p again: for data that it had expired for already. */
    virtual void on_rto(net_time now, uint32_t flight_size, bool again) = 0;
    /** It was not a loss after all: undo the last on_loss() or on_rto(). */
    virtual void on_spurious(net_time now) = 0;
    /** Data is about to be sent after a pause of @p idle, with nothing outstanding (RFC 5681 4.1). */
    virtual void on_idle(net_duration idle, net_duration rto);
    /** Output stopped, and it was not cwnd() that stopped it (RFC 7661): @p pipe bytes are in the network. */
    virtual void on_application_limited(net_time now, uint32_t pipe, net_duration rto);
    /** The path's largest segment changed. */
    virtual void on_mss(uint32_t mss);
    /** This object takes over from another one, on an open connection. */
    virtual void adopt(uint32_t cwnd, uint32_t ssthresh);
    /** The name it is registered under: what TCP_CONGESTION answers. */
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
    uint32_t cwnd_; /* begins as the initial window */
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

/**
 * RFC 6928: ten segments, but no more than 14600 bytes unless two segments are; in proportion for another number of
 * @p segments. One segment if our SYN was lost (RFC 5681 3.1).
 */
[[nodiscard]] uint32_t tcp_initial_window(uint32_t mss, bool syn_lost, uint32_t segments = 10);

/** Makes a congestion control for one connection, which owns it. Called under the stack's lock; never returns null. */
using tcp_congestion_factory = std::function<std::unique_ptr<tcp_congestion>(const tcp_congestion_options &)>;

/** Longest name that TCP_CONGESTION can carry. */
inline constexpr size_t TCP_CONGESTION_NAME_MAX = 15;

/**
 * From now on @p name chooses this congestion control in this stack: for a socket by TCP_CONGESTION, for all that are
 * opened later by the sysctl name tcp_congestion_control or tcp_config::congestion_control. The stack knows it until
 * net_shutdown(). Returns 0, or -1: EINVAL (the name is empty, longer than TCP_CONGESTION_NAME_MAX or has a blank in it,
 * or there is no factory), EEXIST (the stack has one of this name), ENOBUFS (it has 256).
 */
int tcp_congestion_register(net_stack &net, const char *name, tcp_congestion_factory factory)
    MICROPS_REQUIRES(net_locked);

} // namespace microps
