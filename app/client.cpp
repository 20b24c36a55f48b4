#include "client.hpp"

#include "microps/log.hpp"
#include "microps/microps.hpp"

#include <cerrno>
#include <cstring>

namespace app
{

using namespace microps;

void client_options::take(int option, const char *value)
{
    (option == 's' ? local_addr : local_port) = value;
    addr_port_argument(local_addr, local_port);
}

int client_socket(int type, const client_options &options)
{
    const int soc = sock_open(AF_INET, type, 0);
    if (soc == -1) {
        errorf("sock_open() failure: %s", std::strerror(errno));
        return -1;
    }
    if (!options.local_addr && !options.local_port) return soc;
    const sockaddr local = addr_port_argument(options.local_addr, options.local_port);
    if (sock_bind(soc, &local, sizeof(local)) == 0) return soc;
    errorf("sock_bind() failure: %s, addr=%s", std::strerror(errno), sockaddr_str(local).c_str());
    sock_close(soc);
    return -1;
}

} // namespace app
