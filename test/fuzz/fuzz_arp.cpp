/*
 * fuzz_arp.cpp: ARP messages into a stack that resolves an address meanwhile.
 */
#include "fuzz.hpp"

namespace microps
{
namespace
{

void run(fuzz_input input)
{
    fuzz_target target(sim_link_type::ethernet);
    const int id = sock_open(target.net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    while (!input.empty()) {
        const sockaddr_in to = sockaddr_from_endpoint({ip_addr_t(be32(0xc0000200u | input.octet())), 7});
        sock_sendto(target.net, id, "x", 1, 0, sockaddr_of(to), sizeof(to));
        std::vector<uint8_t> frame(14, 0xff); /* to the broadcast address */
        wire_write(std::span<uint8_t>(frame).subspan(12), be16(NET_PROTOCOL_TYPE_ARP));
        const std::vector<uint8_t> message = input.bytes(28);
        frame.insert(frame.end(), message.begin(), message.end());
        target.wire.inject(frame);
        target.world.run_for(std::chrono::milliseconds(input.octet()));
    }
    target.world.run_for(std::chrono::minutes(2));
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run(microps::fuzz_input({data, size}));
    return 0;
}
