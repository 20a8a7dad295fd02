// SPDX-License-Identifier: GPL-2.0-or-later
// Packets that a chain on LOCAL_IN has handed to userspace (NFQUEUE), which wait for a verdict
// while raw sockets come and go.
//
//   LOCAL_IN: ---> chain in front ---> xinet's hook ---> chain behind ---> raw sockets
//                        |                                     |
//                        +---------------- queue --------------+
#include <gtest/gtest.h>
#include <net/if.h>

#include <climits>
#include <thread>

#include "support/inet.h"
#include "support/nfqueue.h"
#include "support/raw_point.h"
#include "support/wire.h"

namespace xt {
namespace {

using Marks = std::vector<std::string>;

constexpr uint16_t queue_number = 7;

struct QueueCase {
    const char* name;
    int priority; // of the chain; who asks for the last place first has it
};

void PrintTo(const QueueCase& c, std::ostream* out) {
    *out << c.name;
}

// A namespace with such a chain, in which nobody has had raw sockets of PF_XINET.
class RawNfqueue : public testing::TestWithParam<QueueCase> {
protected:
    void SetUp() override {
        if (!has_nfqueue())
            GTEST_SKIP() << "this kernel has no NFQUEUE";
        here_.run([] { queue_input(GetParam().priority, queue_number); });
    }
    // To this host, in the namespace of the thread.
    static void send(const std::string& mark) {
        const Fd sender = open_raw(Side::sibling, experimental_protocol);
        checked(send_to(sender.get(), repeated(mark, 64), ipv4_address(loopback_address)), "send");
    }

    NetNs here_ = create_loopback_namespace();
};

TEST_P(RawNfqueue, accepted_packet_is_received_once_and_dropped_one_never) {
    here_.run([] {
        Nfqueue queue(queue_number);
        Ears ears(experimental_protocol);
        for (const char* mark : {"xt-first", "xt-drop-", "xt-third", "xt-late-"})
            send(mark);
        const uint32_t late = queue.await("xt-late-"), third = queue.await("xt-third"),
                       dropped = queue.await("xt-drop-"), first = queue.await("xt-first");
        EXPECT_EQ(marks_of(ears.host), Marks{});
        EXPECT_EQ(queue.accept(third), 0);
        EXPECT_EQ(queue.drop(dropped), 0);
        EXPECT_EQ(queue.accept(first), 0);
        EXPECT_EQ(queue.accept(late), 0);
        EXPECT_EQ(queue.accept(first), ENOENT);
        ears.await("xt-late-");
        ears.expect_equal({"xt-third", "xt-first", "xt-late-"});
    });
}

TEST_P(RawNfqueue, packet_waits_on_when_the_last_socket_closes) {
    here_.run([] {
        Nfqueue queue(queue_number);
        const Fd theirs = open_raw(Side::sibling, experimental_protocol);
        Fd host = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
        Fd wire = open_raw_at(XINET_RAW_POINT_WIRE, experimental_protocol);
        send("xt-wait-");
        const uint32_t packet = queue.await("xt-wait-");
        host.close();
        wire.close();
        await_deliveries();
        EXPECT_EQ(queue.accept(packet), 0);
        receive_marked(theirs.get(), "xt-wait-");
    });
}

// Who is there when the verdict is given gets the packet, as in PF_INET.
TEST_P(RawNfqueue, packet_that_waited_is_for_the_sockets_of_the_verdict) {
    here_.run([] {
        Nfqueue queue(queue_number);
        Fd before = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
        send("xt-early");
        const uint32_t early = queue.await("xt-early");
        before.close();
        Ears ears(experimental_protocol);
        EXPECT_EQ(queue.accept(early), 0);
        ears.await("xt-early");
        ears.expect_equal({"xt-early"});
    });
}

bool await_end_of(const char* device) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (if_nametoindex(device) != 0)
        if (std::chrono::steady_clock::now() > end)
            return false;
        else
            std::this_thread::yield();
    return true;
}

// When the device at this end has gone, so has the namespace with its hooks.
TEST_P(RawNfqueue, namespace_goes_with_what_waits_in_it) {
    const NetNs beside = NetNs::create();
    here_.run([&] {
        Nfqueue queue(queue_number);
        const Fd host = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
        ip("link add xtin type veth peer name xtout netns " + path_of(beside));
        for (const char* mark : {"xt-stay1", "xt-stay2"}) {
            send(mark);
            queue.await(mark);
        }
    });
    here_ = NetNs::create();
    EXPECT_TRUE(beside.run([] { return await_end_of("xtout"); }));
}

INSTANTIATE_TEST_SUITE_P(Chain, RawNfqueue,
                         testing::Values(QueueCase{"in_front", 0}, QueueCase{"behind", INT_MAX}),
                         [](const auto& info) { return std::string(info.param.name); });

} // namespace
} // namespace xt
