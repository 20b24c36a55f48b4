/*
 * sim/tcp_peer.hpp: a scripted TCP peer, segment by segment, of a stack under test.
 *
 * The peer sends exactly what the script says and compares what the stack sends with what the script expects. It
 * acknowledges nothing and advances no sequence number by itself: after `peer.send(payload("abc"))` the script says
 * `peer.nxt += 3` when it means so. Sequence numbers are plain uint32_t: they wrap as the wire's do.
 *
 *     sim_world world;
 *     tcp_peer peer(world, connected);
 *     peer.send(payload("bbbb").seq(peer.nxt + 4));
 *     peer.expect(ack(peer.nxt));
 *     peer.send(payload("aaaa").seq(peer.nxt));
 *     peer.expect(ack(peer.nxt + 8));
 *     EXPECT_EQ(peer.app_read(), "aaaabbbb");
 *
 * The same words describe what is sent and what is expected. Sending, an unnamed field has its ordinary value; in
 * expect() a field that is not named is not compared. On failure the peer reports through sim_world::fail() what it
 * expected, what came, the exchange so far and the seed; the script goes on. (Tests on googletest: test_world in
 * test/support/test_world.hpp turns this into a test failure at the script's line.)
 */
#pragma once

#include "microps/ip.hpp"
#include "microps/sim/host.hpp"
#include "microps/sim/wire.hpp"
#include "microps/sim/world.hpp"
#include "microps/sock.hpp"
#include "microps/tcp.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microps
{

/* The six control bits of RFC 793, and ECN's two, for .flags(). */
inline constexpr uint8_t TCP_PEER_FIN = 0x01;
inline constexpr uint8_t TCP_PEER_SYN = 0x02;
inline constexpr uint8_t TCP_PEER_RST = 0x04;
inline constexpr uint8_t TCP_PEER_PSH = 0x08;
inline constexpr uint8_t TCP_PEER_ACK = 0x10;
inline constexpr uint8_t TCP_PEER_URG = 0x20;
inline constexpr uint8_t TCP_PEER_ECE = 0x40;
inline constexpr uint8_t TCP_PEER_CWR = 0x80;

/** A block of a SACK option: [first, last). */
using tcp_peer_sack = std::pair<uint32_t, uint32_t>;

/** A segment to send, or what is expected of one. Made by syn(), ack(), payload(), fin(), rst(), segment(). */
class tcp_pattern
{
public:
    tcp_pattern(uint8_t flags, uint8_t compared) : flags_(flags), flags_compared_(compared) {}

    tcp_pattern &seq(uint32_t number) { return seq_ = number, *this; }
    /** Acknowledges @p number; sets the ACK bit. */
    tcp_pattern &ack(uint32_t number)
    {
        ack_ = number;
        flags_ |= TCP_PEER_ACK;
        flags_compared_ |= TCP_PEER_ACK;
        return *this;
    }
    /** The header's window field, as it stands there. */
    tcp_pattern &win(uint16_t window) { return win_ = window, *this; }
    tcp_pattern &payload(std::string_view text) { return payload_ = std::string(text), *this; }
    /** Expected length of the payload, whatever its bytes. Sending: that many 'x'. */
    tcp_pattern &len(size_t bytes) { return len_ = bytes, *this; }
    /** Exactly these control bits. */
    tcp_pattern &flags(uint8_t bits)
    {
        flags_ = bits;
        flags_compared_ = 0xff;
        return *this;
    }
    tcp_pattern &fin() { return add_flag(TCP_PEER_FIN); }
    tcp_pattern &psh() { return add_flag(TCP_PEER_PSH); }
    tcp_pattern &rst() { return add_flag(TCP_PEER_RST); }
    tcp_pattern &urg(uint16_t pointer)
    {
        urgent_ = pointer;
        return add_flag(TCP_PEER_URG);
    }

    /* Options. Sent in the order named here; expected: present with this value. */
    tcp_pattern &mss(uint16_t bytes) { return mss_ = bytes, *this; }
    tcp_pattern &wscale(uint8_t shift) { return wscale_ = shift, *this; }
    tcp_pattern &sack_permitted(bool permitted = true) { return sack_permitted_ = permitted, *this; }
    tcp_pattern &timestamps(uint32_t value, uint32_t echo)
    {
        timestamps_ = std::pair(value, echo);
        return *this;
    }
    tcp_pattern &sack(std::vector<tcp_peer_sack> blocks) { return sack_ = std::move(blocks), *this; }
    /** Option bytes as they are (padded to a multiple of four with zeros), instead of all others. */
    tcp_pattern &raw_options(std::vector<uint8_t> bytes) { return raw_options_ = std::move(bytes), *this; }

    /* Sending only. */
    tcp_pattern &bad_checksum() { return bad_checksum_ = true, *this; }
    /** The data offset field, in 32-bit words, whatever the header's real length. */
    tcp_pattern &off(uint8_t words) { return off_ = words, *this; }
    /** From another port of the peer's, to another port of the stack's. Expecting: compared. */
    tcp_pattern &peer_port(uint16_t port) { return peer_port_ = port, *this; }
    tcp_pattern &stack_port(uint16_t port) { return stack_port_ = port, *this; }
    tcp_pattern &ttl(uint8_t hops) { return ttl_ = hops, *this; }

    /* Expecting only; both are counted from the script's last step (send, expect, a call of the app). */
    /** It comes at the latest after @p span; without this, after tcp_peer::patience. */
    tcp_pattern &within(net_duration span) { return within_ = span, *this; }
    /** It comes not earlier than after @p span. */
    tcp_pattern &after(net_duration span) { return after_ = span, *this; }

    /** What is named, readable. */
    [[nodiscard]] std::string text() const;

private:
    friend class tcp_peer;

    tcp_pattern &add_flag(uint8_t bit)
    {
        flags_ |= bit;
        flags_compared_ |= bit;
        return *this;
    }

    uint8_t flags_;
    uint8_t flags_compared_;
    std::optional<uint32_t> seq_{};
    std::optional<uint32_t> ack_{};
    std::optional<uint16_t> win_{};
    std::optional<std::string> payload_{};
    std::optional<size_t> len_{};
    std::optional<uint16_t> urgent_{};
    std::optional<uint16_t> mss_{};
    std::optional<uint8_t> wscale_{};
    std::optional<bool> sack_permitted_{};
    std::optional<std::pair<uint32_t, uint32_t>> timestamps_{};
    std::optional<std::vector<tcp_peer_sack>> sack_{};
    std::optional<std::vector<uint8_t>> raw_options_{};
    bool bad_checksum_ = false;
    std::optional<uint8_t> off_{};
    std::optional<uint16_t> peer_port_{};
    std::optional<uint16_t> stack_port_{};
    std::optional<uint8_t> ttl_{};
    std::optional<net_duration> within_{};
    std::optional<net_duration> after_{};
};

/* Where a description begins. Which control bits expect() compares stands with each; PSH and URG only when named. */

/** A SYN: sent with the peer's ISS as sequence number, and without ACK. Compares SYN, ACK, FIN, RST. */
tcp_pattern syn();
/** A SYN with ACK; sent with the peer's ISS and acknowledging tcp_peer::rcv. */
tcp_pattern syn_ack();
/** An ACK without text: sent, it acknowledges tcp_peer::rcv. Compares SYN, ACK, FIN, RST. */
tcp_pattern ack();
/** The same for the acknowledgment number @p number. As an expectation it says nothing about text: see len(0). */
tcp_pattern ack(uint32_t number);
/** A segment with text, PSH and ACK. Compares SYN, ACK, FIN, RST. */
tcp_pattern payload(std::string_view text);
/** A FIN with ACK. Compares SYN, ACK, FIN, RST. */
tcp_pattern fin();
/** A RST without ACK. Compares SYN, FIN, RST. */
tcp_pattern rst();
/** Any segment: compares no control bits. Sent, it has @p flags. */
tcp_pattern segment(uint8_t flags = TCP_PEER_ACK);

/** A segment that the stack has sent. */
struct tcp_peer_segment {
    net_time at{};
    ip_endpoint src{};
    ip_endpoint dst{};
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint8_t flags = 0;
    uint16_t win = 0;
    uint16_t urgent = 0;
    uint8_t ttl = 0;
    uint8_t tos = 0;
    bool dont_fragment = false;
    std::string payload{};
    std::vector<uint8_t> options{};
    std::optional<uint16_t> mss{};
    std::optional<uint8_t> wscale{};
    bool sack_permitted = false;
    std::optional<std::pair<uint32_t, uint32_t>> timestamps{};
    std::vector<tcp_peer_sack> sack{};
    std::vector<uint8_t> packet{}; /* from the IP header on */

    /** Sequence numbers that it occupies. */
    [[nodiscard]] uint32_t length() const
    {
        return static_cast<uint32_t>(payload.size()) + ((flags & TCP_PEER_SYN) ? 1 : 0) +
               ((flags & TCP_PEER_FIN) ? 1 : 0);
    }
    /** The sequence number behind it. */
    [[nodiscard]] uint32_t end() const { return seq + length(); }
};

/** How far the connection is when the script begins. */
enum class tcp_peer_start {
    listening,  /* the app listens on stack_port; nothing was sent */
    connecting, /* the app has called connect(): a SYN is on its way */
    connected,  /* the app has accepted the peer's connection */
    idle,       /* the app has no socket; for those who open their own on peer.stack() */
};
inline constexpr tcp_peer_start listening = tcp_peer_start::listening;
inline constexpr tcp_peer_start connecting = tcp_peer_start::connecting;
inline constexpr tcp_peer_start connected = tcp_peer_start::connected;

struct tcp_peer_options {
    uint32_t iss = 0xffffff00;          /* of the peer: wraps soon */
    uint16_t win = 65535;               /* what the peer offers by default */
    std::optional<uint16_t> mss = 1460; /* in the SYN of the handshake the peer makes by itself */
    uint16_t mtu = 1500;
    std::string stack_addr = "192.0.2.2";
    std::string peer_addr = "192.0.2.1"; /* on the same /24 */
    uint16_t stack_port = 7;
    uint16_t peer_port = 40000;
    int backlog = 128;
    /** Changes the stack's TCP tunables before the first socket is opened. */
    std::function<void(tcp_config &)> configure{};
};

class tcp_peer
{
public:
    tcp_peer(sim_world &world, tcp_peer_start start, tcp_peer_options options = {});
    ~tcp_peer();
    tcp_peer(const tcp_peer &) = delete;
    tcp_peer &operator=(const tcp_peer &) = delete;

    /* Numbers, from the peer's point of view. The script may set all of them. */

    uint32_t iss;     /* of the peer */
    uint32_t nxt;     /* the peer's next byte: default .seq(). Begins at iss + 1; only the script advances it */
    uint32_t irs = 0; /* the stack's ISS, learned from its SYN */
    uint32_t rcv = 0; /* the next byte the peer wants: default .ack(). Set to irs + 1 by the stack's SYN; then the
                         script's */
    uint16_t win;     /* default .win() */
    uint16_t stack_port;
    uint16_t peer_port;

    /** The highest acknowledgment that the stack has sent: what the peer may consider delivered. */
    [[nodiscard]] uint32_t una() const { return una_; }
    /** Behind the last byte that the stack has ever sent: `peer.rcv = peer.rcv_max()` acknowledges everything. */
    [[nodiscard]] uint32_t rcv_max() const { return rcv_max_; }

    /* Steps of a script. */

    /** Sends a segment; the stack works on it at once. */
    void send(const tcp_pattern &what);
    /**
     * The next segment that the stack sends is like this. Time goes on until it comes. Returns whether it is; in any
     * case that segment is consumed, and last() is it.
     */
    bool expect(const tcp_pattern &what, sim_site site = sim_site::here());
    /** The stack sends no segment for @p span (which passes). */
    bool expect_nothing(net_duration span = std::chrono::milliseconds(0), sim_site site = sim_site::here());
    /** The next segment is a RST. */
    bool expect_rst(sim_site site = sim_site::here());
    /** Completes a three-way handshake from `listening` or `connecting` with the given options in the peer's SYN
     *  (default: MSS of the options), and accepts the connection. */
    bool establish(const std::optional<tcp_pattern> &peer_syn = std::nullopt, sim_site site = sim_site::here());
    /** Forgets all segments that have come and were not consumed. */
    void skip() { inbox_.clear(); }
    /** Waits for the next segment, at most @p limit, and returns it, or nothing. For what expect() cannot say. */
    std::optional<tcp_peer_segment> receive(net_duration limit);
    /** The segment that was consumed last. */
    [[nodiscard]] const tcp_peer_segment &last() const { return last_; }
    /** Segments that have come and are not consumed. */
    [[nodiscard]] size_t pending() const { return inbox_.size(); }
    /** Time passes; what the stack sends meanwhile waits for expect(). */
    void wait(net_duration span);

    /* Below and beside TCP. */

    /** Sends an IP packet as it is. */
    void inject(std::span<const uint8_t> packet);
    /** An IP packet from the peer to the stack with a correct header. */
    [[nodiscard]] std::vector<uint8_t> ip_packet(uint8_t protocol, std::span<const uint8_t> payload, uint8_t ttl = 64);
    /** The bytes of the segment that send() would send, from the IP header on. */
    [[nodiscard]] std::vector<uint8_t> packet(const tcp_pattern &what);
    /** Sends an ICMP error about @p about: its IP header and first 8 bytes. @p mtu for "fragmentation needed". */
    void icmp_error(uint8_t type, uint8_t code, const tcp_peer_segment &about, uint16_t mtu = 0);
    /** The next packet of the stack's that is not TCP, from its IP header on; nothing within @p limit. */
    std::optional<std::vector<uint8_t>> receive_other(net_duration limit);

    /* The application above the stack: socket calls that never block. */

    /** Accepts the next connection; app() is then that socket. Returns false, and sets app_errno(): none is there. */
    bool app_accept();
    /** All bytes that can be received now. app_eof() and app_errno() tell how it ended. */
    std::string app_read(size_t limit = static_cast<size_t>(-1));
    /** Returns the number of bytes the stack took, or -1. */
    ssize_t app_write(std::string_view text);
    int app_shutdown(int how = SHUT_WR);
    /** Closes the connection's socket. */
    int app_close();
    /** The errno of the last app call that failed; 0 after one that did not. */
    [[nodiscard]] int app_errno() const { return app_errno_; }
    /** Takes the socket's pending error (SO_ERROR). */
    int app_error();
    /** Whether the last app_read() came to the end of the peer's data. */
    [[nodiscard]] bool app_eof() const { return app_eof_; }
    /** What sock_poll() answers for the connection's socket. */
    short app_poll(short events = POLLIN | POLLOUT);
    /** The socket of the connection (and of the listener); -1 if there is none. */
    [[nodiscard]] int app() const { return app_; }
    void set_app(int id) { app_ = id; }
    [[nodiscard]] int listener() const { return listener_; }

    [[nodiscard]] sim_world &world() { return world_; }
    [[nodiscard]] sim_host &host() { return host_; }
    [[nodiscard]] net_stack &stack() { return host_.net(); }
    [[nodiscard]] sim_wire &wire() { return wire_; }
    [[nodiscard]] ip_endpoint stack_endpoint() const;
    [[nodiscard]] ip_endpoint peer_endpoint() const;

    /** How long expect() waits for a segment unless within() says otherwise. RFC 9293 3.8.6.3 gives a delayed ACK
     *  500 ms. */
    net_duration patience = std::chrono::milliseconds(500);

private:
    void arrive(std::span<const uint8_t> packet);
    void learn(const tcp_peer_segment &seg);
    void open_app(tcp_peer_start start);
    bool await_segment(net_time until);
    void step_done();
    ssize_t app_result(ssize_t result);
    [[nodiscard]] std::string mismatch(const tcp_pattern &what, const tcp_peer_segment &seg) const;
    [[nodiscard]] std::vector<uint8_t> tcp_bytes(const tcp_pattern &what) const;
    bool fail(const sim_site &site, const std::string &text);

    sim_world &world_;
    tcp_peer_options options_;
    sim_host host_;
    sim_wire wire_;
    ip_addr_t stack_ip_{};
    ip_addr_t peer_ip_{};
    std::deque<tcp_peer_segment> inbox_;
    std::deque<std::vector<uint8_t>> others_;
    tcp_peer_segment last_{};
    net_time mark_{}; /* of the script's last step */
    uint32_t una_;
    bool learned_ = false;
    uint32_t rcv_max_ = 0;
    uint16_t ip_id_ = 1;
    int app_ = -1;
    int listener_ = -1;
    int app_errno_ = 0;
    bool app_eof_ = false;
};

} // namespace microps
