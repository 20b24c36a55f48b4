/*
 * tcp_pattern.cpp: the patterns of a script, and their text in a message.
 */
#include "microps/sim/tcp_peer.hpp"
#include "tcp_wire.hpp"

namespace microps
{

static constexpr uint8_t CONTROL = TCP_PEER_SYN | TCP_PEER_ACK | TCP_PEER_FIN | TCP_PEER_RST;

tcp_pattern syn() { return {TCP_PEER_SYN, CONTROL}; }

tcp_pattern syn_ack() { return {TCP_PEER_SYN | TCP_PEER_ACK, CONTROL}; }

tcp_pattern ack() { return {TCP_PEER_ACK, CONTROL}; }

tcp_pattern ack(uint32_t number) { return ack().ack(number); }

tcp_pattern payload(std::string_view text)
{
    /* PSH is sent, but not compared. */
    return tcp_pattern(TCP_PEER_PSH | TCP_PEER_ACK, CONTROL).payload(text);
}

tcp_pattern fin() { return {TCP_PEER_FIN | TCP_PEER_ACK, CONTROL}; }

tcp_pattern rst() { return {TCP_PEER_RST, TCP_PEER_RST | TCP_PEER_SYN | TCP_PEER_FIN}; }

tcp_pattern segment(uint8_t flags) { return {flags, 0}; }

std::string tcp_pattern::text() const
{
    const auto number = [](const char *name, auto value) {
        return std::string(" ") + name + " " + std::to_string(value);
    };
    std::string text = "a segment";
    if (flags_compared_) text = std::string("[") + tcp_wire_flags_text(flags_ & flags_compared_) + "]";
    if (seq_) text += number("seq", *seq_);
    if (ack_) text += number("ack", *ack_);
    if (win_) text += number("win", *win_);
    if (len_) text += number("len", *len_);
    if (payload_) text += " payload \"" + payload_->substr(0, 40) + "\"" + number("of length", payload_->size());
    if (urgent_) text += number("urgent", *urgent_);
    if (mss_) text += number("mss", *mss_);
    if (wscale_) text += number("wscale", *wscale_);
    if (sack_permitted_) text += *sack_permitted_ ? " with SACK permitted" : " without SACK";
    if (timestamps_) text += number("timestamps", timestamps_->first) + number("echo", timestamps_->second);
    if (sack_) text += number("sack blocks:", sack_->size());
    if (raw_options_) text += number("option bytes:", raw_options_->size());
    if (after_) text += " not before " + std::to_string(std::chrono::duration<double>(*after_).count()) + " s";
    if (within_) text += " within " + std::to_string(std::chrono::duration<double>(*within_).count()) + " s";
    return text;
}

} // namespace microps
