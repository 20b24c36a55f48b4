/*
 * fuzz_ip.cpp: IP packets, fragments among them, into a stack with sockets, and time for their timeouts.
 */
#include "fuzz.hpp"

namespace microps
{
namespace
{

void run(fuzz_input input)
{
    fuzz_target target(sim_link_type::raw_ip);
    net_stack &net = target.net;
    sock_open(net, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
    open_bound(net, SOCK_DGRAM, 7);
    sock_listen(net, open_bound(net, SOCK_STREAM, 7), 10);
    while (!input.empty()) {
        fuzz_record record = input.record();
        fuzz_fix(record, record.bytes);
        target.wire.inject(record.bytes);
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
