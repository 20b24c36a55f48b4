/*
 * timer_test.cpp: one-shot timers, against a simple list of deadlines.
 */
#include "microps/random.hpp"
#include "microps/timer.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

/** A timer that does what the test says. */
struct probe {
    explicit probe(net_timer_list &list) : timer(list, timer_call<&probe::fire>(*this)) {}
    static void fire(probe &self)
    {
        self.fired++;
        if (self.action) self.action();
    }

    unsigned fired = 0;
    std::function<void()> action{};
    net_timer timer;
};

struct TimerList : ::testing::Test {
    /** Sets the clock and fires what is due. */
    void pass(net_duration span)
    {
        clock.set(clock.now() + span);
        list.run(clock.now());
    }

    manual_clock clock;
    net_timer_list list{clock};
};

} // namespace

/* Without timers there is no deadline, so that an idle stack sleeps. */
TEST_F(TimerList, EmptyListHasNoDeadline)
{
    EXPECT_EQ(list.next(), NET_TIME_NEVER);
    list.run(clock.now());
}

/* A timer fires once, at its time or later. */
TEST_F(TimerList, FiresOnceAndNotEarly)
{
    probe p(list);
    p.timer.arm(10ms);
    EXPECT_TRUE(p.timer.armed());
    EXPECT_EQ(list.next(), clock.now() + 10ms);
    pass(9ms);
    EXPECT_EQ(p.fired, 0u);
    pass(1ms);
    EXPECT_EQ(p.fired, 1u);
    EXPECT_FALSE(p.timer.armed());
    EXPECT_EQ(p.timer.deadline(), NET_TIME_NEVER);
    pass(1h);
    EXPECT_EQ(p.fired, 1u);
}

/* Arming a timer that is armed moves its deadline. */
TEST_F(TimerList, ArmingAgainReplacesTheDeadline)
{
    probe p(list);
    p.timer.arm(10ms);
    p.timer.arm(30ms);
    EXPECT_EQ(list.size(), 1u);
    pass(20ms);
    EXPECT_EQ(p.fired, 0u);
    p.timer.arm(1ms);
    pass(1ms);
    EXPECT_EQ(p.fired, 1u);
}

/* Cancelling and destroying take a timer off the list. */
TEST_F(TimerList, CancelledAndDestroyedTimersDoNotFire)
{
    probe kept(list);
    kept.timer.arm(5ms);
    kept.timer.cancel();
    kept.timer.cancel();
    auto gone = std::make_unique<probe>(list);
    gone->timer.arm(5ms);
    gone.reset();
    EXPECT_EQ(list.size(), 0u);
    pass(10ms);
    EXPECT_EQ(kept.fired, 0u);
}

/* Timers of the same time fire in the order in which they were armed. */
TEST_F(TimerList, TiesFireInTheOrderOfArming)
{
    std::string order;
    probe a(list);
    probe b(list);
    probe c(list);
    a.action = [&] {
        order += "a";
    };
    b.action = [&] {
        order += "b";
    };
    c.action = [&] {
        order += "c";
    };
    b.timer.arm(1ms);
    c.timer.arm(1ms);
    a.timer.arm(1ms);
    pass(1ms);
    EXPECT_EQ(order, "bca");
}

/* A handler may arm its own timer for later. */
TEST_F(TimerList, HandlerMayArmItsTimerAgain)
{
    probe p(list);
    p.action = [&] {
        p.timer.arm(10ms);
    };
    p.timer.arm(10ms);
    for (int i = 0; i < 5; i++) {
        pass(10ms);
    }
    EXPECT_EQ(p.fired, 5u);
}

/* What a handler arms for now waits for the next turn, so that no turn is endless. */
TEST_F(TimerList, TimerThatArmsItselfForNowCannotHangTheList)
{
    probe p(list);
    p.action = [&] {
        p.timer.arm(0ms);
    };
    p.timer.arm(0ms);
    list.run(clock.now());
    EXPECT_EQ(p.fired, 1u);
    EXPECT_EQ(list.next(), clock.now());
    list.run(clock.now());
    EXPECT_EQ(p.fired, 2u);
}

/* A handler may destroy any timer, its own included. */
TEST_F(TimerList, HandlerMayDestroyTimersItsOwnIncluded)
{
    auto victim = std::make_unique<probe>(list);
    auto self = std::make_unique<probe>(list);
    victim->timer.arm(2ms);
    self->timer.arm(1ms);
    self->action = [&] {
        victim.reset();
        auto last = std::move(self->action); /* lives until the call is over */
        self.reset();
    };
    pass(5ms);
    EXPECT_EQ(list.size(), 0u);
    EXPECT_EQ(list.next(), NET_TIME_NEVER);
}

/* The heap against a plain vector of deadlines, with random arming, cancelling and passing of time. */
TEST_F(TimerList, AgreesWithASimpleList)
{
    constexpr size_t count = 40;
    net_random random(7);
    std::vector<size_t> fired;
    std::vector<size_t> expected;
    std::vector<std::unique_ptr<probe>> probes;
    struct entry {
        net_time at;
        uint64_t order;
        size_t index;
    };
    std::vector<entry> armed;
    uint64_t order = 0;
    for (size_t i = 0; i < count; i++) {
        probes.push_back(std::make_unique<probe>(list));
        probes[i]->action = [&fired, i] {
            fired.push_back(i);
        };
    }
    for (int step = 0; step < 20000; step++) {
        const size_t i = random.below(count);
        if (random.chance(0.7)) {
            const net_duration after(static_cast<int64_t>(random.below(50)));
            probes[i]->timer.arm(after);
            std::erase_if(armed, [i](const entry &e) { return e.index == i; });
            armed.push_back({clock.now() + after, order++, i});
        } else {
            probes[i]->timer.cancel();
            std::erase_if(armed, [i](const entry &e) { return e.index == i; });
        }
        if (!random.chance(0.2)) continue;
        pass(net_duration(static_cast<int64_t>(random.below(20))));
        std::sort(armed.begin(), armed.end(),
                  [](const entry &a, const entry &b) { return std::pair(a.at, a.order) < std::pair(b.at, b.order); });
        while (!armed.empty() && armed.front().at <= clock.now()) {
            expected.push_back(armed.front().index);
            armed.erase(armed.begin());
        }
        ASSERT_EQ(fired, expected);
        ASSERT_EQ(list.size(), armed.size());
        ASSERT_EQ(list.next(), armed.empty() ? NET_TIME_NEVER : armed.front().at);
    }
}

} // namespace microps
