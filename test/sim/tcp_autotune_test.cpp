/*
 * tcp_autotune_test.cpp: buffers that grow by themselves: a path of 100 Mbit/s and 100 ms, which 1.25 MB in flight
 * fill, with default settings; and what happens without.
 */
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"
#include "support/sock_calls.hpp"
#include "support/test_world.hpp"

#include <cstdio>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace microps
{
namespace
{

constexpr double BANDWIDTH = 100e6;
constexpr net_duration ONE_WAY = 50ms;
constexpr net_duration START_UP = 3s;
constexpr net_duration MEASURED = 3s;

/** Two hosts, a long fat wire, and one transfer at a time. */
class long_path
{
public:
    /** @p change is applied to both hosts' TCP. */
    explicit long_path(const std::function<void(tcp_config &)> &change = {})
    {
        if (!change) return;
        for (sim_host *host : {&server_, &client_}) {
            net_guard guard(host->net());
            change(tcp_configure(host->net()));
        }
    }
    ~long_path() { world.run_for(1s); }

    /** Options of the sockets, set before they connect or listen. */
    int send_buffer = 0;
    int receive_buffer = 0;
    net_duration reader_pause{}; /* after each read of 64 KiB */

    /** The share of the wire that a transfer uses once it has started up; the client sends, or the server does. */
    double utilization(bool upload)
    {
        server_.spawn_daemon("server", [this, upload] { serve(upload); });
        client_.spawn_daemon("client", [this, upload] { connect(upload); });
        world.run_for(START_UP);
        const size_t before = received_;
        world.run_for(MEASURED);
        const double bits = 8.0 * static_cast<double>(received_ - before);
        return bits / std::chrono::duration<double>(MEASURED).count() / BANDWIDTH;
    }
    /** As Linux, SO_RCVBUF tells twice the bytes of data. */
    [[nodiscard]] int receiver_buffer_now() const { return receiver_buffer_ / 2; }

private:
    void prepare(net_stack &net, int sock) const
    {
        if (send_buffer > 0) sock_setsockopt(net, sock, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
        if (receive_buffer == 0) return;
        sock_setsockopt(net, sock, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    void serve(bool upload)
    {
        net_stack &net = server_.net();
        const int listener = sock_open(net, AF_INET, SOCK_STREAM, 0);
        prepare(net, listener);
        const sockaddr_in addr = sockaddr_from_endpoint({IP_ADDR_ANY, 7});
        sock_bind(net, listener, sockaddr_of(addr), sizeof(addr));
        sock_listen(net, listener, 5);
        const int sock = sock_accept(net, listener, nullptr, nullptr);
        upload ? sink(net, sock) : source(net, sock);
    }
    void connect(bool upload)
    {
        net_stack &net = client_.net();
        const int sock = sock_open(net, AF_INET, SOCK_STREAM, 0);
        prepare(net, sock);
        ip_endpoint server;
        ip_endpoint_pton("192.0.2.1:7", server);
        const sockaddr_in addr = sockaddr_from_endpoint(server);
        if (sock_connect(net, sock, sockaddr_of(addr), sizeof(addr)) == -1) return;
        upload ? source(net, sock) : sink(net, sock);
    }
    void source(net_stack &net, int sock)
    {
        const std::string part(65536, 'x');
        while (sock_send(net, sock, part.data(), part.size()) > 0) {
        }
    }
    void sink(net_stack &net, int sock)
    {
        std::string part(65536, '\0');
        for (;;) {
            const ssize_t n = sock_recv(net, sock, part.data(), part.size());
            if (n <= 0) return;
            received_ += static_cast<size_t>(n);
            socklen_t size = sizeof(receiver_buffer_);
            sock_getsockopt(net, sock, SOL_SOCKET, SO_RCVBUF, &receiver_buffer_, &size);
            if (reader_pause > net_duration::zero() && world.sleep(reader_pause) == -1) return;
        }
    }

    size_t received_ = 0;
    int receiver_buffer_ = 0;

public:
    test_world world;

private:
    sim_host server_{world, "server"};
    sim_host client_{world, "client"};
    sim_wire wire_{world,
                   sim_plug{server_, "192.0.2.1/24"},
                   sim_plug{client_, "192.0.2.2/24"},
                   {.bandwidth = static_cast<uint64_t>(BANDWIDTH), .queue = 10000, .delay = ONE_WAY}};
};

/* RFC 7323 1.1: with default settings a long fat path is filled, in either direction. */
TEST(TcpAutotune, DefaultsFillALongFatPath)
{
    for (const bool upload : {true, false}) {
        long_path path;
        const double share = path.utilization(upload);
        std::printf("%s: %.1f %% of the wire\n", upload ? "upload" : "download", 100 * share);
        EXPECT_GE(share, 0.8);
        EXPECT_GE(path.receiver_buffer_now(), 2'000'000); /* twice what is in flight */
        EXPECT_LE(path.receiver_buffer_now(), 6291456);
    }
}

/* Without timestamps the receiver measures the round trip by its windows. */
TEST(TcpAutotune, WorksWithoutTimestamps)
{
    long_path path([](tcp_config &config) { config.timestamps = false; });
    EXPECT_GE(path.utilization(true), 0.8);
}

/* tcp_moderate_rcvbuf = 0: the window stays what it was: 64 KiB per round trip. */
TEST(TcpAutotune, ReceiveBufferStaysIfSwitchedOff)
{
    long_path path([](tcp_config &config) { config.moderate_receive_buffer = false; });
    EXPECT_LE(path.utilization(true), 0.06);
    EXPECT_EQ(path.receiver_buffer_now(), 65535);
}

/* socket(7), tcp(7): SO_RCVBUF switches the growth off: the user knows better. */
TEST(TcpAutotune, ReceiveBufferOfTheUserStays)
{
    for (const bool upload : {true, false}) { /* inherited by an accepted socket, and set before connect() */
        long_path path;
        path.receive_buffer = 125000;
        EXPECT_NEAR(path.utilization(upload), 0.1, 0.02);
        EXPECT_EQ(path.receiver_buffer_now(), 125000);
    }
}

/* Without the growth of the send buffer: up to 256 KiB per round trip (a writer wakes when a third is free). */
TEST(TcpAutotune, SendBufferStaysIfSwitchedOff)
{
    long_path path([](tcp_config &config) { config.moderate_send_buffer = false; });
    const double share = path.utilization(true);
    EXPECT_LE(share, 0.21);
    EXPECT_GE(share, 0.12);
}

/* SO_SNDBUF switches the growth off. */
TEST(TcpAutotune, SendBufferOfTheUserStays)
{
    for (const bool upload : {true, false}) {
        long_path path;
        path.send_buffer = 125000;
        const double share = path.utilization(upload);
        EXPECT_LE(share, 0.105);
        EXPECT_GE(share, 0.06);
    }
}

/* A reader that takes 10 Mbit/s gets no buffer for 100: memory follows what is taken. */
TEST(TcpAutotune, SlowReaderGetsNoLargeBuffer)
{
    long_path path;
    path.reader_pause = 52ms;
    EXPECT_NEAR(path.utilization(true), 0.1, 0.02);
    EXPECT_LE(path.receiver_buffer_now(), 1'500'000);
}

/* The bound is a bound, and a window is never offered beyond it. */
TEST(TcpAutotune, GrowthIsBounded)
{
    long_path path([](tcp_config &config) { config.receive_buffer_max = 250000; });
    EXPECT_NEAR(path.utilization(true), 0.2, 0.03);
    EXPECT_EQ(path.receiver_buffer_now(), 250000);
}

/* RFC 7323 2.2: without window scaling more than 65535 cannot be offered, so the buffer need not hold more. */
TEST(TcpAutotune, WithoutWindowScalingThereIsNothingToGrowFor)
{
    long_path path([](tcp_config &config) { config.window_scaling = false; });
    EXPECT_LE(path.utilization(true), 0.06);
    EXPECT_EQ(path.receiver_buffer_now(), 65535);
}

} // namespace
} // namespace microps
