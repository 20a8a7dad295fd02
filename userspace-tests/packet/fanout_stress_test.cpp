// SPDX-License-Identifier: GPL-2.0-or-later
// Fanout groups under threads that join, bind, close and remove devices while packets pass. What is
// shown is that nothing breaks: the debug kernels report what does. XINET_STRESS_SECONDS says how
// long; 5 when unset.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <net/if.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "support/fanout.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr const char* device_names[] = {"xtchurn0", "xtchurn1"};
constexpr unsigned churners = 4;
constexpr unsigned ids = 3;
constexpr unsigned sockets_each = 6;

std::chrono::seconds stress_time() {
    const char* value = std::getenv("XINET_STRESS_SECONDS");
    return std::chrono::seconds(value ? std::atoi(value) : 5);
}

class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    unsigned below(unsigned end) {
        return std::uniform_int_distribution<unsigned>(0, end - 1)(engine_);
    }

private:
    std::mt19937 engine_;
};

// What a thread does to its sockets, one step at a time. Errors that no race explains are noted.
class Churner {
public:
    Churner(unsigned seed, Kind kind) : dice_(seed), kind_(kind), sockets_(sockets_each) {}

    void step() {
        Fd& socket = sockets_[dice_.below(sockets_each)];
        if (socket.get() < 0)
            socket = open_socket(self_check() ? Side::sibling : Side::xinet, kind_,
                                 dice_.below(2) ? ETH_P_ALL : 0);
        switch (dice_.below(8)) {
        case 0:
            socket.close();
            break;
        case 1:
        case 2:
            bind(socket);
            break;
        case 3:
        case 4:
            note(join_fanout(socket.get(), uint16_t(dice_.below(ids)), mode()),
                 {EINVAL, EALREADY, ENOSPC});
            break;
        case 5:
            set_data(socket);
            break;
        case 6:
            set_filter(socket);
            break;
        default:
            receive_some(socket);
            break;
        }
    }
    void close() { sockets_.clear(); }
    [[nodiscard]] const std::set<int>& surprises() const { return surprises_; }
    [[nodiscard]] unsigned joined() const { return joined_; }

private:
    uint16_t mode() {
        constexpr uint16_t flags[] = {0, 0, PACKET_FANOUT_FLAG_ROLLOVER, PACKET_FANOUT_FLAG_DEFRAG,
                                      fanout_flag_ignore_outgoing};
        // few, so that sockets agree
        constexpr uint16_t modes[] = {PACKET_FANOUT_HASH, PACKET_FANOUT_LB, PACKET_FANOUT_ROLLOVER,
                                      PACKET_FANOUT_CBPF};
        return uint16_t(modes[dice_.below(4)] | flags[dice_.below(5)]);
    }
    void note(long result, const std::set<int>& expected) {
        if (result == 0)
            joined_ += expected.contains(EALREADY);
        else if (!expected.contains(errno))
            surprises_.insert(errno);
    }
    void bind(const Fd& socket) {
        const unsigned which = dice_.below(3);
        const unsigned index = which < 2 ? if_nametoindex(device_names[which]) : 0;
        const auto to = link_address(dice_.below(4) ? ETH_P_ALL : ETH_P_IP, int(index));
        note(sys::bind(socket.get(), &to, sizeof(to)), {EINVAL, ENODEV});
    }
    void set_data(const Fd& socket) {
        sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, dice_.below(5))};
        const sock_fprog program{.len = 1, .filter = code};
        note(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT_DATA, &program,
                             sizeof(program)),
             {EINVAL});
    }
    void set_filter(const Fd& socket) {
        sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 20 * dice_.below(3))};
        const sock_fprog program{.len = 1, .filter = code};
        note(sys::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
             {});
        const int size = dice_.below(2) ? 4096 : 65536;
        note(sys::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), {});
    }
    void receive_some(const Fd& socket) {
        uint8_t room[128];
        for (int i = 0; i < 20; i++)
            if (::recv(socket.get(), room, sizeof(room), MSG_DONTWAIT | MSG_TRUNC) < 0)
                break;
        // its sign says nothing: the highest bit is a flag
        int value = 0;
        socklen_t size = sizeof(value);
        note(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT, &value, &size),
             {EAGAIN, ENETDOWN});
        const auto to = link_address(ETH_P_IP, int(if_nametoindex(device_names[dice_.below(2)])));
        const Bytes frame = ethernet(nobodys_mac, ETH_P_IP, Bytes(64));
        ::sendto(socket.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    }

    Dice dice_;
    Kind kind_;
    std::vector<Fd> sockets_;
    std::set<int> surprises_;
    unsigned joined_ = 0;
};

void have_device(const char* name) {
    link::add_dummy(name, nobodys_mac);
    link::set_up(link::index(name), true);
}

// Devices go down, up, away and come back.
void churn_devices(unsigned seed) {
    Dice dice(seed);
    const char* name = device_names[dice.below(2)];
    const int index = link::index(name);
    switch (dice.below(4)) {
    case 0:
        link::remove(index);
        have_device(name);
        break;
    default:
        link::set_up(index, false);
        link::set_up(index, true);
        break;
    }
}

// Whole packets and fragments, of many flows. Devices come and go, so errors are of no meaning.
void send_burst(const Fd& sender, unsigned round) {
    const Ipv4 header{.protocol = IPPROTO_UDP, .id = uint16_t(round)};
    std::vector<Bytes> frames;
    for (uint16_t flow = 0; flow < 8; flow++)
        frames.push_back(ethernet(nobodys_mac, ETH_P_IP, header.packet(udp(flow, 2, Bytes(100)))));
    for (const auto& part : fragments(header, udp(1, 2, Bytes(1000)), 400))
        frames.push_back(ethernet(nobodys_mac, ETH_P_IP, part));
    for (const char* name : device_names) {
        const auto to = link_address(ETH_P_IP, int(if_nametoindex(name)));
        for (const auto& frame : frames)
            ::sendto(sender.get(), frame.data(), frame.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    }
}

TEST(PacketFanoutStress, groups_survive_sockets_and_devices_that_come_and_go) {
    if (self_check())
        GTEST_SKIP() << "needs the module";
    const unsigned seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const NetNs space = NetNs::create();
    space.run([] {
        for (const char* name : device_names)
            have_device(name);
    });

    const auto end = std::chrono::steady_clock::now() + stress_time();
    const auto going = [end] { return std::chrono::steady_clock::now() < end; };
    std::vector<std::unique_ptr<Churner>> all;
    for (unsigned i = 0; i < churners; i++)
        all.push_back(std::make_unique<Churner>(seed + i, i % 2 ? Kind::packet : Kind::cooked));
    {
        std::vector<std::jthread> threads;
        for (const auto& churner : all)
            threads.emplace_back([&space, &going, &churner] {
                space.run([&] {
                    while (going())
                        churner->step();
                });
            });
        threads.emplace_back([&] {
            space.run([&] {
                for (unsigned round = 0; going(); round++)
                    churn_devices(seed + round);
            });
        });
        threads.emplace_back([&] {
            space.run([&] {
                const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
                for (unsigned round = 0; going(); round++)
                    send_burst(sender, round);
            });
        });
    }

    unsigned joined = 0;
    for (const auto& churner : all) {
        for (const int error : churner->surprises())
            ADD_FAILURE() << "unexpected " << strerrorname_np(error);
        joined += churner->joined();
        churner->close();
    }
    EXPECT_GT(joined, 0U);

    // No group is left: any mode will do for each id.
    space.run([] {
        for (uint16_t id = 0; id < ids; id++)
            for (const uint16_t mode : {PACKET_FANOUT_QM, PACKET_FANOUT_RND}) {
                const Fd socket = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
                EXPECT_EQ(join_fanout(socket.get(), id, mode), 0) << "id " << id;
            }
    });
}

} // namespace
} // namespace xt
