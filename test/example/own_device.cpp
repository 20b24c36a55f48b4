/* A device of one's own: every message of a UNIX socket is one Ethernet frame. Two stacks, one at each end of it. */
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <microps/ether.hpp>
#include <microps/ip.hpp>
#include <microps/sock.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace microps;

struct pair_device final : net_device {
    pair_device(net_stack &stack, int socket_, const mac_addr &mac) : net_device(stack), socket(socket_)
    {
        ether_setup_helper(*this); /* type, MTU, flags, lengths, the broadcast address */
        ether_device_set_addr(*this, mac);
    }
    int close() override MICROPS_REQUIRES(net_locked) { return ::close(socket); }
    int transmit(uint16_t type_, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return ether_transmit_helper(*this, type_, std::move(pkt), dst); /* Ethernet's header in front, then output() */
    }
    size_t write(std::span<const packet_ptr> frames) override
    {
        return static_cast<size_t>(std::count_if(frames.begin(), frames.end(), [this](const packet_ptr &frame) {
            return send(socket, frame->data(), frame->size(), MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
        }));
    }
    int fd() const override { return socket; }
    int poll() override MICROPS_REQUIRES(net_locked)
    {
        uint8_t data[ETHER_FRAME_SIZE_MAX];
        const ssize_t size = recv(socket, data, sizeof(data), MSG_DONTWAIT);
        if (size == -1 && errno == EAGAIN) return 0;
        if (size <= 0) {
            warnf("the other end is gone, dev=%s", name);
            return -1;
        }
        packet_ptr frame = packet_alloc(net, 0, {data, static_cast<size_t>(size)});
        if (frame) net_device_input(*this, std::move(frame)); /* else it is lost: there is no memory for it */
        return 1;
    }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked) { ether_input_helper(*this, std::move(frame)); }

    int socket;
};

static void start(net_stack &net, int socket, const char *mac, const char *addr)
{
    mac_addr own;
    ether_addr_pton(mac, own);
    net_init(net);
    {
        net_guard guard(net); /* holds the stack's lock, which all these functions need */
        net_device *dev = net_device_alloc<pair_device>(net, socket, own);
        net_device_register(*dev);
        ip_iface_register(*dev, *ip_iface_alloc(net, addr, "255.255.255.0"));
    }
    net_run(net);
}

int main()
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == -1) return 1;
    net_stack left;
    net_stack right;
    start(left, ends[0], "00:00:5e:00:53:01", "192.0.2.1");
    start(right, ends[1], "00:00:5e:00:53:02", "192.0.2.2");

    sockaddr to{};
    sockaddr_pton("192.0.2.2:7", &to, sizeof(to));
    const int server = sock_open(right, AF_INET, SOCK_DGRAM, 0);
    sock_bind(right, server, &to, sizeof(to));
    const int client = sock_open(left, AF_INET, SOCK_DGRAM, 0);
    sock_sendto(left, client, "hello", 5, 0, &to, sizeof(to));

    char text[16]{};
    const ssize_t size = sock_recv(right, server, text, sizeof(text) - 1);
    std::printf("%zd bytes from left to right: %s\n", size, text);
    net_shutdown(left);
    net_shutdown(right);
    return size == 5 ? 0 : 1;
}
