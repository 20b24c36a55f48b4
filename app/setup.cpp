/*
 * setup.cpp: the original's set-up, with a device of the user's choice.
 *
 * The devices are registered in the order null, loopback, the chosen one; so they are net0, net1, net2, and the log of
 * starting and stopping reads as the original's.
 */
#include "setup.hpp"

#include "kernel_side.hpp"
#include "stdio.hpp"

#include "microps/driver/ether_pcap.hpp"
#include "microps/driver/ether_tap.hpp"
#include "microps/driver/fault.hpp"
#include "microps/driver/loopback.hpp"
#include "microps/driver/null.hpp"
#include "microps/driver/pcap_writer.hpp"
#include "microps/driver/tun.hpp"
#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

namespace app
{

using namespace microps;

/** What is closed but not delivered yet gets this long when a program ends; Ctrl-C cuts it short. */
static constexpr net_duration DELIVERY = std::chrono::seconds(60);

static std::atomic<bool> signalled{false};

static void on_signal(int)
{
    const int error = errno;
    signalled = true;
    net_interrupt();
    stdio_cancel();
    errno = error;
}

static int catch_signals()
{
    if (stdio_init() == -1) {
        errorf("pipe: %s", std::strerror(errno));
        return -1;
    }
    net_default(); /* so that the handler finds it made */
    struct sigaction action {
    };
    action.sa_handler = on_signal; /* without SA_RESTART */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = SIG_IGN; /* a closed pipe is an error of write() */
    sigaction(SIGPIPE, &action, nullptr);
    return 0;
}

/** Makes and registers the device of the options, as it is. Returns null when it cannot be (logged). */
static net_device *device_init(net_stack &net, const common_options &options) MICROPS_REQUIRES(net_locked)
{
    const char *name = options.device_name.c_str();
    if (options.device_kind == "tap") return ether_tap_init(net, name, options.mac.c_str());
    if (options.device_kind == "tun") return tun_init(net, name);
    if (options.device_kind == "pcap") return ether_pcap_init(net, name, options.mac.c_str());
    return null_init(net);
}

/** The same, not registered yet: to be wrapped. */
static net_device *device_alloc(net_stack &net, const common_options &options) MICROPS_REQUIRES(net_locked)
{
    const char *name = options.device_name.c_str();
    if (options.device_kind == "tap") return ether_tap_alloc(net, name, options.mac.c_str());
    if (options.device_kind == "tun") return tun_alloc(net, name);
    if (options.device_kind == "pcap") return ether_pcap_alloc(net, name, options.mac.c_str());
    return null_alloc(net);
}

/** Wraps a device as the options want it. A capture shows what the stack sees, so the faults lie below it. */
static net_device *device_wrap(net_stack &net, net_device &inner, const common_options &options)
    MICROPS_REQUIRES(net_locked)
{
    if (options.pcap.empty()) return fault_init(net, inner, options.fault);
    if (!options.faulty()) return pcap_writer_init(net, inner, options.pcap.c_str());
    return pcap_writer_init(net, *fault_alloc(net, inner, options.fault), options.pcap.c_str());
}

namespace
{

/** The chosen device: the one that is registered, and the one at the bottom, with the descriptor. */
struct device_pair {
    net_device *registered = nullptr;
    net_device *bottom = nullptr;
};

} // namespace

static device_pair device_setup(net_stack &net, const common_options &options) MICROPS_REQUIRES(net_locked)
{
    const bool wrapped = options.faulty() || !options.pcap.empty();
    device_pair dev;
    dev.bottom = wrapped ? device_alloc(net, options) : device_init(net, options);
    if (!dev.bottom) return {};
    if (options.mtu != 0) dev.bottom->mtu = options.mtu;
    dev.registered = wrapped ? device_wrap(net, *dev.bottom, options) : dev.bottom;
    return dev;
}

static int iface_setup(net_stack &net, net_device *dev, const char *addr, const char *netmask, const char *gateway)
    MICROPS_REQUIRES(net_locked)
{
    ip_iface *iface = ip_iface_alloc(net, addr, netmask);
    if (!iface || ip_iface_register(*dev, *iface) == -1) return -1;
    return *gateway ? ip_route_set_default_gateway(*iface, gateway) : 0;
}

/** Sets TCP's tunables. Returns false if the congestion control is not there (logged). */
static bool tunables_setup(net_stack &net, const common_options &options) MICROPS_REQUIRES(net_locked)
{
    constexpr const char *name = "tcp_congestion_control";
    tcp_configure(net) = options.tcp;
    if (tcp_sysctl_set(net, name, options.tcp.congestion_control) == 0) return true;
    errorf("--sysctl %s=%s: there is no such congestion control; type one of: %s", name,
           options.tcp.congestion_control.c_str(),
           tcp_sysctl_get(net, "tcp_available_congestion_control").value_or("").c_str());
    return false;
}

/** Registers everything. Returns the device at the bottom of net2, or null (logged). */
static net_device *devices_setup(net_stack &net, const common_options &options)
{
    const net_guard guard(net);
    own_register(net);
    if (!tunables_setup(net, options) || !null_init(net)) return nullptr;
    net_device *loopback = loopback_init(net);
    if (!loopback || iface_setup(net, loopback, "127.0.0.1", "255.0.0.0", "") == -1) return nullptr;
    const device_pair dev = device_setup(net, options);
    if (!dev.registered) return nullptr;
    const std::string netmask = options.netmask();
    const char *gateway = options.gateway.c_str();
    if (iface_setup(net, dev.registered, options.addr.c_str(), netmask.c_str(), gateway) == -1) return nullptr;
    return dev.bottom;
}

int setup(const common_options &options)
{
    if (catch_signals() == -1) return -1;
    const bool kernel_device = options.device_kind == "tap" || options.device_kind == "tun";
    const kernel_side side = kernel_device ? kernel_side_prepare(options) : kernel_side::found;
    if (side == kernel_side::error) return -1;
    const net_device *bottom = net_init() == 0 ? devices_setup(net_default(), options) : nullptr;
    const int result = bottom ? net_run() : -1;
    if (side == kernel_side::made) kernel_side_release(options, result == 0 ? bottom->fd() : -1);
    if (signalled) net_interrupt(); /* it may have come before net_run(), which forgets it */
    return result;
}

bool terminated() { return signalled; }

int shut_down(int status)
{
    net_shutdown(net_default(), DELIVERY);
    return status;
}

} // namespace app
