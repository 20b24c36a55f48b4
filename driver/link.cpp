/*
 * link.cpp: devices whose frames are bare IP packets tell IPv4 from IPv6 by the first four bits (RFC 791 3.1).
 */
#include "microps/driver/link.hpp"

namespace microps
{

uint16_t link_ip_type(const packet &pkt)
{
    if (pkt.size() == 0) return 0;
    switch (pkt.data()[0] >> 4) {
    case 4:
        return NET_PROTOCOL_TYPE_IP;
    case 6:
        return NET_PROTOCOL_TYPE_IPV6;
    default:
        return 0;
    }
}

void link_ip_input(net_device &dev, packet_ptr pkt)
{
    const uint16_t type = link_ip_type(*pkt);
    if (type == 0) return net_drop(dev.net, drop_reason::bad_header, "not IP, dev=%s, len=%zu", dev.name, pkt->size());
    net_input_handler(type, std::move(pkt), dev);
}

} // namespace microps
