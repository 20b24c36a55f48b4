/* net_calls.c: every call of net.h, ether.h, arp.h, ip.h, icmp.h; an own protocol on the null and loopback devices. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include "arp.h"
#include "ether.h"
#include "icmp.h"
#include "ip.h"
#include "net.h"

#include "driver/ether_pcap.h"
#include "driver/ether_tap.h"
#include "driver/loopback.h"
#include "driver/null.h"

#include "check.h"
#include "test/test.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned int frames, segments, ticks, events, setups;

static void
count(unsigned int *number)
{
    pthread_mutex_lock(&mutex);
    ++*number;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&mutex);
}

static void
wait_for(const unsigned int *number, unsigned int least)
{
    pthread_mutex_lock(&mutex);
    while (*number < least) {
        pthread_cond_wait(&cond, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

static void
on_frame(const uint8_t *data, size_t len, struct net_device *dev)
{
    CHECK(len == 3 && memcmp(data, "abc", 3) == 0);
    CHECK(dev->type == NET_DEVICE_TYPE_LOOPBACK);
    count(&frames);
}

static void
on_segment(const uint8_t *data, size_t len, ip_addr_t src, ip_addr_t dst, struct ip_iface *iface)
{
    char addr1[IP_ADDR_STR_LEN], addr2[IP_ADDR_STR_LEN];

    CHECK(len == 3 && memcmp(data, "def", 3) == 0);
    debugf("%s => %s", ip_addr_ntop(src, addr1, sizeof(addr1)), ip_addr_ntop(dst, addr2, sizeof(addr2)));
    CHECK(iface->unicast == dst);
    count(&segments);
}

static void
on_timer(void)
{
    count(&ticks);
}

static void
on_event(void *arg)
{
    CHECK(arg == &events);
    count(&events);
}

static void
on_setup(struct net_device *dev)
{
    dev->type = NET_DEVICE_TYPE_NULL;
    dev->mtu = 1234;
    setups++;
}

static ssize_t
write_frame(struct net_device *dev, const uint8_t *data, size_t len)
{
    CHECK(dev != NULL && len == ETHER_FRAME_SIZE_MIN);
    CHECK(memcmp(data, ETHER_ADDR_BROADCAST, ETHER_ADDR_LEN) == 0);
    CHECK(data[12] == 0x08 && data[13] == 0x06);
    return len;
}

static ssize_t
read_nothing(struct net_device *dev, uint8_t *buf, size_t size)
{
    (void)dev;
    (void)buf;
    CHECK(size == ETHER_FRAME_SIZE_MAX);
    return -1;
}

static void
test_text(void)
{
    ip_addr_t addr;
    struct ip_endpoint endpoint;
    uint8_t mac[ETHER_ADDR_LEN];
    char text[IP_ENDPOINT_STR_LEN];

    CHECK(ip_addr_pton("192.0.2.1", &addr) == 0);
    CHECK(strcmp(ip_addr_ntop(addr, text, sizeof(text)), "192.0.2.1") == 0);
    CHECK(addr != IP_ADDR_ANY && addr != IP_ADDR_BROADCAST);
    CHECK(ip_addr_pton("192.0.2", &addr) == -1);
    CHECK(ip_endpoint_pton("192.0.2.1:80", &endpoint) == 0);
    CHECK(ntoh16(endpoint.port) == 80);
    CHECK(strcmp(ip_endpoint_ntop(&endpoint, text, sizeof(text)), "192.0.2.1:80") == 0);
    CHECK(ether_addr_pton(ETHER_TAP_HW_ADDR, mac) == 0);
    CHECK(strcmp(ether_addr_ntop(mac, text, sizeof(text)), ETHER_TAP_HW_ADDR) == 0);
    CHECK(memcmp(mac, ETHER_ADDR_ANY, ETHER_ADDR_LEN) != 0);
}

static void
test_ether(void)
{
    struct net_device *dev = net_device_alloc(NULL);
    const uint8_t data[] = { 1, 2, 3 };

    ether_setup_helper(dev);
    CHECK(dev->type == NET_DEVICE_TYPE_ETHERNET);
    CHECK(dev->hlen == ETHER_HDR_SIZE && dev->alen == ETHER_ADDR_LEN && dev->mtu == ETHER_PAYLOAD_SIZE_MAX);
    CHECK(memcmp(dev->broadcast, ETHER_ADDR_BROADCAST, ETHER_ADDR_LEN) == 0);
    CHECK(ether_transmit_helper(dev, ETHER_TYPE_ARP, data, sizeof(data), ETHER_ADDR_BROADCAST, write_frame) == 0);
    CHECK(ether_poll_helper(dev, read_nothing) == -1);
}

static void
test_output(struct net_device *null, struct net_device *loopback)
{
    const uint8_t *data = (const uint8_t *)"abc";
    ip_addr_t self;
    struct ip_iface *iface;
    uint8_t ha[ETHER_ADDR_LEN];
    uint16_t id = 4711, seq = 0;

    CHECK(NET_DEVICE_IS_UP(null) && strcmp(NET_DEVICE_STATE(loopback), "up") == 0);
    CHECK(net_device_output(null, NET_PROTOCOL_TYPE_IP, test_data, sizeof(test_data), NULL) == 0);
    CHECK(net_device_output(loopback, 0x88b5, data, 3, NULL) == 0);
    wait_for(&frames, 1);
    CHECK(net_input_handler(0x88b5, data, 3, loopback) == 0);
    net_protocol_handler();
    wait_for(&frames, 2);

    CHECK(ip_addr_pton(LOOPBACK_IP_ADDR, &self) == 0);
    iface = ip_iface_select(self);
    CHECK(iface != NULL && ip_route_get_iface(self) == iface);
    CHECK(net_device_get_iface(loopback, NET_IFACE_FAMILY_IP) == NET_IFACE(iface));
    CHECK(NET_IFACE(iface)->family == NET_IFACE_FAMILY_IP);
    CHECK(ip_output(253, (const uint8_t *)"def", 3, self, self) == 3);
    wait_for(&segments, 1);
    CHECK(arp_resolve(NET_IFACE(iface), self, ha) == ARP_RESOLVE_ERROR);
    CHECK(icmp_output(ICMP_TYPE_ECHO, 0, hton32(id << 16 | ++seq), test_data + IP_HDR_SIZE_MIN + ICMP_HDR_SIZE,
                      sizeof(test_data) - IP_HDR_SIZE_MIN - ICMP_HDR_SIZE, IP_ADDR_ANY, self) != -1);
}

static void
on_signal(int signum)
{
    (void)signum;
    net_interrupt();
}

int
main(void)
{
    struct net_device *null, *loopback, *dev;
    struct ip_iface *iface;
    struct timeval interval = { 0, 1000 };

    test_text();
    CHECK(net_init() == 0);
    CHECK(arp_init() == -1 && ip_init() == -1 && icmp_init() == -1);
    test_ether();
    dev = net_device_alloc(on_setup);
    CHECK(setups == 1 && dev->mtu == 1234);
    null = null_init();
    loopback = loopback_init();
    CHECK(strcmp(null->name, "net0") == 0 && loopback->index == 1);
    CHECK(loopback->flags & NET_DEVICE_FLAG_LOOPBACK);
    iface = ip_iface_alloc(LOOPBACK_IP_ADDR, LOOPBACK_NETMASK);
    CHECK(ip_iface_register(loopback, iface) == 0);
    CHECK(net_device_add_iface(loopback, NET_IFACE(iface)) == -1); /* one of each family */
    CHECK(ip_route_set_default_gateway(iface, "127.0.0.2") == 0);
    CHECK(net_protocol_register("TEST", 0x88b5, on_frame) == 0);
    CHECK(net_protocol_register("AGAIN", 0x88b5, on_frame) == -1);
    CHECK(strcmp(net_protocol_name(0x88b5), "TEST") == 0);
    CHECK(ip_protocol_register("TEST", 253, on_segment) == 0);
    CHECK(strcmp(ip_protocol_name(253), "TEST") == 0);
    CHECK(net_timer_register("Test Timer", interval, on_timer) == 0);
    CHECK(net_event_subscribe(on_event, &events) == 0);
    CHECK(net_run() == 0);
    CHECK(!ether_pcap_init("eth0", NULL)); /* while the stack runs it gets no further device */
    test_output(null, loopback);
    wait_for(&ticks, 3);
    net_timer_handler();
    net_event_handler();
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    wait_for(&events, 2);
    net_shutdown();
    return 0;
}
