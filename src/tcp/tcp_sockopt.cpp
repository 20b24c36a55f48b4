/*
 * tcp_sockopt.cpp: options of a connection, with Linux' levels, names and values.
 */
#include "tcp_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace microps
{

namespace
{

std::optional<int> read_int(const void *value, socklen_t size)
{
    int number = 0;
    if (!value || size < sizeof(number)) return std::nullopt;
    std::memcpy(&number, value, sizeof(number));
    return number;
}

/** Copies as much as there is room for, as Linux does. */
template <typename T>
int answer(void *value, socklen_t &size, const T &result)
{
    if (!value) return net_error(EFAULT);
    size = std::min<socklen_t>(size, sizeof(result));
    std::memcpy(value, &result, size);
    return 0;
}

uint32_t buffer_size(int wanted)
{
    return static_cast<uint32_t>(std::clamp<int64_t>(wanted, TCP_BUFFER_MIN, TCP_BUFFER_MAX));
}

int set_linger(tcp_pcb &pcb, const void *value, socklen_t size)
{
    struct linger wanted {
    };
    if (!value || size < sizeof(wanted)) return net_error(EINVAL);
    std::memcpy(&wanted, value, sizeof(wanted));
    pcb.linger = wanted.l_onoff ? std::max(wanted.l_linger, 0) : -1;
    return 0;
}

int set_socket_option(tcp_pcb &pcb, int name, int value) MICROPS_REQUIRES(net_locked)
{
    switch (name) {
    case SO_KEEPALIVE:
        pcb.keepalive = value != 0;
        return 0;
    case SO_REUSEADDR:
        pcb.reuse = value != 0;
        return 0;
    case SO_SNDBUF:
        pcb.tx_limit = buffer_size(value);
        pcb.tx_fixed = true;
        sched_wakeup(pcb.net, pcb.ctx);
        return 0;
    case SO_RCVBUF:
        pcb.rx_limit = buffer_size(value);
        pcb.rx_fixed = true;
        tcp_window_update(pcb);
        return 0;
    default:
        return net_error(ENOPROTOOPT);
    }
}

int set_tcp_option(tcp_pcb &pcb, int name, int value) MICROPS_REQUIRES(net_locked)
{
    if (name == TCP_QUICKACK) {
        tcp_quickack_set(pcb, value);
        return 0;
    }
    if (name != TCP_NODELAY) return net_error(ENOPROTOOPT);
    pcb.nodelay = value != 0;
    tcp_output_request(pcb); /* what Nagle held back goes */
    return 0;
}

int get_socket_option(const tcp_pcb &pcb, int name, void *value, socklen_t &size)
{
    switch (name) {
    case SO_KEEPALIVE:
        return answer(value, size, int{pcb.keepalive});
    case SO_REUSEADDR:
        return answer(value, size, int{pcb.reuse});
    case SO_SNDBUF:
        return answer(value, size, static_cast<int>(pcb.tx_limit));
    case SO_RCVBUF:
        return answer(value, size, static_cast<int>(pcb.rx_limit));
    case SO_ACCEPTCONN:
        return answer(value, size, int{pcb.state == tcp_pcb_state::listen});
    case SO_LINGER:
        return answer(value, size, linger{.l_onoff = pcb.linger >= 0, .l_linger = std::max(pcb.linger, 0)});
    default:
        return net_error(ENOPROTOOPT);
    }
}

} // namespace

ip_sockopts *tcp_sockopts(net_guard &guard, int id)
{
    tcp_pcb *pcb = tcp_pcb_get(guard.net(), id);
    return pcb ? &pcb->ip : nullptr;
}

int tcp_setopt(net_guard &guard, int id, int level, int name, const void *value, socklen_t size)
{
    tcp_pcb *pcb = tcp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (level == SOL_SOCKET && name == SO_LINGER) return set_linger(*pcb, value, size);
    const std::optional<int> number = read_int(value, size);
    if (!number) return net_error(EINVAL);
    if (level == SOL_SOCKET) return set_socket_option(*pcb, name, *number);
    if (level == IPPROTO_TCP) return set_tcp_option(*pcb, name, *number);
    return net_error(ENOPROTOOPT);
}

int tcp_getopt(net_guard &guard, int id, int level, int name, void *value, socklen_t &size)
{
    const tcp_pcb *pcb = tcp_pcb_get(guard.net(), id);
    if (!pcb) return -1;
    if (level == SOL_SOCKET) return get_socket_option(*pcb, name, value, size);
    if (level == IPPROTO_TCP && name == TCP_NODELAY) return answer(value, size, int{pcb->nodelay});
    if (level == IPPROTO_TCP && name == TCP_QUICKACK) return answer(value, size, int{!pcb->ack_delay.interactive()});
    if (level == IPPROTO_TCP && name == TCP_MAXSEG) return answer(value, size, static_cast<int>(pcb->mss));
    return net_error(ENOPROTOOPT);
}

} // namespace microps
