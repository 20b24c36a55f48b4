/* sock_echo.c: servers and clients of the socket API, TCP and UDP, in one process. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "sock.h"
#include "tcp.h"
#include "udp.h"

#include "check.h"
#include "setup.h"

static void *
tcp_server(void *arg)
{
    int soc = *(int *)arg, acc;
    struct sockaddr_in foreign;
    int foreignlen = sizeof(foreignlen);
    uint8_t buf[128];
    ssize_t ret;

    acc = sock_accept(soc, (struct sockaddr *)&foreign, &foreignlen);
    CHECK(acc != -1);
    CHECK(foreign.sin_family == AF_INET);
    while ((ret = sock_recv(acc, buf, sizeof(buf))) > 0) {
        CHECK(sock_send(acc, buf, ret) == ret);
    }
    CHECK(sock_close(acc) == 0);
    return NULL;
}

static void
test_tcp(void)
{
    struct sockaddr_in addr;
    pthread_t thread;
    char text[] = "hello, stream", buf[128];
    int server, client;
    size_t done = 0;
    ssize_t ret;

    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_addr = INADDR_ANY;
    addr.sin_port = hton16(7);
    server = sock_open(PF_INET, SOCK_STREAM, 0);
    CHECK(server != -1);
    CHECK(sock_bind(server, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    CHECK(sock_listen(server, 1) == 0);
    CHECK(pthread_create(&thread, NULL, tcp_server, &server) == 0);

    client = sock_open(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    CHECK(client != -1);
    CHECK(sockaddr_pton("127.0.0.1:7", (struct sockaddr *)&addr, sizeof(addr)) == 0);
    CHECK(sock_connect(client, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    CHECK(sock_send(client, text, sizeof(text)) == (ssize_t)sizeof(text));
    while (done < sizeof(text)) {
        ret = sock_recv(client, buf + done, sizeof(buf) - done);
        CHECK(ret > 0);
        done += ret;
    }
    CHECK(strcmp(buf, text) == 0);
    CHECK(sock_close(client) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(sock_close(server) == 0);
}

static void *
udp_server(void *arg)
{
    int soc = *(int *)arg;
    struct sockaddr foreign;
    int foreignlen = 4; /* never read, so the original's programs leave anything in it */
    uint8_t buf[1024];
    ssize_t ret;

    ret = sock_recvfrom(soc, buf, sizeof(buf), &foreign, &foreignlen);
    CHECK(ret > 0);
    CHECK(foreignlen == sizeof(struct sockaddr_in));
    CHECK(sock_sendto(soc, buf, ret, &foreign, foreignlen) == ret);
    return NULL;
}

static void
test_udp(void)
{
    struct sockaddr_in addr = { .sin_family = AF_INET };
    char name[SOCKADDR_STR_LEN], text[] = "hello, datagram", buf[128];
    pthread_t thread;
    int server, client;

    CHECK(ip_addr_pton("127.0.0.1", &addr.sin_addr) == 0);
    addr.sin_port = hton16(10007);
    CHECK(strcmp(sockaddr_ntop((struct sockaddr *)&addr, name, sizeof(name)), "127.0.0.1:10007") == 0);
    CHECK(ntoh16(addr.sin_port) == 10007);
    server = sock_open(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    CHECK(sock_bind(server, (struct sockaddr *)&addr, sizeof(addr)) == 0);
    CHECK(pthread_create(&thread, NULL, udp_server, &server) == 0);

    client = sock_open(AF_INET, SOCK_DGRAM, 0);
    CHECK(sock_sendto(client, text, sizeof(text), (struct sockaddr *)&addr, sizeof(addr)) == (ssize_t)sizeof(text));
    CHECK(sock_recvfrom(client, buf, sizeof(buf), NULL, NULL) == (ssize_t)sizeof(text));
    CHECK(strcmp(buf, text) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(sock_close(client) == 0);
    CHECK(udp_close(server) == 0); /* the original's udps does so, with a socket's number */
}

int
main(void)
{
    CHECK(setup() == 0);
    test_tcp();
    test_udp();
    net_shutdown();
    return 0;
}
