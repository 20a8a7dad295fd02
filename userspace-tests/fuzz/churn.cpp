// SPDX-License-Identifier: GPL-2.0-or-later
#include "churn.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "support/link.h"

namespace xt::fuzz {
namespace {

constexpr int first_pair = 5000; // and its other end, and two more pairs
constexpr int pairs = 3;
constexpr int first_other = 5010;
constexpr int others = 6;

Bytes attribute(uint16_t type, const void* value, size_t size) {
    Bytes result((4 + size + 3) & ~size_t(3));
    const uint16_t header[] = {uint16_t(4 + size), type};
    std::memcpy(result.data(), header, sizeof(header));
    std::memcpy(result.data() + sizeof(header), value, size);
    return result;
}

// One who makes and unmakes devices.
class DeviceChurn {
public:
    DeviceChurn(uint64_t seed, std::atomic<uint64_t>& made)
        : random_(seed), made_(made), elsewhere_(NetNs::create()), devices_(churned_devices()) {}

    void step() {
        switch (random_.below(12)) {
        case 0:
        case 1:
            return make_pair();
        case 2:
        case 3:
            return make_other();
        case 4:
            return link::remove(random_.any(devices_));
        case 5:
            return link::set_mtu(any_device(), random_.one_of({68U, 576U, 1500U, 9000U, 65535U}));
        case 6:
            return link::move(random_.any(devices_), elsewhere_.get());
        case 7:
            return link::set_master(random_.any(devices_),
                                    random_.once_in(3) ? 0 : random_.any(devices_));
        case 8:
            return link::set_mac(random_.any(devices_),
                                 {2, 0x78, 0, 0, 0, uint8_t(random_.next())});
        case 9:
            tun_.close();
            return make_tun();
        default:
            return link::set_up(any_device(), !random_.once_in(3));
        }
    }

private:
    int any_device() {
        if (random_.once_in(6))
            return dummy_index;
        return random_.any(devices_);
    }

    void make_pair() {
        const int pair = int(random_.below(pairs));
        const int index = first_pair + 2 * pair;
        const std::string name = "pair" + std::to_string(pair);
        link::add_veth(name, index, name + "x", index + 1);
        made_ += 2;
        link::set_up(index, true);
        link::set_up(index + 1, true);
    }

    void make_other() {
        const int number = int(random_.below(others));
        const int index = first_other + number;
        const std::string name = "other" + std::to_string(number);
        const int lower = first_pair + int(random_.below(size_t(2 * pairs)));
        const auto tag = uint16_t(random_.between(1, 3));
        switch (random_.below(7)) {
        case 0:
            link::add("vlan", name, index, lower, attribute(IFLA_VLAN_ID, &tag, sizeof(tag)));
            break;
        case 1:
            link::add("macvlan", name, index, lower);
            break;
        case 2: {
            const uint16_t mode = uint16_t(random_.below(3)); // L2, L3, L3S
            link::add("ipvlan", name, index, lower,
                      attribute(IFLA_IPVLAN_MODE, &mode, sizeof(mode)));
            break;
        }
        case 3: {
            const uint8_t mode = 1; // BOND_MODE_ACTIVEBACKUP
            link::add("bond", name, index, 0, attribute(IFLA_BOND_MODE, &mode, sizeof(mode)));
            break;
        }
        case 4:
            link::add("bridge", name, index);
            break;
        case 5:
            link::add("ifb", name, index);
            break;
        default:
            link::add("dummy", name, index);
        }
        made_++;
        link::set_up(index, true);
    }

    // A device without a link-level header; it goes when its descriptor is closed.
    void make_tun() {
        Fd fresh(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
        if (!fresh)
            return;
        ifreq request{};
        std::strcpy(request.ifr_name, "tun0");
        request.ifr_flags = IFF_TUN | IFF_NO_PI;
        checked(::ioctl(fresh.get(), TUNSETIFF, &request), "TUNSETIFF");
        made_++;
        tun_ = std::move(fresh);
        link::set_up(link::index("tun0"), true);
    }

    Random random_;
    std::atomic<uint64_t>& made_;
    NetNs elsewhere_;
    std::vector<int> devices_;
    Fd tun_;
};

} // namespace

std::vector<int> make_devices() {
    link::set_up(link::index("lo"), true);
    link::set_mtu(link::index("lo"), 65536);
    link::add_veth("wire0", 0, "wire1", 0);
    std::vector<int> result{0, link::index("lo")};
    for (const char* name : {"wire0", "wire1"}) {
        const int ifindex = link::index(name);
        link::set_mtu(ifindex, 9000);
        link::set_up(ifindex, true);
        result.push_back(ifindex);
    }
    link::add_dummy(dummy_name, crafted_mac, dummy_index);
    link::set_up(dummy_index, true);
    result.push_back(dummy_index);
    return result;
}

std::vector<int> churned_devices() {
    std::vector<int> result;
    for (int i = 0; i < 2 * pairs; i++)
        result.push_back(first_pair + i);
    for (int i = 0; i < others; i++)
        result.push_back(first_other + i);
    return result;
}

bool is_churned(int ifindex) {
    return ifindex >= first_pair && ifindex < first_other + others;
}

bool Pace::next(const std::stop_token& stop) {
    constexpr std::chrono::milliseconds moment{5};
    while (calls_ < due_) {
        if (stop.stop_requested())
            return false;
        std::this_thread::sleep_for(moment);
    }
    due_ = calls_ + calls_a_step_;
    return !stop.stop_requested();
}

void churn_devices(const std::stop_token& stop, Pace& pace, uint64_t seed,
                   std::atomic<uint64_t>& made) {
    DeviceChurn churn(seed, made);
    while (pace.next(stop)) {
        try {
            churn.step();
        } catch (const std::system_error&) {
            // it is not there, or there already, or an allocation failed
        }
    }
}

void churn_namespaces(const std::stop_token& stop, Pace& pace, Caller& caller,
                      std::atomic<uint64_t>& made) {
    constexpr int calls_in_each = 64;
    const Fd home(checked(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "ns/net"));
    while (pace.next(stop)) {
        try {
            checked(::unshare(CLONE_NEWNET), "unshare");
            made++;
            link::set_up(1, true);
            for (int i = 0; i < calls_in_each; i++)
                caller.call_once();
        } catch (const std::system_error&) {
            // an allocation failed
        }
    }
    checked(::setns(home.get(), CLONE_NEWNET), "setns");
}

} // namespace xt::fuzz
