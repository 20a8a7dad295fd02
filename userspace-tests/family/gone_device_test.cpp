// SPDX-License-Identifier: GPL-2.0-or-later
// Sending to a device that goes while the call waits for its send buffer. Packet sockets without a
// sibling to compare with: PF_PACKET divides by the number of queues of such a device, which is 0,
// or has a bond look for one of them for ever (Linux 6.1 to 7.2). What is read of memory that has
// been freed a debug kernel tells.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "support/family.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr const char* going = "gone0";
constexpr const char* keeping = "keep0"; // its qdisc keeps what the socket has sent
constexpr int going_index = 4100;
constexpr const char* lower = "lower0"; // below `going`
constexpr int keeping_index = 4101;
constexpr int lower_index = 4102;
constexpr size_t frame_size = 1000;

testing::AssertionResult comes_true(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return testing::AssertionFailure();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return testing::AssertionSuccess();
}

// The queues of a device go before it leaves sysfs; whoever removes it still waits.
bool has_queues(const std::string& device) {
    return std::filesystem::exists("/sys/class/net/" + device);
}

bool sleeps(pid_t thread) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string number, name, state;
    file >> number >> name >> state;
    return state == "S";
}

long send_frame(const Fd& socket, int ifindex, int flags) {
    const sockaddr_ll to{.sll_family = AF_PACKET,
                         .sll_protocol = htons(ETH_P_802_EX1),
                         .sll_ifindex = ifindex,
                         .sll_hatype = 0,
                         .sll_pkttype = 0,
                         .sll_halen = 0,
                         .sll_addr = {}};
    const Bytes frame(frame_size);
    return sys::sendto(socket.get(), frame.data(), frame.size(), flags, &to, sizeof(to));
}

void add_device(const char* kind, const char* name, int ifindex, int lower = 0) {
    link::add(kind, name, ifindex, lower);
    link::set_up(ifindex, true);
}

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0)
        throw std::runtime_error(command);
}

// A socket sends to `keeping` until its send buffer is full.
class GoneDevice : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        add_device("dummy", keeping, keeping_index);
        run(std::string("tc qdisc add dev ") + keeping +
            " root tbf rate 8bit burst 2000 limit 10000000");
    }
    void TearDown() override {
        for (const int device : {going_index, lower_index, keeping_index})
            try {
                link::remove(device);
            } catch (const std::exception&) { // gone, as it should
            }
    }

    // `call` waits for the send buffer; then `change` is made, and when `changed` the call goes on.
    static Outcome held_up(const std::function<long()>& call, const std::function<void()>& change,
                           const std::function<bool()>& changed) {
        std::atomic<pid_t> sender_id = 0;
        Outcome sent;
        std::thread sender([&] {
            sender_id = pid_t(::syscall(SYS_gettid));
            sent = outcome_of(call);
        });
        EXPECT_TRUE(comes_true([&] { return sender_id && sleeps(sender_id); }))
            << "the sender waits";
        std::thread changer(change);
        EXPECT_TRUE(comes_true(changed));
        link::remove(keeping_index);
        sender.join();
        changer.join();
        return sent;
    }
};

const Outcome is_down{.result = -1, .error = ENETDOWN, .state = {}};

class PacketGoneDevice : public GoneDevice {
protected:
    static Fd full_socket(Kind kind) {
        Fd socket = open_socket(Side::xinet, kind, 0);
        while (send_frame(socket, keeping_index, MSG_DONTWAIT) > 0)
            continue;
        EXPECT_EQ(errno, EAGAIN);
        return socket;
    }
};

// A kind of device, and whether PACKET_QDISC_BYPASS is on.
class PacketGoneQueues : public PacketGoneDevice,
                         public testing::WithParamInterface<std::tuple<std::string, bool>> {};

TEST_P(PacketGoneQueues, frame_that_was_held_up_is_refused) {
    add_device(std::get<0>(GetParam()).c_str(), going, going_index);
    const Fd socket = full_socket(Kind::packet);
    const int bypass = std::get<1>(GetParam());
    ASSERT_EQ(
        sys::setsockopt(socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)), 0);
    EXPECT_EQ(held_up([&] { return send_frame(socket, going_index, 0); },
                      [] { link::remove(going_index); }, [] { return !has_queues(going); }),
              is_down);
}

INSTANTIATE_TEST_SUITE_P(, PacketGoneQueues,
                         testing::Combine(testing::Values("bond", "dummy"), testing::Bool()),
                         [](const auto& info) {
                             return std::get<0>(info.param) +
                                    (std::get<1>(info.param) ? "_without_qdisc" : "");
                         });

// It builds the header by the device below, which is freed while the sender holds the one above.
TEST_F(PacketGoneDevice, header_is_not_built_by_an_ipvlan_without_its_device) {
    add_device("dummy", lower, lower_index);
    add_device("ipvlan", going, going_index, lower_index);
    const Fd socket = full_socket(Kind::cooked);
    EXPECT_EQ(held_up([&] { return send_frame(socket, going_index, 0); },
                      [] { link::remove(lower_index); },
                      [] { return !has_queues(going) && !has_queues(lower); }),
              is_down);
}

TEST_F(PacketGoneDevice, frame_does_not_follow_its_device_into_another_namespace) {
    const NetNs elsewhere = NetNs::create();
    add_device("dummy", going, going_index);
    const Fd socket = full_socket(Kind::packet);
    std::atomic<bool> moved = false;
    EXPECT_EQ(held_up([&] { return send_frame(socket, going_index, 0); },
                      [&] {
                          link::move(going_index, elsewhere.get());
                          elsewhere.run([] { link::set_up(going_index, true); });
                          moved = true;
                      },
                      [&] { return bool(moved); }),
              is_down);
}

int bound_device(const Fd& socket) {
    sockaddr_ll name{};
    int length = sizeof(name);
    sys::getsockname(socket.get(), &name, &length);
    return name.sll_ifindex;
}

// As long as a sender holds a device, the kernel says once a second that it has gone. PF_PACKET
// takes that for the next device with its index.
TEST_F(PacketGoneDevice, end_that_is_repeated_is_not_that_of_the_next_with_its_index) {
    add_device("dummy", going, going_index);
    const Fd sender = full_socket(Kind::packet);
    Fd sibling, ours;
    const auto binds = [](Side side) {
        Fd socket = open_socket(side, Kind::packet, ETH_P_802_EX1);
        sockaddr_ll name{};
        name.sll_family = AF_PACKET;
        name.sll_protocol = htons(ETH_P_802_EX1);
        name.sll_ifindex = going_index;
        EXPECT_EQ(sys::bind(socket.get(), &name, sizeof(name)), 0);
        return socket;
    };
    EXPECT_EQ(held_up([&] { return send_frame(sender, going_index, 0); },
                      [] { link::remove(going_index); },
                      [&] {
                          if (has_queues(going))
                              return false;
                          if (!ours) {
                              add_device("dummy", lower, going_index);
                              ours = binds(Side::xinet);
                              sibling = binds(Side::sibling);
                          }
                          return bound_device(sibling) == -1;
                      }),
              is_down);
    EXPECT_EQ(bound_device(ours), going_index);
}

// A rule that looks at the interface: nothing keeps that while a raw socket waits.
TEST_F(GoneDevice, raw_packet_that_was_held_up_ends_as_in_pf_inet) {
    run("nft 'add table ip gone; add chain ip gone out { type filter hook output priority 0; }; "
        "add rule ip gone out meta oiftype 1 counter'");
    std::vector<Outcome> outcomes;
    for (const Side side : {Side::sibling, Side::xinet}) {
        if (side == Side::xinet)
            SetUp();
        add_device("dummy", going, going_index);
        run(std::string("ip addr add 10.78.0.1/24 dev ") + keeping);
        run(std::string("ip addr add 10.79.0.1/24 dev ") + going);
        const Fd socket = open_socket(side, Kind::raw, IPPROTO_RAW);
        const auto send = [&socket](const char* to, int flags) {
            const sockaddr_in address = ipv4_address(to);
            const Bytes packet = Ipv4{.from = "0.0.0.0", .to = to}.packet(Bytes(frame_size));
            return sys::sendto(socket.get(), packet.data(), packet.size(), flags, &address,
                               sizeof(address));
        };
        while (send("10.78.0.2", MSG_DONTWAIT) > 0)
            continue;
        EXPECT_EQ(errno, EAGAIN);
        std::atomic<bool> freed = false;
        outcomes.push_back(held_up([&] { return send("10.79.0.2", 0); },
                                   [&] {
                                       link::remove(going_index);
                                       freed = true;
                                   },
                                   [&] { return bool(freed); }));
    }
    EXPECT_EQ(outcomes[0], outcomes[1]);
    run("nft delete table ip gone");
}

} // namespace
} // namespace xt
