/*
 * tcp_ack_delay.hpp: tcp_ack_delay decides whether an ACK is sent at once or delayed, and for how long (delayed ACKs:
 * RFC 9293 3.8.6.3, RFC 5681 4.2). It knows nothing of the connection: it gets events and answers these two questions.
 * Sending the ACK, and the rule that at least every second full-sized segment is acknowledged, are left to
 * tcp_acknowledge.cpp.
 *
 * At the start of a connection, after a pause, and while the network loses or reorders segments, the peer's cwnd grows
 * with each ACK, so the next few ACKs are sent at once: quick ACKs. A connection whose program answers what it receives
 * is interactive: its ACKs are delayed, because the answers will carry them. Otherwise an ACK is delayed for about as
 * long as the next segment is expected to take.
 */
#pragma once

#include "microps/time.hpp"

#include <cstdint>

namespace microps
{

class tcp_ack_delay
{
public:
    /** Data has arrived. The first data, and data after a pause longer than @p rto, start @p quick quick ACKs. */
    void on_data(net_time now, net_duration min, net_duration rto, unsigned quick);
    /** The peer needs an ACK for each segment now: at least the next @p quick ACKs are sent at once. */
    void quicken(net_duration min, unsigned quick);
    /** An ACK was sent, in a segment with data or (not @p with_data) alone. */
    void on_sent(net_time now, bool with_data);
    /** The delayed-ACK timer has expired, so that the ACK leaves without data. */
    void on_timer(net_duration min, net_duration rto);

    /** TCP_QUICKACK: the program knows better than this estimate whether its answers will carry the ACKs. */
    void set_interactive(bool interactive) { interactive_ = interactive; }
    [[nodiscard]] bool interactive() const { return interactive_; }

    /** Returns whether the next ACK is a quick ACK. */
    [[nodiscard]] bool at_once() const { return quick_acks_ > 0 && !interactive_; }
    /** Returns how long an ACK that is not a quick ACK may be delayed. */
    [[nodiscard]] net_duration delay(net_duration min, net_duration max, net_duration srtt) const;
    /** The estimate of the time between two segments (TCP_INFO's tcpi_ato); zero before the first data. */
    [[nodiscard]] net_duration timeout() const { return ato_; }
    /** When data arrived last. */
    [[nodiscard]] net_time last_data() const { return last_data_; }

private:
    void add_quick(unsigned quick);

    net_duration ato_{}; /* acknowledgement timeout, Linux' word for the estimate */
    net_time last_data_{};
    uint8_t quick_acks_ = 0; /* how many ACKs are still to be sent at once */
    bool interactive_ = false;
};

} // namespace microps
