/*
 * datagram.hpp: what UDP and ping sockets have in common: a bounded queue of received datagrams, a pending error, and
 * callers that sleep until there is something to receive.
 *
 * A PCB that is closed while somebody sleeps on it stays, in the state "closing", until the last sleeper has left;
 * only then its number is free again.
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/sched.hpp"
#include "microps/stack.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <sys/types.h>
#include <vector>

namespace microps
{

/** A datagram in a receive queue. */
struct datagram {
    ip_received about{};
    std::vector<uint8_t> data{};
};

/** Received datagrams in their order. Bounded by bytes, each datagram's own overhead included. */
class datagram_queue
{
public:
    /** Takes a datagram in unless that would exceed @p limit bytes. */
    [[nodiscard]] bool push(datagram &&received, size_t limit);
    [[nodiscard]] const datagram &front() const { return datagrams_.front(); }
    void pop();
    void clear();

    [[nodiscard]] bool empty() const { return datagrams_.empty(); }
    [[nodiscard]] size_t bytes() const { return bytes_; }

private:
    static size_t cost(const datagram &received) { return sizeof(datagram) + received.data.size(); }

    std::deque<datagram> datagrams_{};
    size_t bytes_ = 0;
};

/** States as in the original; a free PCB does not exist. */
enum class datagram_state { open = 1, closing = 2 };

struct datagram_pcb {
    explicit datagram_pcb(net_stack &net_) : net(net_) {}

    net_stack &net;
    int id = -1;
    datagram_state state = datagram_state::open;
    ip_endpoint local{};
    ip_endpoint foreign{};
    bool connected = false;
    bool addr_bound = false; /* local.addr was chosen by the user, and survives the end of a connection */
    bool port_bound = false; /* the same of local.port */
    bool read_shut = false;
    bool write_shut = false;
    int error = 0; /* pending, from an ICMP error */
    ip_sockopts options{};
    datagram_queue queue{};
    sched_ctx ctx{};
};

/**
 * Waits until there is a datagram to take, or never will be one (SHUT_RD: the queue is empty then). Returns 0, or -1
 * with errno EBADF (closed meanwhile: the caller releases the PCB if nobody else sleeps on it), a pending error,
 * EAGAIN (MSG_DONTWAIT in @p flags, or @p deadline reached), EINTR, EDEADLK.
 */
int datagram_wait(net_guard &guard, datagram_pcb &pcb, int flags, net_time deadline) MICROPS_REQUIRES(net_locked);
/** Copies the first datagram out and, without MSG_PEEK in @p flags, removes it. Returns the bytes copied, 0 if none. */
ssize_t datagram_take(datagram_pcb &pcb, std::span<uint8_t> data, ip_received *from, int flags)
    MICROPS_REQUIRES(net_locked);
/** Queues a copy of @p data and wakes the sleepers. Returns false if there is no room for it within @p limit bytes. */
[[nodiscard]] bool datagram_deliver(datagram_pcb &pcb, const ip_rx &rx, be16 port, std::span<const uint8_t> data,
                                    size_t limit) MICROPS_REQUIRES(net_locked);
/** The length of the first datagram, 0 if there is none. */
ssize_t datagram_pending(const datagram_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Leaves an error for the next call, and wakes the sleepers. */
void datagram_fail(datagram_pcb &pcb, int error) MICROPS_REQUIRES(net_locked);
/** Gives out the pending error, once. */
int datagram_take_error(datagram_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** What poll(2) answers. */
short datagram_poll(const datagram_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Returns 0, or -1: EINVAL, ENOTCONN. */
int datagram_shutdown(datagram_pcb &pcb, int how) MICROPS_REQUIRES(net_locked);
/** Enters "closing" and wakes the sleepers. Returns whether there are none, so that the PCB can go at once. */
[[nodiscard]] bool datagram_close(datagram_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
