/*
 * pcap.cpp: capture files: the classic format with nanoseconds, in this machine's byte order as the format allows.
 */
#include "microps/wire.hpp"
#include "sim_internal.hpp"

namespace microps
{

static constexpr uint32_t PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
static constexpr uint32_t PCAP_LINK_ETHERNET = 1;
static constexpr uint32_t PCAP_LINK_RAW_IP = 101;

namespace
{

struct pcap_file_hdr {
    uint32_t magic = PCAP_MAGIC_NANOSECONDS;
    uint16_t version_major = 2;
    uint16_t version_minor = 4;
    int32_t thiszone = 0;
    uint32_t sigfigs = 0;
    uint32_t snaplen = 262144;
    uint32_t linktype = PCAP_LINK_ETHERNET;
};
static_assert(sizeof(pcap_file_hdr) == 24);

struct pcap_record_hdr {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t captured;
    uint32_t length;
};
static_assert(sizeof(pcap_record_hdr) == 16);

} // namespace

sim_pcap::sim_pcap(const std::string &path, sim_link_type link) : file_(std::fopen(path.c_str(), "wb"))
{
    if (!file_) {
        errorf("cannot write a capture, path=%s", path.c_str());
        return;
    }
    const pcap_file_hdr hdr{.linktype = link == sim_link_type::ethernet ? PCAP_LINK_ETHERNET : PCAP_LINK_RAW_IP};
    std::fwrite(&hdr, sizeof(hdr), 1, file_.get());
}

void sim_pcap::write(std::chrono::nanoseconds since_epoch, std::span<const uint8_t> frame)
{
    if (!file_) return;
    constexpr int64_t billion = 1000000000;
    const pcap_record_hdr hdr{.seconds = static_cast<uint32_t>(since_epoch.count() / billion),
                              .nanoseconds = static_cast<uint32_t>(since_epoch.count() % billion),
                              .captured = static_cast<uint32_t>(frame.size()),
                              .length = static_cast<uint32_t>(frame.size())};
    std::fwrite(&hdr, sizeof(hdr), 1, file_.get());
    std::fwrite(frame.data(), 1, frame.size(), file_.get());
}

} // namespace microps
