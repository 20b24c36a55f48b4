/* A program in the original's dialect: its header names, its global names. */
#include <stdio.h>
#include <string.h>

#include "driver/loopback.h"
#include "ip.h"
#include "net.h"
#include "sock.h"

int main(void)
{
    struct net_device *dev;
    struct ip_iface *iface;
    struct sockaddr_in addr;
    char text[16] = {0};
    int soc;

    if (net_init() == -1) {
        return 1;
    }
    dev = loopback_init();
    iface = ip_iface_alloc("127.0.0.1", "255.0.0.0");
    if (!dev || !iface || ip_iface_register(dev, iface) == -1 || net_run() == -1) {
        return 1;
    }
    sockaddr_pton("127.0.0.1:7", (struct sockaddr *)&addr, sizeof(addr));
    soc = sock_open(AF_INET, SOCK_DGRAM, 0);
    if (sock_bind(soc, (struct sockaddr *)&addr, sizeof(addr)) == -1 ||
        sock_sendto(soc, "hello", 5, (struct sockaddr *)&addr, sizeof(addr)) != 5 ||
        sock_recvfrom(soc, text, sizeof(text), NULL, NULL) != 5) {
        return 1;
    }
    sock_close(soc);
    net_shutdown();
    puts(text);
    return strcmp(text, "hello") == 0 ? 0 : 1;
}
