/*
 * sock_opt.cpp: what can be set about a socket and asked of it: options, file flags, ioctls. Numbers are Linux'.
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

namespace
{

/** <linux/sockios.h> has SIOCOUTQNSD; it is not POSIX'. */
constexpr unsigned long SIOCOUTQNSD_NUMBER = 0x894b;

/** An option's value as an int. Returns -1 with errno EINVAL, EFAULT. */
int int_read(const void *value, socklen_t size, int &out)
{
    if (size < sizeof(out)) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::memcpy(&out, value, sizeof(out));
    return 0;
}

/** The same for IP's options, which Linux also takes as one byte. */
int byte_read(const void *value, socklen_t size, int &out)
{
    if (size >= sizeof(out) || size == 0) return int_read(value, size, out);
    if (!value) return net_error(EFAULT);
    out = *static_cast<const uint8_t *>(value);
    return 0;
}

/** A struct timeval: zero means no limit, a negative one "at once". Returns -1 with errno EINVAL, EFAULT, EDOM. */
int timeout_read(const void *value, socklen_t size, net_duration &out)
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

timeval timeout_write(net_duration timeout)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(timeout - seconds);
    timeval tv{};
    tv.tv_sec = seconds.count();
    tv.tv_usec = static_cast<suseconds_t>(rest.count());
    return tv;
}

/** Gives an option's value out, as much as there is room for. */
template <typename T>
int option_write(const T &from, void *value, socklen_t *size)
{
    if (!value) return net_error(EFAULT);
    const size_t length = std::min<size_t>(*size, sizeof(from));
    std::memcpy(value, &from, length);
    *size = static_cast<socklen_t>(length);
    return 0;
}

int socket_option_set(net_guard &guard, sock &s, int name, const void *value, socklen_t size)
    MICROPS_REQUIRES(net_locked)
{
    if (name == SO_RCVTIMEO) return timeout_read(value, size, s.receive_timeout);
    if (name == SO_SNDTIMEO) return timeout_read(value, size, s.send_timeout);
    if (name != SO_REUSEADDR && name != SO_BROADCAST) {
        return s.kind->setopt(guard, s.desc, SOL_SOCKET, name, value, size);
    }
    int number = 0;
    if (int_read(value, size, number) == -1) return -1;
    if (name == SO_REUSEADDR) {
        s.reuse = number != 0;
        if (s.kind->is_stream()) return s.kind->setopt(guard, s.desc, SOL_SOCKET, name, value, size);
    } else if (ip_sockopts *options = s.kind->options(guard, s.desc)) {
        options->broadcast = number != 0; /* a stream takes it, and has no use for it: as on Linux */
    }
    return 0;
}

int ip_option_set(net_guard &guard, sock &s, int name, const void *value, socklen_t size) MICROPS_REQUIRES(net_locked)
{
    int number = 0;
    if (byte_read(value, size, number) == -1) return -1;
    ip_sockopts *options = s.kind->options(guard, s.desc);
    if (!options) return net_error(ENOPROTOOPT);
    switch (name) {
    case IP_TTL:
        if (number != -1 && (number < 1 || number > 255)) return net_error(EINVAL);
        options->tx.ttl = number == -1 ? IP_TTL_DEFAULT : static_cast<uint8_t>(number);
        return 0;
    case IP_TOS:
        options->tx.tos = static_cast<uint8_t>(number & 0xff);
        return 0;
    case IP_MTU_DISCOVER:
        if (number < IP_PMTUDISC_DONT || number > IP_PMTUDISC_PROBE) return net_error(EINVAL);
        options->tx.df = static_cast<ip_df>(number);
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

std::optional<int> socket_option(net_guard &guard, const sock &s, int name) MICROPS_REQUIRES(net_locked)
{
    const ip_sockopts *options = s.kind->options(guard, s.desc);
    switch (name) {
    case SO_ERROR:
        return s.kind->take_error(guard, s.desc);
    case SO_TYPE:
        return s.kind->type;
    case SO_DOMAIN:
        return AF_INET;
    case SO_PROTOCOL:
        return s.kind->protocol;
    case SO_ACCEPTCONN:
        if (s.kind->is_stream()) return std::nullopt; /* the transport knows */
        return 0;
    case SO_REUSEADDR:
        return s.reuse;
    case SO_BROADCAST:
        return options && options->broadcast;
    default:
        return std::nullopt;
    }
}

/** IP_MTU: of the path to the peer. Returns -1 with errno ENOTCONN. */
int path_mtu_write(net_guard &guard, const sock &s, void *value, socklen_t *size) MICROPS_REQUIRES(net_locked)
{
    ip_endpoint foreign;
    if (s.kind->getpeername(guard, s.desc, foreign) == -1) return net_error(ENOTCONN);
    const size_t mtu = ip_path_mtu(guard.net(), foreign.addr);
    if (mtu == 0) return net_error(ENOTCONN);
    return option_write(static_cast<int>(mtu), value, size);
}

std::optional<int> ip_option(net_guard &guard, const sock &s, int name) MICROPS_REQUIRES(net_locked)
{
    const ip_sockopts *options = s.kind->options(guard, s.desc);
    if (!options) return std::nullopt;
    switch (name) {
    case IP_TTL:
        return options->tx.ttl;
    case IP_TOS:
        return options->tx.tos;
    case IP_MTU_DISCOVER:
        return static_cast<int>(options->tx.df);
    case IP_RECVTTL:
        return s.receive_ttl;
    case IP_RECVTOS:
        return s.receive_tos;
    default:
        return std::nullopt;
    }
}

/** ioctl()'s answer. */
int ioctl_write(ssize_t bytes, void *argument)
{
    if (bytes == -1) return -1;
    if (!argument) return net_error(EFAULT);
    const int number = static_cast<int>(bytes);
    std::memcpy(argument, &number, sizeof(number));
    return 0;
}

} // namespace

int sock_setsockopt(net_stack &net, int id, int level, int name, const void *value, socklen_t size)
{
    net_guard guard(net);
    sock_hold s(net, id);
    if (!s) return net_error(EBADF);
    if (!std::in_range<int>(size)) return net_error(EINVAL);
    if (level == SOL_SOCKET) return socket_option_set(guard, *s, name, value, size);
    if (level == IPPROTO_IP) return ip_option_set(guard, *s, name, value, size);
    return s->kind->setopt(guard, s->desc, level, name, value, size);
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
    if (level == IPPROTO_IP && name == IP_MTU) return path_mtu_write(guard, *s, value, size);
    std::optional<int> number;
    if (level == SOL_SOCKET) number = socket_option(guard, *s, name);
    if (level == IPPROTO_IP) number = ip_option(guard, *s, name);
    if (number) return option_write(*number, value, size);
    return s->kind->getopt(guard, s->desc, level, name, value, *size);
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
        return ioctl_write(s->kind->pending(guard, s->desc), argument);
    case TIOCOUTQ: /* SIOCOUTQ */
        return ioctl_write(s->kind->queued(guard, s->desc, false), argument);
    case SIOCOUTQNSD_NUMBER:
        return ioctl_write(s->kind->queued(guard, s->desc, true), argument);
    default:
        return net_error(ENOTTY);
    }
}

} // namespace microps
