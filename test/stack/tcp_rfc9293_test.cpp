/*
 * What RFC 9293 requires and no other subject's tests show. docs/rfc.md has the whole table.
 */
#include "support/tcp_test.hpp"

#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"

namespace microps
{
namespace
{

/* RFC 9293 MUST-20, SHLD-10: after R1, which is three retransmissions, IP is told that the route may be dead, and it
 * asks the neighbour. */
TEST(TcpRfc9293, NeighbourIsDoubtedAfterThreeRetransmissions)
{
    test_world world;
    sim_host client(world, "client");
    sim_host server(world, "server");
    sim_wire wire(world, {client, "192.0.2.1/24"}, {server, "192.0.2.2/24"});
    const int listener = stream_socket(server.net(), 0);
    EXPECT_EQ(bind_to(server.net(), listener, "192.0.2.2", 7), 0);
    EXPECT_EQ(sock_listen(server.net(), listener, 1), 0);
    const int id = stream_socket(client.net(), 0);
    ASSERT_EQ(connect_to(client.net(), id, "192.0.2.2", 7), 0);
    world.run_for(3s); /* the announcements of addresses are over */
    const uint64_t requests = client.count(counter::arp_out_requests);
    wire.cut();
    EXPECT_EQ(sock_send(client.net(), id, "x", 1), 1);
    const net_time begin = world.now();
    while (client.count(counter::arp_out_requests) == requests && world.now() < begin + 10s) {
        world.run_for(1ms);
    }
    EXPECT_EQ(client.count(counter::arp_out_requests), requests + 1);
    EXPECT_EQ(client.count(counter::tcp_loss_probes), 1u);
    EXPECT_EQ(client.count(counter::tcp_timeouts), 4u) << "with the fourth, three retransmissions have had no answer";
}

/* RFC 9293 SHLD-17, MUST-34: a peer that shrinks its window below what is outstanding, and answers every
 * retransmission, is not dead, however long that lasts. */
TEST(TcpRfc9293, WindowShrunkForAnHourEndsNothing)
{
    test_world world;
    tcp_peer peer(world, connected);
    const std::string data = stream(3 * MSS);
    EXPECT_EQ(peer.app_write(data), 3 * 1460);
    drain(peer);
    peer.win = 0;
    const net_time begin = world.now();
    while (world.now() < begin + 1h && peer.receive(130s)) {
        peer.send(ack());
    }
    EXPECT_GE(world.now(), begin + 1h);
    EXPECT_EQ(peer.app_error(), 0);
    peer.win = 65535;
    peer.skip();
    peer.send(ack());
    EXPECT_EQ(download(peer, data.size(), 130s), data);
}

/* RFC 9293 MUST-20: a peer that has shrunk its window and no longer answers is given up. */
TEST(TcpRfc9293, ShrunkWindowAndSilenceIsTheEnd)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write(stream(3 * MSS)), 3 * 1460);
    drain(peer);
    peer.send(ack().win(0));
    peer.wait(1h);
    EXPECT_EQ(peer.app_error(), ETIMEDOUT);
}

/* RFC 9293 MUST-50: IP options that TCP does not know are ignored, here no-operations and an end of list, and a record
 * route. */
TEST(TcpRfc9293, SegmentsWithIpOptionsAreTaken)
{
    const std::vector<std::vector<uint8_t>> lists{{1, 1, 1, 0}, {7, 7, 4, 0, 0, 0, 0, 0}, {148, 4, 0, 0}};
    test_world world;
    tcp_peer peer(world, connected);
    for (const std::vector<uint8_t> &list : lists) {
        std::vector<uint8_t> packet = peer.packet(payload("x"));
        packet.insert(packet.begin() + 20, list.begin(), list.end());
        packet[0] = static_cast<uint8_t>(0x40 | (20 + list.size()) / 4);
        const std::span<uint8_t> all(packet);
        wire_write(all.subspan(2), be16(static_cast<uint16_t>(packet.size())));
        wire_write(all.subspan(10), be16(0));
        wire_write(all.subspan(10), be16(cksum16(all.first(20 + list.size()))));
        peer.inject(packet);
        peer.nxt += 1;
    }
    EXPECT_EQ(peer.app_read(), "xxx");
}

/* RFC 9293 REC-1: windows are 32 bits wide, so one that is scaled by 14 can have a gigabyte. */
TEST(TcpRfc9293, WindowsAreThirtyTwoBitsWide)
{
    test_world world;
    tcp_peer peer(world, listening, {.configure = [](tcp_config &config) {
                      config.initial_window = 200;
                  }});
    peer.send(syn().mss(MSS).wscale(14).win(65535));
    peer.expect(syn_ack());
    peer.send(ack().win(65535));
    EXPECT_TRUE(peer.app_accept());
    EXPECT_EQ(peer.app_write(stream(200000)), 200000);
    EXPECT_EQ(payload_size(drain(peer)), 200000u) << "more than 64 KiB at once";
}

/* RFC 9293 MAY-4 lets a retransmission have the first transmission's IP identification. Ours has another one, which DF
 * makes meaningless (RFC 6864 4.1). */
TEST(TcpRfc9293, RetransmissionsAreAtomicDatagrams)
{
    test_world world;
    tcp_peer peer(world, connected);
    EXPECT_EQ(peer.app_write("x"), 1);
    for (int i = 0; i < 3; i++) {
        peer.expect(payload("x").within(5s));
        EXPECT_TRUE(peer.last().dont_fragment);
    }
}

} // namespace
} // namespace microps
