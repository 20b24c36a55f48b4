/*
 * default_stack.hpp: the process-wide stack, and the calls that programs make, without the stack as first parameter.
 *
 * For programs; the library and its tests do without. Each overload takes the stack's lock unless this thread holds it
 * already: so a program calls the same names from main() and from its handlers. Where a function finds the stack in a
 * device or interface, the overload here takes a pointer, as the original does. A call that would block fails in a
 * handler with EDEADLK. For every other function of the library, take the lock and name the stack:
 *
 *     net_guard guard(net_default());
 *     arp_set_static(*iface, addr, mac);
 */
#pragma once

#include "microps/driver/ether_pcap.hpp"
#include "microps/driver/ether_tap.hpp"
#include "microps/driver/loopback.hpp"
#include "microps/driver/null.hpp"
#include "microps/driver/tun.hpp"
#include "microps/icmp.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/packet.hpp"
#include "microps/sock.hpp"
#include "microps/udp.hpp"

#include <cerrno>
#include <concepts>
#include <utility>

namespace microps
{

/** The stack of this process, made when it is first asked for. */
net_stack &net_default();

/* net.hpp: life */

inline int net_init() { return net_init(net_default()); }
inline int net_run(net_engine engine = net_engine::thread) { return net_run(net_default(), engine); }
inline void net_shutdown() { net_shutdown(net_default()); }
/** For a signal handler, if net_default() has been called before (net_init() does). */
inline int net_interrupt()
{
    net_interrupt(net_default());
    return 0;
}

/* net.hpp: devices, protocols, timers, events */

template <typename T = net_device, typename... Args>
requires std::constructible_from<T, net_stack &, Args...> T *net_device_alloc(Args &&...args)
{
    net_guard guard(net_default());
    return net_device_alloc<T>(guard.net(), std::forward<Args>(args)...);
}
inline int net_device_register(net_device *dev)
{
    net_guard guard(dev->net);
    return net_device_register(*dev);
}
/** With a copy of @p data. */
inline int net_device_output(net_device *dev, uint16_t type, std::span<const uint8_t> data, const void *dst)
{
    net_guard guard(dev->net);
    packet_ptr pkt = packet_alloc(dev->net, LINK_HEADROOM, data);
    return pkt ? net_device_output(*dev, type, std::move(pkt), dst) : net_error(ENOBUFS);
}
inline int net_protocol_register(const char *name, uint16_t type, net_protocol_input handler)
{
    net_guard guard(net_default());
    return net_protocol_register(guard.net(), name, type, std::move(handler));
}
inline net_periodic *net_timer_register(const char *name, net_duration interval, net_periodic_function handler,
                                        bool parked = false)
{
    net_guard guard(net_default());
    return net_timer_register(guard.net(), name, interval, std::move(handler), parked);
}
inline int net_event_subscribe(std::function<void()> handler)
{
    net_guard guard(net_default());
    return net_event_subscribe(guard.net(), std::move(handler));
}

/* driver/ */

inline net_device *null_init()
{
    net_guard guard(net_default());
    return null_init(guard.net());
}
inline net_device *loopback_init()
{
    net_guard guard(net_default());
    return loopback_init(guard.net());
}
inline net_device *ether_tap_init(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_tap_init(guard.net(), name, addr);
}
inline net_device *ether_pcap_init(const char *name, const char *addr)
{
    net_guard guard(net_default());
    return ether_pcap_init(guard.net(), name, addr);
}
inline net_device *tun_init(const char *name)
{
    net_guard guard(net_default());
    return tun_init(guard.net(), name);
}

/* ip.hpp, icmp.hpp, udp.hpp */

inline ip_iface *ip_iface_alloc(const char *unicast, const char *netmask)
{
    net_guard guard(net_default());
    return ip_iface_alloc(guard.net(), unicast, netmask);
}
inline int ip_iface_register(net_device *dev, ip_iface *iface)
{
    net_guard guard(dev->net);
    return ip_iface_register(*dev, *iface);
}
inline ip_iface *ip_iface_select(ip_addr_t addr)
{
    net_guard guard(net_default());
    return ip_iface_select(guard.net(), addr);
}
inline int ip_route_set_default_gateway(ip_iface *iface, const char *gateway)
{
    net_guard guard(iface->dev->net);
    return ip_route_set_default_gateway(*iface, gateway);
}
inline ip_iface *ip_route_get_iface(ip_addr_t dst)
{
    net_guard guard(net_default());
    return ip_route_get_iface(guard.net(), dst);
}
inline int ip_protocol_register(const char *name, uint8_t type, ip_protocol_input input,
                                ip_protocol_error error = nullptr)
{
    net_guard guard(net_default());
    return ip_protocol_register(guard.net(), name, type, std::move(input), std::move(error));
}
/** With a copy of @p data. */
inline ssize_t ip_output(uint8_t protocol, std::span<const uint8_t> data, ip_addr_t src, ip_addr_t dst,
                         const ip_tx &tx = {})
{
    net_guard guard(net_default());
    packet_ptr pkt = packet_alloc(guard.net(), IP_HEADROOM, data);
    return pkt ? ip_output(guard.net(), protocol, std::move(pkt), src, dst, tx) : net_error(ENOBUFS);
}
inline ssize_t icmp_output(uint8_t type, uint8_t code, be32 values, std::span<const uint8_t> data, ip_addr_t src,
                           ip_addr_t dst, const ip_tx &tx = {})
{
    net_guard guard(net_default());
    return icmp_output(guard.net(), type, code, values, data, src, dst, tx);
}
inline ssize_t udp_output(const ip_endpoint &src, const ip_endpoint &dst, std::span<const uint8_t> data,
                          const ip_tx &tx = {})
{
    net_guard guard(net_default());
    return udp_output(guard.net(), src, dst, data, tx);
}

/* sock.hpp */

inline int sock_open(int domain, int type, int protocol) { return sock_open(net_default(), domain, type, protocol); }
inline int sock_open_rfc793(const ip_endpoint &local, const ip_endpoint *foreign, bool active)
{
    return sock_open_rfc793(net_default(), local, foreign, active);
}
inline int sock_close(int id) { return sock_close(net_default(), id); }
inline int sock_bind(int id, const sockaddr *addr, socklen_t addrlen)
{
    return sock_bind(net_default(), id, addr, addrlen);
}
inline int sock_listen(int id, int backlog) { return sock_listen(net_default(), id, backlog); }
inline int sock_accept(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_accept(net_default(), id, addr, addrlen);
}
inline int sock_accept4(int id, sockaddr *addr, socklen_t *addrlen, int flags)
{
    return sock_accept4(net_default(), id, addr, addrlen, flags);
}
inline int sock_connect(int id, const sockaddr *addr, socklen_t addrlen)
{
    return sock_connect(net_default(), id, addr, addrlen);
}
inline int sock_shutdown(int id, int how) { return sock_shutdown(net_default(), id, how); }
inline ssize_t sock_send(int id, const void *data, size_t size, int flags = 0)
{
    return sock_send(net_default(), id, data, size, flags);
}
inline ssize_t sock_recv(int id, void *data, size_t size, int flags = 0)
{
    return sock_recv(net_default(), id, data, size, flags);
}
inline ssize_t sock_sendto(int id, const void *data, size_t size, int flags, const sockaddr *addr, socklen_t addrlen)
{
    return sock_sendto(net_default(), id, data, size, flags, addr, addrlen);
}
inline ssize_t sock_sendto(int id, const void *data, size_t size, const sockaddr *addr, socklen_t addrlen)
{
    return sock_sendto(net_default(), id, data, size, addr, addrlen);
}
inline ssize_t sock_recvfrom(int id, void *data, size_t size, int flags, sockaddr *addr, socklen_t *addrlen)
{
    return sock_recvfrom(net_default(), id, data, size, flags, addr, addrlen);
}
inline ssize_t sock_recvfrom(int id, void *data, size_t size, sockaddr *addr, socklen_t *addrlen)
{
    return sock_recvfrom(net_default(), id, data, size, addr, addrlen);
}
inline ssize_t sock_sendmsg(int id, const msghdr *msg, int flags = 0)
{
    return sock_sendmsg(net_default(), id, msg, flags);
}
inline ssize_t sock_recvmsg(int id, msghdr *msg, int flags = 0) { return sock_recvmsg(net_default(), id, msg, flags); }
inline int sock_getsockname(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_getsockname(net_default(), id, addr, addrlen);
}
inline int sock_getpeername(int id, sockaddr *addr, socklen_t *addrlen)
{
    return sock_getpeername(net_default(), id, addr, addrlen);
}
inline int sock_getsockopt(int id, int level, int name, void *value, socklen_t *size)
{
    return sock_getsockopt(net_default(), id, level, name, value, size);
}
inline int sock_setsockopt(int id, int level, int name, const void *value, socklen_t size)
{
    return sock_setsockopt(net_default(), id, level, name, value, size);
}
inline int sock_fcntl(int id, int command, int argument = 0)
{
    return sock_fcntl(net_default(), id, command, argument);
}
inline int sock_ioctl(int id, unsigned long request, void *argument)
{
    return sock_ioctl(net_default(), id, request, argument);
}
inline int sock_poll(pollfd *fds, nfds_t count, int timeout) { return sock_poll(net_default(), fds, count, timeout); }

} // namespace microps
