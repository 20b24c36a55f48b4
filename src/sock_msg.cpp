/*
 * sock_msg.cpp: sock_sendmsg() and sock_recvmsg(): data in several buffers (iovec), and control data.
 *
 * A stream sends and receives one buffer after the other. The buffers of a datagram are joined before it is sent.
 */
#include "sock_internal.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <vector>

namespace microps
{

static std::span<uint8_t> buffer(const iovec &vec) { return {static_cast<uint8_t *>(vec.iov_base), vec.iov_len}; }

/** Checks the buffers and returns their size in bytes, or -1 with errno EFAULT, EMSGSIZE, EINVAL. */
static ssize_t buffers_size(const msghdr *msg)
{
    if (!msg || (!msg->msg_iov && msg->msg_iovlen > 0)) return net_error(EFAULT);
    if (msg->msg_iovlen > IOV_MAX) return net_error(EMSGSIZE);
    size_t total = 0;
    for (const iovec &vec : std::span(msg->msg_iov, msg->msg_iovlen)) {
        if (!vec.iov_base && vec.iov_len > 0) return net_error(EFAULT);
        if (vec.iov_len > static_cast<size_t>(SSIZE_MAX) - total) return net_error(EINVAL);
        total += vec.iov_len;
    }
    return static_cast<ssize_t>(total);
}

static ssize_t send_stream(net_guard &guard, sock &s, std::span<const iovec> buffers, int flags)
    MICROPS_REQUIRES(net_locked)
{
    ssize_t total = 0;
    for (const iovec &vec : buffers) {
        const ssize_t sent = sock_send_bytes(guard, s, buffer(vec), flags, nullptr, 0);
        if (sent == -1) return total > 0 ? total : -1;
        total += sent;
        if (static_cast<size_t>(sent) < vec.iov_len) break;
    }
    return total;
}

/** Copies received data into the buffers. */
static void scatter(std::span<const iovec> buffers, std::span<const uint8_t> bytes)
{
    for (const iovec &vec : buffers) {
        const std::span<const uint8_t> part = bytes.first(std::min(bytes.size(), vec.iov_len));
        std::copy(part.begin(), part.end(), buffer(vec).begin());
        bytes = bytes.subspan(part.size());
    }
}

/** MSG_PEEK into several buffers, by one call, because each further one would return the same data. At most 64 KiB. */
static ssize_t peek_stream(net_guard &guard, sock &s, std::span<const iovec> buffers, size_t size, int flags,
                           net_time deadline) MICROPS_REQUIRES(net_locked)
{
    std::vector<uint8_t> bytes(std::min(size, IP_TOTAL_SIZE_MAX));
    const ssize_t received = s.endpoint->receive(guard, bytes, nullptr, sock_flags(s, flags), deadline);
    if (received > 0) scatter(buffers, std::span(bytes).first(static_cast<size_t>(received)));
    return received;
}

/** Whether a receive would return the pending error, which must stay for the next call after a partial result. */
static bool only_error_is_left(const sock &s) MICROPS_REQUIRES(net_locked)
{
    return (s.endpoint->poll() & POLLERR) && s.endpoint->pending() == 0;
}

/** Waits until there is some data, with MSG_WAITALL until all buffers are full. */
static ssize_t receive_stream(net_guard &guard, sock &s, std::span<const iovec> buffers, int flags, net_time deadline)
    MICROPS_REQUIRES(net_locked)
{
    ssize_t total = 0;
    for (const iovec &vec : buffers) {
        if (total > 0 && only_error_is_left(s)) break;
        const bool wait = total == 0 || flags & MSG_WAITALL;
        const int buffer_flags = sock_flags(s, flags) | (wait ? 0 : MSG_DONTWAIT);
        const ssize_t received = s.endpoint->receive(guard, buffer(vec), nullptr, buffer_flags, deadline);
        if (received == -1) return total > 0 ? total : -1;
        total += received;
        if (static_cast<size_t>(received) < vec.iov_len) break;
    }
    return total;
}

/** One item of control data behind the others, if there is room. */
template <typename T>
static void control_put(msghdr &msg, size_t &used, int type, T value)
{
    cmsghdr hdr{};
    hdr.cmsg_len = CMSG_LEN(sizeof(value));
    hdr.cmsg_level = IPPROTO_IP;
    hdr.cmsg_type = type;
    if (!msg.msg_control || used + CMSG_LEN(sizeof(value)) > msg.msg_controllen) {
        msg.msg_flags |= MSG_CTRUNC;
        return;
    }
    uint8_t *place = static_cast<uint8_t *>(msg.msg_control) + used;
    std::memcpy(place, &hdr, sizeof(hdr));
    std::memcpy(place + CMSG_LEN(0), &value, sizeof(value));
    used = std::min<size_t>(used + CMSG_SPACE(sizeof(value)), msg.msg_controllen);
}

static void control_write(const sock &s, const ip_received &from, msghdr &msg)
{
    size_t used = 0;
    if (s.receive_ttl) control_put<int>(msg, used, IP_TTL, from.ttl);
    if (s.receive_tos) control_put<uint8_t>(msg, used, IP_TOS, from.tos);
    msg.msg_controllen = used;
}

static ssize_t receive_datagram(net_guard &guard, sock &s, msghdr &msg, size_t size, int flags, net_time deadline)
    MICROPS_REQUIRES(net_locked)
{
    std::vector<uint8_t> bytes(std::min(size, IP_TOTAL_SIZE_MAX));
    ip_received from;
    const ssize_t received = s.endpoint->receive(guard, bytes, &from, sock_flags(s, flags), deadline);
    if (received == -1) return -1;
    scatter({msg.msg_iov, msg.msg_iovlen}, {bytes.data(), static_cast<size_t>(received)});
    const bool named = sock_received_named(s, from);
    if (named) sockaddr_write(from.foreign, msg.msg_name, &msg.msg_namelen);
    if (!named || !msg.msg_name) msg.msg_namelen = 0;
    const bool truncated = from.length > static_cast<size_t>(received);
    msg.msg_flags = truncated ? MSG_TRUNC : 0;
    if (named) control_write(s, from, msg);
    if (!named) msg.msg_controllen = 0;
    return flags & MSG_TRUNC ? static_cast<ssize_t>(from.length) : received;
}

ssize_t sock_sendmsg(net_stack &net, int id, const msghdr *msg, int flags)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    const ssize_t size = buffers_size(msg);
    if (size == -1) return -1;
    const std::span<const iovec> buffers(msg->msg_iov, msg->msg_iovlen);
    if (s->is_stream()) return send_stream(guard, *s, buffers, flags);
    if (static_cast<size_t>(size) > IP_TOTAL_SIZE_MAX) return net_error(EMSGSIZE);
    std::vector<uint8_t> bytes;
    for (const iovec &vec : buffers) {
        bytes.insert(bytes.end(), buffer(vec).begin(), buffer(vec).end());
    }
    return sock_send_bytes(guard, *s, bytes, flags, msg->msg_name, msg->msg_namelen);
}

ssize_t sock_recvmsg(net_stack &net, int id, msghdr *msg, int flags)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    const ssize_t size = buffers_size(msg);
    if (size == -1) return -1;
    const net_time deadline = sock_deadline(net, s->receive_timeout);
    if (!s->is_stream()) return receive_datagram(guard, *s, *msg, static_cast<size_t>(size), flags, deadline);
    const std::span<const iovec> buffers(msg->msg_iov, msg->msg_iovlen);
    const ssize_t received = flags & MSG_PEEK && buffers.size() > 1
                                 ? peek_stream(guard, *s, buffers, static_cast<size_t>(size), flags, deadline)
                                 : receive_stream(guard, *s, buffers, flags, deadline);
    if (received == -1) return -1;
    msg->msg_namelen = 0;
    msg->msg_controllen = 0;
    msg->msg_flags = 0;
    return received;
}

} // namespace microps
