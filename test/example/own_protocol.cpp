/* A protocol of one's own: a question and its answer, in frames of EtherType 0x88b5 (IEEE 802: local experiments). */
#include <cstdio>
#include <microps/driver/loopback.hpp>
#include <microps/net.hpp>
#include <microps/wire.hpp>

using namespace microps;

static constexpr uint16_t SUM_TYPE = 0x88b5;
enum : uint16_t { SUM_QUESTION = 1, SUM_ANSWER = 2 };

/** What stands behind the Ethernet header: two numbers, or their sum. */
struct sum_msg {
    be16 op{};
    be16 a{};
    be16 b{};
};
static_assert(sizeof(sum_msg) == 6 && alignof(sum_msg) == 1);

static int sum_output(net_device &dev, const sum_msg &msg) MICROPS_REQUIRES(net_locked)
{
    packet_ptr pkt = packet_alloc(dev.net, LINK_HEADROOM, wire_bytes(msg));
    if (!pkt) return -1;
    return net_device_output(dev, SUM_TYPE, std::move(pkt), nullptr); /* to everybody on the link */
}

static void sum_input(const packet &pkt, net_device &dev) MICROPS_REQUIRES(net_locked)
{
    std::span<const uint8_t> data = pkt.bytes(); /* may be longer: Ethernet pads to 46 bytes */
    const auto msg = wire_read<sum_msg>(data);
    if (!msg) return net_drop(dev.net, drop_reason::too_short, "too short, dev=%s, len=%zu", dev.name, pkt.size());
    if (msg->op == SUM_QUESTION) {
        std::printf("%u + %u?\n", msg->a.value(), msg->b.value());
        sum_output(dev, {.op = SUM_ANSWER, .a = static_cast<uint16_t>(msg->a + msg->b), .b = 0});
    } else {
        std::printf("it is %u\n", msg->a.value());
    }
}

int main()
{
    net_stack net;
    net_init(net);
    net_device *dev = nullptr;
    {
        net_guard guard(net);
        net_protocol_register(net, "SUM", SUM_TYPE, [&net](const packet &pkt, net_device &from) {
            net_assert_locked(net); /* handlers are called under the lock */
            sum_input(pkt, from);
        });
        dev = loopback_init(net);
    }
    net_run(net, net_engine::caller); /* no thread: each net_poll() below is one turn of the engine */
    {
        net_guard guard(net);
        sum_output(*dev, {.op = SUM_QUESTION, .a = 40, .b = 2});
    }
    net_poll(net); /* the question comes in, and is answered */
    net_poll(net); /* the answer comes in */
    net_shutdown(net);
    return 0;
}
