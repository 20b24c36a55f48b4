/*
 * datagram.cpp: receive queues, pending errors and sleepers of PCBs that exchange datagrams.
 *
 * Behaviour towards the user is Linux': a pending error comes before queued datagrams, SHUT_RD ends the wait but not
 * the input, SHUT_RD and SHUT_WR work on an unconnected PCB although they report ENOTCONN.
 */
#include "datagram.hpp"

#include <algorithm>
#include <cerrno>
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

int datagram_wait(net_guard &guard, datagram_pcb &pcb, int flags, net_time deadline)
{
    for (;;) {
        if (pcb.error) return net_error(std::exchange(pcb.error, 0));
        if (!pcb.queue.empty() || pcb.read_shut) return 0;
        if (flags & MSG_DONTWAIT) return net_error(EAGAIN);
        const int slept = sched_sleep(pcb.net, pcb.ctx, guard, deadline);
        if (pcb.state == datagram_state::closing) return net_error(EBADF);
        if (slept == -1) return net_error(errno == ETIMEDOUT ? EAGAIN : errno);
    }
}

ssize_t datagram_take(datagram_pcb &pcb, std::span<uint8_t> data, ip_received *from, int flags)
{
    if (pcb.queue.empty()) return 0; /* SHUT_RD */
    const datagram &first = pcb.queue.front();
    const size_t copied = std::min(data.size(), first.data.size());
    std::copy_n(first.data.begin(), copied, data.begin());
    if (from) *from = first.about;
    if (!(flags & MSG_PEEK)) pcb.queue.pop();
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

ssize_t datagram_pending(const datagram_pcb &pcb)
{
    return pcb.queue.empty() ? 0 : static_cast<ssize_t>(pcb.queue.front().data.size());
}

void datagram_fail(datagram_pcb &pcb, int error)
{
    pcb.error = error;
    sched_wakeup(pcb.net, pcb.ctx);
}

int datagram_take_error(datagram_pcb &pcb) { return std::exchange(pcb.error, 0); }

short datagram_poll(const datagram_pcb &pcb)
{
    int events = POLLOUT | POLLWRNORM; /* nothing of ours fills up: a datagram is sent or dropped at once */
    if (pcb.error) events |= POLLERR;
    if (!pcb.queue.empty()) events |= POLLIN | POLLRDNORM;
    if (pcb.read_shut) events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (pcb.read_shut && pcb.write_shut) events |= POLLHUP;
    return static_cast<short>(events);
}

int datagram_shutdown(datagram_pcb &pcb, int how)
{
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return net_error(EINVAL);
    if (how != SHUT_WR) pcb.read_shut = true;
    if (how != SHUT_RD) pcb.write_shut = true;
    sched_wakeup(pcb.net, pcb.ctx);
    return pcb.connected ? 0 : net_error(ENOTCONN);
}

bool datagram_close(datagram_pcb &pcb)
{
    pcb.state = datagram_state::closing;
    pcb.queue.clear();
    sched_wakeup(pcb.net, pcb.ctx);
    return !pcb.ctx.busy();
}

} // namespace microps
