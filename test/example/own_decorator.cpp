/* A decorator of one's own: a device around another one that loses every third frame which is sent. */
#include <cstdio>
#include <microps/driver/decorator.hpp>
#include <microps/driver/loopback.hpp>
#include <microps/ip.hpp>
#include <microps/sock.hpp>

using namespace microps;

struct losing_device final : net_device {
    losing_device(net_stack &stack, net_device &inner_, unsigned every_)
        : net_device(stack), inner(inner_), every(every_)
    {
    }

    /* As in every decorator: the inner device does the work. */
    int open() override MICROPS_REQUIRES(net_locked) { return decorator_open(*this, inner); }
    int close() override MICROPS_REQUIRES(net_locked) { return decorator_close(inner); }
    int transmit(uint16_t type_, packet_ptr pkt, const void *dst) override MICROPS_REQUIRES(net_locked)
    {
        return decorator_transmit(*this, type_, std::move(pkt), dst);
    }
    int poll() override MICROPS_REQUIRES(net_locked) { return inner.poll(); }
    int fd() const override { return inner.fd(); }

    /* What this one is for: output() sees each frame on its way out, input() each on its way in. */
    void output(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        if (++sent % every == 0) return net_drop(net, drop_reason::injected, "lost, dev=%s, frame=%u", name, sent);
        inner.output(std::move(frame));
    }
    void input(packet_ptr frame) override MICROPS_REQUIRES(net_locked)
    {
        received++;
        decorator_pass_up(*this, std::move(frame));
    }

    net_device &inner;
    unsigned every;
    unsigned sent = 0;
    unsigned received = 0;
};

/** Wraps @p inner, which its driver's *_alloc has made, and registers the pair as one device. */
static losing_device *losing_init(net_stack &net, net_device &inner, unsigned every) MICROPS_REQUIRES(net_locked)
{
    auto *dev = net_device_alloc<losing_device>(net, inner, every);
    decorator_wrap(*dev, inner);
    return net_device_register(*dev) == 0 ? dev : nullptr;
}

int main()
{
    net_stack net;
    net_init(net);
    losing_device *dev = nullptr;
    {
        net_guard guard(net);
        dev = losing_init(net, *loopback_alloc(net), 3);
        ip_iface_register(*dev, *ip_iface_alloc(net, "127.0.0.1", "255.0.0.0"));
    }
    net_run(net);

    sockaddr to{};
    sockaddr_pton("127.0.0.1:7", &to, sizeof(to));
    const int soc = sock_open(net, AF_INET, SOCK_DGRAM, 0);
    sock_bind(net, soc, &to, sizeof(to));
    for (int i = 0; i < 9; i++) {
        sock_sendto(net, soc, "datagram", 8, 0, &to, sizeof(to));
    }
    char text[16];
    for (int i = 0; i < 6; i++) {
        if (sock_recv(net, soc, text, sizeof(text)) != 8) return 1;
    }
    net_guard guard(net);
    std::printf("%u sent, %u received, %u lost\n", dev->sent, dev->received,
                static_cast<unsigned>(net.stats[drop_reason::injected]));
    return dev->received == 6 ? 0 : 1;
}
