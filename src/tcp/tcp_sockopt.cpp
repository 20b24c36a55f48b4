/*
 * tcp_sockopt.cpp: options of a connection, with Linux' levels, names and values.
 *
 * A listener's settings pass to its connections. TCP_DEFER_ACCEPT, TCP_FASTOPEN, TCP_MD5SIG and others are not
 * implemented: ENOPROTOOPT.
 */
#include "microps/tcp.hpp"
#include "tcp_ack.hpp"
#include "tcp_acknowledge.hpp"
#include "tcp_congestion_list.hpp"
#include "tcp_layer.hpp"
#include "tcp_output.hpp"
#include "tcp_pcb.hpp"
#include "tcp_receive.hpp"
#include "tcp_timer.hpp"
#include "tcp_user.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace microps
{

static constexpr int MAXSEG_MIN = 88; /* Linux' bounds of TCP_MAXSEG */
static constexpr int MAXSEG_MAX = 32767;
static constexpr int SECONDS_MAX = 32767; /* TCP_KEEPIDLE, TCP_KEEPINTVL */
static constexpr int COUNT_MAX = 127;     /* TCP_KEEPCNT, TCP_SYNCNT */
static constexpr int LINGER2_MAX = 120;
static constexpr size_t CONGESTION_NAME_SIZE = TCP_CONGESTION_NAME_MAX + 1; /* with its NUL */

/** Copies as much as there is room for: a program's struct may be shorter. */
template <typename T>
static int answer(void *value, socklen_t &size, const T &result)
{
    if (!value) return net_error(EFAULT);
    size = std::min<socklen_t>(size, sizeof(result));
    std::memcpy(value, &result, size);
    return 0;
}

static bool within(int value, int min, int max) { return min <= value && value <= max; }

static int seconds_of(net_duration time)
{
    return static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

static uint32_t buffer_size(int wanted)
{
    return static_cast<uint32_t>(std::clamp<int64_t>(wanted, TCP_BUFFER_MIN, TCP_BUFFER_MAX));
}

/**
 * Linux stores twice the value of SO_SNDBUF and SO_RCVBUF, for its overhead, and answers with that; programs expect it.
 * We count bytes of data, so we store the value itself, and answer with twice that.
 */
static int buffer_answer(uint32_t limit) { return static_cast<int>(2 * limit); }

/* Structures and names */

static int set_linger(tcp_pcb &pcb, const void *value, socklen_t size)
{
    struct linger wanted {
    };
    if (size < sizeof(wanted)) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::memcpy(&wanted, value, sizeof(wanted));
    pcb.set.linger = wanted.l_onoff ? std::max(wanted.l_linger, 0) : -1;
    return 0;
}

/** On an open connection the new algorithm goes on where the old one was. */
static int set_congestion(tcp_pcb &pcb, const void *value, socklen_t size) MICROPS_REQUIRES(net_locked)
{
    if (size < 1) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::array<char, CONGESTION_NAME_SIZE> name{};
    std::memcpy(name.data(), value, std::min<size_t>(size, name.size() - 1));
    const std::optional<uint8_t> place = tcp_congestion_find(pcb.tcp, name.data());
    if (!place) return net_error(ENOENT);
    pcb.set.congestion = place;
    if (!pcb.congestion || pcb.congestion->name() == std::string_view(name.data())) return 0;
    std::unique_ptr<tcp_congestion> next = tcp_congestion_open(pcb);
    next->adopt(pcb.congestion->cwnd(), pcb.congestion->ssthresh());
    pcb.congestion = std::move(next);
    return 0;
}

static int get_congestion(const tcp_pcb &pcb, void *value, socklen_t &size) MICROPS_REQUIRES(net_locked)
{
    const std::string_view text = pcb.congestion ? pcb.congestion->name() : tcp_congestion_choice(pcb);
    std::array<char, CONGESTION_NAME_SIZE> name{};
    std::copy_n(text.begin(), std::min(text.size(), name.size() - 1), name.begin());
    return answer(value, size, name);
}

/* Numbers: SOL_SOCKET */

static int set_socket_option(tcp_pcb &pcb, int name, int value) MICROPS_REQUIRES(net_locked)
{
    switch (name) {
    case SO_KEEPALIVE:
        pcb.set.keepalive = value != 0;
        tcp_keepalive_changed(pcb);
        return 0;
    case SO_SNDBUF:
        pcb.sndbuf.limit = buffer_size(value);
        pcb.set.sndbuf_fixed = true;
        sched_wakeup(pcb.net, pcb.ctx);
        return 0;
    case SO_RCVBUF:
        pcb.rcvbuf.limit = buffer_size(value);
        pcb.set.rcvbuf_fixed = true;
        tcp_window_update(pcb);
        return 0;
    case SO_RCVLOWAT:
        if (value < 0) value = static_cast<int>(TCP_BUFFER_MAX);
        /* With more than always fits, the reader could wait for ever. */
        pcb.set.receive_lowat =
            std::clamp(static_cast<uint32_t>(value), uint32_t{1}, std::max(pcb.rcvbuf.limit / 2, 1U));
        sched_wakeup(pcb.net, pcb.ctx);
        return 0;
    default:
        return net_error(ENOPROTOOPT);
    }
}

static int get_socket_option(const tcp_pcb &pcb, int name, void *value, socklen_t &size)
{
    switch (name) {
    case SO_KEEPALIVE:
        return answer(value, size, int{pcb.set.keepalive});
    case SO_SNDBUF:
        return answer(value, size, buffer_answer(pcb.sndbuf.limit));
    case SO_RCVBUF:
        return answer(value, size, buffer_answer(pcb.rcvbuf.limit));
    case SO_RCVLOWAT:
        return answer(value, size, static_cast<int>(pcb.set.receive_lowat));
    case SO_ACCEPTCONN:
        return answer(value, size, int{pcb.state == tcp_pcb_state::listen});
    case SO_LINGER:
        return answer(value, size, linger{.l_onoff = pcb.set.linger >= 0, .l_linger = std::max(pcb.set.linger, 0)});
    default:
        return net_error(ENOPROTOOPT);
    }
}

/* Numbers: IPPROTO_TCP */

/** Switched off, it releases what was held back, as far as other rules permit. */
static int set_cork(tcp_pcb &pcb, bool corked) MICROPS_REQUIRES(net_locked)
{
    pcb.set.corked = corked;
    if (!corked) {
        pcb.set.more = false;
        tcp_output_request(pcb);
    }
    return 0;
}

/** tcp(7): it also releases what a cork holds back now, but not what is written later. */
static int set_nodelay(tcp_pcb &pcb, bool nodelay) MICROPS_REQUIRES(net_locked)
{
    pcb.set.nodelay = nodelay;
    if (nodelay && tcp_may_send(pcb.state) && tcp_unsent(pcb) > 0) pcb.timing.override_sws = true;
    tcp_output_request(pcb);
    return 0;
}

static int set_window_clamp(tcp_pcb &pcb, int value) MICROPS_REQUIRES(net_locked)
{
    if (value == 0 && pcb.state != tcp_pcb_state::closed) return net_error(EINVAL);
    pcb.set.window_clamp = value == 0 ? 0 : std::max(static_cast<uint32_t>(value), uint32_t{TCP_BUFFER_MIN} / 2);
    tcp_window_update(pcb);
    return 0;
}

/** Sets one of the settings, a number within bounds. */
template <typename T>
static int set_number(T &member, int value, int min, int max)
{
    if (!within(value, min, max)) return net_error(EINVAL);
    member = static_cast<T>(value);
    return 0;
}

static int set_keepalive_number(tcp_pcb &pcb, int name, int value) MICROPS_REQUIRES(net_locked)
{
    const int result = name == TCP_KEEPIDLE    ? set_number(pcb.set.keep_idle, value, 1, SECONDS_MAX)
                       : name == TCP_KEEPINTVL ? set_number(pcb.set.keep_interval, value, 1, SECONDS_MAX)
                                               : set_number(pcb.set.keep_count, value, 1, COUNT_MAX);
    if (result == 0) tcp_keepalive_changed(pcb);
    return result;
}

static int set_tcp_option(tcp_pcb &pcb, int name, int value) MICROPS_REQUIRES(net_locked)
{
    tcp_settings &set = pcb.set;
    switch (name) {
    case TCP_NODELAY:
        return set_nodelay(pcb, value != 0);
    case TCP_CORK:
        return set_cork(pcb, value != 0);
    case TCP_QUICKACK:
        tcp_quickack_set(pcb, value);
        return 0;
    case TCP_MAXSEG:
        return value == 0 ? set_number(set.mss, 0, 0, 0) : set_number(set.mss, value, MAXSEG_MIN, MAXSEG_MAX);
    case TCP_KEEPIDLE:
    case TCP_KEEPINTVL:
    case TCP_KEEPCNT:
        return set_keepalive_number(pcb, name, value);
    case TCP_SYNCNT:
        return set_number(set.syn_count, value, 1, COUNT_MAX);
    case TCP_LINGER2:
        return set_number(set.linger2, std::clamp(value, -1, LINGER2_MAX), -1, LINGER2_MAX);
    case TCP_WINDOW_CLAMP:
        return set_window_clamp(pcb, value);
    case TCP_USER_TIMEOUT:
        return set_number(set.user_timeout, value, 0, INT32_MAX);
    case TCP_NOTSENT_LOWAT:
        set.notsent_lowat = static_cast<uint32_t>(value);
        sched_wakeup(pcb.net, pcb.ctx);
        return 0;
    default:
        return net_error(ENOPROTOOPT);
    }
}

static std::optional<int> tcp_option(const tcp_pcb &pcb, int name) MICROPS_REQUIRES(net_locked)
{
    const tcp_settings &set = pcb.set;
    const bool closed = pcb.state == tcp_pcb_state::closed || pcb.state == tcp_pcb_state::listen;
    switch (name) {
    case TCP_NODELAY:
        return pcb.set.nodelay;
    case TCP_CORK:
        return pcb.set.corked;
    case TCP_QUICKACK:
        return !pcb.ack.delay.interactive();
    case TCP_MAXSEG:
        return closed && set.mss > 0 ? int{set.mss} : static_cast<int>(pcb.mss.snd);
    case TCP_KEEPIDLE:
        return seconds_of(tcp_keepalive_time(pcb));
    case TCP_KEEPINTVL:
        return seconds_of(tcp_keepalive_interval(pcb));
    case TCP_KEEPCNT:
        return static_cast<int>(tcp_keepalive_probes(pcb));
    case TCP_SYNCNT:
        return static_cast<int>(tcp_syn_retries(pcb));
    case TCP_LINGER2:
        return set.linger2 != 0 ? int{set.linger2} : seconds_of(pcb.tcp.config.fin_wait2);
    case TCP_WINDOW_CLAMP:
        return static_cast<int>(set.window_clamp);
    case TCP_USER_TIMEOUT:
        return static_cast<int>(set.user_timeout);
    case TCP_NOTSENT_LOWAT:
        return static_cast<int>(set.notsent_lowat);
    default:
        return std::nullopt;
    }
}

static int tcp_setopt(tcp_pcb &pcb, int level, int name, const void *value, socklen_t size) MICROPS_REQUIRES(net_locked)
{
    if (level == SOL_SOCKET && name == SO_LINGER) return set_linger(pcb, value, size);
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) return set_congestion(pcb, value, size);
    int number = 0;
    if (size < sizeof(number)) return net_error(EINVAL);
    if (!value) return net_error(EFAULT);
    std::memcpy(&number, value, sizeof(number));
    if (level == SOL_SOCKET) return set_socket_option(pcb, name, number);
    if (level == IPPROTO_TCP) return set_tcp_option(pcb, name, number);
    return net_error(ENOPROTOOPT);
}

int tcp_pcb::setopt(int level, int name, const void *value, socklen_t size)
{
    return tcp_setopt(*this, level, name, value, size);
}

static int tcp_getopt(const tcp_pcb &pcb, int level, int name, void *value, socklen_t &size)
    MICROPS_REQUIRES(net_locked)
{
    if (level == SOL_SOCKET) return get_socket_option(pcb, name, value, size);
    if (level != IPPROTO_TCP) return net_error(ENOPROTOOPT);
    if (name == TCP_INFO) return answer(value, size, tcp_info_make(pcb));
    if (name == TCP_CONGESTION) return get_congestion(pcb, value, size);
    const std::optional<int> number = tcp_option(pcb, name);
    return number ? answer(value, size, *number) : net_error(ENOPROTOOPT);
}

int tcp_pcb::getopt(int level, int name, void *value, socklen_t &size) const
{
    return tcp_getopt(*this, level, name, value, size);
}

} // namespace microps
