// SPDX-License-Identifier: GPL-2.0-or-later
// Sending to a device that goes while the call waits for its send buffer. Without a sibling to
// compare with: PF_PACKET divides by the number of queues of such a device, which is 0, or has a
// bond look for one of them for ever (Linux 6.1 to 7.2).
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <tuple>

#include "support/family.h"
#include "support/link.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr const char* going = "gone0";
constexpr const char* keeping = "keep0"; // its qdisc keeps what the socket has sent
constexpr int going_index = 4100;
constexpr int keeping_index = 4101;
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

// A kind of device, and whether PACKET_QDISC_BYPASS is on.
class PacketGoneDevice : public testing::TestWithParam<std::tuple<std::string, bool>> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        link::add_dummy(keeping, {2, 0, 0, 0, 0, 1}, keeping_index);
        link::set_up(keeping_index, true);
        const std::string qdisc = std::string("tc qdisc add dev ") + keeping +
                                  " root tbf rate 8bit burst 2000 limit 10000000";
        ASSERT_EQ(std::system(qdisc.c_str()), 0);
        link::add(std::get<0>(GetParam()), going, going_index);
        link::set_up(going_index, true);
    }
    void TearDown() override {
        for (const int device : {going_index, keeping_index})
            try {
                link::remove(device);
            } catch (const std::exception&) { // gone, as it should
            }
    }
};

TEST_P(PacketGoneDevice, frame_that_was_held_up_is_refused) {
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    while (send_frame(socket, keeping_index, MSG_DONTWAIT) > 0)
        continue;
    ASSERT_EQ(errno, EAGAIN);
    const int bypass = std::get<1>(GetParam());
    ASSERT_EQ(
        sys::setsockopt(socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)), 0);

    std::atomic<pid_t> sender_id = 0;
    Outcome sent;
    std::thread sender([&] {
        sender_id = pid_t(::syscall(SYS_gettid));
        sent = outcome_of([&] { return send_frame(socket, going_index, 0); });
    });
    EXPECT_TRUE(comes_true([&] { return sender_id && sleeps(sender_id); })) << "the sender waits";
    std::thread remover([] { link::remove(going_index); });
    EXPECT_TRUE(comes_true([] { return !has_queues(going); }));
    link::remove(keeping_index);
    sender.join();
    remover.join();
    EXPECT_EQ(sent, (Outcome{.result = -1, .error = ENETDOWN, .state = {}}));
}

INSTANTIATE_TEST_SUITE_P(, PacketGoneDevice,
                         testing::Combine(testing::Values("bond", "dummy"), testing::Bool()),
                         [](const auto& info) {
                             return std::get<0>(info.param) +
                                    (std::get<1>(info.param) ? "_without_qdisc" : "");
                         });

} // namespace
} // namespace xt
