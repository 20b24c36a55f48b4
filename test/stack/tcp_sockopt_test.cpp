/*
 * Options of stream sockets, with Linux' numbers, values and errors; and SIOCOUTQ.
 */
#include "support/tcp_options.hpp"

#include <sys/ioctl.h>

namespace microps
{
namespace
{

constexpr unsigned long SIOCOUTQNSD = 0x894b;

struct row {
    const char *text;
    int level;
    int name;
    int standard;             /* the default */
    int set;                  /* a value that is taken ... */
    int read;                 /* ... and what is read then */
    std::vector<int> wrong{}; /* values that are not taken: EINVAL */
};

const std::vector<row> ROWS = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 0, 5, 1},
    {"SO_SNDBUF: doubled", SOL_SOCKET, SO_SNDBUF, 2 * 262144, 100000, 200000},
    {"SO_SNDBUF: not too small", SOL_SOCKET, SO_SNDBUF, 2 * 262144, 0, 4096},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 2 * 65535, 100000, 200000},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 1, 1000, 1000},
    {"SO_RCVLOWAT: 0 is 1", SOL_SOCKET, SO_RCVLOWAT, 1, 0, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 0, 2, 1},
    {"TCP_CORK", IPPROTO_TCP, TCP_CORK, 0, 1, 1},
    {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG, 536, 1000, 1000, {-1, 1, 87, 32768}},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 7200, 60, 60, {0, -1, 32768}},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 75, 32767, 32767, {0, -1, 32768}},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 9, 127, 127, {0, -1, 128}},
    {"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 6, 1, 1, {0, -1, 128}},
    {"TCP_LINGER2", IPPROTO_TCP, TCP_LINGER2, 60, 30, 30},
    {"TCP_LINGER2: at most", IPPROTO_TCP, TCP_LINGER2, 60, 1000, 120},
    {"TCP_LINGER2: none", IPPROTO_TCP, TCP_LINGER2, 60, -5, -1},
    {"TCP_WINDOW_CLAMP", IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 10000, 10000},
    {"TCP_WINDOW_CLAMP: not too small", IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 1, 1024},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 30000, 30000, {-1}},
    {"TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 16384, 16384},
};

TEST(TcpSockopt, NumbersAreSetAndRead)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    net_stack &net = peer.stack();
    for (const row &r : ROWS) {
        const int id = stream_socket(net);
        EXPECT_EQ(option_of(net, id, r.level, r.name), r.standard) << r.text;
        EXPECT_EQ(set_option(net, id, r.level, r.name, r.set), 0) << r.text;
        EXPECT_EQ(option_of(net, id, r.level, r.name), r.read) << r.text;
        for (const int wrong : r.wrong) {
            EXPECT_EQ(set_option(net, id, r.level, r.name, wrong), EINVAL) << r.text << ": " << wrong;
        }
        EXPECT_EQ(option_of(net, id, r.level, r.name), r.read) << r.text;
        sock_close(net, id);
    }
}

TEST(TcpSockopt, ErrorsAreLinux)
{
    test_world world;
    tcp_peer peer(world, connected);
    net_stack &net = peer.stack();
    int value = 1;
    socklen_t size = sizeof(value);
    for (const row &r : ROWS) {
        EXPECT_EQ(error_of(sock_setsockopt(net, peer.app(), r.level, r.name, &value, 3)), EINVAL) << r.text;
        EXPECT_EQ(error_of(sock_setsockopt(net, peer.app(), r.level, r.name, nullptr, size)), EFAULT) << r.text;
        EXPECT_EQ(error_of(sock_getsockopt(net, peer.app(), r.level, r.name, nullptr, &size)), EFAULT) << r.text;
    }
    EXPECT_EQ(set_option(net, peer.app(), IPPROTO_TCP, TCP_INFO, 1), ENOPROTOOPT);
    EXPECT_EQ(set_option(net, peer.app(), IPPROTO_TCP, 9999, 1), ENOPROTOOPT);
    EXPECT_EQ(option_of(net, peer.app(), IPPROTO_TCP, 9999), -ENOPROTOOPT);
    EXPECT_EQ(set_option(net, peer.app(), IPPROTO_TCP, TCP_WINDOW_CLAMP, 0), EINVAL) << "an open connection has one";
    EXPECT_EQ(error_of(sock_setsockopt(net, peer.app(), SOL_SOCKET, SO_LINGER, &value, size)), EINVAL);
}

/* Linux: an accepted connection inherits its listener's options. */
TEST(TcpSockopt, ConnectionsInherit)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (const row &r : ROWS) {
        if (r.name == TCP_MAXSEG || r.name == TCP_WINDOW_CLAMP) continue; /* have tests of their own */
        EXPECT_EQ(set_option(peer.stack(), peer.listener(), r.level, r.name, r.set), 0) << r.text;
    }
    set_linger(peer.stack(), peer.listener(), 7);
    peer.establish();
    std::map<std::pair<int, int>, int> expected; /* the last row of a name counts */
    for (const row &r : ROWS) {
        expected[{r.level, r.name}] = r.read;
    }
    for (const auto &[option, value] : expected) {
        if (option.second == TCP_MAXSEG || option.second == TCP_WINDOW_CLAMP) continue;
        EXPECT_EQ(option_of(peer, option.first, option.second), value) << option.second;
    }
    linger value{};
    socklen_t size = sizeof(value);
    EXPECT_EQ(sock_getsockopt(peer.stack(), peer.app(), SOL_SOCKET, SO_LINGER, &value, &size), 0);
    EXPECT_EQ(value.l_linger, 7);
}

/* RFC 9293 3.7.1: TCP_MAXSEG, set before the connection opens, limits the MSS that we announce and the segments that we
 * send. */
TEST(TcpSockopt, MaxsegLimitsBothDirections)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(set_option(peer.stack(), peer.listener(), IPPROTO_TCP, TCP_MAXSEG, 500), 0);
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().mss(500));
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(option_of(peer, IPPROTO_TCP, TCP_MAXSEG), 500);
    EXPECT_EQ(peer.app_write(stream(1200)), 1200);
    peer.expect(segment().len(500));
    peer.expect(segment().len(500));
    peer.rcv += 1000;
    peer.send(ack());
    peer.expect(segment().len(200));
}

/* RFC 9293 3.8.6.2.2: a window smaller than a segment opens again, too, when the reader has read. */
TEST(TcpSockopt, WindowOfATinyClampOpensAgain)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(set_option(peer.stack(), peer.listener(), IPPROTO_TCP, TCP_WINDOW_CLAMP, 1024), 0);
    EXPECT_TRUE(peer.establish());
    for (int i = 0; i < 20; i++) {
        peer.send(payload(stream(1024)));
        peer.nxt += 1024;
        peer.wait(1s);
        EXPECT_EQ(peer.app_read().size(), 1024u);
        peer.wait(1s);
        std::optional<uint16_t> window;
        while (peer.pending() > 0) {
            window = peer.receive(0ms)->win;
        }
        EXPECT_EQ(window, 1024);
    }
}

/* tcp(7), TCP_WINDOW_CLAMP: it bounds the window that is offered, however large the buffer is. */
TEST(TcpSockopt, WindowClampBoundsWhatWeOffer)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_EQ(set_option(peer.stack(), peer.listener(), IPPROTO_TCP, TCP_WINDOW_CLAMP, 4000), 0);
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().win(4000));
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    for (int i = 0; i < 20; i++) {
        upload(peer, stream(MSS));
        peer.wait(300ms);
        EXPECT_EQ(peer.app_read().size(), MSS);
    }
    peer.wait(1s);
    for (const tcp_peer_segment &seg : drain(peer)) {
        EXPECT_LE(seg.win, 4000);
    }
}

/* tcp(7), TCP_CORK: partial segments wait, and full ones do not. */
TEST(TcpSockopt, CorkHoldsPartialSegmentsBack)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, IPPROTO_TCP, TCP_CORK, 1);
    EXPECT_EQ(peer.app_write("head"), 4);
    peer.expect_nothing(100ms);
    EXPECT_EQ(peer.app_write(stream(MSS)), 1460);
    peer.expect(segment().len(MSS).within(0ms));
    peer.expect_nothing(100ms);
    set_option(peer, IPPROTO_TCP, TCP_CORK, 0);
    peer.rcv += MSS;
    peer.send(ack());
    peer.expect(segment().len(4).within(0ms));
}

/* tcp(7), TCP_CORK: partial segments wait for 200 milliseconds at most. */
TEST(TcpSockopt, CorkHoldsFor200Milliseconds)
{
    test_world world;
    tcp_peer peer(world, listening);
    half_open(peer);
    peer.wait(900ms); /* a long RTO is no reason for more */
    peer.send(ack());
    EXPECT_TRUE(peer.app_accept());
    set_option(peer, IPPROTO_TCP, TCP_CORK, 1);
    EXPECT_EQ(peer.app_write("x"), 1);
    peer.expect(payload("x").after(190ms).within(210ms));
}

/* tcp(7), TCP_CORK: what waits is sent when TCP_CORK is cleared, when TCP_NODELAY is set, and when the user closes. */
TEST(TcpSockopt, WhatEndsACork)
{
    for (const int how : {0, 1, 2}) {
        test_world world;
        tcp_peer peer(world, connected);
        set_option(peer, IPPROTO_TCP, TCP_CORK, 1);
        EXPECT_EQ(peer.app_write("x"), 1);
        peer.expect_nothing(100ms);
        if (how == 0) set_option(peer, IPPROTO_TCP, TCP_CORK, 0);
        if (how == 1) set_option(peer, IPPROTO_TCP, TCP_NODELAY, 1);
        if (how == 2) peer.app_shutdown(SHUT_WR);
        peer.expect(segment().len(1).within(0ms));
    }
}

/* tcp(7), TCP_NODELAY: it sends what waits. When nothing waits, it does not release what is held back later. */
TEST(TcpSockopt, NodelayDoesNotEndALaterCork)
{
    for (const bool more : {true, false}) {
        test_world world;
        tcp_peer peer(world, connected);
        set_option(peer, IPPROTO_TCP, TCP_NODELAY, 1);
        if (!more) set_option(peer, IPPROTO_TCP, TCP_CORK, 1);
        EXPECT_EQ(sock_send(peer.stack(), peer.app(), "head", 4, more ? MSG_MORE : 0), 4);
        peer.expect_nothing(100ms);
        if (!more) set_option(peer, IPPROTO_TCP, TCP_CORK, 0);
        EXPECT_EQ(peer.app_write("body"), 4);
        EXPECT_EQ(data_of(drain(peer), peer.rcv), "headbody");
    }
}

/* tcp(7), TCP_NOTSENT_LOWAT: the writer waits while so much is unsent, although the buffer has room. */
TEST(TcpSockopt, NotsentLowatBoundsWhatIsNotSent)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 5 * MSS});
    set_option(peer, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000);
    EXPECT_TRUE(peer.app_poll() & POLLOUT);
    EXPECT_EQ(peer.app_write(stream(10 * MSS)), 14600);
    peer.wait(0ms);
    EXPECT_FALSE(peer.app_poll() & POLLOUT);
    EXPECT_EQ(peer.app_write("x"), -1);
    EXPECT_EQ(peer.app_errno(), EAGAIN);
    bool written = false;
    make_blocking(peer.stack(), peer.app());
    peer.host().spawn("writer", [&] { written = sock_send(peer.stack(), peer.app(), "x", 1) == 1; });
    peer.wait(10ms);
    EXPECT_FALSE(written);
    peer.skip();
    acknowledge_everything(peer);
    peer.wait(10ms);
    EXPECT_TRUE(written);
}

/* socket(7), SO_RCVLOWAT: readers and poll() wait for so many bytes, but not beyond the end of data, and MSG_DONTWAIT
 * does not wait. */
TEST(TcpSockopt, RcvlowatWakesLater)
{
    test_world world;
    tcp_peer peer(world, connected);
    set_option(peer, SOL_SOCKET, SO_RCVLOWAT, 10);
    make_blocking(peer.stack(), peer.app());
    std::array<char, 100> data{};
    ssize_t received = 0;
    peer.host().spawn("reader", [&] { received = sock_recv(peer.stack(), peer.app(), data.data(), data.size()); });
    peer.wait(0ms);
    upload(peer, "12345");
    peer.wait(1s);
    EXPECT_EQ(received, 0);
    upload(peer, "67890");
    peer.wait(1s);
    EXPECT_EQ(received, 10);

    upload(peer, "123");
    EXPECT_FALSE(peer.app_poll() & POLLIN);
    EXPECT_EQ(sock_recv(peer.stack(), peer.app(), data.data(), data.size(), MSG_DONTWAIT), 3);
    upload(peer, "45");
    peer.send(fin());
    EXPECT_TRUE(peer.app_poll() & POLLIN);
    EXPECT_EQ(sock_recv(peer.stack(), peer.app(), data.data(), data.size()), 2);
}

/* tcp(7), TCP_CONGESTION: the congestion control is chosen by name, before the connection opens, by inheritance, and
 * while the connection is open. */
TEST(TcpSockopt, CongestionControlIsChosenByName)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    EXPECT_EQ(congestion_of(net, peer.listener()), "cubic");
    EXPECT_EQ(set_congestion(net, peer.listener(), "reno"), 0);
    peer.establish();
    EXPECT_EQ(congestion_of(net, peer.app()), "reno");
    EXPECT_EQ(set_congestion(net, peer.app(), "bbr"), ENOENT);
    EXPECT_EQ(set_congestion(net, peer.app(), ""), EINVAL);
    EXPECT_EQ(set_congestion(net, peer.app(), "a name that is much too long"), ENOENT);
    EXPECT_EQ(congestion_of(net, peer.app()), "reno");
}

TEST(TcpSockopt, ExchangedCongestionControlGoesOnWithTheWindow)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(60 * MSS)), 60 * 1460);
    peer.wait(0ms);
    ack_round(peer);
    tcp_info_data before;
    tcp_info_data after;
    socklen_t size = sizeof(before);
    sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, &before, &size);
    EXPECT_EQ(set_congestion(peer.stack(), peer.app(), "reno"), 0);
    EXPECT_EQ(congestion_of(peer.stack(), peer.app()), "reno");
    sock_getsockopt(peer.stack(), peer.app(), IPPROTO_TCP, TCP_INFO, &after, &size);
    EXPECT_EQ(before.tcpi_snd_cwnd, 20u);
    EXPECT_EQ(after.tcpi_snd_cwnd, before.tcpi_snd_cwnd);
    EXPECT_EQ(after.tcpi_snd_ssthresh, before.tcpi_snd_ssthresh);
}

int ioctl_of(tcp_peer &peer, unsigned long request)
{
    int value = -1;
    EXPECT_EQ(sock_ioctl(peer.stack(), peer.app(), request, &value), 0);
    return value;
}

/* tcp(7): SIOCINQ, SIOCOUTQ, SIOCOUTQNSD. */
TEST(TcpSockopt, QueuesAreCounted)
{
    test_world world;
    tcp_peer peer(world, connected, {.win = 1000});
    upload(peer, "12345");
    EXPECT_EQ(ioctl_of(peer, FIONREAD), 5);
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 0);
    EXPECT_EQ(peer.app_write(stream(1500)), 1500);
    peer.wait(0ms);
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 1500);
    EXPECT_EQ(ioctl_of(peer, SIOCOUTQNSD), 500);
    peer.rcv += 1000;
    peer.send(ack());
    peer.wait(0ms);
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 500);
    EXPECT_EQ(ioctl_of(peer, SIOCOUTQNSD), 0);
    peer.rcv += 500;
    peer.send(ack());
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 0);
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    peer.wait(0ms);
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 1) << "the FIN: who waits for delivery sees it";
    int value = 0;
    EXPECT_EQ(error_of(sock_ioctl(peer.stack(), peer.listener(), TIOCOUTQ, &value)), EINVAL);
    EXPECT_EQ(error_of(sock_ioctl(peer.stack(), peer.app(), TIOCOUTQ, nullptr)), EFAULT);
}

/* udp(7): a datagram that was sent has left, so as on Linux SIOCOUTQ says 0, and SIOCOUTQNSD is for TCP alone. */
TEST(TcpSockopt, DatagramSocketsHaveNothingQueued)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle);
    const int id = sock_open(peer.stack(), AF_INET, SOCK_DGRAM, 0);
    peer.set_app(id);
    EXPECT_EQ(ioctl_of(peer, TIOCOUTQ), 0);
    int value = 0;
    EXPECT_EQ(error_of(sock_ioctl(peer.stack(), id, SIOCOUTQNSD, &value)), ENOTTY);
    EXPECT_EQ(set_option(peer.stack(), id, IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
}

/* Linux' ENOPROTOOPT: an option that is not implemented is refused, so that a program that asks can go on without it.
 */
TEST(TcpSockopt, UnknownOptionsAreRefused)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (const int name : {TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_MD5SIG, TCP_REPAIR}) {
        EXPECT_EQ(set_option(peer.stack(), peer.listener(), IPPROTO_TCP, name, 1), ENOPROTOOPT) << name;
        EXPECT_EQ(option_of(peer.stack(), peer.listener(), IPPROTO_TCP, name), -ENOPROTOOPT) << name;
    }
}

/* tcp(7): all options together, at both ends of an echo, do a transfer no harm. */
TEST(TcpSockopt, TransferWithEverythingSet)
{
    test_world world;
    tcp_peer peer(world, listening);
    net_stack &net = peer.stack();
    const std::pair<int, int> options[] = {{TCP_MAXSEG, 700},         {TCP_KEEPIDLE, 1}, {TCP_KEEPINTVL, 1},
                                           {TCP_USER_TIMEOUT, 60000}, {TCP_LINGER2, 5},  {TCP_WINDOW_CLAMP, 5000},
                                           {TCP_NOTSENT_LOWAT, 2000}, {TCP_CORK, 1},     {TCP_QUICKACK, 1}};
    for (const auto &[name, value] : options) {
        EXPECT_EQ(set_option(net, peer.listener(), IPPROTO_TCP, name, value), 0);
    }
    EXPECT_EQ(set_option(net, peer.listener(), SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    peer.establish();
    const std::string text = stream(20000);
    std::string echo;
    for (size_t at = 0; at < text.size(); at += 1000) {
        upload(peer, text.substr(at, 1000), 500);
        EXPECT_EQ(peer.app_write(peer.app_read()), 1000);
        const std::vector<tcp_peer_segment> segments = drain(peer, 500ms);
        echo += data_of(segments, peer.rcv);
        acknowledge_everything(peer);
    }
    echo += data_of(drain(peer, 250ms), peer.rcv); /* what the cork has held back */
    EXPECT_TRUE(echo == text) << echo.size();
}

} // namespace
} // namespace microps
