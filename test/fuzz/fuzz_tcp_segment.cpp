/*
 * fuzz_tcp_segment.cpp: segments with numbers near the right ones, calls of the application, and time, in any order.
 */
#include "fuzz.hpp"
#include "microps/sim/tcp_peer.hpp"

#include <string>

namespace microps
{
namespace
{

void segment_step(tcp_peer &peer, fuzz_input &input)
{
    const uint8_t shape = input.octet();
    tcp_pattern what = segment(input.octet());
    what.seq(peer.nxt + input.step()).win(input.word());
    if (shape & 0x01) what.ack(peer.rcv + input.step());
    if (shape & 0x02) what.ack(peer.rcv_max());
    if (shape & 0x04) what.len(input.octet() * size_t{6});
    if (shape & 0x08) what.raw_options(input.bytes(std::min<size_t>(input.octet(), 40)));
    if (shape & 0x10) what.off(input.octet() & 0x0f);
    if (shape & 0x20) what.peer_port(static_cast<uint16_t>(peer.peer_port + input.octet() % 4));
    peer.send(what);
}

void run(fuzz_input input)
{
    const uint8_t how = input.octet();
    sim_world world(how);
    world.on_failure([](const sim_site &, const std::string &) {}); /* wrong expectations are not what is looked for */
    constexpr std::array starts{listening, connecting, connected, connected};
    tcp_peer peer(world, starts[how % 4], {.configure = [how](tcp_config &config) {
                      config.half_open_max = 8;
                      if (how & 0x10) config.receive_buffer = 3000;
                  }});
    for (int steps = 0; !input.empty() && steps < 400; steps++) {
        switch (input.octet() % 12) {
        case 0:
            peer.app_write(std::string(input.word() % 8000, 'a'));
            break;
        case 1:
            peer.app_read(input.word());
            break;
        case 2:
            peer.app_shutdown(input.octet() % 3);
            break;
        case 3:
            if (input.octet() % 8 == 0) peer.app_close();
            break;
        case 4:
            peer.app_accept();
            break;
        case 5:
            peer.wait(std::chrono::milliseconds(input.word()));
            break;
        case 6:
            peer.nxt = peer.una();
            break;
        case 7:
            peer.rcv = peer.rcv_max();
            break;
        default:
            segment_step(peer, input);
        }
        peer.skip();
    }
    peer.wait(std::chrono::minutes(5));
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run(microps::fuzz_input({data, size}));
    return 0;
}
