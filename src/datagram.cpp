/*
 * datagram.cpp: what UDP and ping sockets have in common: receive queue, pending error, waiting calls, peer.
 *
 * Where POSIX leaves it open we do what Linux does, because programs rely on it: a pending error is reported before
 * queued datagrams, SHUT_RD ends the waiting but datagrams are still queued, and shutdown() of an unconnected PCB takes
 * effect although it returns ENOTCONN.
 */
#include "datagram.hpp"

#include "microps/log.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace microps
{

bool datagram_queue::push(datagram &&received, size_t limit)
{
    if (bytes_ + cost(received) > limit) return false;
    bytes_ += cost(received);
    datagrams_.push_back(std::move(received));
    return true;
}

void datagram_queue::pop()
{
    bytes_ -= cost(datagrams_.front());
    datagrams_.pop_front();
}

void datagram_queue::clear()
{
    datagrams_.clear();
    bytes_ = 0;
}

/**
 * Waits until a datagram is queued, or SHUT_RD ends the waiting (the queue may be empty then). Returns 0, or -1 with
 * errno EBADF (closed meanwhile), the pending error, EAGAIN (MSG_DONTWAIT, or the deadline), EINTR, EDEADLK.
 */
static int datagram_wait(net_guard &guard, datagram_pcb &pcb, int flags, net_time deadline) MICROPS_REQUIRES(net_locked)
{
    for (;;) {
        if (pcb.error) return net_error(pcb.take_error());
        if (!pcb.queue.empty() || pcb.read_shut) return 0;
        if (flags & MSG_DONTWAIT) return net_error(EAGAIN);
        const int slept = sched_sleep(pcb.net, pcb.ctx, guard, deadline);
        if (pcb.state == datagram_state::closing) {
            debugf("closed");
            return net_error(EBADF);
        }
        if (slept == 0) continue;
        if (errno == EINTR) debugf("interrupted");
        return net_error(errno == ETIMEDOUT ? EAGAIN : errno);
    }
}

ssize_t datagram_pcb::receive(net_guard &guard, std::span<uint8_t> data, ip_received *from, int flags,
                              net_time deadline)
{
    if (datagram_wait(guard, *this, flags, deadline) == -1) return -1;
    if (queue.empty()) return 0; /* SHUT_RD */
    const datagram &first = queue.front();
    const size_t copied = std::min(data.size(), first.data.size());
    std::copy_n(first.data.begin(), copied, data.begin());
    if (from) *from = first.about;
    if (!(flags & MSG_PEEK)) queue.pop();
    return static_cast<ssize_t>(copied);
}

bool datagram_deliver(datagram_pcb &pcb, const ip_rx &rx, be16 port, std::span<const uint8_t> data, size_t limit)
{
    datagram received{
        .about = {.foreign = {rx.src, port}, .local = rx.dst, .ttl = rx.ttl, .tos = rx.tos, .length = data.size()},
        .data{data.begin(), data.end()}};
    if (!pcb.queue.push(std::move(received), limit)) return false;
    sched_wakeup(pcb.net, pcb.ctx);
    return true;
}

ssize_t datagram_pcb::pending() const { return queue.empty() ? 0 : static_cast<ssize_t>(queue.front().data.size()); }

bool datagram_take_error(const datagram_pcb &pcb, const ip_error &error, int reason)
{
    if (reason != EMSGSIZE) return true;
    if (pcb.options.tx.df == ip_df::dont) return false; /* sent without DF: no router can have refused it */
    ip_path_mtu_learn(pcb.net, error);
    return true;
}

void datagram_fail(datagram_pcb &pcb, int error)
{
    pcb.error = error;
    sched_wakeup(pcb.net, pcb.ctx);
}

short datagram_pcb::poll() const
{
    int events = POLLOUT | POLLWRNORM; /* always: there is no send buffer that could be full */
    if (error) events |= POLLERR;
    if (!queue.empty()) events |= POLLIN | POLLRDNORM;
    if (read_shut) events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (read_shut && write_shut) events |= POLLHUP;
    return static_cast<short>(events);
}

/* The peer */

void datagram_bound(datagram_pcb &pcb, ip_addr_t addr)
{
    pcb.local.addr = addr;
    pcb.addr_bound = addr != IP_ADDR_ANY;
    pcb.port_bound = true;
}

/** Sets the peer: the only sender to receive from, and the default destination (RFC 1122 4.1.3.5). */
int datagram_pcb::connect(net_guard &, const ip_endpoint &peer, int, net_time)
{
    const std::optional<ip_addr_t> source = ip_source_select(net, peer.addr);
    if (!source) return net_error(ENETUNREACH);
    if (ip_addr_is_broadcast(net, peer.addr) && !options.broadcast) return net_error(EACCES);
    if (port_assign() == -1) return -1;
    if (!addr_bound) local.addr = *source;
    foreign = peer;
    connected = true;
    return 0;
}

/** Removes the peer. The address and port that the user has bound stay. */
int datagram_pcb::disconnect()
{
    connected = false;
    foreign = {};
    if (!addr_bound) local.addr = IP_ADDR_ANY;
    if (!port_bound) port_detach();
    return 0;
}

/* Ends */

int datagram_pcb::shutdown(int how)
{
    if (how != SHUT_WR) read_shut = true;
    if (how != SHUT_RD) write_shut = true;
    sched_wakeup(net, ctx);
    return connected ? 0 : net_error(ENOTCONN);
}

int datagram_pcb::close(net_guard &)
{
    port_detach();
    state = datagram_state::closing;
    queue.clear();
    sched_wakeup(net, ctx);
    return 0;
}

void datagram_pcb::release() { pcbs.erase(self); }

} // namespace microps
