/*
 * tcp_rcvbuf.hpp: tcp_rcvbuf measures how large a receive buffer should be ("dynamic right-sizing", Fisk and Feng; no
 * RFC says it). The offered window must hold twice the data that arrives in a round trip, because it takes effect a
 * round trip later, and more while the sender is in slow start. What counts is what the program reads in a round trip:
 * that is what the path and the program manage together, so a slow reader gets no large buffer. Whether the buffer
 * grows is left to tcp_buffers.cpp.
 *
 * A receiver that sends no data cannot measure round trips by ACKs. It measures them by the peer's echoes of its
 * timestamps (RFC 7323); without timestamps, the time in which a whole offered window arrives is an upper bound.
 */
#pragma once

#include "microps/time.hpp"
#include "tcp_seq.hpp"

#include <cstdint>

namespace microps
{

class tcp_rcvbuf
{
public:
    /**
     * Begins with the connection's first data: the program has read what is before @p taken, our window ends at
     * @p edge, and @p space is what may arrive in the first round trip.
     */
    void begin(net_time now, tcp_seq taken, tcp_seq edge, uint32_t space);
    [[nodiscard]] bool begun() const { return space_ > 0; }
    /** A full-sized segment echoes (TSecr) our timestamp @p echo, which we had sent @p age ago. */
    void on_echo(uint32_t echo, net_duration age);
    /** Data has arrived: it is complete up to @p next (RCV.NXT), and @p edge is the end of our window. */
    void on_data(net_time now, tcp_seq next, tcp_seq edge);
    /** The program has read everything before @p taken. Returns how large the buffer should be; 0: no new answer. */
    [[nodiscard]] uint64_t on_read(net_time now, tcp_seq taken);

    /** The round trip as the receiver measures it (tcpi_rcv_rtt); zero: not known. */
    [[nodiscard]] net_duration rtt() const { return rtt_; }
    /** The most that the program has read in one round trip (tcpi_rcv_space). */
    [[nodiscard]] uint32_t space() const { return space_; }

private:
    net_duration rtt_{};
    net_time window_since_{}; /* since when an offered window, up to window_end_, is measured */
    net_time taken_since_{};  /* since when the program's reading, from taken_ on, is measured */
    tcp_seq window_end_{};
    tcp_seq taken_{};
    uint32_t echo_ = 0; /* the last TSecr that was measured */
    uint32_t space_ = 0;
};

} // namespace microps
