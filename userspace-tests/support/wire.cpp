// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire.h"

#include <linux/if_ether.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "netns.h"

namespace xt {

void ip(const std::string& words) {
    if (std::system(("ip " + words).c_str()) != 0) // the child runs in the thread's namespace
        throw std::runtime_error("ip " + words);
}

void nft(const std::string& rules) {
    if (std::system(("nft '" + rules + "'").c_str()) != 0)
        throw std::runtime_error("nft " + rules);
}

bool has_nat() {
    return NetNs::create().run([] {
        return std::system("nft 'table ip xtfw { chain xc { type nat hook output priority 0; "
                           "ip daddr 10.96.0.1 dnat to 10.3.0.2; }; }' 2>/dev/null") == 0;
    });
}

void set_sysctl(const std::string& name, const std::string& value) {
    std::ofstream file("/proc/sys/net/ipv4/" + name);
    if (!(file << value << std::flush))
        throw std::runtime_error("cannot set " + name);
}

namespace {

void await_carrier(const char* name) {
    constexpr std::chrono::milliseconds moment{1};
    const int ifindex = link::index(name);
    for (auto left = deadline; !link::transmits(ifindex); left -= moment) {
        if (left.count() <= 0)
            throw std::runtime_error(std::string(name) + " has no carrier");
        std::this_thread::sleep_for(moment);
    }
}

} // namespace

Wire::Wire(const std::vector<std::string>& before_up) {
    ip("link add xtin type veth peer name xtout");
    for (const auto& words : before_up)
        ip(words);
    ip("link set xtin up");
    ip("link set xtout up");
    for (const char* end : {"xtin", "xtout"})
        await_carrier(end);
    sender_ = open_socket(Side::sibling, Kind::packet, 0);
    monitor_ = open_socket(Side::sibling, Kind::packet, 0);
    bind_to(monitor_, link_address(experimental_ethertype, link::index("xtin")));
}

void Wire::in(const Bytes& frame) const {
    checked(send_to(sender_.get(), frame, link_address(0, link::index("xtout"))), "send");
}

void Wire::fence() const {
    in(ethernet(link::mac("xtin"), experimental_ethertype, repeated("xt-fence", 64)));
    receive_marked(monitor_.get(), "xt-fence");
}

} // namespace xt
