/*
 * test/test.h: the addresses that the original's programs and tests use, and a packet.
 */
#pragma once

#include <stdint.h>

#define LOOPBACK_IP_ADDR "127.0.0.1"
#define LOOPBACK_NETMASK "255.0.0.0"

#define ETHER_TAP_NAME "tap0"
#define ETHER_TAP_HW_ADDR "00:00:5e:00:53:01" /* RFC 7042: for documentation */
#define ETHER_TAP_IP_ADDR "192.0.2.2"         /* RFC 5737: TEST-NET-1 */
#define ETHER_TAP_NETMASK "255.255.255.0"

#define DEFAULT_GATEWAY "192.0.2.1"

/* An IPv4 packet from 127.0.0.1 to itself: ICMP Echo, identifier 128, sequence number 1, twenty bytes of text. */
static const uint8_t test_data[] = {
    0x45, 0x00, 0x00, 0x30, 0x00, 0x80, 0x00, 0x00, 0xff, 0x01, 0xbd, 0x4a, 0x7f, 0x00, 0x00, 0x01,
    0x7f, 0x00, 0x00, 0x01, 0x08, 0x00, 0x35, 0x64, 0x00, 0x80, 0x00, 0x01, '1',  '2',  '3',  '4',
    '5',  '6',  '7',  '8',  '9',  '0',  '!',  '@',  '#',  '$',  '%',  '^',  '&',  '*',  '(',  ')',
};
