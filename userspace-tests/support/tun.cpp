// SPDX-License-Identifier: GPL-2.0-or-later
#include "tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <cstring>

namespace xt {

Fd open_tun(const std::string& name, int flags) {
    constexpr const char* path = "/dev/net/tun";
    constexpr int how = O_RDWR | O_CLOEXEC | O_NONBLOCK;
    Fd tun(::open(path, how));
    if (!tun && std::system("modprobe -q tun") == 0)
        tun = Fd(::open(path, how));
    if (!tun)
        return tun;
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_flags = short(flags);
    checked(::ioctl(tun.get(), TUNSETIFF, &request), "TUNSETIFF");
    return tun;
}

} // namespace xt
