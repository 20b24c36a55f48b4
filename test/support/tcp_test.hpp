/*
 * tcp_test.hpp: what the conformance tests of TCP share beside tcp_peer.
 *
 * A test is a script against one stack. Nothing here looks into the stack: bytes come from the wire, the application
 * above the stack uses socket calls, and what neither shows is read from the counters.
 */
#pragma once

#include "microps/checksum.hpp"
#include "microps/icmp.hpp"
#include "microps/sim/tcp_peer.hpp"
#include "support/sock_calls.hpp"
#include "support/test_world.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace microps
{

using namespace std::chrono_literals;

/** Payload of one full segment on Ethernet. */
inline constexpr uint32_t MSS = 1460;

/* Lists of what integers in a test are meant to be: `for (const uint16_t window : words{1, 10})`. */
using words = std::initializer_list<uint16_t>;
using octets = std::initializer_list<uint8_t>;

/** @p size bytes of a stream, beginning at its byte @p from. Nearby ranges differ, so a displaced one is noticed. */
inline std::string stream(size_t size, size_t from = 0)
{
    std::string data(size, '\0');
    for (size_t i = 0; i < size; i++) {
        const size_t at = from + i;
        data[i] = static_cast<char>('!' + (at * 31 + at / 94 * 7 + at / 8836 * 13) % 94);
    }
    return data;
}

/** Everything that the stack has sent up to now, or sends within @p span. */
inline std::vector<tcp_peer_segment> drain(tcp_peer &peer, net_duration span = 0ms)
{
    peer.wait(span);
    std::vector<tcp_peer_segment> segments;
    while (peer.pending() > 0) {
        segments.push_back(*peer.receive(0ms));
    }
    return segments;
}

/** The bytes of payload in @p segments, retransmissions included. */
inline size_t payload_size(const std::vector<tcp_peer_segment> &segments)
{
    size_t size = 0;
    for (const tcp_peer_segment &seg : segments) {
        size += seg.payload.size();
    }
    return size;
}

/** The data from sequence number @p from on, as a receiver would put it together; ends at the first gap. */
inline std::string data_of(std::vector<tcp_peer_segment> segments, uint32_t from)
{
    std::stable_sort(segments.begin(), segments.end(), [from](const auto &a, const auto &b) {
        return static_cast<int32_t>(a.seq - from) < static_cast<int32_t>(b.seq - from);
    });
    std::string data;
    for (const tcp_peer_segment &seg : segments) {
        const size_t at = seg.seq - from;
        if (at <= data.size() && at + seg.payload.size() > data.size()) data += seg.payload.substr(data.size() - at);
    }
    return data;
}

/** Acknowledges all data in order as it comes, until @p size bytes have; returns them. */
inline std::string download(tcp_peer &peer, size_t size, net_duration patience = 5s)
{
    std::string data;
    while (data.size() < size) {
        const auto seg = peer.receive(patience);
        if (!seg) break;
        if (seg->seq != peer.rcv || seg->payload.empty()) continue;
        data += seg->payload;
        peer.rcv += static_cast<uint32_t>(seg->payload.size());
        peer.send(ack());
    }
    return data;
}

/** Acknowledges what is outstanding, one full segment at a time: a round trip. Returns the new bytes sent meanwhile. */
inline uint32_t ack_round(tcp_peer &peer)
{
    const uint32_t end = peer.rcv_max();
    while (peer.rcv != end) {
        peer.rcv += std::min(MSS, end - peer.rcv);
        peer.send(ack());
    }
    peer.skip();
    return peer.rcv_max() - end;
}

/** What a receiver keeps of segments that come in any order. */
class reassembly
{
public:
    /** Adds @p seg to the stream and acknowledges what of it is complete. */
    void take(tcp_peer &peer, const tcp_peer_segment &seg)
    {
        held_[seg.seq - peer.irs - 1] = seg.payload;
        for (auto next = held_.begin(); next != held_.end() && next->first <= stream_.size();
             next = held_.erase(next)) {
            const size_t known = stream_.size() - next->first;
            if (next->second.size() > known) stream_ += next->second.substr(known);
        }
        peer.rcv = peer.irs + 1 + static_cast<uint32_t>(stream_.size());
        peer.send(ack());
    }
    /** The stream up to its first gap. */
    [[nodiscard]] const std::string &stream() const { return stream_; }

private:
    std::map<uint32_t, std::string> held_{}; /* by the place in the stream */
    std::string stream_{};
};

/** Sends @p data in full segments and advances peer.nxt behind it. */
inline void upload(tcp_peer &peer, const std::string &data, size_t segment_size = MSS)
{
    for (size_t at = 0; at < data.size(); at += segment_size) {
        const std::string part = data.substr(at, segment_size);
        peer.send(payload(part));
        peer.nxt += static_cast<uint32_t>(part.size());
    }
}

/** When the next @p count segments come, one after another, each within @p limit. */
inline std::vector<net_time> arrival_times(tcp_peer &peer, size_t count, net_duration limit = 200s)
{
    std::vector<net_time> times;
    while (times.size() < count) {
        const auto seg = peer.receive(limit);
        if (!seg) break;
        times.push_back(seg->at);
    }
    return times;
}

/*
 * Steps that many scripts take. A failure is reported at the line of the script, as those of tcp_peer are.
 */

/** The peer asks for the connection and gets a SYN-ACK: the stack's side is in SYN-RECEIVED. */
inline void half_open(tcp_peer &peer, sim_site site = sim_site::here())
{
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().ack(peer.iss + 1), site);
}

/** Another connection of the peer's host, from @p port. Returns whether it was established and accepted. */
inline bool establish_from(tcp_peer &peer, uint16_t port, sim_site site = sim_site::here())
{
    peer.peer_port = port;
    peer.nxt = peer.iss + 1;
    return peer.establish(std::nullopt, site);
}

/** Another connection between the same ports, whose SYN has the number @p iss. Returns whether it was established. */
inline bool establish_anew(tcp_peer &peer, uint32_t iss, sim_site site = sim_site::here())
{
    peer.iss = iss;
    peer.nxt = peer.iss + 1;
    return peer.establish(std::nullopt, site);
}

/** The peer sends @p data, which is acknowledged. */
inline void upload_acknowledged(tcp_peer &peer, const std::string &data, sim_site site = sim_site::here())
{
    upload(peer, data);
    peer.expect(ack(peer.nxt), site);
}

/** The application writes @p data, which leaves in one segment and is acknowledged by the peer. */
inline void write_acknowledged(tcp_peer &peer, const std::string &data, sim_site site = sim_site::here())
{
    EXPECT_EQ(peer.app_write(data), static_cast<ssize_t>(data.size()));
    peer.expect(payload(data), site);
    peer.rcv += static_cast<uint32_t>(data.size());
    peer.send(ack());
}

/** The peer acknowledges everything that the stack has ever sent. */
inline void acknowledge_everything(tcp_peer &peer)
{
    peer.rcv = peer.rcv_max();
    peer.send(ack());
}

/** What the peer sends is still delivered. */
inline void expect_alive(tcp_peer &peer)
{
    peer.send(payload("alive"));
    EXPECT_EQ(peer.app_read(), "alive");
}

/** The FIN that the application has caused comes, and the peer acknowledges it: from FIN-WAIT-1 to FIN-WAIT-2. */
inline void acknowledge_fin(tcp_peer &peer, sim_site site = sim_site::here())
{
    peer.expect(fin().seq(peer.rcv), site);
    peer.rcv += 1;
    peer.send(ack());
}

/** The application has no more to send, but goes on reading; leaves the stack's side in FIN-WAIT-2. */
inline void half_close(tcp_peer &peer, sim_site site = sim_site::here())
{
    EXPECT_EQ(peer.app_shutdown(SHUT_WR), 0);
    acknowledge_fin(peer, site);
}

/** The application closes, and the peer says nothing more; leaves the stack's side in FIN-WAIT-2, without a user. */
inline void reach_fin_wait2(tcp_peer &peer, sim_site site = sim_site::here())
{
    EXPECT_EQ(peer.app_close(), 0);
    acknowledge_fin(peer, site);
}

/** The peer sends its FIN, which is acknowledged: from ESTABLISHED to CLOSE-WAIT, or from FIN-WAIT-2 to TIME-WAIT. */
inline void send_fin(tcp_peer &peer, sim_site site = sim_site::here())
{
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt), site);
}

/** The application closes first; leaves the stack's side in TIME-WAIT. */
inline void close_actively(tcp_peer &peer, sim_site site = sim_site::here())
{
    reach_fin_wait2(peer, site);
    send_fin(peer, site);
}

/** The peer closes first, then the application; leaves the stack's side in LAST-ACK. */
inline void close_passively(tcp_peer &peer, sim_site site = sim_site::here())
{
    send_fin(peer, site);
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv), site);
    peer.rcv += 1;
}

/** Whether a segment of this connection is still answered by something other than a RST. */
inline bool connection_is_known(tcp_peer &peer)
{
    peer.skip();
    peer.send(segment(TCP_PEER_ACK).seq(peer.nxt - 1).payload("?")); /* an old byte: answered by an ACK */
    const auto answer = peer.receive(500ms);
    return answer && !(answer->flags & TCP_PEER_RST);
}

/* Socket calls that tcp_peer has no word for. */

inline int stream_socket(net_stack &net, int flags = SOCK_NONBLOCK)
{
    return sock_open(net, AF_INET, SOCK_STREAM | flags, 0);
}

inline int bind_to(net_stack &net, int id, const char *addr, uint16_t port)
{
    const sockaddr_in local = sock_address(addr, port);
    return sock_bind(net, id, sockaddr_of(local), sizeof(local));
}

inline int connect_to(net_stack &net, int id, const char *addr, uint16_t port)
{
    const sockaddr_in foreign = sock_address(addr, port);
    return sock_connect(net, id, sockaddr_of(foreign), sizeof(foreign));
}

/** A socket that listens; the test's failure if it cannot. */
inline int listening_socket(net_stack &net, const char *addr, uint16_t port, int backlog = 5)
{
    const int id = stream_socket(net);
    EXPECT_EQ(bind_to(net, id, addr, port), 0) << addr << ':' << port;
    EXPECT_EQ(sock_listen(net, id, backlog), 0) << addr << ':' << port;
    return id;
}

/** Calls on the socket sleep from now on; those of tcp_peer's own sockets do not at first. */
inline void make_blocking(net_stack &net, int id) { EXPECT_EQ(sock_fcntl(net, id, F_SETFL, 0), 0); }

/** A program that reads one byte from the connection and sleeps until that, an end or an error has come. */
class sleeping_reader
{
public:
    explicit sleeping_reader(tcp_peer &peer)
    {
        make_blocking(peer.stack(), peer.app());
        peer.host().spawn("reader", [this, &net = peer.stack(), id = peer.app()] {
            char byte = 0;
            const ssize_t received = sock_recv(net, id, &byte, 1);
            error_ = received == -1 ? errno : 0;
            result_ = received;
        });
        peer.wait(std::chrono::milliseconds(10));
        EXPECT_TRUE(sleeps());
    }

    [[nodiscard]] bool sleeps() const { return !result_; }
    /** What sock_recv() has returned; -2 while it sleeps. */
    [[nodiscard]] ssize_t result() const { return result_.value_or(-2); }
    /** The errno it has failed with; 0 if it has not. */
    [[nodiscard]] int error() const { return error_; }

private:
    std::optional<ssize_t> result_{};
    int error_ = 0;
};

/** An accepted connection, or -1 with errno. */
inline int accept_from(net_stack &net, int listener, sockaddr_in *foreign = nullptr)
{
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const int id = sock_accept4(net, listener, sockaddr_of(from), &size, SOCK_NONBLOCK);
    if (foreign) *foreign = from;
    return id;
}

inline uint16_t local_port(net_stack &net, int id)
{
    sockaddr_in local{};
    socklen_t size = sizeof(local);
    EXPECT_EQ(sock_getsockname(net, id, sockaddr_of(local), &size), 0);
    return be16::from_net(local.sin_port);
}

/* Packets that tcp_peer would not send. */

/** @p packet (20 bytes of IP header, then TCP) with other addresses and right checksums. */
inline std::vector<uint8_t> readdressed(std::vector<uint8_t> packet, const char *src, const char *dst)
{
    ip_addr_t from;
    ip_addr_t to;
    EXPECT_EQ(ip_addr_pton(src, from), 0);
    EXPECT_EQ(ip_addr_pton(dst, to), 0);
    const std::span<uint8_t> all(packet);
    wire_write(all.subspan(12), from);
    wire_write(all.subspan(16), to);
    wire_write(all.subspan(10), be16(0));
    wire_write(all.subspan(10), be16(cksum16(all.first(20))));
    wire_write(all.subspan(36), be16(0));
    wire_write(all.subspan(36),
               be16(cksum16(all.subspan(20), ip_pseudo_sum(from, to, IP_PROTOCOL_TCP, packet.size() - 20))));
    return packet;
}

} // namespace microps
