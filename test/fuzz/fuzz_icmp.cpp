/*
 * fuzz_icmp.cpp: ICMP messages into a stack with a ping socket, a datagram socket and a connection.
 */
#include "fuzz.hpp"

namespace microps
{
namespace
{

/** An IP packet from 192.0.2.1 to 192.0.2.2 around @p message. */
std::vector<uint8_t> icmp_packet(const std::vector<uint8_t> &message)
{
    std::vector<uint8_t> packet{0x45, 0, 0, 0, 0, 1, 0, 0, 64, IP_PROTOCOL_ICMP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
    packet.insert(packet.end(), message.begin(), message.end());
    wire_write(std::span<uint8_t>(packet).subspan(2), be16(static_cast<uint16_t>(packet.size())));
    fuzz_fix_checksums(packet);
    return packet;
}

void run(fuzz_input input)
{
    std::vector<uint8_t> seen; /* what the stack has sent last: errors may quote it */
    fuzz_target target(sim_link_type::raw_ip,
                       [&](std::span<const uint8_t> packet) { seen.assign(packet.begin(), packet.end()); });
    net_stack &net = target.net;
    const sockaddr_in to = sockaddr_from_endpoint({ip_addr_t(be32(0xc0000201)), 9});
    const int ping = sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
    const std::array<uint8_t, 8> echo{8, 0, 0, 0, 0, 0, 0, 1};
    const int datagram = sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const int stream = sock_open(net, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sock_connect(net, stream, sockaddr_of(to), sizeof(to));
    while (!input.empty()) {
        const uint8_t shape = input.octet();
        if (shape & 0x01) sock_sendto(net, ping, echo.data(), echo.size(), 0, sockaddr_of(to), sizeof(to));
        if (shape & 0x02) sock_sendto(net, datagram, "x", 1, 0, sockaddr_of(to), sizeof(to));
        target.world.run_for(std::chrono::milliseconds(shape));
        std::vector<uint8_t> message = input.bytes(input.octet());
        if (shape &
            0x04) { /* an error about our own packet: the fuzzer chooses type, code, MTU and how much it quotes */
            message.resize(8);
            const size_t quoted = std::min<size_t>(input.octet(), seen.size());
            message.insert(message.end(), seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(quoted));
        }
        target.wire.inject(icmp_packet(message));
        target.world.settle();
    }
    target.world.run_for(std::chrono::seconds(10));
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run(microps::fuzz_input({data, size}));
    return 0;
}
