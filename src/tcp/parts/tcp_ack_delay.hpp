/*
 * tcp_ack_delay.hpp: how long an ACK may wait for company (RFC 9293 3.8.6.3), as Linux decides it. It knows nothing of
 * the connection: it gets events and answers two questions.
 *
 * At the start of a connection, after a pause, and while the network loses or reorders, the peer's window grows or
 * mends with each ACK: the next few are sent at once (quick ACKs). A program that answers what it receives is
 * interactive: its answers will carry the ACKs, so that they wait. Otherwise they wait about as long as the next
 * segment is expected to take.
 */
#pragma once

#include "microps/time.hpp"

#include <cstdint>

namespace microps
{

class tcp_ack_delay
{
public:
    /** Data came; a pause is what is longer than @p rto. The first data and those behind a pause: @p quick ACKs. */
    void on_data(net_time now, net_duration min, net_duration rto, unsigned quick);
    /** The peer must hear of each segment now: at least so many ACKs at once. */
    void quicken(net_duration min, unsigned quick);
    /** An ACK was sent, @p with_data or alone. */
    void on_sent(net_time now, bool with_data);
    /** The ACK has waited in vain. */
    void on_timer(net_duration min, net_duration rto);

    /** TCP_QUICKACK: nobody knows whether answers come better than the program itself. */
    void set_interactive(bool interactive) { interactive_ = interactive; }
    [[nodiscard]] bool interactive() const { return interactive_; }

    /** The next ACK is a quick one. */
    [[nodiscard]] bool at_once() const { return quick_ > 0 && !interactive_; }
    /** Otherwise it waits so long at most. */
    [[nodiscard]] net_duration delay(net_duration min, net_duration max, net_duration srtt) const;
    /** The estimate behind that; zero: nothing has come yet. */
    [[nodiscard]] net_duration timeout() const { return timeout_; }
    /** When data came last. */
    [[nodiscard]] net_time last_data() const { return last_data_; }

private:
    void add_quick(unsigned quick);

    net_duration timeout_{}; /* Linux' ATO */
    net_time last_data_{};
    uint8_t quick_ = 0; /* ACKs left that are sent at once */
    bool interactive_ = false;
};

} // namespace microps
