/*
 * stats_test.cpp: every counter has a name of its own.
 */
#include "microps/stack.hpp"
#include "microps/stats.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace microps
{

/* Reasons are told apart by name in logs and in gdb. */
TEST(Stats, EveryDropReasonHasItsOwnName)
{
    std::set<std::string> names;
    for (size_t i = 0; i < static_cast<size_t>(drop_reason::count); i++) {
        const std::string name = drop_reason_name(static_cast<drop_reason>(i));
        EXPECT_TRUE(!name.empty() && names.insert(name).second) << name;
    }
}

/* Counters are told apart by name in logs and in gdb. */
TEST(Stats, EveryCounterHasItsOwnName)
{
    std::set<std::string> names;
    for (size_t i = 0; i < static_cast<size_t>(counter::count); i++) {
        const std::string name = counter_name(static_cast<counter>(i));
        EXPECT_TRUE(!name.empty() && names.insert(name).second) << name;
    }
}

/* Each drop is counted under its reason; their sum is the number of all drops. */
TEST(Stats, DropsAreCountedByReasonAndInAll)
{
    net_stack net({.seed = 1});
    net_guard guard(net);
    net_drop(net, drop_reason::bad_checksum, "a test");
    net_drop(net, drop_reason::bad_checksum, "a test");
    net_drop(net, drop_reason::too_short, "a test");
    net_count(net, counter::ip_in_receives, 7);
    EXPECT_EQ(net.stats[drop_reason::bad_checksum], 2u);
    EXPECT_EQ(net.stats[drop_reason::too_short], 1u);
    EXPECT_EQ(net.stats.dropped(), 3u);
    EXPECT_EQ(net.stats[counter::ip_in_receives], 7u);
}

} // namespace microps
