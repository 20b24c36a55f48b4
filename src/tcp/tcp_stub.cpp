/*
 * tcp_stub.cpp: stands in for TCP until it is there.
 */
#include "microps/tcp.hpp"

#include <cerrno>

#include <poll.h>

namespace microps
{

struct tcp_layer {
    tcp_config config{};
};

void tcp_init(net_stack &net) { net.tcp = layer_make<tcp_layer>(); }
tcp_config &tcp_configure(net_stack &net) { return net.tcp->config; }

int tcp_open(net_guard &) { return net_error(EPROTONOSUPPORT); }
int tcp_bind(net_guard &, int, const ip_endpoint &, bool) { return net_error(EBADF); }
int tcp_listen(net_guard &, int, int) { return net_error(EBADF); }
int tcp_accept(net_guard &, int, ip_endpoint *, int, net_time) { return net_error(EBADF); }
int tcp_connect(net_guard &, int, const ip_endpoint &, int, net_time) { return net_error(EBADF); }
ssize_t tcp_send(net_guard &, int, std::span<const uint8_t>, int, net_time) { return net_error(EBADF); }
ssize_t tcp_receive(net_guard &, int, std::span<uint8_t>, int, net_time) { return net_error(EBADF); }
int tcp_shutdown(net_guard &, int, int) { return net_error(EBADF); }
int tcp_close(net_guard &, int) { return net_error(EBADF); }
short tcp_poll(net_guard &, int) { return POLLNVAL; }
int tcp_getsockname(net_guard &, int, ip_endpoint &) { return net_error(EBADF); }
int tcp_getpeername(net_guard &, int, ip_endpoint &) { return net_error(EBADF); }
int tcp_take_error(net_guard &, int) { return EBADF; }

} // namespace microps
