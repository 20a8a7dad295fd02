// SPDX-License-Identifier: GPL-2.0-or-later
// PACKET_STATISTICS: every frame is counted once, and every loss.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_packet.h>

#include "support/family.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

tpacket_stats statistics(const Fd& socket) {
    tpacket_stats result{};
    socklen_t length = sizeof(result);
    checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &result, &length),
            "PACKET_STATISTICS");
    EXPECT_EQ(length, sizeof(result));
    return result;
}

class PacketStatistics : public OnEachSide {
protected:
    void SetUp() override {
        subject_ = packet(0);
        bind_to(subject_, link_address(experimental_ethertype, link::index(here_device)));
    }
    // Sends, and returns when the last frame has passed every socket: a second one after it has
    // been seen by a neighbour, and frames pass one after the other.
    void send(unsigned frames) const {
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        const auto fence = [&] {
            wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
            receive(monitor.get());
        };
        for (unsigned i = 0; i < frames; i++) {
            if (i % longest_burst == 0)
                fence();
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("payload ", 1000)));
        }
        fence();
    }
    OnOneCpu one_cpu_;
    Fd subject_;
    Injector wire_ = Injector::at_peer();
};

TEST_P(PacketStatistics, frames_are_counted_and_reading_resets) {
    EXPECT_EQ(statistics(subject_).tp_packets, 0U);
    send(5);
    const auto counted = statistics(subject_);
    EXPECT_EQ(counted.tp_packets, 5U);
    EXPECT_EQ(counted.tp_drops, 0U);
    EXPECT_EQ(statistics(subject_).tp_packets, 0U);
    send(2);
    EXPECT_EQ(statistics(subject_).tp_packets, 2U);
}

TEST_P(PacketStatistics, what_finds_no_room_is_counted_as_dropped) {
    constexpr unsigned frames = 200;
    set_option(subject_, SOL_SOCKET, SO_RCVBUF, 16384);
    send(frames);
    const auto counted = statistics(subject_);
    unsigned received = 0;
    while (receive_now(subject_.get()))
        received++;
    EXPECT_EQ(counted.tp_packets, frames);
    EXPECT_GT(counted.tp_drops, 0U);
    EXPECT_GT(received, 0U);
    EXPECT_EQ(received, counted.tp_packets - counted.tp_drops);
    send(1);
    EXPECT_EQ(statistics(subject_).tp_drops, 0U) << "room again";
}

TEST_P(PacketStatistics, rejected_frames_do_not_count) {
    sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const sock_fprog program{.len = 1, .filter = code};
    ASSERT_EQ(
        sys::setsockopt(subject_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
        0);
    send(5);
    EXPECT_EQ(statistics(subject_).tp_packets, 0U);
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketStatistics, testing::ValuesIn(both_sides),
                         parameter_name<Side>);

TEST(PacketStatisticsRequest, each_buffer_is_accepted_or_refused_as_by_pf_packet) {
    std::vector<Row> rows;
    for (const int size : {-1, 0, 1, 4, 7, 8, 9, 12, 64})
        rows.push_back({std::to_string(size) + " bytes", [=](int fd) {
                            uint8_t value[64] = {};
                            int length = size;
                            const long result =
                                sys::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, value, &length);
                            return result < 0 ? result : length;
                        }});
    expect_equal_outcomes(Kind::packet, 0, rows);
}

} // namespace
} // namespace xt
