/*
 * fuzz_ip.cpp: IP packets, fragments among them, into a stack with sockets, and time for their timeouts.
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
    sim_wire wire(world, {target, "192.0.2.2/24"},
                  sim_raw_plug{"fuzzer",
                               [](std::span<const uint8_t>) {
                               }},
                  {.link = sim_link_type::raw_ip});
    net_stack &net = target.net();
    sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
    open_bound(net, SOCK_DGRAM, 7);
    sock_listen(net, open_bound(net, SOCK_STREAM, 7), 10);
    while (!input.empty()) {
        fuzz_record record = input.record();
        fuzz_fix(record, record.bytes);
        wire.inject(record.bytes);
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
