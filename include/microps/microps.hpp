/*
 * microps.hpp: everything, for programs: all modules, all devices, and the process-wide stack.
 */
#pragma once

#include "microps/arp.hpp"
#include "microps/byteorder.hpp"
#include "microps/checksum.hpp"
#include "microps/default_stack.hpp"
#include "microps/driver/fault.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/driver/raw_ip.hpp"
#include "microps/ether.hpp"
#include "microps/icmp.hpp"
#include "microps/ip.hpp"
#include "microps/ip_addr.hpp"
#include "microps/log.hpp"
#include "microps/net.hpp"
#include "microps/sock.hpp"
#include "microps/stack.hpp"
#include "microps/tcp.hpp"
#include "microps/tcp_congestion.hpp"
#include "microps/udp.hpp"
