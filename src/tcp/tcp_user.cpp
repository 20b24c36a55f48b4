/*
 * tcp_user.cpp: user calls of an open connection (RFC 9293 3.10.2 to 3.10.6): send, receive, shutdown, close, abort,
 * status. Calls that open are in tcp_connect.cpp, options in tcp_sockopt.cpp.
 *
 * Blocking calls sleep in tcp_sleep() only. A PCB that is closed meanwhile is not freed before the last call has
 * returned.
 */
#include "tcp_user.hpp"

#include "tcp_ack.hpp"
#include "tcp_buffers.hpp"
#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_receive.hpp"
#include "tcp_timer.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace microps
{

int tcp_sleep(net_guard &guard, tcp_pcb &pcb, net_time deadline)
{
    const int woken = sched_sleep(pcb.net, pcb.ctx, guard, deadline);
    const int cause = errno;
    if (pcb.owner != tcp_owner::user) {
        debugf("closed");
        return net_error(EBADF);
    }
    if (woken == 0) return 0;
    if (cause == EINTR) debugf("interrupted");
    return net_error(cause == ETIMEDOUT ? EAGAIN : cause);
}

/** How many bytes send() may put into the send buffer now. */
static size_t tcp_send_room(const tcp_pcb &pcb)
{
    if (pcb.set.notsent_lowat > 0 && tcp_unsent(pcb) >= pcb.set.notsent_lowat) return 0;
    return pcb.sndbuf.limit - std::min<size_t>(pcb.sndbuf.limit, pcb.sndbuf.ring.size());
}

bool tcp_is_writable(const tcp_pcb &pcb)
{
    const size_t room = tcp_send_room(pcb);
    return room > 0 && room * 3 >= pcb.sndbuf.limit; /* a third is free: a writer is not woken by every ACK */
}

/** The errno of send() if the user cannot send; 0: it can. A pending error is reported once. */
static int tcp_send_error(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.error) return pcb.take_error();
    if (pcb.fin.queued || (pcb.released && pcb.handshake.done)) return EPIPE;
    if (pcb.state == tcp_pcb_state::closed || pcb.state == tcp_pcb_state::listen) return ENOTCONN;
    return 0;
}

static ssize_t tcp_send(net_guard &guard, tcp_pcb &pcb, std::span<const uint8_t> data, int flags, net_time deadline)
    MICROPS_REQUIRES(net_locked)
{
    const size_t size = data.size();
    const auto sent = [&] {
        return static_cast<ssize_t>(size - data.size());
    };
    for (;;) {
        if (sent() > 0 && (pcb.error || pcb.fin.queued || pcb.released)) return sent(); /* the next call reports it */
        if (const int error = tcp_send_error(pcb)) return net_error(error);
        /* During the handshake, too, data is queued (RFC 9293 3.10.2). */
        const size_t n = std::min(tcp_send_room(pcb), data.size());
        pcb.sndbuf.ring.append(data.first(n));
        data = data.subspan(n);
        pcb.set.more = (flags & MSG_MORE) != 0;
        tcp_output_request(pcb);
        if (data.empty()) return sent();
        if (flags & MSG_DONTWAIT) return sent() > 0 ? sent() : net_error(EAGAIN);
        if (tcp_sleep(guard, pcb, deadline) == -1) return sent() > 0 ? sent() : -1;
    }
}

ssize_t tcp_pcb::send(net_guard &guard, std::span<const uint8_t> data, const ip_endpoint *, int flags,
                      net_time deadline)
{
    return tcp_send(guard, *this, data, flags, deadline);
}

/** Copies from the receive buffer to @p data, behind @p filled bytes. Returns how many bytes are filled then. */
static size_t tcp_receive_take(tcp_pcb &pcb, std::span<uint8_t> data, size_t filled, int flags)
    MICROPS_REQUIRES(net_locked)
{
    const bool peek = (flags & MSG_PEEK) != 0;
    const std::span<uint8_t> out = peek ? data : data.subspan(filled);
    const size_t n = std::min(out.size(), pcb.rcvbuf.ring.size());
    pcb.rcvbuf.ring.read(0, out.first(n));
    if (peek) return n;
    pcb.rcvbuf.ring.consume(n);
    if (n > 0) {
        tcp_rcvbuf_adjust(pcb);
        tcp_window_update(pcb);
    }
    return filled + n;
}

/** The buffer is empty: the errno of receive(), 0 at the end of data, or nothing if data may still come. */
static std::optional<int> tcp_receive_end(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.error && !pcb.fin.received) return pcb.take_error(); /* after the peer's FIN, an error is for the writer */
    if (pcb.fin.received || pcb.rcvbuf.shut || (pcb.released && pcb.handshake.done)) {
        debugf("connection closing");
        return 0;
    }
    if (pcb.state == tcp_pcb_state::closed || pcb.state == tcp_pcb_state::listen) return ENOTCONN;
    return std::nullopt;
}

/*
 * Data that came before a RST is read before the error, as programs expect from Linux; RFC 9293 3.10.7.4 would flush
 * it.
 */
static ssize_t tcp_receive(net_guard &guard, tcp_pcb &pcb, std::span<uint8_t> data, int flags, net_time deadline)
    MICROPS_REQUIRES(net_locked)
{
    if (flags & MSG_OOB) return net_error(EINVAL); /* Linux' answer if there is no urgent data; here there is none */
    if (flags & MSG_ERRQUEUE)
        return net_error(EAGAIN); /* Linux' answer if the error queue is empty; here there is none */
    const size_t least = flags & MSG_WAITALL ? data.size() : std::min<size_t>(data.size(), pcb.set.receive_lowat);
    size_t filled = 0;
    for (;;) {
        filled = tcp_receive_take(pcb, data, filled, flags);
        const bool enough = filled >= least;
        if (enough) return static_cast<ssize_t>(filled);
        if (filled > 0 && pcb.error) return static_cast<ssize_t>(filled); /* the next call reports it */
        if (const std::optional<int> end = tcp_receive_end(pcb)) {
            return filled > 0 || *end == 0 ? static_cast<ssize_t>(filled) : net_error(*end);
        }
        if (flags & MSG_DONTWAIT) return filled > 0 ? static_cast<ssize_t>(filled) : net_error(EAGAIN);
        if (tcp_sleep(guard, pcb, deadline) == -1) return filled > 0 ? static_cast<ssize_t>(filled) : -1;
    }
}

ssize_t tcp_pcb::receive(net_guard &guard, std::span<uint8_t> data, ip_received *, int flags, net_time deadline)
{
    return tcp_receive(guard, *this, data, flags, deadline);
}

/* Ends */

void tcp_send_fin(tcp_pcb &pcb)
{
    if (pcb.fin.queued) return;
    pcb.fin.queued = true;
    pcb.set.more = false;
    switch (pcb.state) {
    case tcp_pcb_state::established:
        tcp_set_state(pcb, tcp_pcb_state::fin_wait1);
        break;
    case tcp_pcb_state::close_wait:
        tcp_set_state(pcb, tcp_pcb_state::last_ack);
        break;
    case tcp_pcb_state::syn_received: /* the FIN is sent when it is ESTABLISHED */
    case tcp_pcb_state::closed:
    case tcp_pcb_state::listen:
    case tcp_pcb_state::syn_sent:
    case tcp_pcb_state::fin_wait1:
    case tcp_pcb_state::fin_wait2:
    case tcp_pcb_state::closing:
    case tcp_pcb_state::time_wait:
    case tcp_pcb_state::last_ack:
        break;
    }
    tcp_output_request(pcb);
}

static int tcp_shutdown(tcp_pcb &pcb, int how) MICROPS_REQUIRES(net_locked)
{
    if (pcb.state == tcp_pcb_state::closed) return net_error(ENOTCONN);
    if (pcb.state == tcp_pcb_state::listen) {
        if (how != SHUT_WR) tcp_pcb_release(pcb); /* accept() returns EINVAL: programs end a server so */
        return 0;
    }
    if (pcb.state == tcp_pcb_state::syn_sent) { /* the attempt ends */
        tcp_pcb_fail(pcb, ECONNRESET);
        return 0;
    }
    if (how != SHUT_WR) {
        pcb.rcvbuf.shut = true;
        pcb.rcvbuf.ring.drop_out_of_order(); /* what is in order can still be read */
        sched_wakeup(pcb.net, pcb.ctx);
    }
    if (how != SHUT_RD) tcp_send_fin(pcb);
    return 0;
}

int tcp_pcb::shutdown(int how) { return tcp_shutdown(*this, how); }

/** SO_LINGER with a time: close() waits until our FIN is acknowledged; POSIX has no exception for O_NONBLOCK. */
static void tcp_linger(net_guard &guard, tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const net_time deadline = pcb.net.clock.now() + std::chrono::seconds(pcb.set.linger);
    while (!pcb.released && !tcp_fin_acknowledged(pcb)) {
        if (sched_sleep(pcb.net, pcb.ctx, guard, deadline) == -1) break;
    }
}

/** The user gives the connection up. */
static void tcp_disown(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    tcp_set_owner(pcb, tcp_owner::gone);
    sched_wakeup(pcb.net, pcb.ctx); /* sleeping calls return EBADF */
}

/** ABORT (RFC 9293 3.10.5): the peer gets a RST, and unsent and unread data is discarded. */
static int tcp_abort(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    tcp_disown(pcb);
    if (pcb.released) return 0;
    if (tcp_is_synchronized(pcb.state) && pcb.state != tcp_pcb_state::time_wait) tcp_output_rst(pcb);
    tcp_pcb_release(pcb);
    return 0;
}

/** Whether close() must be an abort: the counter for the reason, or nothing. */
static std::optional<counter> tcp_close_aborts(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.released || !tcp_is_synchronized(pcb.state)) return std::nullopt;
    const bool unread = !pcb.rcvbuf.ring.empty() && !(pcb.fin.queued && pcb.fin.received);
    if (unread) return counter::tcp_abort_on_close; /* RFC 9293 3.6.1, RFC 2525 2.17 */
    if (pcb.set.linger == 0) return counter::tcp_abort_on_data;
    /* Connections without a user must not crowd out those that have one. */
    if (pcb.tcp.orphans >= std::max<size_t>(pcb.tcp.config.pcb_max / 2, 1)) return counter::tcp_abort_on_memory;
    return std::nullopt;
}

static int tcp_close(net_guard &guard, tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (const std::optional<counter> cause = tcp_close_aborts(pcb)) {
        net_count(pcb.net, *cause);
        return tcp_abort(pcb);
    }
    tcp_disown(pcb);
    if (pcb.released) return 0;
    if (!tcp_is_synchronized(pcb.state)) {
        tcp_pcb_release(pcb);
        return 0;
    }
    if (pcb.fin.received) pcb.rcvbuf.ring.clear(); /* the peer has sent everything: there is nothing to reset */
    if (pcb.timing.purpose == tcp_timer_purpose::persist)
        pcb.timing.stalled_since = pcb.net.clock.now(); /* the time that an orphan has begins now */
    tcp_send_fin(pcb);
    tcp_timer_update(pcb); /* FIN_WAIT_2 ends by a timer once there is no user */
    if (pcb.set.linger > 0 && !guard.nested()) tcp_linger(guard, pcb);
    return 0;
}

int tcp_pcb::close(net_guard &guard) { return tcp_close(guard, *this); }

/* Status */

static short tcp_poll(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    int events = pcb.error ? POLLERR : 0;
    if (pcb.state == tcp_pcb_state::listen) {
        return static_cast<short>(pcb.listener->accept_queue.empty() ? events : events | POLLIN | POLLRDNORM);
    }
    const bool closed = pcb.state == tcp_pcb_state::closed;
    const bool no_more_in = pcb.fin.received || pcb.rcvbuf.shut || (closed && pcb.handshake.done) || pcb.error;
    const bool no_more_out = pcb.fin.queued || closed;
    if (pcb.rcvbuf.ring.size() >= pcb.set.receive_lowat || no_more_in) events |= POLLIN | POLLRDNORM;
    if (no_more_in) events |= POLLRDHUP;
    if (closed || (no_more_in && no_more_out)) events |= POLLHUP;
    if (no_more_out || (!tcp_is_opening(pcb.state) && tcp_is_writable(pcb))) events |= POLLOUT | POLLWRNORM;
    return static_cast<short>(events);
}

short tcp_pcb::poll() const { return tcp_poll(*this); }

bool tcp_pcb::has_peer() const { return tcp_is_synchronized(state); }

ssize_t tcp_pcb::pending() const
{
    return state == tcp_pcb_state::listen ? net_error(EINVAL) : static_cast<ssize_t>(rcvbuf.ring.size());
}

static ssize_t tcp_queued(const tcp_pcb &pcb, bool unsent) MICROPS_REQUIRES(net_locked)
{
    if (pcb.state == tcp_pcb_state::listen) return net_error(EINVAL);
    if (!pcb.handshake.done || pcb.released) return 0;
    if (unsent) return static_cast<ssize_t>(tcp_unsent(pcb));
    const bool fin = pcb.fin.queued && !tcp_fin_acknowledged(pcb);
    return static_cast<ssize_t>(pcb.sndbuf.ring.size()) + (fin ? 1 : 0);
}

ssize_t tcp_pcb::queued(bool unsent) const { return tcp_queued(*this, unsent); }

} // namespace microps
