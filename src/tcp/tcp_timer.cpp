/*
 * tcp_timer.cpp: what happens when nothing happens: retransmission (RFC 6298), zero window probes (RFC 9293 3.8.6.1),
 * giving up (3.8.3), FIN_WAIT_2 without a user, TIME_WAIT.
 *
 * All these exclude each other, so a PCB has one timer, and a purpose for it. Keepalive and the timers of
 * RACK-TLP will be further purposes.
 */
#include "tcp_internal.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace microps
{

void tcp_timer_cancel(tcp_pcb &pcb)
{
    pcb.timer.cancel();
    pcb.purpose = tcp_timer_purpose::none;
}

static void tcp_timer_arm(tcp_pcb &pcb, tcp_timer_purpose purpose, net_duration after) MICROPS_REQUIRES(net_locked)
{
    pcb.purpose = purpose;
    pcb.timer.arm(after);
}

static tcp_timer_purpose tcp_timer_wanted(const tcp_pcb &pcb)
{
    if (pcb.state == tcp_pcb_state::time_wait) return tcp_timer_purpose::time_wait;
    if (!pcb.sent.empty()) return tcp_timer_purpose::retransmit;
    if (tcp_may_send(pcb.state) && tcp_unsent(pcb) > 0) return tcp_timer_purpose::persist;
    const bool orphan = pcb.owner == tcp_owner::gone;
    if (orphan && pcb.state == tcp_pcb_state::fin_wait2) return tcp_timer_purpose::fin_wait2;
    return tcp_timer_purpose::none;
}

void tcp_timer_update(tcp_pcb &pcb)
{
    if (pcb.released) return;
    const tcp_timer_purpose wanted = tcp_timer_wanted(pcb);
    if (wanted == pcb.purpose) return;
    pcb.backoff = 0;
    switch (wanted) {
    case tcp_timer_purpose::none:
        return tcp_timer_cancel(pcb);
    case tcp_timer_purpose::retransmit:
        return tcp_timer_arm(pcb, wanted, pcb.rtt.rto());
    case tcp_timer_purpose::persist: /* a closed window: probes; a small one: RFC 9293 3.8.6.2.1 wants 0.1 to 1 s */
        return tcp_timer_arm(pcb, wanted, pcb.snd.wnd == 0 ? pcb.rtt.rto() : std::min(pcb.rtt.rto(), TCP_OVERRIDE));
    case tcp_timer_purpose::fin_wait2:
        return tcp_timer_arm(pcb, wanted, pcb.tcp.config.fin_wait2);
    case tcp_timer_purpose::time_wait:
        return tcp_set_timewait_timer(pcb);
    }
    net_unreachable();
}

void tcp_set_timewait_timer(tcp_pcb &pcb)
{
    const net_duration time = pcb.tcp.config.time_wait;
    debugf("start time_wait timer: %d seconds",
           static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(time).count()));
    if (pcb.purpose != tcp_timer_purpose::time_wait) net_count(pcb.net, counter::tcp_time_wait);
    tcp_pcb_enqueue(pcb, &pcb.tcp.time_wait);
    tcp_timer_arm(pcb, tcp_timer_purpose::time_wait, time);
}

/* Giving up */

static unsigned tcp_retries_max(const tcp_pcb &pcb)
{
    const tcp_config &config = pcb.tcp.config;
    if (pcb.state == tcp_pcb_state::syn_sent) return config.syn_retries;
    if (pcb.state == tcp_pcb_state::syn_received) return config.synack_retries;
    return pcb.owner == tcp_owner::gone ? config.orphan_retries : config.data_retries;
}

static void tcp_give_up(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.state == tcp_pcb_state::syn_received && pcb.passive) return tcp_passive_failed(pcb);
    net_count(pcb.net, counter::tcp_abort_on_timeout);
    if (pcb.state == tcp_pcb_state::syn_sent) net_count(pcb.net, counter::tcp_attempt_fails);
    if (tcp_is_synchronized(pcb.state)) tcp_output_rst(pcb); /* should the peer live, it needs not wait as long */
    tcp_pcb_fail(pcb, pcb.soft_error ? pcb.soft_error : ETIMEDOUT);
}

/* Expiry */

static void tcp_retransmit_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.retries >= tcp_retries_max(pcb)) return tcp_give_up(pcb);
    pcb.retries++;
    const bool again = pcb.retries > 1;
    net_count(pcb.net, counter::tcp_timeouts);
    if (pcb.sent.front().flags & TCP_FLG_SYN) pcb.syn_lost = true;
    if (again) ip_suspect(pcb.net, pcb.foreign.addr);
    tcp_black_hole_check(pcb);
    const uint32_t flight = tcp_flight_size(pcb);
    pcb.rtt.back_off();
    pcb.recovery.on_timeout(pcb.sent, pcb.snd.nxt);
    if (pcb.congestion) pcb.congestion->on_rto(pcb.net.clock.now(), flight, again);
    tcp_output_request(pcb);
}

static void tcp_persist_expired(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked)
{
    if (pcb.snd.wnd > 0) { /* a small window: what fits has waited long enough */
        pcb.send_anyway = true;
        return tcp_output_request(pcb);
    }
    if (pcb.retries >= tcp_retries_max(pcb)) return tcp_give_up(pcb);
    pcb.retries++;
    tcp_output_probe(pcb);
    if (pcb.backoff < 16) pcb.backoff++;
    const net_duration interval = std::min(pcb.rtt.rto() * (1 << pcb.backoff), pcb.tcp.config.rto_max);
    tcp_timer_arm(pcb, tcp_timer_purpose::persist, interval);
}

void tcp_timer(tcp_pcb &pcb)
{
    switch (std::exchange(pcb.purpose, tcp_timer_purpose::none)) {
    case tcp_timer_purpose::retransmit:
        return tcp_retransmit_expired(pcb);
    case tcp_timer_purpose::persist:
        return tcp_persist_expired(pcb);
    case tcp_timer_purpose::fin_wait2: /* as Linux: RFC 9293 would wait for ever */
        return tcp_pcb_release(pcb);
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
