/*
 * tcp_timer.cpp: the timers of a connection: retransmission (RFC 6298), zero window probes (RFC 9293 3.8.6.1), R1 and
 * R2 (3.8.3), keepalive (3.8.4), FIN_WAIT_2 without a user, TIME_WAIT.
 *
 * At most one of these runs at a time, so a PCB has one timer, and a purpose for it. An arriving segment does not
 * restart the keepalive timer, which would cost time for each segment: when the timer expires, it looks at how long the
 * peer has been silent, and waits for the rest.
 */
#include "tcp_timer.hpp"

#include "tcp_layer.hpp"
#include "tcp_listen.hpp"
#include "tcp_loss.hpp"
#include "tcp_output.hpp"
#include "tcp_pmtu.hpp"
#include "tcp_segment.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microps
{

void tcp_timer_cancel(tcp_pcb &pcb)
{
    pcb.timer.cancel();
    pcb.timing.purpose = tcp_timer_purpose::none;
}

static void tcp_timer_arm(tcp_pcb &pcb, tcp_timer_purpose purpose, net_duration after) MICROPS_REQUIRES(net_locked)
{
    pcb.timing.purpose = purpose;
    pcb.timer.arm(after);
}

/** SO_KEEPALIVE is on, and the state is one in which keepalives are sent. */
static bool tcp_keepalive_wanted(const tcp_pcb &pcb)
{
    using enum tcp_pcb_state;
    return pcb.set.keepalive && (pcb.state == established || pcb.state == close_wait || pcb.state == fin_wait2);
}

/** What the timer should wait for now. */
static tcp_timer_purpose tcp_timer_wanted(const tcp_pcb &pcb)
{
    if (pcb.state == tcp_pcb_state::time_wait) return tcp_timer_purpose::time_wait;
    if (!pcb.sent().empty()) return tcp_timer_purpose::retransmit;
    if (tcp_may_send(pcb.state) && tcp_unsent(pcb) > 0) return tcp_timer_purpose::persist;
    const bool orphan = pcb.owner == tcp_owner::gone;
    if (orphan && pcb.state == tcp_pcb_state::fin_wait2) return tcp_timer_purpose::fin_wait2;
    return tcp_keepalive_wanted(pcb) ? tcp_timer_purpose::keepalive : tcp_timer_purpose::none;
}

/** With TCP_USER_TIMEOUT, the least time between the last retransmission or probe and the one before it. */
static constexpr net_duration TCP_USER_TIMEOUT_STEP = std::chrono::milliseconds(1);

static net_duration tcp_user_timeout(const tcp_pcb &pcb) { return std::chrono::milliseconds(pcb.set.user_timeout); }

/** The interval of probes, but the last one ends when TCP_USER_TIMEOUT does, so that the user hears of it in time. */
static net_duration tcp_until_user_timeout(const tcp_pcb &pcb, net_duration interval) MICROPS_REQUIRES(net_locked)
{
    const net_duration limit = tcp_user_timeout(pcb);
    if (limit == net_duration::zero()) return interval;
    const net_duration rest = pcb.timing.stalled_since + limit - pcb.net.clock.now();
    return std::min(interval, std::max(rest, TCP_USER_TIMEOUT_STEP));
}

static net_duration tcp_fin_wait2_time(const tcp_pcb &pcb)
{
    if (pcb.set.linger2 < 0) return net_duration::zero();
    return pcb.set.linger2 > 0 ? std::chrono::seconds(pcb.set.linger2) : pcb.tcp.config.fin_wait2;
}

net_duration tcp_keepalive_time(const tcp_pcb &pcb)
{
    return pcb.set.keep_idle > 0 ? std::chrono::seconds(pcb.set.keep_idle) : pcb.tcp.config.keepalive_time;
}

net_duration tcp_keepalive_interval(const tcp_pcb &pcb)
{
    return pcb.set.keep_interval > 0 ? std::chrono::seconds(pcb.set.keep_interval) : pcb.tcp.config.keepalive_interval;
}

unsigned tcp_keepalive_probes(const tcp_pcb &pcb)
{
    return pcb.set.keep_count > 0 ? pcb.set.keep_count : pcb.tcp.config.keepalive_probes;
}

unsigned tcp_syn_retries(const tcp_pcb &pcb)
{
    return pcb.set.syn_count > 0 ? pcb.set.syn_count : pcb.tcp.config.syn_retries;
}

static void tcp_keepalive_arm(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const net_duration rest = pcb.timing.heard_ack + tcp_keepalive_time(pcb) - pcb.net.clock.now();
    tcp_timer_arm(pcb, tcp_timer_purpose::keepalive, std::max(rest, net_duration::zero()));
}

/** How long the first probe of a closed window waits, or data that silly window avoidance or TCP_CORK holds back. */
static net_duration tcp_persist_time(const tcp_pcb &pcb)
{
    if (pcb.snd.wnd == 0) return pcb.rtt.rto();
    return std::min(pcb.rtt.rto(), pcb.set.corked || pcb.set.more ? TCP_CORK_MAX : TCP_OVERRIDE);
}

/**
 * The peer has opened its window by less than a segment: what waited for a distant probe now waits for the override.
 */
static void tcp_persist_hasten(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const net_time at = pcb.net.clock.now() + tcp_persist_time(pcb);
    if (pcb.timer.deadline() > at) pcb.timer.arm_at(at);
}

/** The earliest of retransmission timer, loss probe and RACK's reordering timer, while something is outstanding. */
struct tcp_next_expiry {
    tcp_timer_purpose purpose = tcp_timer_purpose::retransmit;
    net_time at{};
};

static tcp_next_expiry tcp_retransmit_next(const tcp_pcb &pcb)
{
    tcp_next_expiry next{.at = pcb.timing.rto_from + pcb.rtt.rto()};
    if (pcb.timing.retries > 0 && pcb.set.user_timeout > 0) {
        const net_time last =
            std::max(pcb.timing.stalled_since + tcp_user_timeout(pcb), pcb.timing.rto_from + TCP_USER_TIMEOUT_STEP);
        next.at = std::min(next.at, last);
    }
    if (pcb.recovery().reorder_at() < next.at) return {tcp_timer_purpose::reorder, pcb.recovery().reorder_at()};
    if (!tcp_loss_probe_wanted(pcb)) return next;
    /* RFC 8985 7.2: the probe takes the place of the retransmission timer, which is started anew by it. */
    return {tcp_timer_purpose::loss_probe, std::min(next.at, tcp_loss_probe_at(pcb))};
}

static void tcp_retransmit_arm(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const tcp_next_expiry next = tcp_retransmit_next(pcb);
    pcb.timing.purpose = next.purpose;
    if (pcb.timer.deadline() != next.at) pcb.timer.arm_at(next.at);
}

void tcp_timer_update(tcp_pcb &pcb)
{
    if (pcb.released) return;
    const tcp_timer_purpose wanted = tcp_timer_wanted(pcb);
    if (wanted != pcb.timing.purpose && pcb.timing.purpose == tcp_timer_purpose::keepalive) {
        pcb.timing.retries = 0; /* they counted keepalives */
    }
    if (wanted == tcp_timer_purpose::retransmit) {
        pcb.timing.backoff = 0;
        return tcp_retransmit_arm(pcb);
    }
    if (wanted == pcb.timing.purpose) {
        if (wanted == tcp_timer_purpose::persist && pcb.snd.wnd > 0) tcp_persist_hasten(pcb);
        return;
    }
    pcb.timing.backoff = 0;
    switch (wanted) {
    case tcp_timer_purpose::none:
        return tcp_timer_cancel(pcb);
    case tcp_timer_purpose::retransmit:
    case tcp_timer_purpose::loss_probe:
    case tcp_timer_purpose::reorder:
        break;
    case tcp_timer_purpose::persist:
        pcb.timing.stalled_since = pcb.net.clock.now();
        return tcp_timer_arm(pcb, wanted, tcp_persist_time(pcb));
    case tcp_timer_purpose::keepalive:
        return tcp_keepalive_arm(pcb);
    case tcp_timer_purpose::fin_wait2:
        return tcp_timer_arm(pcb, wanted, tcp_fin_wait2_time(pcb));
    case tcp_timer_purpose::time_wait:
        return tcp_set_timewait_timer(pcb);
    }
    net_unreachable();
}

void tcp_keepalive_changed(tcp_pcb &pcb)
{
    /* A running keepalive timer is armed anew, with the new times. If it is not wanted any more, the update ends it. */
    if (pcb.set.keepalive && pcb.timing.purpose == tcp_timer_purpose::keepalive) tcp_timer_cancel(pcb);
    tcp_timer_update(pcb);
}

void tcp_set_timewait_timer(tcp_pcb &pcb)
{
    const net_duration time = pcb.tcp.config.time_wait;
    debugf("start time_wait timer: %d seconds",
           static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(time).count()));
    if (pcb.timing.purpose != tcp_timer_purpose::time_wait) net_count(pcb.net, counter::tcp_time_wait);
    tcp_pcb_enqueue(pcb, &pcb.tcp.time_wait);
    tcp_timer_arm(pcb, tcp_timer_purpose::time_wait, time);
}

/* R2: when the connection is given up */

static unsigned tcp_retries_max(const tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    if (pcb.state == tcp_pcb_state::syn_sent) return tcp_syn_retries(pcb);
    if (pcb.state == tcp_pcb_state::syn_received) return config.synack_retries;
    return pcb.owner == tcp_owner::gone ? config.orphan_retries : config.data_retries;
}

/** Whether there was no progress for the time that @p retries retransmissions take from the smallest RTO on. */
static bool tcp_stalled_for(const tcp_pcb &pcb, unsigned retries) MICROPS_REQUIRES(net_locked)
{
    const tcp_config &config = pcb.tcp.config;
    net_duration time{};
    net_duration rto = config.rto_min;
    for (unsigned i = 0; i <= retries; i++) {
        time += rto;
        rto = std::min(2 * rto, config.rto_max);
    }
    return pcb.net.clock.now() - pcb.timing.stalled_since >= time;
}

/**
 * Whether the retry limit is reached: R2 (RFC 9293 3.8.3), or TCP_USER_TIMEOUT. For SYNs R2 is a number. For data it is
 * the time that so many retransmissions take (Linux' rule), so that a path with a long RTO is not given more time than
 * one with a short RTO. R1 comes before R2 even if the RTO is still long because of earlier retransmissions.
 */
static bool tcp_retry_limit_reached(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.timing.retries == 0) return false;
    const bool opening = tcp_is_opening(pcb.state);
    if (opening && pcb.timing.retries >= tcp_retries_max(pcb)) return true;
    if (pcb.set.user_timeout > 0) return pcb.net.clock.now() - pcb.timing.stalled_since >= tcp_user_timeout(pcb);
    if (opening || pcb.timing.retries < std::min(tcp_retries_max(pcb), pcb.tcp.config.retries1 + 1)) return false;
    return tcp_stalled_for(pcb, tcp_retries_max(pcb));
}

/**
 * Whether the limit of zero window probes is reached. As long as the peer answers, probes go on for ever (RFC 9293
 * 3.8.6.1), with two exceptions: the user has set TCP_USER_TIMEOUT, or has closed. A peer that never opens its window
 * must not keep a connection that has no user.
 */
static bool tcp_probe_limit_reached(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.set.user_timeout > 0) return pcb.net.clock.now() - pcb.timing.stalled_since >= tcp_user_timeout(pcb);
    if (pcb.owner == tcp_owner::gone && tcp_stalled_for(pcb, pcb.tcp.config.orphan_retries)) return true;
    return pcb.timing.retries >= tcp_retries_max(pcb);
}

/** The retry limit is reached: the connection ends with ETIMEDOUT, or with the ICMP error that explains it. */
static void tcp_give_up(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.state == tcp_pcb_state::syn_received && pcb.handshake.passive) return tcp_passive_failed(pcb);
    net_count(pcb.net, counter::tcp_abort_on_timeout);
    if (pcb.state == tcp_pcb_state::syn_sent) net_count(pcb.net, counter::tcp_attempt_fails);
    if (tcp_is_synchronized(pcb.state))
        tcp_output_rst(pcb); /* if the peer is still there, it learns of the end at once */
    tcp_pcb_fail(pcb, pcb.timing.soft_error ? pcb.timing.soft_error : ETIMEDOUT);
}

static void tcp_count_retry(tcp_pcb &pcb)
{
    if (pcb.timing.retries < UINT8_MAX) pcb.timing.retries++;
}

/* Expiry */

static void tcp_retransmit_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (tcp_retry_limit_reached(pcb)) return tcp_give_up(pcb);
    if (pcb.timing.retries == 0) pcb.timing.stalled_since = pcb.sent().front().when;
    tcp_count_retry(pcb);
    const bool repeated = pcb.timing.retries > 1;
    if (pcb.sent().front().flags & TCP_FLG_SYN) pcb.handshake.syn_lost = true;
    if (pcb.timing.retries > pcb.tcp.config.retries1) ip_suspect(pcb.net, pcb.foreign.addr); /* R1 */
    tcp_black_hole_check(pcb);
    pcb.rtt.back_off();
    tcp_loss_timeout(pcb, repeated);
    tcp_output_request(pcb);
}

static void tcp_persist_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.snd.wnd > 0) { /* the window is small, or there is a cork: what fits has waited long enough */
        pcb.timing.override_sws = true;
        return tcp_output_request(pcb);
    }
    if (tcp_probe_limit_reached(pcb)) return tcp_give_up(pcb);
    tcp_count_retry(pcb);
    net_count(pcb.net, counter::tcp_zero_window_probes);
    tcp_output_probe(pcb);
    if (pcb.timing.backoff < 16) pcb.timing.backoff++;
    const net_duration interval = std::min(pcb.rtt.rto() * (1 << pcb.timing.backoff), pcb.tcp.config.rto_max);
    tcp_timer_arm(pcb, tcp_timer_purpose::persist, tcp_until_user_timeout(pcb, interval));
}

/**
 * Keepalive (RFC 9293 3.8.4). TCP_USER_TIMEOUT, if it is set, limits the time instead of the number of probes: tcp(7).
 */
static void tcp_keepalive_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    const net_duration silent = pcb.net.clock.now() - pcb.timing.heard_ack;
    if (silent < tcp_keepalive_time(pcb)) {
        pcb.timing.retries = 0;
        return tcp_keepalive_arm(pcb);
    }
    const bool limit_reached = pcb.set.user_timeout > 0 ? pcb.timing.retries > 0 && silent >= tcp_user_timeout(pcb)
                                                        : pcb.timing.retries >= tcp_keepalive_probes(pcb);
    if (limit_reached) return tcp_give_up(pcb);
    tcp_count_retry(pcb);
    net_count(pcb.net, counter::tcp_keep_alive);
    tcp_output_probe(pcb);
    tcp_timer_arm(pcb, tcp_timer_purpose::keepalive, tcp_keepalive_interval(pcb));
}

/** The peer does not close. RFC 9293 would wait for ever; we end the connection as Linux does, to free its memory. */
static void tcp_fin_wait2_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.set.linger2 < 0) {
        net_count(pcb.net, counter::tcp_abort_on_linger);
        tcp_output_rst(pcb);
    }
    tcp_pcb_release(pcb);
}

/**
 * An ACK in the same batch may have made the timer needless, or due later; output, which arms it anew, comes after it.
 */
static void tcp_outstanding_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.sent().empty()) return tcp_timer_update(pcb);
    const tcp_next_expiry next = tcp_retransmit_next(pcb);
    if (next.at > pcb.net.clock.now()) return tcp_retransmit_arm(pcb);
    if (next.purpose == tcp_timer_purpose::retransmit) return tcp_retransmit_expired(pcb);
    if (next.purpose == tcp_timer_purpose::loss_probe) return tcp_output_loss_probe(pcb);
    tcp_reorder_timeout(pcb);
    tcp_output_request(pcb);
}

void tcp_timer(tcp_pcb &pcb)
{
    switch (std::exchange(pcb.timing.purpose, tcp_timer_purpose::none)) {
    case tcp_timer_purpose::retransmit:
    case tcp_timer_purpose::loss_probe:
    case tcp_timer_purpose::reorder:
        return tcp_outstanding_expired(pcb);
    case tcp_timer_purpose::persist:
        return tcp_persist_expired(pcb);
    case tcp_timer_purpose::keepalive:
        return tcp_keepalive_expired(pcb);
    case tcp_timer_purpose::fin_wait2:
        return tcp_fin_wait2_expired(pcb);
    case tcp_timer_purpose::time_wait:
        debugf("timewait has elapsed, local=%s, foreign=%s", ip_endpoint_str(pcb.local).c_str(),
               ip_endpoint_str(pcb.foreign).c_str());
        return tcp_pcb_release(pcb);
    case tcp_timer_purpose::none:
        break;
    }
    net_unreachable();
}

} // namespace microps
