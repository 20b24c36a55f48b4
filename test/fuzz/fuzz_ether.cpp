/*
 * fuzz_ether.cpp: Ethernet frames into a whole stack that listens, has datagram sockets, and an established connection.
 */
#include "fuzz.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"

namespace microps
{
namespace
{

const sockaddr *as_sockaddr(const sockaddr_in &addr)
{
    return static_cast<const sockaddr *>(static_cast<const void *>(&addr));
}

int open_bound(net_stack &net, int type, uint16_t port)
{
    const int id = sock_open(net, AF_INET, type | SOCK_NONBLOCK, 0);
    const sockaddr_in local = sockaddr_from_endpoint({IP_ADDR_ANY, port});
    sock_bind(net, id, as_sockaddr(local), sizeof(local));
    return id;
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
    sock_connect(net, client, as_sockaddr(server), sizeof(server));
    world.run_for(std::chrono::milliseconds(100));
    sock_send(net, client, "hello", 5);
    while (!input.empty()) {
        bool intact = false;
        std::vector<uint8_t> frame = input.record(intact);
        if (intact && frame.size() > 14) fuzz_fix_checksums(std::span<uint8_t>(frame).subspan(14));
        wire.deliver(target, frame);
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
