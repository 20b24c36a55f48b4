/* tcps.c: a whole server as one writes it for the original, on tap0: compiled and linked; run for its usage only. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "net.h"
#include "ip.h"
#include "icmp.h"
#include "udp.h"
#include "tcp.h"
#include "sock.h"

#include "driver/ether_tap.h"
#include "driver/loopback.h"
#include "test/test.h"

static volatile sig_atomic_t stop;

static void
on_signal(int signum)
{
    (void)signum;
    stop = 1;
    net_interrupt();
    close(0);
}

static int
setup(void)
{
    struct net_device *dev;
    struct ip_iface *iface;

    signal(SIGINT, on_signal);
    if (net_init() == -1) {
        errorf("net_init() failure");
        return -1;
    }
    dev = loopback_init();
    if (!dev) {
        errorf("loopback_init() failure");
        return -1;
    }
    iface = ip_iface_alloc(LOOPBACK_IP_ADDR, LOOPBACK_NETMASK);
    if (!iface) {
        errorf("ip_iface_alloc() failure");
        return -1;
    }
    if (ip_iface_register(dev, iface) == -1) {
        errorf("ip_iface_register() failure");
        return -1;
    }
    dev = ether_tap_init(ETHER_TAP_NAME, ETHER_TAP_HW_ADDR);
    if (!dev) {
        errorf("ether_tap_init() failure");
        return -1;
    }
    iface = ip_iface_alloc(ETHER_TAP_IP_ADDR, ETHER_TAP_NETMASK);
    if (!iface || ip_iface_register(dev, iface) == -1) {
        errorf("ip_iface_register() failure");
        return -1;
    }
    if (ip_route_set_default_gateway(iface, DEFAULT_GATEWAY) == -1) {
        errorf("ip_route_set_default_gateway() failure");
        return -1;
    }
    if (net_run() == -1) {
        errorf("net_run() failure");
        return -1;
    }
    return 0;
}

int
main(int argc, char *argv[])
{
    long int port;
    struct sockaddr_in local = { .sin_family = AF_INET }, foreign;
    int foreignlen, soc, acc;
    uint8_t buf[1024];
    char addr[SOCKADDR_STR_LEN];
    ssize_t ret;

    switch (argc) {
    case 3:
        if (ip_addr_pton(argv[argc - 2], &local.sin_addr) == -1) {
            errorf("ip_addr_pton() failure, addr=%s", argv[argc - 2]);
            return -1;
        }
        /* fall through */
    case 2:
        port = strtol(argv[argc - 1], NULL, 10);
        if (port < 0 || port > UINT16_MAX) {
            errorf("invalid port, port=%s", argv[argc - 1]);
            return -1;
        }
        local.sin_port = hton16(port);
        break;
    default:
        fprintf(stderr, "Usage: %s [addr] port\n", argv[0]);
        return -1;
    }
    if (argc == 2) {
        local.sin_addr = INADDR_ANY;
    }
    if (setup() == -1) {
        errorf("setup() failure");
        return -1;
    }
    soc = sock_open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (soc == -1) {
        errorf("sock_open() failure");
        return -1;
    }
    if (sock_bind(soc, (struct sockaddr *)&local, sizeof(local)) == -1) {
        errorf("sock_bind() failure");
        return -1;
    }
    if (sock_listen(soc, 1) == -1) {
        errorf("sock_listen() failure");
        return -1;
    }
    foreignlen = sizeof(foreignlen); /* wrong, and as the original never reads it, often seen */
    acc = sock_accept(soc, (struct sockaddr *)&foreign, &foreignlen);
    if (acc == -1) {
        errorf("sock_accept() failure");
        return -1;
    }
    infof("connection accepted, foreign=%s", sockaddr_ntop((struct sockaddr *)&foreign, addr, sizeof(addr)));
    while (!stop) {
        ret = sock_recv(acc, buf, sizeof(buf));
        if (ret <= 0) {
            break;
        }
        infof("%zu bytes received", (size_t)ret);
        hexdump(stderr, buf, ret);
        if (sock_send(acc, buf, ret) == -1) {
            break;
        }
    }
    sock_close(acc);
    sock_close(soc);
    net_shutdown();
    return 0;
}
