/*
 * tcp_internal.hpp: what the files of TCP share: the layer, and the functions of each subject. Segments and connections
 * are in tcp_pcb.hpp. Everything here runs under the stack's lock.
 */
#pragma once

#include "parts/tcp_syncookie.hpp"
#include "tcp_pcb.hpp"

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace microps
{

/** Everything the module remembers, in one place. */
struct tcp_layer {
    explicit tcp_layer(net_stack &net_) MICROPS_REQUIRES(net_locked);

    net_stack &net;
    tcp_config config{};

    std::list<std::unique_ptr<tcp_pcb>> pcbs MICROPS_GUARDED_BY(net_locked){};
    std::list<std::unique_ptr<tcp_pcb>> ended MICROPS_GUARDED_BY(net_locked){}; /* freed when the batch is done */
    size_t live = 0;                                                            /* PCBs not released */
    size_t orphans = 0; /* of them: closed by the user, and not in TIME_WAIT */

    std::vector<tcp_pcb *> buckets MICROPS_GUARDED_BY(net_locked); /* connections, by the hash of their endpoints */
    size_t connections = 0;
    std::unordered_map<uint16_t, std::vector<tcp_pcb *>> listeners MICROPS_GUARDED_BY(net_locked){}; /* by port */
    std::unordered_map<uint16_t, size_t> bound MICROPS_GUARDED_BY(net_locked){}; /* how many PCBs are bound to a port */
    tcp_pcb_list time_wait MICROPS_GUARDED_BY(net_locked){};                     /* oldest first */

    std::vector<tcp_pcb *> output_wanted MICROPS_GUARDED_BY(net_locked){}; /* by tcp_output_request() */

    siphash_key table_key;
    siphash_key iss_key;
    siphash_key port_key;
    siphash_key timestamp_key;
    uint16_t port_next = 0; /* RFC 6056 3.3.3: next_ephemeral */
    tcp_rate challenges{};  /* RFC 5961 7: challenge ACKs per second, of the whole stack */
    uint64_t challenge_limit = 0;
    tcp_syncookies cookies;
};

/* tcp.cpp: initial sequence numbers, words */

tcp_seq tcp_iss_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
std::string tcp_flg_ntoa(uint8_t flags);
const char *tcp_state_ntoa(tcp_pcb_state state);
/** The original's dump of a header. */
void tcp_dump(const tcp_hdr &hdr);

/* tcp_negotiate.cpp: what the SYNs agree on */

/** What our SYN will offer. */
void tcp_offer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The peer's SYN: what both want is used from now on. */
void tcp_agree(tcp_pcb &pcb, const tcp_segment &syn) MICROPS_REQUIRES(net_locked);

/* tcp_timestamps.cpp (RFC 7323) */

/** TSval now: milliseconds, from a place that strangers do not know. */
uint32_t tcp_timestamp(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** In SYN_SENT: TSecr, if there is one, is of one of our SYNs: a late SYN-ACK of an earlier attempt is not. As Linux. */
bool tcp_echo_is_of_our_syn(const tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** PAWS (RFC 7323 5.3): the segment is older than what we have from this peer already. */
bool tcp_segment_is_outdated(const tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Remembers the segment's TSval if it is the one to echo (RFC 7323 4.3). */
void tcp_timestamp_update(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

/* tcp_pcb.cpp: tables, and the life of a PCB */

/** Returns null when the bound is reached and no TIME_WAIT connection can make room. */
tcp_pcb *tcp_pcb_alloc(tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** The connection between two endpoints; else the listener for it, the most specific; else null. */
tcp_pcb *tcp_pcb_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
tcp_pcb *tcp_connection_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
tcp_pcb *tcp_listener_select(tcp_layer &tcp, const ip_endpoint &local, const ip_endpoint &foreign)
    MICROPS_REQUIRES(net_locked);
/** Nothing is outstanding, and nothing need be remembered of it: the memory goes. */
void tcp_flight_release(tcp_pcb &pcb);
/** Makes a PCB with both endpoints set known to arriving segments. */
void tcp_connection_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_connection_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_listener_remove(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Counts the port that the user has bound the PCB to, if he has. */
void tcp_bound_insert(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Moves a PCB to the end of a list (null: to none). */
void tcp_pcb_enqueue(tcp_pcb &pcb, tcp_pcb_list *list) MICROPS_REQUIRES(net_locked);

/** The one place where a state changes: logs, counts, wakes sleepers, asserts that the transition exists. */
void tcp_set_state(tcp_pcb &pcb, tcp_pcb_state next) MICROPS_REQUIRES(net_locked);
/** The same for whose it is. */
void tcp_set_owner(tcp_pcb &pcb, tcp_owner owner) MICROPS_REQUIRES(net_locked);
/** Ends a connection: CLOSED, out of all tables, buffers gone; freed as soon as its user lets go too. */
void tcp_pcb_release(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** For another connection, or another attempt: what is about the user stays, the rest is as new. */
void tcp_pcb_forget_peer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a connection with an error for the user (0: none). */
void tcp_pcb_fail(tcp_pcb &pcb, int error) MICROPS_REQUIRES(net_locked);
/** Deferred free: a released PCB that no socket holds goes when the batch is done: no function refers to it then. */
void tcp_pcb_free_later(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* Questions about states. */
/** RFC 9293 3.3.2: both sides have (or had) synchronized their sequence numbers. */
bool tcp_is_synchronized(tcp_pcb_state state);
/** The peer has not been heard to close, and may send data. */
bool tcp_may_receive(tcp_pcb_state state);
/** Data may leave in this state, if there is some. */
bool tcp_may_send(tcp_pcb_state state);

/* tcp_input.cpp: SEGMENT ARRIVES (RFC 9293 3.10.7) */

void tcp_input(tcp_layer &tcp, const ip_rx &rx) MICROPS_REQUIRES(net_locked);
void tcp_segment_arrives(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** 3.10.7.4: in the synchronized states. */
void tcp_arrives_otherwise(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

/* tcp_listen.cpp: LISTEN and SYN_RECEIVED */

void tcp_arrives_listen(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** A SYN for a listener. @p iss: our sequence number, if there was a connection that it must be behind. */
void tcp_listen_syn(tcp_pcb &pcb, const tcp_segment &seg, std::optional<tcp_seq> iss) MICROPS_REQUIRES(net_locked);
/**
 * The peer's SYN came twice: it got a cookie when there was no room, then this half-open connection; and it acknowledges
 * the cookie, as whichever comes first counts. Returns true if that is so, and the cookie's connection takes the place.
 */
bool tcp_cookie_overtakes(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Our SYN-ACK is acknowledged. Returns false when the accept queue is full. */
bool tcp_passive_established(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A half-open passive connection ends: back to LISTEN. */
void tcp_passive_failed(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** No more connections for a listener; those nobody has accepted are reset. */
void tcp_listener_close(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_time_wait.cpp */

void tcp_arrives_time_wait(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Whether our own connect() may have the endpoints of this connection. */
bool tcp_time_wait_is_reusable(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Ends a connection in TIME_WAIT for a new one; returns the first ISS that cannot be mistaken for the old numbers. */
tcp_seq tcp_time_wait_recycle(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_challenge.cpp (RFC 5961) */

/** Whether it is time for another answer to an unacceptable segment that may be anybody's. Counts it as given. */
bool tcp_may_answer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** An ACK for a segment outside of the window, or older than what we have. */
void tcp_answer_unacceptable(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** "Prove that you are the peer." */
void tcp_challenge_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_receive.cpp: sixth to eighth step, our window */

void tcp_segment_text(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
void tcp_check_fin(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** RCV.WND: what we have advertised and not yet received. */
uint32_t tcp_receive_window(const tcp_pcb &pcb);
/** What a SYN of ours offers: it is never scaled. */
uint32_t tcp_syn_window(const tcp_pcb &pcb);
/**
 * Opens the window as far as the buffer and silly window avoidance permit; returns the value for the header, scaled
 * unless it is a SYN's.
 */
uint16_t tcp_window_advertise(tcp_pcb &pcb, bool syn) MICROPS_REQUIRES(net_locked);
/** The reader has made room: tells the peer if that is worth a segment. */
void tcp_window_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_sack_report.cpp: what our ACKs report */

/** The SACK blocks that our next ACK reports (RFC 2018 4, RFC 2883). */
tcp_sack_blocks tcp_sack_report(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** These bytes were here already: the ACK that is sent now says so, if the peer understands it. */
void tcp_duplicate_arrived(tcp_pcb &pcb, tcp_seq first, tcp_seq last) MICROPS_REQUIRES(net_locked);
/** The same for a segment that is not acceptable: what of it is old. */
void tcp_old_segment_arrived(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);

/* tcp_acknowledge.cpp: when we acknowledge */

/** A full-sized segment of the peer's: the largest so far, but not the few bytes of an interactive beginning. */
uint32_t tcp_full_size(const tcp_pcb &pcb);
/** Data in order came: an ACK is owed, now or soon (RFC 9293 3.8.6.3). */
void tcp_acknowledge(tcp_pcb &pcb, size_t received) MICROPS_REQUIRES(net_locked);
/** The network loses or reorders: the next ACKs are sent at once. */
void tcp_quick_acks(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A segment with our ACK leaves: nothing is owed any more. */
void tcp_ack_sent(tcp_pcb &pcb, bool with_data) MICROPS_REQUIRES(net_locked);
void tcp_ack_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** TCP_QUICKACK. */
void tcp_quickack_set(tcp_pcb &pcb, int value) MICROPS_REQUIRES(net_locked);

/* tcp_buffers.cpp: buffers that grow */

/** Data in order came: a chance to measure the round trip. */
void tcp_rcvbuf_measure(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** The reader has taken something: perhaps it deserves a larger buffer. */
void tcp_rcvbuf_adjust(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The congestion window may have grown: so does the send buffer. */
void tcp_sndbuf_expand(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_ack.cpp: fifth step */

/** RFC 5961 5.2: blind data injection. As Linux, nothing older than the connection is believed either. */
bool tcp_ack_is_believable(const tcp_pcb &pcb, tcp_seq ack);
step tcp_check_ack(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Takes over SND.WND from a segment, if it is newer than the last (RFC 9293 3.10.7.4). */
void tcp_send_window_update(tcp_pcb &pcb, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Both SYNs are acknowledged: the connection begins. */
void tcp_enter_established(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
bool tcp_fin_acknowledged(const tcp_pcb &pcb);
/** A congestion control by name, with what the configuration says; null: no such name. */
std::unique_ptr<tcp_congestion> tcp_congestion_open(const tcp_pcb &pcb, std::string_view name);

/* tcp_loss.cpp: what ACKs and timers say about the segments we have sent */

/** Which mechanisms are on for this connection. */
tcp_recovery_rules tcp_rules(const tcp_pcb &pcb);
tcp_recovery_view tcp_view(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** An acceptable ACK, with its SACK blocks. @p duplicate: as RFC 5681 2 defines it. */
void tcp_acknowledged(tcp_pcb &pcb, const tcp_segment &seg, bool duplicate) MICROPS_REQUIRES(net_locked);
/** The retransmission timer expired; @p again: nothing was acknowledged since it did last. */
void tcp_loss_timeout(tcp_pcb &pcb, bool again) MICROPS_REQUIRES(net_locked);
void tcp_reorder_timeout(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
bool tcp_loss_probe_wanted(const tcp_pcb &pcb);
net_time tcp_loss_probe_at(const tcp_pcb &pcb);
/** What is in the network, as far as we know: RFC 6675's pipe. */
uint32_t tcp_in_flight(const tcp_pcb &pcb);

/* tcp_output.cpp */

/** Wants tcp_output() when the batch is done. */
void tcp_output_request(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Runs every requested output. */
void tcp_output_run(tcp_layer &tcp) MICROPS_REQUIRES(net_locked);
/** Sends what may be sent: what is lost, then what is new, then the ACK that is owed. */
void tcp_output(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sends our SYN or SYN-ACK for the first time. */
void tcp_output_syn(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, now; as the RST, not from beyond a window that the peer has taken back. */
void tcp_output_ack(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The loss probe: new data, or the last segment again, whatever the congestion window says (RFC 8985 7.3). */
void tcp_output_loss_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** A segment that the peer must answer, without data: SND.UNA - 1. Of a closed window, or to see whether it lives. */
void tcp_output_probe(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK> */
void tcp_output_rst(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The RST that RFC 9293 3.5.2 group 1 and 2 answer a segment with that belongs to no connection. */
void tcp_output_reset_for(tcp_layer &tcp, const tcp_segment &seg) MICROPS_REQUIRES(net_locked);
/** Bytes in the send ring that were never sent. */
size_t tcp_unsent(const tcp_pcb &pcb);

/* tcp_pmtu.cpp: segment sizes */

/** The largest segment to ask the peer for (RFC 9293 3.7.1, RFC 6691). */
uint16_t tcp_mss_advertised(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Sets pcb.mss from the peer's option and the path. */
void tcp_mss_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Before a burst: has the path changed? */
void tcp_path_follow(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** ICMP says that a segment, which is outstanding, was too large (RFC 1191 6). */
void tcp_fragmentation_needed(tcp_pcb &pcb, const ip_error &error) MICROPS_REQUIRES(net_locked);
/** The retransmission timer has expired: are large segments swallowed (RFC 4821 7.7)? */
void tcp_black_hole_check(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Who may fragment TCP's packets. */
ip_df tcp_df(const tcp_config &config);

/* tcp_icmp.cpp */

void tcp_error(tcp_layer &tcp, const ip_error &error) MICROPS_REQUIRES(net_locked);

/* tcp_timer.cpp */

void tcp_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Arms the timer that the connection now needs, if it does not run already. */
void tcp_timer_update(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
void tcp_timer_cancel(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The user has changed what the keepalive timer waits for. */
void tcp_keepalive_changed(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/* What the user has set, or else tcp_config. */
net_duration tcp_keepalive_time(const tcp_pcb &pcb);
net_duration tcp_keepalive_interval(const tcp_pcb &pcb);
unsigned tcp_keepalive_probes(const tcp_pcb &pcb);
unsigned tcp_syn_retries(const tcp_pcb &pcb);
void tcp_set_timewait_timer(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_info.cpp, tcp_sockopt.cpp: what the user sets, and is told */

/** TCP_INFO. */
tcp_info_data tcp_info_make(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** The place of a congestion control in tcp_congestion_names(). */
std::optional<uint8_t> tcp_congestion_find(std::string_view name);
/** The name of the congestion control that a connection begins with: the user's choice, or tcp_config's. */
std::string_view tcp_congestion_choice(const tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

/* tcp_user.cpp, tcp_connect.cpp: shared by the user calls */

/** Sleeps on a PCB. Returns 0, or -1 with errno: EINTR EDEADLK, EAGAIN (deadline), EBADF (closed meanwhile). */
int tcp_sleep(net_guard &guard, tcp_pcb &pcb, net_time deadline) MICROPS_REQUIRES(net_locked);
/** Enough room in the send buffer that a writer is worth waking. */
bool tcp_is_writable(const tcp_pcb &pcb);
/** Returns 0 or an errno. */
int tcp_bind_check(tcp_pcb &pcb, const ip_endpoint &local) MICROPS_REQUIRES(net_locked);
/** Starts an active open: from local and foreign to SYN_SENT. */
int tcp_connect_start(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);
/** Starts a passive open. */
int tcp_listen_start(tcp_pcb &pcb, size_t backlog) MICROPS_REQUIRES(net_locked);
/** Queues a FIN behind the data (RFC 9293 3.10.4). */
void tcp_send_fin(tcp_pcb &pcb) MICROPS_REQUIRES(net_locked);

} // namespace microps
