/*
 * The sample programs on tap0, against clients and servers of the kernel.
 */
#include "tap_host.hpp"
#include "tcp_client.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

#include <sys/socket.h>
#include <unistd.h>

namespace microps
{
namespace
{

#ifndef MICROPS_APP_DIR
#define MICROPS_APP_DIR ""
#endif

using namespace std::chrono_literals;

/** The command line of a sample program. */
std::string app(const std::string &name, const std::string &arguments)
{
    return std::string("exec ") + MICROPS_APP_DIR + "/" + name + ".exe " + arguments;
}

class Programs : public TapTest
{
protected:
    void SetUp() override
    {
        if (std::string_view(MICROPS_APP_DIR).empty()) return give_up("the sample programs are not built");
        TapTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        make_interfaces();
    }

    virtual void make_interfaces() { make_tap(); }

    /** The server's devices are up before its socket is: until it answers. */
    static bool answers(const std::string &name)
    {
        if (name == "tcps") return tcp_client::connected_to(7).ok();
        if (name != "udps") return true;
        const kernel_udp client;
        client.send("?", 7);
        return client.receive() == "?";
    }

    /** Starts a program and waits until it runs, which its log says; @p options may set another level. */
    static std::unique_ptr<process> start(const std::string &name, const std::string &arguments,
                                          const std::string &options = "--log=info")
    {
        auto program = std::make_unique<process>(app(name, options + " " + arguments));
        EXPECT_TRUE(program->wait_for("state=up", 10s)) << program->output();
        EXPECT_TRUE(eventually([&] { return answers(name); }, 10s)) << program->output();
        return program;
    }

    /** Ctrl-C: the program must end within a second, in order, and say that it has closed its devices. */
    static void expect_interrupted(process &program)
    {
        const auto before = std::chrono::steady_clock::now();
        program.signal(SIGINT);
        EXPECT_EQ(program.wait(5s), 0) << program.output();
        EXPECT_LE(std::chrono::steady_clock::now() - before, 1500ms);
        const std::string log = program.output();
        const size_t tap = log.find("net_device_close: dev=net2, state=down");
        const size_t loopback = log.find("net_device_close: dev=net1, state=down");
        const size_t null = log.find("net_device_close: dev=net0, state=down");
        EXPECT_LT(tap, loopback) << log;
        EXPECT_LT(loopback, null) << log;
        EXPECT_NE(null, log.npos) << log;
    }

    /** tcps on @p device echoes 20 MB that the kernel sends. */
    void expect_echo_of_20_megabytes(const std::string &device)
    {
        const auto tcps = start("tcps", "7", "--log=info --device " + device);
        const tcp_client client = tcp_client::connected_to(7);
        ASSERT_TRUE(client.ok()) << strerror(client.error());
        EXPECT_EQ(client.echo_stream(20 << 20, 7), 20U << 20);
        expect_interrupted(*tcps);
    }
    static void expect_echo(const std::string &data = "hello")
    {
        const tcp_client client = tcp_client::connected_to(7);
        ASSERT_TRUE(client.ok()) << strerror(client.error());
        EXPECT_TRUE(client.send(data));
        EXPECT_EQ(client.receive(data.size()), data);
    }
};

/* tcps */

TEST_F(Programs, NcTalksToTcps)
{
    const auto tcps = start("tcps", "7");
    const command_result nc = run_command("printf 'hello\\nworld\\n' | nc -N -w 5 192.0.2.2 7");
    EXPECT_EQ(nc.status, 0);
    EXPECT_EQ(nc.output, "hello\nworld\n");
    expect_ping();
    expect_interrupted(*tcps);
}

/* 100 MB in both directions at once. */
TEST_F(Programs, TcpsEchoesAHundredMegabytes)
{
    const auto tcps = start("tcps", "7");
    const tcp_client client = tcp_client::connected_to(7);
    ASSERT_TRUE(client.ok()) << strerror(client.error());
    EXPECT_EQ(client.echo_stream(100 << 20, 7), 100U << 20);
    expect_interrupted(*tcps);
}

TEST_F(Programs, TcpsServes200ClientsAtOnce)
{
    const auto tcps = start("tcps", "7");
    std::vector<tcp_client> clients;
    for (uint64_t n = 0; n < 200; n++) {
        clients.push_back(tcp_client::connected_to(7));
        ASSERT_TRUE(clients.back().ok()) << n << ": " << strerror(clients.back().error());
    }
    const auto data = [](size_t n) {
        return std::string(4000, static_cast<char>('a' + n % 26)) + std::to_string(n);
    };
    for (size_t n = 0; n < clients.size(); n++) {
        ASSERT_TRUE(clients[n].send(data(n)));
    }
    for (size_t n = clients.size(); n-- > 0;) {
        ASSERT_EQ(clients[n].receive(data(n).size()), data(n)) << n;
        clients[n].end_sending();
    }
    for (const tcp_client &client : clients) {
        EXPECT_TRUE(client.at_end());
    }
    expect_interrupted(*tcps);
}

TEST_F(Programs, TcpsServes1000ClientsOneAfterAnother)
{
    const auto tcps = start("tcps", "7");
    for (int n = 0; n < 1000; n++) {
        expect_echo(std::to_string(n));
        if (HasFailure()) break;
    }
    expect_interrupted(*tcps);
}

TEST_F(Programs, TcpsSurvivesThatAClientIsKilled)
{
    const auto tcps = start("tcps", "7");
    {
        process nc("exec nc 192.0.2.2 7");
        nc.write("before");
        ASSERT_TRUE(nc.wait_for("before"));
        nc.signal(SIGKILL);
        EXPECT_EQ(nc.wait(), 128 + SIGKILL);
    }
    {
        process flood("exec sh -c 'exec nc 192.0.2.2 7 < /dev/zero > /dev/null'");
        EXPECT_EQ(flood.wait(300ms), -1);
        flood.signal(SIGKILL);
        EXPECT_EQ(flood.wait(), 128 + SIGKILL);
    }
    expect_echo();
    expect_interrupted(*tcps);
}

/* A client that goes with SO_LINGER zero sends RST. */
TEST_F(Programs, TcpsSurvivesResets)
{
    const auto tcps = start("tcps", "7");
    for (int n = 0; n < 20; n++) {
        const tcp_client client = tcp_client::connected_to(7);
        ASSERT_TRUE(client.ok());
        EXPECT_TRUE(client.send("gone"));
        const linger now{.l_onoff = 1, .l_linger = 0};
        setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    expect_echo();
    expect_interrupted(*tcps);
}

TEST_F(Programs, ClosedPortRefuses)
{
    const auto tcps = start("tcps", "7");
    const tcp_client client = tcp_client::connected_to(8);
    EXPECT_EQ(client.error(), ECONNREFUSED);
    expect_interrupted(*tcps);
}

/* 5 % lost, 2 % doubled, 5 % out of order, 1 % with a flipped bit, in each direction. */
TEST_F(Programs, FourMegabytesThroughABadWire)
{
    const auto tcps = start("tcps", "7", "--log=info --loss 5 --dup 2 --reorder 5 --corrupt 1 --seed 3");
    const tcp_client client = tcp_client::connected_to(7);
    ASSERT_TRUE(client.ok()) << strerror(client.error());
    EXPECT_EQ(client.echo_stream(4 << 20, 1), 4U << 20);
    expect_interrupted(*tcps);
}

/* Ctrl-C, in each phase */

TEST_F(Programs, CtrlCWhileAConnectionIsIdle)
{
    const auto tcps = start("tcps", "7");
    const tcp_client client = tcp_client::connected_to(7);
    EXPECT_TRUE(client.send("x"));
    EXPECT_EQ(client.receive(1), "x");
    expect_interrupted(*tcps);
    EXPECT_TRUE(client.at_end()); /* FIN or RST, not silence */
}

TEST_F(Programs, CtrlCWhileDataFlows)
{
    const auto tcps = start("tcps", "7");
    process flood("exec sh -c 'exec nc 192.0.2.2 7 < /dev/zero > /dev/null'");
    EXPECT_EQ(flood.wait(300ms), -1);
    expect_interrupted(*tcps);
}

TEST_F(Programs, CtrlCWhileTheClientDoesNotRead)
{
    const auto tcps = start("tcps", "7");
    const tcp_client client = tcp_client::connected_to(7);
    const std::string block(100000, 'x');
    const timeval brief{.tv_sec = 0, .tv_usec = 200000};
    setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
    while (client.send(block)) {
    }
    expect_interrupted(*tcps);
}

TEST_F(Programs, CtrlCWhileTcpcConnectsToNobody)
{
    const auto tcpc = start("tcpc", "192.0.2.99:7");
    std::this_thread::sleep_for(200ms);
    tcpc->signal(SIGINT);
    EXPECT_NE(tcpc->wait(2s), -1) << tcpc->output();
}

TEST_F(Programs, CtrlCWhileTcpcIsConnected)
{
    const tcp_listener listener;
    const auto tcpc = start("tcpc", "192.0.2.1:" + std::to_string(listener.port()));
    const tcp_client peer = listener.accept();
    EXPECT_TRUE(tcpc->wait_for("connection established"));
    expect_interrupted(*tcpc);
    EXPECT_TRUE(peer.at_end());
}

TEST_F(Programs, CtrlCOfUdps)
{
    const auto udps = start("udps", "7");
    expect_interrupted(*udps);
}

TEST_F(Programs, CtrlCOfUdpc)
{
    const auto udpc = start("udpc", "192.0.2.1:9");
    expect_interrupted(*udpc);
}

/* tcpc, udps, udpc */

TEST_F(Programs, TcpcCopiesItsInputToThePeerAndThePeerToItsOutput)
{
    char path[] = "/tmp/microps-in-XXXXXX";
    close(mkstemp(path));
    test_stream stream(5);
    const std::vector<uint8_t> bytes = stream.next(4 << 20);
    const std::string data(bytes.begin(), bytes.end());
    std::ofstream(path, std::ios::binary) << data;

    const tcp_listener listener;
    process tcpc(app("tcpc", "--log=off 192.0.2.1:" + std::to_string(listener.port()) + " < " + path));
    const tcp_client peer = listener.accept();
    EXPECT_EQ(peer.receive(data.size() + 1), data); /* all of it, then the end */
    EXPECT_TRUE(peer.send("the answer"));           /* it has closed its direction only */
    peer.end_sending();
    EXPECT_EQ(tcpc.wait(), 0);
    EXPECT_EQ(tcpc.output(), "the answer");
    unlink(path);
}

TEST_F(Programs, TcpcTellsThatAPortIsClosed)
{
    process tcpc(app("tcpc", "--log=error 192.0.2.1:9"));
    EXPECT_GT(tcpc.wait(), 0);
    EXPECT_NE(tcpc.output().find("Connection refused"), std::string::npos) << tcpc.output();
}

TEST_F(Programs, UdpsEchoesDatagrams)
{
    const auto udps = start("udps", "7");
    const kernel_udp client;
    for (const size_t size : {1UL, 1000UL, 1473UL, 60000UL}) {
        client.send(std::string(size, 'u'), 7);
        EXPECT_EQ(client.receive(), std::string(size, 'u'));
    }
    expect_interrupted(*udps);
}

/* Other devices */

class ProgramsOnVeth : public Programs
{
protected:
    void make_interfaces() override { make_veth("ours", "kernels"); }
};

/* The kernel sends segments of up to 64 KiB without a checksum here, as to a network card that would cut and sum. */
TEST_F(ProgramsOnVeth, TcpsEchoesTwentyMegabytes) { expect_echo_of_20_megabytes("pcap:ours"); }

class ProgramsOnTun : public Programs
{
protected:
    void make_interfaces() override { make_tap("tun0", "tun"); }
};

TEST_F(ProgramsOnTun, TcpsEchoesTwentyMegabytes) { expect_echo_of_20_megabytes("tun:tun0"); }

/* Idle programs */

long context_switches_of(pid_t pid)
{
    const command_result grep =
        run_command("cat /proc/" + std::to_string(pid) +
                    "/task/*/status | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'");
    return std::atol(grep.output.c_str());
}

TEST_F(Programs, AnIdleTcpsSleeps)
{
    const auto tcps = start("tcps", "7");
    const tcp_client idle = tcp_client::connected_to(7); /* with an idle connection as well */
    EXPECT_TRUE(idle.send("x"));
    EXPECT_EQ(idle.receive(1), "x");
    std::this_thread::sleep_for(1s);
    const long before = context_switches_of(tcps->pid());
    std::this_thread::sleep_for(3s);
    EXPECT_LE(context_switches_of(tcps->pid()) - before, 60); /* ThreadSanitizer alone wakes ten times a second */
    expect_interrupted(*tcps);
}

} // namespace
} // namespace microps
