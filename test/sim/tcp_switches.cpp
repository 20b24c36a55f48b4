/*
 * tcp_switches.cpp: half of the hosts are as they come; on the others each mechanism is off by a chance of its own.
 */
#include "sim/tcp_switches.hpp"

#include "microps/sock.hpp"

#include <array>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>

using namespace std::chrono_literals;

namespace microps
{

namespace
{

size_t random_between(net_random &random, size_t least, size_t most) { return least + random.below(most - least + 1); }

net_duration random_milliseconds(net_random &random, int64_t least, int64_t most)
{
    return std::chrono::milliseconds(least + static_cast<int64_t>(random.below(static_cast<uint64_t>(most - least))));
}

void draw_mechanisms(net_random &random, tcp_config &config)
{
    const std::array switches{&config.window_scaling,
                              &config.timestamps,
                              &config.sack,
                              &config.dsack,
                              &config.rack,
                              &config.tail_loss_probe,
                              &config.proportional_rate_reduction,
                              &config.frto,
                              &config.undo,
                              &config.limited_transmit,
                              &config.hystart,
                              &config.moderate_receive_buffer,
                              &config.moderate_send_buffer,
                              &config.path_mtu_discovery,
                              &config.slow_start_after_idle};
    const double off = random.chance(0.5) ? 0.15 : 0.5;
    for (bool *mechanism : switches) {
        *mechanism = !random.chance(off);
    }
    config.congestion_control = random.chance(0.5) ? "reno" : "cubic";
    config.mtu_probing = static_cast<unsigned>(random.below(2));
    /* Not 2: a cookie's connection is lost, by design, if for two minutes no ACK of it gets through. */
    config.syncookies = static_cast<unsigned>(random.below(2));
}

void draw_sizes(net_random &random, tcp_config &config)
{
    if (random.chance(0.3)) config.receive_buffer = random_between(random, 2048, 20000);
    if (random.chance(0.3)) config.receive_buffer_max = random_between(random, config.receive_buffer, 300000);
    if (random.chance(0.3)) config.send_buffer = random_between(random, 2048, 20000);
    if (random.chance(0.3)) config.send_buffer_max = random_between(random, config.send_buffer, 300000);
    if (random.chance(0.2)) config.reassembly_ranges = random_between(random, 1, 20);
    if (random.chance(0.2)) config.sent_segments = random_between(random, 2, 100);
    if (random.chance(0.3)) config.initial_window = static_cast<unsigned>(random_between(random, 1, 40));
    if (random.chance(0.3)) config.dup_thresh = static_cast<unsigned>(random_between(random, 1, 30));
    if (random.chance(0.3)) config.appropriate_byte_counting = static_cast<unsigned>(random_between(random, 1, 3));
}

void draw_times(net_random &random, tcp_config &config)
{
    if (random.chance(0.3)) config.rto_min = random.chance(0.5) ? 1s : random_milliseconds(random, 10, 500);
    if (random.chance(0.3)) config.delayed_ack = random_milliseconds(random, 0, 400);
    if (random.chance(0.3)) config.delayed_ack_max = config.delayed_ack + random_milliseconds(random, 0, 100);
    if (random.chance(0.3)) config.quick_acks = static_cast<unsigned>(random.below(20));
}

void set_int(net_stack &net, int sock, int level, int name, int value)
{
    sock_setsockopt(net, sock, level, name, &value, sizeof(value));
}

} // namespace

void draw_tcp_switches(net_random &random, tcp_config &config)
{
    if (random.chance(0.5)) return;
    draw_mechanisms(random, config);
    draw_sizes(random, config);
    draw_times(random, config);
}

void draw_socket_options(net_random &random, net_stack &net, int sock)
{
    const auto bytes = [&] {
        return static_cast<int>(random_between(random, 1, 30000));
    };
    if (random.chance(0.3)) set_int(net, sock, IPPROTO_TCP, TCP_NODELAY, 1);
    if (random.chance(0.1)) set_int(net, sock, IPPROTO_TCP, TCP_CORK, 1);
    if (random.chance(0.1))
        set_int(net, sock, IPPROTO_TCP, TCP_MAXSEG, static_cast<int>(random_between(random, 88, 1460)));
    if (random.chance(0.1)) set_int(net, sock, IPPROTO_TCP, TCP_WINDOW_CLAMP, bytes());
    if (random.chance(0.1)) set_int(net, sock, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes());
    if (random.chance(0.2)) set_int(net, sock, SOL_SOCKET, SO_SNDBUF, bytes());
    if (random.chance(0.2)) set_int(net, sock, SOL_SOCKET, SO_RCVBUF, bytes());
    if (random.chance(0.2)) set_int(net, sock, SOL_SOCKET, SO_KEEPALIVE, 1);
}

std::string tcp_info_wrong(net_stack &net, int sock)
{
    tcp_info_data info;
    socklen_t size = sizeof(info);
    if (sock_getsockopt(net, sock, IPPROTO_TCP, TCP_INFO, &info, &size) == -1) return {};
    std::string wrong;
    if (info.tcpi_sacked + info.tcpi_lost > info.tcpi_unacked + 1) wrong += "more is SACKed and lost than is sent\n";
    if (info.tcpi_unacked > 0 && info.tcpi_snd_cwnd == 0) wrong += "no congestion window\n";
    if (info.tcpi_bytes_acked + info.tcpi_bytes_retrans > info.tcpi_bytes_sent)
        wrong += "more acknowledged than sent\n";
    if (info.tcpi_total_retrans > info.tcpi_segs_out) wrong += "more retransmitted than sent\n";
    if (info.tcpi_rto > 0 && info.tcpi_rto > 120000000) wrong += "a timeout beyond the largest\n";
    if (info.tcpi_snd_mss < 8) wrong += "no segment size\n";
    return wrong;
}

} // namespace microps
