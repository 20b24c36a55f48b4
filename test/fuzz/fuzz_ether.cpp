/*
 * fuzz_ether.cpp: Ethernet frames into a whole stack that listens, has datagram sockets, and an established connection.
 */
#include "fuzz.hpp"
#include "microps/ether.hpp"

namespace microps
{
namespace
{

mac_addr own_address(net_stack &net)
{
    net_guard guard(net);
    for (const net_device *dev : net_devices(net)) {
        if (dev->alen == MAC_ADDR_LEN) return ether_device_addr(*dev);
    }
    return ETHER_ADDR_BROADCAST;
}

/** To us, or to all if its first byte says so; IP, or ARP if its type was. */
void fix_frame(fuzz_record &record, const mac_addr &own)
{
    const std::span<uint8_t> frame = record.bytes;
    if (frame.size() <= 14) return;
    if (record.fix_headers) {
        wire_write(frame, frame[0] == 0xff ? ETHER_ADDR_BROADCAST : own);
        if (frame[13] != 0x06) frame[13] = 0x00;
        frame[12] = 0x08;
    }
    if (frame[12] == 0x08 && frame[13] == 0x00) fuzz_fix(record, frame.subspan(14));
}

void run(fuzz_input input)
{
    sim_world world;
    sim_host target(world, "target");
    sim_host friendly(world, "friend");
    sim_wire wire(world, {target, "192.0.2.2/24"}, {friendly, "192.0.2.1/24"});
    net_stack &net = target.net();
    sock_listen(net, open_bound(net, SOCK_STREAM, 7), 10);
    open_bound(net, SOCK_DGRAM, 7);
    sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
    sock_listen(friendly.net(), open_bound(friendly.net(), SOCK_STREAM, 9), 10);
    const int client = open_bound(net, SOCK_STREAM, 5000);
    const sockaddr_in server = sockaddr_from_endpoint({ip_addr_t(be32(0xc0000201)), 9});
    sock_connect(net, client, sockaddr_of(server), sizeof(server));
    world.run_for(std::chrono::milliseconds(100));
    sock_send(net, client, "hello", 5);
    const mac_addr own = own_address(net);
    while (!input.empty()) {
        fuzz_record record = input.record();
        fix_frame(record, own);
        wire.deliver(target, record.bytes);
        world.run_for(std::chrono::milliseconds(1));
    }
    world.run_for(std::chrono::seconds(5));
}

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::run(microps::fuzz_input({data, size}));
    return 0;
}
