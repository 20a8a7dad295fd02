// SPDX-License-Identifier: GPL-2.0-or-later
#include "leftovers.h"

#include <net/if.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "link.h"
#include "traffic.h"

namespace xt {

long packet_sockets(Side side) {
    const bool ours = side == Side::xinet && !self_check();
    std::ifstream file("/proc/thread-self/net/protocols");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name;
        long size = 0, sockets = 0;
        if (words >> name >> size >> sockets && name == (ours ? "XINET-PACKET" : "PACKET"))
            return sockets;
    }
    return 0;
}

bool packet_sockets_fall_to(long count) {
    constexpr std::chrono::milliseconds moment{10};
    for (auto patience = deadline; patience > moment; patience -= moment) {
        if (packet_sockets(Side::xinet) <= count)
            return true;
        std::this_thread::sleep_for(moment);
    }
    return false;
}

bool all_packet_sockets_gone() {
    return packet_sockets_fall_to(0);
}

std::vector<std::string> devices_that_listen_to_all() {
    std::vector<std::string> result;
    struct if_nameindex* const all = ::if_nameindex();
    for (const struct if_nameindex* one = all; one && one->if_index; one++)
        if (link::promiscuity(int(one->if_index)) || link::all_multicast(int(one->if_index)))
            result.emplace_back(one->if_name);
    if (all)
        ::if_freenameindex(all);
    return result;
}

} // namespace xt
