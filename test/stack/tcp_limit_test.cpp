/*
 * Bounds: PCBs, buffers, reassembly, and that reaching one is no end (tcp_config).
 */
#include "support/tcp_test.hpp"

namespace microps
{
namespace
{

/* tcp_config::pcb_max: beyond it the socket call fails, and works again when one is free. */
TEST(TcpLimit, SocketsAreBounded)
{
    test_world world;
    tcp_peer peer(world, tcp_peer_start::idle, {.configure = [](tcp_config &config) {
                      config.pcb_max = 10;
                  }});
    net_stack &net = peer.stack();
    std::vector<int> ids;
    int error = 0;
    while (error == 0 && ids.size() < 50) {
        const int id = stream_socket(net);
        error = error_of(id);
        if (id >= 0) ids.push_back(id);
    }
    EXPECT_TRUE(error == EMFILE || error == ENOBUFS) << error;
    EXPECT_EQ(ids.size(), 10u);
    EXPECT_EQ(sock_close(net, ids[3]), 0);
    EXPECT_GE(stream_socket(net), 0);
}

/* tcp_config::pcb_max bounds the connections: a full server ignores further SYNs, answers nothing wrong, and serves
 * again when some have ended. */
TEST(TcpLimit, ServerThatIsFullRecovers)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.pcb_max = 5;
                  }});
    std::vector<int> ids;
    for (uint16_t i = 0; i < 10; i++) {
        peer.peer_port = static_cast<uint16_t>(20000 + i);
        peer.skip();
        peer.send(syn().mss(MSS));
        const auto answer = peer.receive(0ms);
        if (!answer || !(answer->flags & TCP_PEER_SYN)) continue;
        peer.send(ack(answer->seq + 1));
        const int id = accept_from(peer.stack(), peer.listener());
        if (id >= 0) ids.push_back(id);
    }
    EXPECT_GE(ids.size(), 3u);
    EXPECT_LE(ids.size(), 5u);
    for (const int id : ids) {
        EXPECT_EQ(sock_close(peer.stack(), id), 0);
    }
    peer.wait(1h);
    peer.skip();
    peer.peer_port = 30000;
    EXPECT_TRUE(peer.establish());
}

/** Sends @p data from where the stack's acknowledgment stands, until all of it is acknowledged. */
void fill_holes(tcp_peer &peer, const std::string &data)
{
    while (peer.una() - peer.nxt != data.size()) {
        const uint32_t at = peer.una() - peer.nxt;
        peer.send(payload(data.substr(at, MSS)).seq(peer.una()));
        peer.wait(50ms);
        ASSERT_GT(peer.una() - peer.nxt, at);
    }
}

/* RFC 9293 3.10.7.4, seventh: thousands of one-byte holes use a bounded amount of memory, and the stream is right in
 * the end. */
TEST(TcpLimit, OneByteHolesAreBounded)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(60000);
    for (uint32_t at = 1; at < data.size(); at += 4) {
        peer.send(payload(data.substr(at, 1)).seq(peer.nxt + at));
    }
    peer.skip();
    EXPECT_LT(peer.host().packets_in_use(), 2u << 20);
    fill_holes(peer, data);
    EXPECT_EQ(peer.app_read(), data);
}

/* RFC 9293 3.10.7.4, seventh: the same holds when the holes come from the far end of the window backwards. */
TEST(TcpLimit, BackwardHolesAreBounded)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(60000);
    for (uint32_t at = 59999; at > 1; at -= 3) {
        peer.send(payload(data.substr(at, 1)).seq(peer.nxt + at));
        if (at < 4) break;
    }
    peer.skip();
    fill_holes(peer, data);
    EXPECT_EQ(peer.app_read(), data);
}

/* RFC 9293 MUST-42: a thousand connections at once carry a stream each. */
TEST(TcpLimit, ManyConnectionsAtOnce)
{
    test_world world;
    tcp_peer peer(world, listening);
    constexpr uint16_t count = 1000;
    std::vector<uint32_t> theirs(count);
    std::vector<int> ids(count);
    for (uint16_t i = 0; i < count; i++) {
        peer.peer_port = static_cast<uint16_t>(20000 + i);
        ASSERT_TRUE(peer.establish());
        theirs[i] = peer.rcv;
        ids[i] = peer.app();
    }
    for (uint16_t i = 0; i < count; i++) {
        peer.send(payload(std::to_string(i)).ack(theirs[i]).peer_port(static_cast<uint16_t>(20000 + i)));
    }
    peer.skip();
    for (uint16_t i = 0; i < count; i++) {
        peer.set_app(ids[i]);
        EXPECT_EQ(peer.app_read(), std::to_string(i));
        EXPECT_EQ(peer.app_write("ok"), 2);
        EXPECT_EQ(peer.app_close(), 0);
    }
    peer.wait(1h);
    EXPECT_EQ(peer.host().packets_in_use(), 0u);
    EXPECT_EQ(peer.host().count(counter::tcp_pcbs_released), count);
}

/* RFC 9293 3.6.1: an active closer is not blocked by its connections in TIME-WAIT. The C original has 16 PCBs, and each
 * connection in TIME-WAIT keeps one of them for 30 seconds. */
TEST(TcpLimit, TimeWaitDoesNotBlockTheServer)
{
    test_world world;
    tcp_peer peer(world, listening);
    for (uint16_t i = 0; i < 300; i++) {
        ASSERT_TRUE(establish_from(peer, static_cast<uint16_t>(20000 + i)));
        close_actively(peer);
    }
    EXPECT_TRUE(establish_from(peer, 30000));
}

/* RFC 9293 3.8.1: a segment that cannot be sent, here for lack of memory, counts as lost and is retransmitted. In the C
 * original a failed output destroys the connection. */
TEST(TcpLimit, ShortageOfMemoryIsSurvived)
{
    test_world world;
    tcp_peer peer(world, connected);
    const size_t limit = peer.stack().packets.limit;
    peer.stack().packets.limit = 0;
    EXPECT_EQ(peer.app_write("hello"), 5);
    peer.send(payload("lost on the way in, too"));
    peer.expect_nothing(1s);
    EXPECT_GT(peer.host().count(drop_reason::no_memory), 0u);
    peer.stack().packets.limit = limit;
    peer.wait(10s);
    EXPECT_EQ(data_of(drain(peer), peer.rcv), "hello");
    peer.send(payload("again"));
    EXPECT_EQ(peer.app_read(), "again");
}

/* net_shutdown while connections live in every state: the peers get a RST, memory comes back (sanitizers watch). */
TEST(TcpLimit, ShutdownWithLiveConnections)
{
    test_world world;
    tcp_peer peer(world, listening);
    EXPECT_TRUE(peer.establish());
    peer.send(payload("above a hole").seq(peer.nxt + 3));
    EXPECT_EQ(peer.app_write(stream(30000)), 30000);
    peer.peer_port += 1;
    peer.nxt = peer.iss + 1;
    peer.skip();
    half_open(peer);
    const int id = stream_socket(peer.stack());
    connect_to(peer.stack(), id, "192.0.2.1", 999);
}

} // namespace
} // namespace microps
