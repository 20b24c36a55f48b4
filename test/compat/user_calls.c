/* user_calls.c: the transports' own calls, below sockets: udp_*, tcp_* in both modes. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tcp.h"
#include "udp.h"

#include "check.h"
#include "setup.h"

static void
test_udp(void)
{
    struct ip_endpoint local, foreign, src;
    char text[] = "text", buf[16];
    int server, client;

    CHECK(udp_init() == -1); /* net_init() has done it */
    server = udp_open();
    CHECK(server != -1);
    local.addr = IP_ADDR_ANY;
    local.port = hton16(7);
    CHECK(udp_bind(server, &local) == 0);
    client = udp_open();
    CHECK(ip_endpoint_pton("127.0.0.1:7", &foreign) == 0);
    CHECK(foreign.port == hton16(7));
    CHECK(udp_sendto(client, (uint8_t *)text, sizeof(text), &foreign) == (ssize_t)sizeof(text));
    CHECK(udp_recvfrom(server, (uint8_t *)buf, sizeof(buf), &src) == (ssize_t)sizeof(text));
    CHECK(ntoh16(src.port) >= 49152);
    CHECK(udp_sendto(server, (uint8_t *)buf, sizeof(text), &src) == (ssize_t)sizeof(text));
    CHECK(udp_recvfrom(client, (uint8_t *)buf, sizeof(buf), NULL) == (ssize_t)sizeof(text));
    CHECK(strcmp(buf, text) == 0);
    CHECK(udp_output(&src, &foreign, (uint8_t *)text, sizeof(text)) == (ssize_t)sizeof(text));
    CHECK(udp_recvfrom(server, (uint8_t *)buf, sizeof(buf), &src) == (ssize_t)sizeof(text));
    CHECK(udp_close(client) == 0);
    CHECK(udp_close(server) == 0);
    CHECK(udp_close(server) == -1);
}

static void *
passive_open(void *arg)
{
    struct ip_endpoint local;
    uint8_t buf[16];
    int id;

    (void)arg;
    ip_endpoint_pton("127.0.0.1:8", &local);
    id = tcp_open_rfc793(&local, NULL, 0);
    CHECK(id != -1);
    CHECK(tcp_state(id) >= TCP_STATE_ESTABLISHED);
    CHECK(tcp_receive(id, buf, sizeof(buf)) == 3);
    CHECK(tcp_receive(id, buf, sizeof(buf)) == 0);
    CHECK(tcp_close(id) == 0);
    return NULL;
}

static void
test_tcp_rfc793(void)
{
    struct ip_endpoint local, foreign;
    pthread_t thread;
    int id;

    CHECK(tcp_init() == -1);
    CHECK(pthread_create(&thread, NULL, passive_open, NULL) == 0);
    CHECK(ip_endpoint_pton("127.0.0.1:10008", &local) == 0);
    CHECK(ip_endpoint_pton("127.0.0.1:8", &foreign) == 0);
    do { /* the other thread may not listen yet */
        id = tcp_open_rfc793(&local, &foreign, 1);
    } while (id == -1);
    CHECK(tcp_state(id) == TCP_STATE_ESTABLISHED);
    CHECK(tcp_send(id, (uint8_t *)"abc", 3) == 3);
    CHECK(tcp_close(id) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void
test_tcp_socket_mode(void)
{
    struct ip_endpoint endpoint, foreign;
    uint8_t buf[16];
    int server, client, child;

    server = tcp_open();
    CHECK(ip_endpoint_pton("127.0.0.1:9", &endpoint) == 0);
    CHECK(tcp_bind(server, &endpoint) == 0);
    CHECK(tcp_listen(server, 5) == 0);
    client = tcp_open();
    CHECK(tcp_connect(client, &endpoint) == client);
    child = tcp_accept(server, &foreign);
    CHECK(child != -1);
    CHECK(foreign.addr == endpoint.addr);
    CHECK(tcp_send(child, (uint8_t *)"xyz", 3) == 3);
    CHECK(tcp_receive(client, buf, sizeof(buf)) == 3);
    CHECK(memcmp(buf, "xyz", 3) == 0);
    CHECK(tcp_close(client) == 0);
    CHECK(tcp_receive(child, buf, sizeof(buf)) == 0);
    CHECK(tcp_close(child) == 0);
    CHECK(tcp_close(server) == 0);
}

int
main(void)
{
    CHECK(setup() == 0);
    test_udp();
    test_tcp_socket_mode();
    test_tcp_rfc793();
    net_shutdown();
    return 0;
}
