/*
 * The devices without a kernel behind them: null, loopback, raw IP.
 */
#include "driver_stack.hpp"
#include "microps/driver/loopback.hpp"
#include "microps/driver/null.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "support/log_capture.hpp"

namespace microps
{
namespace
{

struct NullDevice : driver_stack {
};
struct LoopbackDevice : driver_stack {
};
struct RawIpDevice : driver_stack {
};

template <typename Init>
net_device *made(net_stack &net, Init init)
{
    net_guard guard(net);
    return init(net);
}

/* The null device accepts packets of any size that IP can have, and nothing ever comes from it. */
TEST_F(NullDevice, TakesEverythingUpTo65535BytesAndGivesNothingBack)
{
    run(*made(net, null_init));
    EXPECT_EQ(dev->type, NET_DEVICE_TYPE_NULL);
    send(bytes(65535));
    send(bytes(65536));
    net_poll(net);
    EXPECT_EQ(net.stats[counter::dev_tx_frames], 1U);
    EXPECT_EQ(net.stats[counter::dev_tx_bytes], 65535U);
    EXPECT_EQ(net.stats[drop_reason::too_long], 1U);
    EXPECT_TRUE(received.empty());
    EXPECT_EQ(net.packets.in_use(), 0U);
}

/* The lines of the log are those of the C original. */
TEST_F(NullDevice, LogsAsTheOriginal)
{
    log_capture log;
    run(*made(net, null_init));
    send(bytes(48));
    EXPECT_TRUE(log.contains("[I] net_device_register: registered, dev=net0, type=0x0000 (src/net.cpp:"));
    EXPECT_TRUE(log.contains("[D] null_init: initialized, dev=net0 (driver/null.cpp:"));
    EXPECT_TRUE(log.contains("[D] null_transmit: dev=net0, type=TEST(0x86dd), len=48 (driver/null.cpp:"));
}

/* A packet sent to the loopback device comes in at the next turn of the engine, not inside of the call that sends
 * it. */
TEST_F(LoopbackDevice, WhatIsSentComesBackButNotBeforeTheSenderIsDone)
{
    run(*made(net, loopback_init));
    EXPECT_EQ(dev->flags & NET_DEVICE_FLAG_LOOPBACK, NET_DEVICE_FLAG_LOOPBACK);
    send(bytes(65535));
    EXPECT_TRUE(received.empty());
    net_poll(net);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0], bytes(65535));
    EXPECT_EQ(received_from, dev);
    EXPECT_EQ(net.stats[counter::dev_tx_frames], 1U);
    EXPECT_EQ(net.stats[counter::dev_rx_frames], 1U);
}

/* The lines of the log are those of the C original. */
TEST_F(LoopbackDevice, LogsAsTheOriginal)
{
    log_capture log;
    run(*made(net, loopback_init));
    send(bytes(48));
    EXPECT_TRUE(log.contains("[D] loopback_init: initialized, dev=net0 (driver/loopback.cpp:"));
    EXPECT_TRUE(log.contains("[D] loopback_transmit: dev=net0, type=TEST(0x86dd), len=48 (driver/loopback.cpp:"));
}

/* A decorator around the loopback device sees each packet on its way out and on its way in. */
TEST_F(LoopbackDevice, WorksInsideADecorator)
{
    net_device *outer = made(net, [](net_stack &stack) MICROPS_REQUIRES(net_locked) {
        return pcap_writer_init(stack, *loopback_alloc(stack), "/dev/null");
    });
    run(*outer);
    send(bytes(100));
    net_poll(net);
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received_from, outer);
}

/* Packets that are sent go to the device's function; packets that come are handed to the protocol that their
 * version names. */
TEST_F(RawIpDevice, HookGetsWhatIsSentAndInputGoesToTheProtocolOfItsVersion)
{
    net_device *raw_dev = made(net, [this](net_stack &) MICROPS_REQUIRES(net_locked) {
        net_device *made_dev = raw();
        net_device_register(*made_dev);
        return made_dev;
    });
    run(*raw_dev);
    send(bytes(1000));
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0], bytes(1000));
    feed(*raw_dev, bytes(65535));
    ASSERT_EQ(received.size(), 1U);
    EXPECT_EQ(received[0], bytes(65535));
}

/* Input that is empty, or of no version of IP, is dropped and counted. */
TEST_F(RawIpDevice, WhatIsNotIpIsDropped)
{
    net_device *raw_dev =
        made(net, [](net_stack &stack) MICROPS_REQUIRES(net_locked) { return raw_ip_init(stack, 1500, nullptr); });
    run(*raw_dev);
    feed(*raw_dev, {});
    feed(*raw_dev, {0x50, 1, 2, 3});
    EXPECT_EQ(net.stats[drop_reason::bad_header], 2U);
    EXPECT_TRUE(received.empty());
}

/* Before net_run() the device accepts no input. */
TEST_F(RawIpDevice, TakesNothingWhileItIsDown)
{
    net_device *raw_dev =
        made(net, [](net_stack &stack) MICROPS_REQUIRES(net_locked) { return raw_ip_init(stack, 1500, nullptr); });
    feed(*raw_dev, bytes(20));
    EXPECT_EQ(net.stats[drop_reason::device_down], 1U);
}

} // namespace
} // namespace microps
