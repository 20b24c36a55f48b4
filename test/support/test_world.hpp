/*
 * test_world.hpp: a simulated world whose failures are googletest's.
 *
 *     test_world world;
 *     tcp_peer peer(world, connected);
 *     peer.expect(ack(peer.nxt));      a failure is reported at this line, with the exchange so far and the seed
 */
#pragma once

#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace microps
{

class test_world : public sim_world
{
public:
    explicit test_world(uint64_t seed = 1) : sim_world(seed)
    {
        on_failure([](const sim_site &site, const std::string &text) {
            GTEST_MESSAGE_AT_(site.file, site.line, text.c_str(), ::testing::TestPartResult::kNonFatalFailure);
        });
        if (std::getenv("MICROPS_LOG")) log(log_get_level());
    }
};

} // namespace microps
