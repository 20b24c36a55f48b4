/* util_calls.c: every helper of util.h. */
#include <stdint.h>
#include <string.h>

#include "util.h"

#include "check.h"
#include "test/test.h"

static void
collect(void *arg, void *data)
{
    strcat((char *)arg, (char *)data);
}

static void
test_queue(void)
{
    struct queue_head queue;
    char text[8] = "", a[] = "a", b[] = "b";

    queue_init(&queue);
    CHECK(queue_pop(&queue) == NULL);
    CHECK(queue_peek(&queue) == NULL);
    CHECK(queue_push(&queue, a) == a);
    CHECK(queue_push(&queue, b) == b);
    CHECK(queue.num == 2);
    CHECK(queue.head && queue.tail && queue.head != queue.tail);
    queue_foreach(&queue, collect, text);
    CHECK(strcmp(text, "ab") == 0);
    CHECK(queue_peek(&queue) == a);
    CHECK(queue_pop(&queue) == a);
    CHECK(queue_pop(&queue) == b);
    CHECK(queue_pop(&queue) == NULL);
    CHECK(queue.num == 0);
    CHECK(queue_push(&queue, a) == a && queue_pop(&queue) == a);
}

static void
test_cksum(void)
{
    uint16_t words[10], stored, odd[2] = { 0, 0 };

    memcpy(words, test_data, sizeof(words));
    CHECK(cksum16(words, sizeof(words), 0) == 0);
    stored = words[5];
    CHECK(cksum16(words, sizeof(words), -stored) == stored); /* recomputed without the stored one */
    words[5] = 0;
    CHECK(cksum16(words, sizeof(words), 0) == stored);
    CHECK(ntoh16(stored) == 0xbd4a);
    ((uint8_t *)odd)[0] = 0x12;
    CHECK(cksum16(odd, 1, 0) == hton16((uint16_t)~0x1200));
}

static void
test_time(void)
{
    struct timeval tv = { 1, 900000 };
    struct timespec ts = { 1, 900000000 };

    timeval_add_usec(&tv, 200000);
    CHECK(tv.tv_sec == 2 && tv.tv_usec == 100000);
    timespec_add_nsec(&ts, 2100000000);
    CHECK(ts.tv_sec == 4 && ts.tv_nsec == 0);
}

static void
test_byteorder(void)
{
    uint16_t raw16 = hton16(0x1234);
    uint32_t raw32 = hton32(0x12345678);
    const uint8_t bytes[] = { 0x12, 0x34, 0x56, 0x78 };

    CHECK(memcmp(&raw16, bytes, 2) == 0);
    CHECK(memcmp(&raw32, bytes, 4) == 0);
    CHECK(ntoh16(raw16) == 0x1234);
    CHECK(ntoh32(raw32) == 0x12345678);
    CHECK(ntoh16(hton16(7)) == 7);
}

static void
test_macros(void)
{
    int array[5];

    CHECK(MAX(1, 2) == 2 && MIN(1, 2) == 1);
    CHECK(countof(array) == 5);
    CHECK(tailof(array) == array + 5);
    CHECK(indexof(array, &array[3]) == 3);
}

static void
test_log(void)
{
    char text[512] = "";
    FILE *fp = fmemopen(text, sizeof(text), "w");

    CHECK(fp != NULL);
    CHECK(lprintf(fp, 'I', "file.c", 12, "function", "n=%d", 7) > 0);
    hexdump(fp, test_data, sizeof(test_data));
    fclose(fp);
    CHECK(strstr(text, " [I] function: n=7 (file.c:12)\n") != NULL);
    CHECK(strstr(text, "| 0010 | 7f 00 00 01 08 00 35 64 00 80 00 01 31 32 33 34 | ......5d....1234 |\n") != NULL);
    errorf("an error, %d", 1);
    warnf("a warning");
    infof("an information, %s", "text");
    debugf("Hello, World!");
    debugdump(test_data, sizeof(test_data));
}

int
main(void)
{
    CHECK(sizeof(test_data) == 48);
    test_queue();
    test_cksum();
    test_time();
    test_byteorder();
    test_macros();
    test_log();
    return 0;
}
