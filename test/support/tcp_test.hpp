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
#include <string>
#include <utility>
#include <vector>

namespace microps
{

using namespace std::chrono_literals;

/** Text of one full segment on Ethernet. */
inline constexpr uint32_t MSS = 1460;

/* Lists of what integers in a test are meant to be: `for (const uint16_t window : words{1, 10})`. */
using words = std::initializer_list<uint16_t>;
using octets = std::initializer_list<uint8_t>;

/** @p size bytes of a stream, beginning at its byte @p from. Nearby pieces differ, so a displaced one is noticed. */
inline std::string stream(size_t size, size_t from = 0)
{
    std::string text(size, '\0');
    for (size_t i = 0; i < size; i++) {
        const size_t at = from + i;
        text[i] = static_cast<char>('!' + (at * 31 + at / 94 * 7 + at / 8836 * 13) % 94);
    }
    return text;
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

/** The bytes of text in @p segments, retransmissions included. */
inline size_t text_size(const std::vector<tcp_peer_segment> &segments)
{
    size_t size = 0;
    for (const tcp_peer_segment &seg : segments) {
        size += seg.payload.size();
    }
    return size;
}

/** The text from sequence number @p from on, as a receiver would put it together; ends at the first gap. */
inline std::string text_of(std::vector<tcp_peer_segment> segments, uint32_t from)
{
    std::stable_sort(segments.begin(), segments.end(), [from](const auto &a, const auto &b) {
        return static_cast<int32_t>(a.seq - from) < static_cast<int32_t>(b.seq - from);
    });
    std::string text;
    for (const tcp_peer_segment &seg : segments) {
        const size_t at = seg.seq - from;
        if (at <= text.size() && at + seg.payload.size() > text.size()) text += seg.payload.substr(text.size() - at);
    }
    return text;
}

/** Acknowledges everything that has come, again and again, until @p size bytes of text have; returns them. */
inline std::string download(tcp_peer &peer, size_t size, net_duration patience = 5s)
{
    std::string text;
    while (text.size() < size) {
        const auto seg = peer.receive(patience);
        if (!seg) break;
        if (seg->seq != peer.rcv || seg->payload.empty()) continue;
        text += seg->payload;
        peer.rcv += static_cast<uint32_t>(seg->payload.size());
        peer.send(ack());
    }
    return text;
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

/** Sends @p text in full segments and advances peer.nxt behind it. */
inline void upload(tcp_peer &peer, const std::string &text, size_t segment_size = MSS)
{
    for (size_t at = 0; at < text.size(); at += segment_size) {
        const std::string part = text.substr(at, segment_size);
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

/** The peer asks for the connection and gets a SYN-ACK: the stack's side is in SYN-RECEIVED. */
inline void half_open(tcp_peer &peer)
{
    peer.send(syn().mss(MSS));
    peer.expect(syn_ack().ack(peer.iss + 1));
}

/** The peer is the passive side of a close that the application has begun; leaves the stack's side in TIME-WAIT. */
inline void close_actively(tcp_peer &peer)
{
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv));
    peer.rcv += 1;
    peer.send(ack());
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt));
}

/** The peer closes first, then the application; leaves the stack's side in LAST-ACK. */
inline void close_passively(tcp_peer &peer)
{
    peer.send(fin());
    peer.nxt += 1;
    peer.expect(ack(peer.nxt));
    EXPECT_EQ(peer.app_close(), 0);
    peer.expect(fin().seq(peer.rcv));
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

inline sockaddr_in address(const char *addr, uint16_t port)
{
    ip_addr_t ip;
    EXPECT_EQ(ip_addr_pton(addr, ip), 0);
    return sockaddr_from_endpoint({ip, port});
}

inline const sockaddr *as_sockaddr(const sockaddr_in &addr)
{
    return static_cast<const sockaddr *>(static_cast<const void *>(&addr));
}

inline sockaddr *as_sockaddr(sockaddr_in &addr) { return static_cast<sockaddr *>(static_cast<void *>(&addr)); }

inline int stream_socket(net_stack &net, int flags = SOCK_NONBLOCK)
{
    return sock_open(net, AF_INET, SOCK_STREAM | flags, 0);
}

inline int bind_to(net_stack &net, int id, const char *addr, uint16_t port)
{
    const sockaddr_in local = address(addr, port);
    return sock_bind(net, id, as_sockaddr(local), sizeof(local));
}

inline int connect_to(net_stack &net, int id, const char *addr, uint16_t port)
{
    const sockaddr_in foreign = address(addr, port);
    return sock_connect(net, id, as_sockaddr(foreign), sizeof(foreign));
}

/** An accepted connection, or -1 with errno. */
inline int accept_from(net_stack &net, int listener, sockaddr_in *foreign = nullptr)
{
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const int id = sock_accept4(net, listener, as_sockaddr(from), &size, SOCK_NONBLOCK);
    if (foreign) *foreign = from;
    return id;
}

inline uint16_t local_port(net_stack &net, int id)
{
    sockaddr_in local{};
    socklen_t size = sizeof(local);
    EXPECT_EQ(sock_getsockname(net, id, as_sockaddr(local), &size), 0);
    return be16::from_net(local.sin_port);
}

/** The errno of a call that must fail; 0 if it did not. */
template <typename Result>
int error_of(Result result)
{
    return result == -1 ? errno : 0;
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
