/*
 * sched_test.cpp: blocking calls with real threads, with the background thread and in stacks that have none.
 *
 * Time is the machine's here. No test measures it, and none sleeps for a while in the hope that something happens
 * meanwhile: a test waits until its scheduler says how many calls sleep.
 */
#include "microps/driver/loopback.hpp"
#include "microps/ip.hpp"
#include "microps/net.hpp"
#include "microps/sched.hpp"
#include "microps/udp.hpp"
#include "support/sock_calls.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace microps
{

namespace
{

/** The scheduler of production, which also counts the calls that sleep. */
class counting_scheduler final : public net_scheduler
{
public:
    void wait(net_stack &net, sched_waiter &waiter, net_time deadline) override MICROPS_REQUIRES(net_locked)
    {
        sleeping_++;
        net_scheduler_threads().wait(net, waiter, deadline); /* drops the lock, and has it again afterwards */
        sleeping_--;
    }
    void wake(net_stack &net, sched_waiter &waiter) override MICROPS_REQUIRES(net_locked)
    {
        net_scheduler_threads().wake(net, waiter);
    }
    [[nodiscard]] size_t sleeping() const MICROPS_REQUIRES(net_locked) { return sleeping_; }

private:
    size_t sleeping_ MICROPS_GUARDED_BY(net_locked) = 0;
};

class Engine : public ::testing::TestWithParam<net_engine>
{
protected:
    Engine() { up(); }

    void up()
    {
        ASSERT_EQ(net_init(net), 0);
        {
            net_guard guard(net);
            net_device *dev = loopback_init(net);
            ip_iface *iface = ip_iface_alloc(net, "127.0.0.1", "255.0.0.0");
            ASSERT_EQ(ip_iface_register(*dev, *iface), 0);
        }
        ASSERT_EQ(net_run(net, GetParam()), 0);
    }

    int open_bound(uint16_t port)
    {
        const int id = udp_socket_open(net);
        EXPECT_EQ(udp_bind(net, id, {IP_ADDR_ANY, port}), 0);
        return id;
    }

    static ip_endpoint loopback_port(uint16_t port) { return {ip_addr_t(be32(0x7f000001)), port}; }

    /** Receives one datagram in a thread of its own; its result is -errno or the length. */
    struct receiver {
        receiver(net_stack &net, int id)
            : thread([this, &net, id] {
                  std::vector<uint8_t> buffer(2000);
                  const ssize_t n = udp_recvfrom(net, id, buffer, nullptr);
                  result = n == -1 ? -errno : static_cast<int>(n);
              })
        {
        }
        int join()
        {
            thread.join();
            return result;
        }
        std::atomic<int> result{0};
        std::thread thread;
    };

    /** Waits until @p count calls sleep in the stack. */
    void await_sleepers(size_t count)
    {
        for (;;) {
            {
                net_guard guard(net);
                if (scheduler.sleeping() >= count) return;
            }
            std::this_thread::yield();
        }
    }

    counting_scheduler scheduler{};
    net_stack net{{.scheduler = &scheduler, .seed = 1}};
};

} // namespace

TEST_P(Engine, SleeperIsWokenByWhatItWaitsFor)
{
    const int id = open_bound(7);
    receiver r(net, id);
    await_sleepers(1);
    const std::vector<uint8_t> text(5);
    EXPECT_EQ(udp_sendto(net, id, text, loopback_port(7)), 5);
    EXPECT_EQ(r.join(), 5);
}

TEST_P(Engine, ManySleepersAreEachWoken)
{
    constexpr uint16_t count = 20;
    std::vector<int> ids;
    std::vector<std::unique_ptr<receiver>> receivers;
    for (uint16_t i = 0; i < count; i++) {
        ids.push_back(open_bound(static_cast<uint16_t>(1000 + i)));
        receivers.push_back(std::make_unique<receiver>(net, ids.back()));
    }
    await_sleepers(count);
    /* From the middle outwards, so that the one that drives leaves before others, and after others. */
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t which = static_cast<uint16_t>((count / 2 + (i % 2 ? i / 2 + 1 : count - i / 2)) % count);
        const std::vector<uint8_t> text(which + 1);
        EXPECT_EQ(udp_sendto(net, ids[0], text, loopback_port(static_cast<uint16_t>(1000 + which))), which + 1);
        EXPECT_EQ(receivers[which]->join(), which + 1);
    }
}

TEST_P(Engine, SenderAndReceiverInTurns)
{
    const int a = open_bound(1);
    const int b = open_bound(2);
    std::thread echo([&] {
        std::vector<uint8_t> buffer(2000);
        for (int i = 0; i < 500; i++) {
            const ssize_t n = udp_recvfrom(net, b, buffer, nullptr);
            if (n < 0) return;
            udp_sendto(net, b, std::span(buffer).first(static_cast<size_t>(n)), loopback_port(1));
        }
    });
    std::vector<uint8_t> buffer(2000);
    for (size_t i = 0; i < 500; i++) {
        const std::vector<uint8_t> text(i + 1);
        ASSERT_EQ(udp_sendto(net, a, text, loopback_port(2)), static_cast<ssize_t>(i + 1));
        ASSERT_EQ(udp_recvfrom(net, a, buffer, nullptr), static_cast<ssize_t>(i + 1));
    }
    echo.join();
}

TEST_P(Engine, CloseByAnotherThreadWakesTheSleeper)
{
    const int id = open_bound(7);
    receiver r(net, id);
    await_sleepers(1);
    EXPECT_EQ(sock_close(net, id), 0);
    EXPECT_EQ(r.join(), -EBADF);
}

TEST_P(Engine, InterruptWakesEverySleeper)
{
    std::vector<std::unique_ptr<receiver>> receivers;
    for (uint16_t i = 0; i < 5; i++) {
        receivers.push_back(std::make_unique<receiver>(net, open_bound(static_cast<uint16_t>(100 + i))));
    }
    await_sleepers(5);
    net_interrupt(net);
    for (const auto &r : receivers) {
        EXPECT_EQ(r->join(), -EINTR);
    }
}

TEST_P(Engine, InterruptSticksUntilItIsCleared)
{
    const int id = open_bound(7);
    net_interrupt(net);
    EXPECT_EQ(receiver(net, id).join(), -EINTR);
    EXPECT_EQ(receiver(net, id).join(), -EINTR);
    net_interrupt_clear(net);
    receiver r(net, id);
    await_sleepers(1);
    const std::vector<uint8_t> text(5);
    udp_sendto(net, id, text, loopback_port(7));
    EXPECT_EQ(r.join(), 5);
}

TEST_P(Engine, InterruptCallsTheSubscribers)
{
    std::atomic<int> events{0};
    {
        net_guard guard(net);
        net_event_subscribe(net, [&events] { events++; });
    }
    receiver r(net, open_bound(7));
    await_sleepers(1);
    net_interrupt(net);
    EXPECT_EQ(r.join(), -EINTR);
    while (events == 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(events, 1);
}

TEST_P(Engine, InterruptIsForSignalHandlers)
{
    static net_stack *interrupted;
    interrupted = &net;
    struct sigaction action {
    };
    action.sa_handler = [](int) {
        net_interrupt(*interrupted);
    };
    struct sigaction before {
    };
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
    receiver r(net, open_bound(7));
    await_sleepers(1);
    raise(SIGUSR1);
    EXPECT_EQ(r.join(), -EINTR);
    sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(Engine, ShutdownEvictsSleepers)
{
    std::vector<std::unique_ptr<receiver>> receivers;
    for (uint16_t i = 0; i < 5; i++) {
        receivers.push_back(std::make_unique<receiver>(net, open_bound(static_cast<uint16_t>(100 + i))));
    }
    await_sleepers(5);
    net_shutdown(net);
    for (const auto &r : receivers) {
        EXPECT_EQ(r->join(), -EINTR);
    }
}

TEST_P(Engine, ShutdownWhileOthersWork)
{
    std::atomic<bool> stop{false};
    std::vector<std::thread> workers;
    const int id = open_bound(7);
    for (int i = 0; i < 4; i++) {
        workers.emplace_back([&] {
            const std::vector<uint8_t> text(100);
            while (!stop) {
                udp_sendto(net, id, text, loopback_port(7));
            }
        });
    }
    std::vector<uint8_t> buffer(2000);
    for (int i = 0; i < 20; i++) {
        udp_recvfrom(net, id, buffer, nullptr);
    }
    stop = true;
    net_shutdown(net);
    for (std::thread &w : workers) {
        w.join();
    }
}

TEST_P(Engine, StackComesUpAgainAfterShutdown)
{
    for (int i = 0; i < 3; i++) {
        net_shutdown(net);
        EXPECT_EQ(net.packets.in_use(), 0u);
        up();
        const int id = open_bound(7);
        receiver r(net, id);
        const std::vector<uint8_t> text(5);
        EXPECT_EQ(udp_sendto(net, id, text, loopback_port(7)), 5);
        EXPECT_EQ(r.join(), 5);
    }
}

TEST_P(Engine, SecondInitAndSecondRunFail)
{
    EXPECT_EQ(net_init(net), -1);
    EXPECT_EQ(net_run(net, GetParam()), -1);
}

TEST_P(Engine, ShutdownTwiceIsHarmless)
{
    net_shutdown(net);
    net_shutdown(net);
}

TEST_P(Engine, BlockingCallFromAHandlerFails)
{
    std::atomic<int> error{0};
    const int id = open_bound(7);
    {
        net_guard guard(net);
        net_timer_register(net, "Test Timer", std::chrono::milliseconds(1), [&] {
            std::vector<uint8_t> buffer(10);
            if (udp_recvfrom(net, id, buffer, nullptr) == -1) error = errno;
            return false;
        });
    }
    receiver r(net, open_bound(8)); /* drives the engine where there is no background thread */
    while (error == 0) {
        std::this_thread::yield();
    }
    EXPECT_EQ(error, EDEADLK);
    net_interrupt(net);
    r.join();
}

INSTANTIATE_TEST_SUITE_P(Sched, Engine, ::testing::Values(net_engine::thread, net_engine::caller),
                         [](const auto &param) {
                             return std::string(param.param == net_engine::thread ? "Thread" : "Caller");
                         });

} // namespace microps
