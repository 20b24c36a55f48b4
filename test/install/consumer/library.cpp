/* A program that uses the library: one stack, a datagram through its loopback device. */
#include <microps/driver/loopback.hpp>
#include <microps/ip.hpp>
#include <microps/sock.hpp>

#include <array>
#include <cstdio>
#include <cstring>

#if __has_include("net.h") || __has_include("sock.h")
#error "the original's header names are for those who link microps::compat"
#endif

using namespace microps;

int main()
{
    net_stack net;
    net_init(net);
    {
        const net_guard guard(net);
        net_device *loopback = loopback_init(net);
        ip_iface_register(*loopback, *ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
    }
    if (net_run(net) == -1) return 1;

    sockaddr addr{};
    sockaddr_pton("127.0.0.1:7", &addr, sizeof(addr));
    const int soc = sock_open(net, AF_INET, SOCK_DGRAM, 0);
    std::array<char, 16> text{};
    const bool worked = sock_bind(net, soc, &addr, sizeof(addr)) == 0 &&
                        sock_sendto(net, soc, "hello", 5, &addr, sizeof(addr)) == 5 &&
                        sock_recv(net, soc, text.data(), text.size()) == 5 && std::strcmp(text.data(), "hello") == 0;
    net_shutdown(net);
    std::puts(worked ? "hello" : "failed");
    return worked ? 0 : 1;
}
