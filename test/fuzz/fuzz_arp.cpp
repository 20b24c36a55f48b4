/*
 * fuzz_arp.cpp: ARP messages into a stack that resolves an address meanwhile.
 */
#include "fuzz.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"

namespace microps
{
namespace
{

void run(fuzz_input input)
{
    sim_world world;
    sim_host target(world, "target");
    sim_wire wire(world, {target, "192.0.2.2/24"}, sim_raw_plug{"fuzzer", [](std::span<const uint8_t>) {
                                                                }});
    net_stack &net = target.net();
    const int id = sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    while (!input.empty()) {
        const sockaddr_in to = sockaddr_from_endpoint({ip_addr_t(be32(0xc0000200u | input.octet())), 7});
        sock_sendto(net, id, "x", 1, 0, as_sockaddr(to), sizeof(to));
        std::vector<uint8_t> frame(14, 0xff); /* to the broadcast address */
        wire_write(std::span<uint8_t>(frame).subspan(12), be16(NET_PROTOCOL_TYPE_ARP));
        const std::vector<uint8_t> message = input.bytes(28);
        frame.insert(frame.end(), message.begin(), message.end());
        wire.inject(frame);
        world.run_for(std::chrono::milliseconds(input.octet()));
    }
    world.run_for(std::chrono::minutes(2));
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run(microps::fuzz_input({data, size}));
    return 0;
}
