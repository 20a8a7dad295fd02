// SPDX-License-Identifier: GPL-2.0-or-later
#include "injector.h"

#include "xinet/error.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <regex>
#include <utility>

extern "C" unsigned if_nametoindex(const char* name); // <net/if.h> clashes with <linux/if.h>

namespace bench {
namespace {

const std::string pktgen_directory = "/proc/net/pktgen/";

/// pktgen asks for a packet's release after that many receptions of it.
constexpr int burst = 100;

/// pktgen takes the last character of an order for the end of the line.
void order(const std::string& file, const std::string& command) {
    write_file(pktgen_directory + file, command + "\n");
}

unsigned interface_index(const std::string& name) {
    const unsigned index = if_nametoindex(name.c_str());
    if (index == 0) {
        throw xinet::Error("find interface", name, errno);
    }
    return index;
}

/// "Result: OK: 8121(c8121+d0) usec, 20000 (60byte,0frags)": the first number.
double microseconds_of(const std::string& status) {
    static const std::regex result(R"(Result: OK: (\d+)\()");
    std::smatch match;
    if (!std::regex_search(status, match, result)) {
        throw xinet::Error("read the result of", "pktgen", 0, status);
    }
    return std::stod(match[1]);
}

} // namespace

DummyInterface::DummyInterface(std::string name, const std::string& address)
    : name_(std::move(name)) {
    run({"ip", "link", "add", name_, "type", "dummy"});
    if (!address.empty()) {
        run({"ip", "address", "add", address, "dev", name_});
    }
    run({"ip", "link", "set", name_, "up"});
    index_ = interface_index(name_);
}

DummyInterface::~DummyInterface() {
    try {
        run({"ip", "link", "delete", name_});
    } catch (const xinet::Error&) {
        // the guest ends soon, and has said why on stderr
    }
}

PacketGenerator::PacketGenerator(std::vector<std::string> interfaces, std::size_t frame_bytes,
                                 Flows flows)
    : interfaces_(std::move(interfaces)) {
    run({"modprobe", "pktgen"});
    order("pgctrl", "reset");
    for (std::size_t cpu = 0; cpu < interfaces_.size(); ++cpu) {
        order(fmt::format("kpktgend_{}", cpu), "add_device " + interfaces_[cpu]);
        for (const std::string& command :
             {fmt::format("pkt_size {}", frame_bytes), std::string("xmit_mode netif_receive"),
              fmt::format("burst {}", flows == Flows::one ? burst : 1), std::string("delay 0"),
              std::string("dst_mac 02:00:00:00:be:ef"), std::string("dst 10.88.0.2")}) {
            set(interfaces_[cpu], command);
        }
        if (flows == Flows::many) {
            for (const char* command :
                 {"flag UDPSRC_RND", "udp_src_min 1024", "udp_src_max 65535"}) {
                set(interfaces_[cpu], command);
            }
        }
    }
}

PacketGenerator::~PacketGenerator() {
    try {
        order("pgctrl", "reset");
    } catch (const xinet::Error&) {
        // the interfaces go next, and take the generator's hold with them
    }
}

void PacketGenerator::set(const std::string& interface, const std::string& command) {
    order(interface, command);
}

void PacketGenerator::address_to(const std::string& interface, const std::string& from,
                                 const std::string& address, int port) {
    std::string mac = read_file("/sys/class/net/" + interface + "/address");
    mac.resize(mac.find_last_not_of('\n') + 1);
    set(interface, "dst_mac " + mac);
    set(interface, "src_min " + from);
    set(interface, "src_max " + from);
    set(interface, "dst " + address);
    set(interface, fmt::format("udp_dst_min {}", port));
    set(interface, fmt::format("udp_dst_max {}", port));
}

Nanoseconds PacketGenerator::receive(std::uint64_t packets) {
    for (const std::string& interface : interfaces_) {
        set(interface, fmt::format("count {}", packets));
    }
    order("pgctrl", "start");

    double slowest = 0;
    for (const std::string& interface : interfaces_) {
        slowest = std::max(slowest, microseconds_of(read_file(pktgen_directory + interface)));
    }
    return std::chrono::duration<double, std::micro>(slowest / static_cast<double>(packets));
}

BackgroundTraffic::BackgroundTraffic(PacketGenerator& generator) : generator_(generator) {
    const std::string& interface = generator_.interfaces_.front();
    generator_.set(interface, "count 0");
    // the write returns when the generator stops
    starter_ = std::thread([] { order("pgctrl", "start"); });
    while (read_file(pktgen_directory + "kpktgend_0").find("Running: " + interface) ==
           std::string::npos) {
        std::this_thread::yield();
    }
}

BackgroundTraffic::~BackgroundTraffic() {
    order("pgctrl", "stop");
    starter_.join();
}

TunInterface::TunInterface(std::string name, const std::string& address, Frames frames)
    : name_(std::move(name)) {
    run({"modprobe", "tun"});
    device_.reset(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    if (!device_) {
        throw xinet::Error("open", "/dev/net/tun", errno);
    }
    ifreq request{};
    request.ifr_flags = IFF_NO_PI;
    request.ifr_flags |= frames == Frames::ethernet ? IFF_TAP : IFF_TUN;
    if (frames == Frames::ip_with_offloads) {
        request.ifr_flags |= IFF_VNET_HDR;
    }
    name_.copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(device_.get(), TUNSETIFF, &request) < 0) {
        throw xinet::Error("create interface", name_, errno);
    }
    if (frames == Frames::ethernet) {
        run({"ip", "link", "set", name_, "address", "02:00:00:00:00:01"});
    }
    run({"ip", "address", "add", address, "dev", name_});
    run({"ip", "link", "set", name_, "up"});
}

Nanoseconds TunInterface::receive(std::span<const std::byte> packet, std::uint64_t packets) {
    const auto start = now();
    for (std::uint64_t i = 0; i < packets; ++i) {
        if (::write(device_.get(), packet.data(), packet.size()) < 0) {
            throw xinet::Error("send a packet into", name_, errno);
        }
    }
    return Nanoseconds(now() - start) / static_cast<double>(packets);
}

} // namespace bench
