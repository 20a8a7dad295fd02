// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_DROPS: many drops, faster than any reader. Each is told once, or counted once.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/cpus.h"
#include "support/diag.h"
#include "support/frame.h"
#include "support/kernel_release.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/on_wire.h"
#include "support/told.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t closed_port = 4492;
constexpr std::string_view mark = "xt-burst";
constexpr size_t number_at = ETH_HLEN + 20 + 8 + mark.size();

// Datagrams whose checksum is wrong, each with a number.
class Datagrams {
public:
    Datagrams(const Mac& to, const Ipv4& header) {
        Bytes payload = udp(9, closed_port, repeated(mark, 64));
        payload.at(6) = 0x12; // the checksum: nothing answers
        frame_ = ethernet(to, ETH_P_IP, header.packet(payload));
    }

    // The complement behind it keeps the sum, so that no number makes the checksum right.
    const Bytes& numbered(uint32_t number) {
        const uint32_t words[] = {number, ~number};
        std::copy_n(reinterpret_cast<const uint8_t*>(words), sizeof(words),
                    frame_.begin() + number_at);
        return frame_;
    }

    static uint32_t number_of(const Bytes& frame) {
        return read_as<uint32_t>(Bytes(frame.begin() + number_at, frame.end()));
    }

private:
    Bytes frame_;
};

// How often each of them has been told.
class Tally {
public:
    explicit Tally(size_t count) : times_(count) {}

    void note(const ToldPacket& packet) {
        ASSERT_TRUE(contains(packet.data, mark)) << "another packet";
        ASSERT_TRUE(packet.dropped);
        EXPECT_STREQ(packet.dropped->name, "UDP_CSUM");
        const uint32_t number = Datagrams::number_of(packet.data);
        ASSERT_LT(number, times_.size());
        times_[number]++;
        told_++;
    }
    [[nodiscard]] size_t told() const { return told_; }
    [[nodiscard]] size_t told_again() const {
        return size_t(std::ranges::count_if(times_, [](unsigned times) { return times > 1; }));
    }

private:
    std::vector<unsigned> times_;
    size_t told_ = 0;
};

tpacket_stats statistics_of(const Fd& socket) {
    tpacket_stats stats{};
    socklen_t length = sizeof(stats);
    checked(::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &length),
            "PACKET_STATISTICS");
    return stats;
}

// A receiver, and what it counts when it is full.
struct Receiver {
    const char* name;
    ToldCapture::Options options;
    xinet_drop_reason full;
};

void PrintTo(const Receiver& receiver, std::ostream* out) {
    *out << receiver.name;
}

const Receiver receivers[] = {
    {"queue", {}, XINET_DROP_RCVBUF},
    {"ring_v3", {.v3_blocks = 64}, XINET_DROP_RING_FULL},
    {"lanes", {.lanes = true, .lane_size = smallest_lane}, XINET_DROP_LANE_FULL},
};

class DroppedBurst : public OnWire, public testing::WithParamInterface<Receiver> {
protected:
    void SetUp() override {
        if (GetParam().options.lanes && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        if (!self_check() && drops_are_refused())
            GTEST_SKIP() << "this kernel cannot copy what it drops";
        OnWire::SetUp();
    }

    static ToldCapture::Options options() {
        auto options = GetParam().options;
        options.drops = XINET_DROPS_ONLY;
        options.device = "xtin";
        options.protocol = ETH_P_IP;
        return options;
    }

    void send(Datagrams& datagrams, uint32_t first, uint32_t end) const {
        for (uint32_t number = first; number < end; number++)
            wire_->in(datagrams.numbered(number));
    }
};

// Nobody reads before half of them have been dropped, so that every receiver is full once.
TEST_P(DroppedBurst, each_drop_is_told_once_or_counted_once) {
    here_.run([this] {
        const uint32_t count = is_stock_kernel() ? 200'000 : 20'000;
        ToldCapture capture(options());
        set_option(capture.socket(), SOL_SOCKET, SO_RCVBUF, 1 << 18);
        Datagrams datagrams(link::mac("xtin"), to_here);
        std::latch half{1};
        std::thread sender([&] {
            const OnOneCpu one_cpu;
            send(datagrams, 0, count / 2);
            half.count_down();
            send(datagrams, count / 2, count);
        });
        half.wait();

        Tally tally(count);
        size_t received = 0;
        size_t missed = 0;
        auto end = std::chrono::steady_clock::now() + deadline;
        while (tally.told() + missed < count && std::chrono::steady_clock::now() < end) {
            for (const ToldPacket& packet : capture.take())
                tally.note(packet);
            const auto stats = statistics_of(capture.socket());
            missed += stats.tp_drops;
            received += stats.tp_packets;
            if (stats.tp_packets != 0) // they still come
                end = std::chrono::steady_clock::now() + deadline;
        }
        sender.join();
        EXPECT_EQ(capture.take_marked(mark, 0).size(), 0U) << "more than there were";

        EXPECT_EQ(tally.told() + missed, count);
        EXPECT_EQ(received, count);
        EXPECT_EQ(tally.told_again(), 0U);
        EXPECT_GT(tally.told(), 0U);
        const DropReasons reasons = drop_reasons_of(capture.socket());
        EXPECT_EQ(sum(reasons), missed);
        EXPECT_GT(reasons[GetParam().full], 0U);
        EXPECT_EQ(reasons[GetParam().full] + reasons[XINET_DROP_BACKLOG], missed);
        RecordProperty("told", std::to_string(tally.told()));
        RecordProperty("backlog", std::to_string(reasons[XINET_DROP_BACKLOG]));
    });
}

INSTANTIATE_TEST_SUITE_P(Receivers, DroppedBurst, testing::ValuesIn(receivers),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace xt
