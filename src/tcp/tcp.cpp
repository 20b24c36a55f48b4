/*
 * tcp.cpp: the Transmission Control Protocol (RFC 9293): the module as the rest of the stack sees it.
 *
 * Here it is initialized, and reset at shut-down. The rest, by subject: tcp_input (SEGMENT ARRIVES), tcp_listen,
 * tcp_time_wait, tcp_challenge, tcp_receive, tcp_acknowledge, tcp_sack_report, tcp_buffers, tcp_ack, tcp_loss (what
 * ACKs and timers say about what we have sent), tcp_output, tcp_timer, tcp_pcb (tables and states), tcp_user and
 * tcp_connect (user calls). What the SYNs agree on: tcp_negotiate, tcp_timestamps. What the path says: tcp_icmp,
 * tcp_pmtu. What a connection is made of, objects that know nothing of the stack, is in parts/. A segment is in
 * tcp_segment.hpp, the PCB in tcp_pcb.hpp, the layer in tcp_layer.hpp.
 */
#include "tcp_layer.hpp"

#include "parts/tcp_congestion_builtin.hpp"
#include "parts/tcp_seq.hpp"
#include "tcp_ack.hpp"
#include "tcp_icmp.hpp"
#include "tcp_input.hpp"
#include "tcp_output.hpp"

#include <array>
#include <cstdio>

namespace microps
{

tcp_layer::tcp_layer(net_stack &net_)
    : net(net_), buckets(64), table_key(net_.random.key()), iss_key(net_.random.key()), port_key(net_.random.key()),
      timestamp_key(net_.random.key()), port_next(net_.random.u16()), cookies(net_.random.key(), net_.random.key())
{
}

tcp_config &tcp_configure(net_stack &net) { return net.tcp->config; }

/* Numbers that an off-path attacker must not guess */

tcp_seq tcp_iss_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
{
    if (tcp.config.initial_sequence) return tcp_seq(*tcp.config.initial_sequence);
    /* RFC 6528 3: a clock of 4 microseconds, plus a keyed hash of the endpoints. */
    const auto ticks =
        std::chrono::duration_cast<std::chrono::microseconds>(tcp.net.clock.now().time_since_epoch()) / 4;
    const uint64_t offset = ip_endpoint_hash(tcp.iss_key, local, foreign);
    return tcp_seq(static_cast<uint32_t>(static_cast<uint64_t>(ticks.count()) + offset));
}

bool tcp_rate::permits(net_time now, net_duration interval, uint64_t limit)
{
    if (count == 0 || now - since >= interval) {
        since = now;
        count = 0;
    }
    if (count >= limit) return false;
    count++;
    return true;
}

/* Names for the log */

std::string tcp_flg_ntoa(uint8_t flags)
{
    constexpr std::string_view letters = "--UAPRSF";
    std::string text = "--------";
    for (size_t i = 2; i < letters.size(); i++) {
        if (flags & (0x80 >> i)) text[i] = letters[i];
    }
    return text;
}

const char *tcp_state_ntoa(tcp_pcb_state state)
{
    switch (state) {
    case tcp_pcb_state::closed:
        return "CLOSED";
    case tcp_pcb_state::listen:
        return "LISTEN";
    case tcp_pcb_state::syn_sent:
        return "SYN_SENT";
    case tcp_pcb_state::syn_received:
        return "SYN_RECEIVED";
    case tcp_pcb_state::established:
        return "ESTABLISHED";
    case tcp_pcb_state::fin_wait1:
        return "FIN_WAIT1";
    case tcp_pcb_state::fin_wait2:
        return "FIN_WAIT2";
    case tcp_pcb_state::closing:
        return "CLOSING";
    case tcp_pcb_state::time_wait:
        return "TIME_WAIT";
    case tcp_pcb_state::close_wait:
        return "CLOSE_WAIT";
    case tcp_pcb_state::last_ack:
        return "LAST_ACK";
    }
    net_unreachable();
}

void tcp_dump(const tcp_hdr &hdr)
{
    if (!log_enabled(log_level::debug)) return;
    std::array<char, 384> text;
    std::snprintf(text.data(), text.size(),
                  "        src: %u\n"
                  "        dst: %u\n"
                  "        seq: %u\n"
                  "        ack: %u\n"
                  "        off: 0x%02x (%d)\n"
                  "        flg: 0x%02x (%s)\n"
                  "        wnd: %u\n"
                  "        sum: 0x%04x\n"
                  "         up: %u\n",
                  hdr.src.value(), hdr.dst.value(), hdr.seq.value(), hdr.ack.value(), hdr.off, (hdr.off >> 4) * 4,
                  hdr.flg, tcp_flg_ntoa(hdr.flg).c_str(), hdr.wnd.value(), hdr.sum.value(), hdr.up.value());
    log_dump(text.data());
}

/* Shut-down */

static bool tcp_busy(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    for (const auto &pcb : tcp.pcbs) {
        if (pcb->owner == tcp_owner::gone && tcp_is_synchronized(pcb->state) && pcb->fin.queued &&
            !tcp_fin_acknowledged(*pcb)) {
            return true;
        }
    }
    return false;
}

static void tcp_reset_open_connections(tcp_layer &tcp) MICROPS_REQUIRES(net_locked)
{
    for (const auto &pcb : tcp.pcbs) {
        if (tcp_is_synchronized(pcb->state) && pcb->state != tcp_pcb_state::time_wait) tcp_output_rst(*pcb);
    }
}

void tcp_init(net_stack &net)
{
    net.tcp = layer_make<tcp_layer>(net);
    tcp_layer &tcp = *net.tcp;
    for (const tcp_congestion_builtin &builtin : TCP_CONGESTION_BUILTINS) {
        tcp_congestion_register(net, builtin.name, builtin.make);
    }
    ip_protocol_register(
        net, "TCP", IP_PROTOCOL_TCP,
        [&tcp](const ip_rx &rx) {
            net_assert_locked(tcp.net);
            tcp_input(tcp, rx);
        },
        [&tcp](const ip_error &error) {
            net_assert_locked(tcp.net);
            tcp_error(tcp, error);
        });
    /* The original looks through all connections by this timer; ours have timers of their own, so it stays parked. */
    net_timer_register(
        net, "TCP Timer", std::chrono::milliseconds(100), [] { return false; }, true);
    net_batch_register(net, [&tcp] {
        net_assert_locked(tcp.net);
        tcp_output_run(tcp);
        tcp.ended.clear();
    });
    net_shutdown_register(net, {.busy =
                                    [&tcp] {
                                        net_assert_locked(tcp.net);
                                        return tcp_busy(tcp);
                                    },
                                .before_close =
                                    [&tcp] {
                                        net_assert_locked(tcp.net);
                                        tcp_reset_open_connections(tcp);
                                    }});
}

} // namespace microps
