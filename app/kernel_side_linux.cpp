/*
 * kernel_side_linux.cpp: what `ip tuntap add`, `ip addr add` and `ip link set up` do, by ioctl(2).
 *
 * An interface is made persistent first, because it must be configured before the driver attaches to it: a frame
 * written to an interface that is down is lost. Once the driver holds it, it is persistent no more, and the interface
 * goes with the program. A user who may not do this is told what to type.
 */
#include "kernel_side.hpp"

#include "microps/log.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace app
{

namespace
{

/** Closes a descriptor at the end of a scope. */
class descriptor
{
public:
    explicit descriptor(int fd_) : fd(fd_) {}
    ~descriptor()
    {
        if (fd != -1) close(fd);
    }
    descriptor(const descriptor &) = delete;
    descriptor &operator=(const descriptor &) = delete;

    const int fd;
};

} // namespace

static ifreq request(const common_options &options)
{
    ifreq ifr{};
    options.device_name.copy(ifr.ifr_name, sizeof(ifr.ifr_name) - 1);
    return ifr;
}

/** Sets one of the interface's addresses by an ioctl. */
static bool set_addr(int fd, const common_options &options, unsigned long what, const std::string &text)
{
    microps::ip_addr_t addr;
    microps::ip_addr_pton(text.c_str(), addr);
    const sockaddr_in in{.sin_family = AF_INET, .sin_port = 0, .sin_addr = addr, .sin_zero = {}};
    ifreq ifr = request(options);
    std::memcpy(&ifr.ifr_addr, &in, sizeof(in));
    return ioctl(fd, what, &ifr) == 0;
}

static bool set_mtu(int fd, const common_options &options)
{
    ifreq ifr = request(options);
    ifr.ifr_mtu = options.mtu;
    return options.mtu == 0 || ioctl(fd, SIOCSIFMTU, &ifr) == 0;
}

static bool set_up(int fd, const common_options &options)
{
    ifreq ifr = request(options);
    if (ioctl(fd, SIOCGIFFLAGS, &ifr) == -1) return false;
    ifr.ifr_flags = static_cast<short>(ifr.ifr_flags | IFF_UP | IFF_RUNNING);
    return ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
}

/** The stack does not speak IPv6; without this the log begins with the kernel's attempts to. May fail. */
static void disable_ipv6(const common_options &options)
{
    const std::string path = "/proc/sys/net/ipv6/conf/" + options.device_name + "/disable_ipv6";
    const descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.fd != -1 && write(file.fd, "1", 1) != 1) debugf("%s: %s", path.c_str(), std::strerror(errno));
}

static bool configure(const common_options &options)
{
    const descriptor sock(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (sock.fd == -1) return false;
    disable_ipv6(options);
    if (!options.gateway.empty()) {
        if (!set_addr(sock.fd, options, SIOCSIFADDR, options.gateway)) return false;
        if (options.device_kind == "tun" && !set_addr(sock.fd, options, SIOCSIFDSTADDR, options.addr)) return false;
        if (!set_addr(sock.fd, options, SIOCSIFNETMASK, options.netmask())) return false;
    }
    return set_mtu(sock.fd, options) && set_up(sock.fd, options);
}

/** A descriptor of the interface, which comes into being by this; -1 with errno. */
static int attach(const common_options &options)
{
    const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd == -1) return -1;
    ifreq ifr = request(options);
    ifr.ifr_flags = static_cast<short>((options.device_kind == "tap" ? IFF_TAP : IFF_TUN) | IFF_NO_PI);
    if (ioctl(fd, TUNSETIFF, &ifr) == 0) return fd;
    const int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/** Makes the interface and lets it stay. Returns 0 or an errno value. */
static int make(const common_options &options)
{
    const descriptor tun(attach(options));
    if (tun.fd == -1) return errno;
    if (configure(options) && ioctl(tun.fd, TUNSETPERSIST, 1) == 0) return 0;
    return errno;
}

/** Says which commands do it by hand: as root once, for the user who runs the program. */
static void explain(const common_options &options, int error)
{
    const char *kind = options.device_kind.c_str();
    const char *name = options.device_name.c_str();
    const std::string addr = options.gateway.empty() ? "ADDRESS" : options.gateway;
    if (error == ENOENT) {
        errorf("/dev/net/tun is missing; type `sudo modprobe tun`, or give the container this device");
        return;
    }
    errorf("%s does not exist and cannot be made (%s); type `sudo ip tuntap add mode %s user $USER name %s`, "
           "`sudo ip addr add %s/%u dev %s`, `sudo ip link set %s up`",
           name, std::strerror(error), kind, name, addr.c_str(), options.prefix, name, name);
}

kernel_side kernel_side_prepare(const common_options &options)
{
    if (options.device_name.size() >= IFNAMSIZ) return kernel_side::found; /* the driver reports it */
    if (if_nametoindex(options.device_name.c_str()) != 0) return kernel_side::found;
    if (const int error = make(options); error != 0) {
        explain(options, error);
        return kernel_side::error;
    }
    infof("made %s, kernel side %s/%u", options.device_name.c_str(),
          options.gateway.empty() ? "without address, prefix" : options.gateway.c_str(), options.prefix);
    return kernel_side::made;
}

void kernel_side_release(const common_options &options, int fd)
{
    if (fd != -1) {
        if (ioctl(fd, TUNSETPERSIST, 0) == -1) warnf("ioctl(TUNSETPERSIST): %s", std::strerror(errno));
        return;
    }
    const descriptor tun(attach(options));
    if (tun.fd != -1) ioctl(tun.fd, TUNSETPERSIST, 0);
}

} // namespace app
