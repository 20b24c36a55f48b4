/*
 * sock_opt.cpp: socket options, file flags and ioctls, with Linux' numbers.
 */
#include "sock_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/time.h>

namespace microps
{

/** <linux/sockios.h> has SIOCOUTQNSD; it is not POSIX'. */
static constexpr unsigned long SIOCOUTQNSD_NUMBER = 0x894b;

/** An option's value as an int. Returns -1 with errno EINVAL, EFAULT. */
static int int_read(const void *value, socklen_t size, int &out)
{
    if (size < sizeof(out)) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::memcpy(&out, value, sizeof(out));
    return 0;
}

/** The same for IP's options, which Linux also takes as one byte. */
static int byte_read(const void *value, socklen_t size, int &out)
{
    if (size >= sizeof(out) || size == 0) return int_read(value, size, out);
    if (!value) return net_error(EFAULT);
    out = *static_cast<const uint8_t *>(value);
    return 0;
}

/** A struct timeval: zero means no limit, a negative one "at once". Returns -1 with errno EINVAL, EFAULT, EDOM. */
static int timeout_read(const void *value, socklen_t size, net_duration &out)
{
    timeval tv{};
    if (size < sizeof(tv)) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::memcpy(&tv, value, sizeof(tv));
    if (tv.tv_usec < 0 || tv.tv_usec >= 1000000) return net_error(EDOM);
    constexpr auto forever = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::years(100));
    const std::chrono::seconds seconds(tv.tv_sec);
    out = seconds < std::chrono::seconds::zero() ? net_duration(1)
          : seconds > forever                    ? net_duration::zero()
                                                 : seconds + std::chrono::microseconds(tv.tv_usec);
    return 0;
}

static timeval timeout_write(net_duration timeout)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(timeout - seconds);
    timeval tv{};
    tv.tv_sec = static_cast<time_t>(seconds.count());
    tv.tv_usec = static_cast<suseconds_t>(rest.count());
    return tv;
}

/** Copies an option's value to the user, as much as fits into *size bytes, and sets *size. */
template <typename T>
static int option_write(const T &from, void *value, socklen_t *size)
{
    if (!value) return net_error(EFAULT);
    const size_t length = std::min<size_t>(*size, sizeof(from));
    std::memcpy(value, &from, length);
    *size = static_cast<socklen_t>(length);
    return 0;
}

static int socket_option_set(sock &s, int name, const void *value, socklen_t size) MICROPS_REQUIRES(net_locked)
{
    if (name == SO_RCVTIMEO) return timeout_read(value, size, s.receive_timeout);
    if (name == SO_SNDTIMEO) return timeout_read(value, size, s.send_timeout);
    if (name != SO_REUSEADDR && name != SO_BROADCAST) return s.endpoint->setopt(SOL_SOCKET, name, value, size);
    int number = 0;
    if (int_read(value, size, number) == -1) return -1;
    /* A stream accepts SO_BROADCAST, which has no effect: on Linux the call succeeds, too. */
    (name == SO_REUSEADDR ? s.endpoint->reuse : s.endpoint->options.broadcast) = number != 0;
    return 0;
}

static int ip_option_set(sock &s, int name, const void *value, socklen_t size) MICROPS_REQUIRES(net_locked)
{
    int number = 0;
    if (byte_read(value, size, number) == -1) return -1;
    ip_tx &tx = s.endpoint->options.tx;
    switch (name) {
    case IP_TTL:
        if (number != -1 && (number < 1 || number > 255)) return net_error(EINVAL);
        tx.ttl = number == -1 ? IP_TTL_DEFAULT : static_cast<uint8_t>(number);
        return 0;
    case IP_TOS:
        tx.tos = static_cast<uint8_t>(number & 0xff);
        return 0;
    case IP_MTU_DISCOVER:
        if (number < IP_PMTUDISC_DONT || number > IP_PMTUDISC_PROBE) return net_error(EINVAL);
        tx.df = static_cast<ip_df>(number);
        return 0;
    case IP_RECVTTL:
        s.receive_ttl = number != 0;
        return 0;
    case IP_RECVTOS:
        s.receive_tos = number != 0;
        return 0;
    default:
        return net_error(ENOPROTOOPT);
    }
}

static std::optional<int> socket_option(const sock &s, int name) MICROPS_REQUIRES(net_locked)
{
    switch (name) {
    case SO_ERROR:
        return s.endpoint->take_error();
    case SO_TYPE:
        return s.type;
    case SO_DOMAIN:
        return AF_INET;
    case SO_PROTOCOL:
        return s.protocol;
    case SO_ACCEPTCONN:
        if (s.is_stream()) return std::nullopt; /* the transport knows */
        return 0;
    case SO_REUSEADDR:
        return s.endpoint->reuse;
    case SO_BROADCAST:
        return s.endpoint->options.broadcast;
    default:
        return std::nullopt;
    }
}

/** IP_MTU: of the path to the peer. Returns -1 with errno ENOTCONN. */
static int path_mtu_write(const sock &s, void *value, socklen_t *size) MICROPS_REQUIRES(net_locked)
{
    if (!s.endpoint->has_peer()) return net_error(ENOTCONN);
    const size_t mtu = ip_path_mtu(s.endpoint->net, s.endpoint->foreign.addr);
    if (mtu == 0) return net_error(ENOTCONN);
    return option_write(static_cast<int>(mtu), value, size);
}

static std::optional<int> ip_option(const sock &s, int name) MICROPS_REQUIRES(net_locked)
{
    const ip_tx &tx = s.endpoint->options.tx;
    switch (name) {
    case IP_TTL:
        return tx.ttl;
    case IP_TOS:
        return tx.tos;
    case IP_MTU_DISCOVER:
        return static_cast<int>(tx.df);
    case IP_RECVTTL:
        return s.receive_ttl;
    case IP_RECVTOS:
        return s.receive_tos;
    default:
        return std::nullopt;
    }
}

/** ioctl()'s answer. */
static int ioctl_write(ssize_t bytes, void *argument)
{
    if (bytes == -1) return -1;
    if (!argument) return net_error(EFAULT);
    const int number = static_cast<int>(bytes);
    std::memcpy(argument, &number, sizeof(number));
    return 0;
}

int sock_setsockopt(net_stack &net, int id, int level, int name, const void *value, socklen_t size)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!std::in_range<int>(size)) return net_error(EINVAL);
    if (level == SOL_SOCKET) return socket_option_set(*s, name, value, size);
    if (level == IPPROTO_IP) return ip_option_set(*s, name, value, size);
    return s->endpoint->setopt(level, name, value, size);
}

int sock_getsockopt(net_stack &net, int id, int level, int name, void *value, socklen_t *size)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!size) return net_error(EFAULT);
    if (!std::in_range<int>(*size)) return net_error(EINVAL);
    if (level == SOL_SOCKET && name == SO_RCVTIMEO) return option_write(timeout_write(s->receive_timeout), value, size);
    if (level == SOL_SOCKET && name == SO_SNDTIMEO) return option_write(timeout_write(s->send_timeout), value, size);
    if (level == IPPROTO_IP && name == IP_MTU) return path_mtu_write(*s, value, size);
    std::optional<int> number;
    if (level == SOL_SOCKET) number = socket_option(*s, name);
    if (level == IPPROTO_IP) number = ip_option(*s, name);
    if (number) return option_write(*number, value, size);
    return s->endpoint->getopt(level, name, value, *size);
}

int sock_fcntl(net_stack &net, int id, int command, int argument)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    switch (command) {
    case F_GETFL:
        return O_RDWR | (s->nonblock ? O_NONBLOCK : 0);
    case F_SETFL:
        s->nonblock = argument & O_NONBLOCK;
        return 0;
    default:
        return net_error(EINVAL);
    }
}

int sock_ioctl(net_stack &net, int id, unsigned long request, void *argument)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    int number = 0;
    switch (request) {
    case FIONBIO:
        if (int_read(argument, sizeof(number), number) == -1) return -1;
        s->nonblock = number != 0;
        return 0;
    case FIONREAD:
        return ioctl_write(s->endpoint->pending(), argument);
    case TIOCOUTQ: /* SIOCOUTQ */
        return ioctl_write(s->endpoint->queued(false), argument);
    case SIOCOUTQNSD_NUMBER:
        return ioctl_write(s->endpoint->queued(true), argument);
    default:
        return net_error(ENOTTY);
    }
}

} // namespace microps
