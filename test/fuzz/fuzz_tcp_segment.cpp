/*
 * fuzz_tcp_segment.cpp: segments with numbers near the right ones, calls of the application, and time, in any order,
 * on connections with all options and without, on stacks as they come and with switches drawn at random.
 */
#include "fuzz.hpp"
#include "microps/sim/tcp_peer.hpp"
#include "sim/tcp_switches.hpp"

#include <string>

namespace microps
{
namespace
{

class segment_fuzzer
{
public:
    explicit segment_fuzzer(fuzz_input input)
        : input_(input), how_(input_.octet()), options_(input_.octet()), world_(how_),
          peer_(world_, START[how_ % START.size()], {.configure = [this](tcp_config &config) {
                    net_random random(options_);
                    if (options_ & 0x80) draw_tcp_switches(random, config);
                    config.half_open_max = 8;
                    if (how_ & 0x10) config.receive_buffer = 3000;
                }})
    {
        world_.on_failure([](const sim_site &, const std::string &) {}); /* wrong expectations are not what is sought */
    }

    void run()
    {
        if (how_ % START.size() == 1) peer_.establish(peer_syn());
        for (int steps = 0; !input_.empty() && steps < 400; steps++) {
            step();
            look();
        }
        peer_.wait(std::chrono::minutes(5));
    }

private:
    static constexpr std::array START{listening, listening, connecting, connected};

    tcp_pattern peer_syn()
    {
        tcp_pattern what = syn().mss(options_ & 0x20 ? input_.word() : 1460);
        if (options_ & 0x01) what.sack_permitted();
        if (has_timestamps()) what.timestamps(ts_value_, 0);
        if (options_ & 0x04) what.wscale(input_.octet() % 20);
        return what;
    }
    [[nodiscard]] bool has_timestamps() const { return (options_ & 0x02) != 0; }

    /** Remembers the newest timestamp of what the stack has sent. */
    void look()
    {
        while (peer_.pending() > 0) {
            const auto seg = peer_.receive(net_duration::zero());
            if (seg && seg->timestamps) ts_echo_ = seg->timestamps->first;
        }
    }

    std::vector<tcp_peer_sack> blocks()
    {
        std::vector<tcp_peer_sack> list;
        for (size_t n = 1 + input_.octet() % 3; list.size() < n;) {
            const uint32_t first = peer_.rcv + input_.octet() * uint32_t{362};
            list.emplace_back(first, first + input_.octet() * uint32_t{181});
        }
        return list;
    }

    void send_segment()
    {
        const uint16_t shape = input_.word();
        tcp_pattern what = segment(input_.octet());
        what.seq(peer_.nxt + input_.step()).win(input_.word());
        if (shape & 0x001) what.ack(peer_.rcv + input_.step());
        if (shape & 0x002) what.ack(peer_.rcv_max());
        if (shape & 0x004) what.len(input_.octet() * size_t{6});
        if (shape & 0x010) what.off(input_.octet() & 0x0f);
        if (shape & 0x020) what.peer_port(static_cast<uint16_t>(peer_.peer_port + input_.octet() % 4));
        if (has_timestamps() != ((shape & 0x040) != 0)) what.timestamps(ts_value_ += input_.octet(), ts_echo_);
        if (shape & 0x080) what.sack(blocks());
        if (shape & 0x008) what.raw_options(input_.bytes(std::min<size_t>(input_.octet(), 40)));
        peer_.send(what);
    }

    /** What an honest peer sends: an ACK of all or of a part, with what it has behind a hole. */
    void acknowledge()
    {
        const uint8_t shape = input_.octet();
        const uint32_t outstanding = peer_.rcv_max() - peer_.rcv;
        if (shape & 0x01) peer_.rcv += static_cast<uint32_t>(outstanding * uint64_t{input_.octet()} / 256);
        tcp_pattern what = ack(peer_.rcv);
        if (has_timestamps()) what.timestamps(++ts_value_, ts_echo_);
        if (shape & 0x02) what.sack(blocks());
        peer_.send(what);
    }

    void step()
    {
        switch (input_.octet() % 14) {
        case 0:
            peer_.app_write(std::string(input_.word() % 30000, 'a'));
            break;
        case 1:
            peer_.app_read(input_.word());
            break;
        case 2:
            peer_.app_shutdown(input_.octet() % 3);
            break;
        case 3:
            if (input_.octet() % 8 == 0) peer_.app_close();
            break;
        case 4:
            peer_.app_accept();
            break;
        case 5:
            peer_.wait(std::chrono::milliseconds(input_.word()));
            break;
        case 6:
            peer_.nxt = peer_.una();
            break;
        case 7:
            peer_.rcv = peer_.rcv_max();
            break;
        case 8:
            peer_.wait(std::chrono::milliseconds(input_.octet()));
            break;
        case 9:
        case 10:
            acknowledge();
            break;
        default:
            send_segment();
        }
    }

    fuzz_input input_;
    uint8_t how_;
    uint8_t options_; /* of the peer's SYN; also the seed of the stack's switches */
    sim_world world_;
    tcp_peer peer_;
    uint32_t ts_value_ = 1000;
    uint32_t ts_echo_ = 0;
};

} // namespace
} // namespace microps

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    microps::segment_fuzzer(microps::fuzz_input({data, size})).run();
    return 0;
}
