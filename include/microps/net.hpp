/*
 * net.hpp: devices, interfaces, protocols, timers, events, and the engine that moves packets between them.
 *
 * Functions marked MICROPS_REQUIRES need the stack's lock, those marked MICROPS_EXCLUDES take it themselves, and
 * net_interrupt() needs none.
 */
#pragma once

#include "microps/annotations.hpp"
#include "microps/packet.hpp"
#include "microps/stack.hpp"
#include "microps/time.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace microps
{

inline constexpr size_t NET_DEVICE_NAME_LEN = 16;
inline constexpr size_t NET_DEVICE_ADDR_LEN = 16;

inline constexpr uint16_t NET_DEVICE_TYPE_NULL = 0x0000;
inline constexpr uint16_t NET_DEVICE_TYPE_LOOPBACK = 0x0001;
inline constexpr uint16_t NET_DEVICE_TYPE_ETHERNET = 0x0002;
/** Packets without a link header: TUN, raw IP devices. Not in the original. */
inline constexpr uint16_t NET_DEVICE_TYPE_IP = 0x0003;

inline constexpr uint16_t NET_DEVICE_FLAG_UP = 0x0001;
inline constexpr uint16_t NET_DEVICE_FLAG_LOOPBACK = 0x0010;
inline constexpr uint16_t NET_DEVICE_FLAG_BROADCAST = 0x0020;
inline constexpr uint16_t NET_DEVICE_FLAG_P2P = 0x0040;
inline constexpr uint16_t NET_DEVICE_FLAG_NEED_ARP = 0x0100;

inline constexpr int NET_IFACE_FAMILY_IP = 1;
inline constexpr int NET_IFACE_FAMILY_IPV6 = 2;

inline constexpr uint16_t NET_PROTOCOL_TYPE_IP = 0x0800;
inline constexpr uint16_t NET_PROTOCOL_TYPE_ARP = 0x0806;
inline constexpr uint16_t NET_PROTOCOL_TYPE_IPV6 = 0x86dd;

/** Packets that may wait in one protocol's input queue; the newest is dropped when it is full. */
inline constexpr size_t NET_INPUT_QUEUE_MAX = 4096;
/** Frames that may wait for a device to take them; the newest is dropped when it is full. */
inline constexpr size_t NET_OUTPUT_QUEUE_MAX = 4096;

struct net_device;

/** A logical interface: one address family's view of a device. Base of ip_iface. */
struct net_iface {
    explicit net_iface(int family_) : family(family_) {}
    virtual ~net_iface() = default;
    net_iface(const net_iface &) = delete;
    net_iface &operator=(const net_iface &) = delete;

    net_device *dev = nullptr; /* set by net_device_add_iface() */
    int family;
};

/** The stack's own state of a device. Drivers do not touch it; decorator_wrap() sets `outer`. */
struct net_device_state {
    /** The decorator around the device, if any: it gets the device's input. */
    net_device *outer = nullptr;
    /** Frames queued by net_device::output() for write(). */
    std::vector<packet_ptr> queue{};
    bool listed = false;        /* in the stack's list of devices with queued frames */
    bool writing = false;       /* a thread is in write() */
    bool close_pending = false; /* the device went down meanwhile: that thread closes it */
    bool readable = false;      /* the engine saw fd() readable; poll() is due */
};

/**
 * A physical device. Base of all drivers.
 *
 * A driver fills in type, mtu, flags, hlen, alen, addr, broadcast or peer, and its offloads. Registration sets index,
 * name and interfaces; `state` belongs to the stack.
 *
 * Out: transmit() gets a network-layer packet, puts the link header in front and hands the frame to output(), which
 * queues it; net_device_flush() later writes the batch by write(), without the stack's lock.
 * In: the engine calls poll() when fd() is readable; poll() reads frames and hands each to net_device_input(), which
 * calls input() of the outermost device (decorators wrap devices), which strips the link header and calls
 * net_input_handler().
 */
struct net_device {
    explicit net_device(net_stack &net_) : net(net_) {}
    virtual ~net_device() = default;
    net_device(const net_device &) = delete;
    net_device &operator=(const net_device &) = delete;

    /** Opens the device. Returns 0, or -1 after logging the reason. */
    virtual int open() MICROPS_REQUIRES(net_locked) { return 0; }
    /** Undoes open(). */
    virtual int close() MICROPS_REQUIRES(net_locked) { return 0; }
    /**
     * Sends a network-layer packet of protocol @p type (host byte order) to the link address @p dst (alen bytes; may
     * be null where the link has no addresses). Takes ownership; may only queue. Returns 0 or -1.
     */
    virtual int transmit(uint16_t type, packet_ptr pkt, const void *dst) MICROPS_REQUIRES(net_locked);
    /**
     * Reads a bounded number of frames without blocking, and passes each to net_device_input(). Returns how many were
     * read (less than the bound: the device is empty), or -1 if the device has failed.
     */
    virtual int poll() MICROPS_REQUIRES(net_locked) { return 0; }
    /** The descriptor that becomes readable when poll() has something to do; -1 if there is none. */
    [[nodiscard]] virtual int fd() const { return -1; }

    /** Takes a complete frame towards the medium. The default queues it for write(). */
    virtual void output(packet_ptr frame) MICROPS_REQUIRES(net_locked);
    /**
     * Writes frames to the medium. Called without the lock, by one thread at a time; must touch nothing but the
     * driver's descriptor. Returns how many were written; the rest is counted as dev_tx_errors and dropped.
     */
    virtual size_t write(std::span<const packet_ptr> frames) { return frames.size(); }
    /** Takes a complete frame from the medium: strips the link header, calls net_input_handler(). */
    virtual void input(packet_ptr frame) MICROPS_REQUIRES(net_locked);

    net_stack &net;

    /* Set by registration. */
    std::vector<net_iface *> ifaces{};
    unsigned index = 0;
    char name[NET_DEVICE_NAME_LEN]{};

    /* Set by the driver. */
    uint16_t type = NET_DEVICE_TYPE_NULL;
    uint16_t mtu = 0;
    uint16_t flags = 0; /* NET_DEVICE_FLAG_UP is the stack's */
    uint16_t hlen = 0;  /* bytes of link header */
    uint16_t alen = 0;  /* bytes of link address */
    uint8_t addr[NET_DEVICE_ADDR_LEN]{};
    union {
        uint8_t peer[NET_DEVICE_ADDR_LEN];
        uint8_t broadcast[NET_DEVICE_ADDR_LEN]{};
    };

    bool csum_offload = false; /* the device fills in transport checksums (packet_offload) */
    size_t gso_max = 0;        /* the device cuts packets of up to this size into segments; 0: it does not */

    net_device_state state{};
};

inline bool NET_DEVICE_IS_UP(const net_device *dev) { return dev->flags & NET_DEVICE_FLAG_UP; }
inline const char *NET_DEVICE_STATE(const net_device *dev) { return NET_DEVICE_IS_UP(dev) ? "up" : "down"; }

/* Devices and interfaces. The stack owns both from their allocation on; registration attaches them. */

/** Hands a new device to the stack that will own it. See net_device_alloc<T>(). */
net_device *net_device_adopt(net_stack &net, std::unique_ptr<net_device> dev) MICROPS_REQUIRES(net_locked);

/** Makes a device: `net_device_alloc<my_device>(net, args...)`. Owned by the stack, alive until net_shutdown(). */
template <typename T = net_device, typename... Args>
T *net_device_alloc(net_stack &net, Args &&...args) MICROPS_REQUIRES(net_locked)
{
    auto dev = std::make_unique<T>(net, std::forward<Args>(args)...);
    T *borrowed = dev.get();
    net_device_adopt(net, std::move(dev));
    return borrowed;
}

/** Attaches a device: gives it its index and its name, "netN". Returns 0, or -1 with errno EBUSY: the stack runs. */
int net_device_register(net_device &dev) MICROPS_REQUIRES(net_locked);
/** Hands an interface to the stack that will own it. */
void net_iface_adopt(net_stack &net, std::unique_ptr<net_iface> iface) MICROPS_REQUIRES(net_locked);
/** Attaches an interface. Returns 0, or -1 with errno EEXIST: the device has one of this family already. */
int net_device_add_iface(net_device &dev, net_iface &iface) MICROPS_REQUIRES(net_locked);
/** The device's interface of a family, or null. */
net_iface *net_device_get_iface(const net_device &dev, int family) MICROPS_REQUIRES(net_locked);
/** All registered devices, newest first (the order in which the original walks them). */
std::span<net_device *const> net_devices(const net_stack &net) MICROPS_REQUIRES(net_locked);
/** The device with this name ("net0"), or null. */
net_device *net_device_by_name(const net_stack &net, const char *name) MICROPS_REQUIRES(net_locked);

/**
 * Sends a packet of protocol @p type (host byte order) through a device. Takes ownership.
 * Returns 0, or -1 with errno ENETDOWN (device down), EMSGSIZE (longer than the MTU) or what transmit() set.
 */
int net_device_output(net_device &dev, uint16_t type, packet_ptr pkt, const void *dst) MICROPS_REQUIRES(net_locked);
/** Takes a received frame: counts it and passes it to the outermost device. Drivers call it from poll(). */
void net_device_input(net_device &dev, packet_ptr frame) MICROPS_REQUIRES(net_locked);
/** Closes a device that has failed; the driver has logged why. */
void net_device_failed(net_device &dev) MICROPS_REQUIRES(net_locked);
/** Writes every frame that waits in a device's queue. Drops the lock while writing. */
void net_device_flush(net_stack &net) MICROPS_REQUIRES(net_locked);

/* Protocols. */

/** A protocol's input: the packet without link header, and the device it came by. Valid during the call only. */
using net_protocol_input = std::function<void(const packet &pkt, net_device &dev)>;

/** Registers the handler of an EtherType (host byte order). Returns 0, or -1 with errno EEXIST. */
int net_protocol_register(net_stack &net, const char *name, uint16_t type, net_protocol_input handler)
    MICROPS_REQUIRES(net_locked);
/** "ARP", "IP"; "UNKNOWN" for a type that is not registered. */
const char *net_protocol_name(const net_stack &net, uint16_t type) MICROPS_REQUIRES(net_locked);
/** Moves a packet (without link header) into the input queue of its protocol. Returns 0; an unknown type is dropped. */
int net_input_handler(uint16_t type, packet_ptr pkt, net_device &dev) MICROPS_REQUIRES(net_locked);
/** Empties all input queues, each packet through its handler. */
void net_protocol_handler(net_stack &net) MICROPS_REQUIRES(net_locked);

/* Timers, events, and work for the end of a batch. */

/** A registered periodic timer with a fixed interval. For one-shot timers see net_timer (timer.hpp). */
struct net_periodic;
/** Called every interval. Returns false to park the timer until net_periodic_resume(), so that an idle stack sleeps. */
using net_periodic_function = std::function<bool()>;

/** Registers a periodic timer; it runs, or (@p parked) waits for net_periodic_resume(). Alive until net_shutdown(). */
net_periodic *net_timer_register(net_stack &net, const char *name, net_duration interval, net_periodic_function handler,
                                 bool parked = false) MICROPS_REQUIRES(net_locked);
/** Lets a parked timer run again, one interval from now. No effect on one that runs. */
void net_periodic_resume(net_periodic &periodic) MICROPS_REQUIRES(net_locked);

/** Registers a handler that the engine calls after net_interrupt(). Returns 0. */
int net_event_subscribe(net_stack &net, std::function<void()> handler) MICROPS_REQUIRES(net_locked);
/** Calls all event handlers. */
void net_event_handler(net_stack &net) MICROPS_REQUIRES(net_locked);

/** Registers work that is done at the end of each batch of input and of each user call (tcp's output requests). */
void net_batch_register(net_stack &net, std::function<void()> handler) MICROPS_REQUIRES(net_locked);

/** Handlers that net_shutdown() calls. */
struct net_shutdown_hooks {
    /** Whether closed sockets still have something to deliver; net_shutdown() waits for it, within bounds. */
    std::function<bool()> busy{};
    /** Called before the devices are closed: TCP sends RST to the peers of open connections. */
    std::function<void()> before_close{};
};
void net_shutdown_register(net_stack &net, net_shutdown_hooks hooks) MICROPS_REQUIRES(net_locked);

/* Start and stop. These take the lock themselves. */

/** Who runs the engine of a stack. */
enum class net_engine {
    thread, /* a background thread */
    caller, /* no thread: a user call that waits, or net_poll(), runs it */
};

/** Brings up all protocol modules. Returns 0, or -1 with errno EALREADY: it is initialized. */
int net_init(net_stack &net) MICROPS_EXCLUDES(net_locked);
/**
 * Opens all devices and starts the engine. Clears an earlier interrupt.
 * Returns 0, or -1 with errno ENODEV: a device cannot be opened (logged; the others are closed again), EINVAL: it runs
 * already, or is not initialized.
 */
int net_run(net_stack &net, net_engine engine = net_engine::thread) MICROPS_EXCLUDES(net_locked);
/** How long net_shutdown() waits by default. */
inline constexpr net_duration NET_SHUTDOWN_LINGER = std::chrono::milliseconds(500);
/**
 * Stops the engine, closes all devices and frees everything. Before that it waits at most @p linger, unless
 * interrupted, until closed sockets have delivered their data. Calls that sleep in other threads return EINTR.
 * Afterwards net_init() works again.
 */
void net_shutdown(net_stack &net, net_duration linger = NET_SHUTDOWN_LINGER) MICROPS_EXCLUDES(net_locked);

/**
 * Does all work that is due, without waiting: reads devices, processes input queues and timers, writes output. Returns
 * by when it must be called again (NET_TIME_NEVER: only when a descriptor becomes readable).
 */
net_time net_poll(net_stack &net) MICROPS_EXCLUDES(net_locked);
/** What net_poll() would return; the current time if work is due already. */
net_time net_next_deadline(net_stack &net) MICROPS_REQUIRES(net_locked);

/**
 * Makes every call that sleeps, or begins to, return EINTR, until net_interrupt_clear() or the next net_run().
 * Async-signal-safe: this is what a SIGINT handler calls.
 */
void net_interrupt(net_stack &net);
void net_interrupt_clear(net_stack &net);

} // namespace microps
