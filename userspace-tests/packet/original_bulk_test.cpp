// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_PACKET_ORIGINAL: megabytes of TCP in a VLAN, with all that devices can be left to do at
// both ends, against what a device has sent for which the kernel itself does everything.
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/xinet.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "support/bulk.h"
#include "support/diag.h"
#include "support/family.h"
#include "support/frame.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/told.h"

namespace xt {
namespace {

constexpr size_t bulk = 3U << 20;

// By the receive queue, and by lanes.
class OriginalBulk : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        bridge_ = std::make_unique<BulkBridge>();
        bridge_->add_vlan("802.1Q");
        bridge_->a().run([] { ASSERT_TRUE(link::offload("far0", ETHTOOL_GTSO)); });
        bridge_->b().run([] {
            BulkBridge::ethtool({"-K", "far1", "gro", "on"});
            ASSERT_TRUE(link::offload("far1", ETHTOOL_GGRO));
        });
    }

    // What a capture at the device has seen of the transfer is what near1 has sent.
    void expect_frames_of_the_wire_at(const NetNs& where, const char* device) const {
        const auto capture = capture_bulk(where, device, GetParam());
        const auto wire =
            bridge_->middle().run([] { return std::make_unique<BulkReference>("near1"); });
        const Connection connection = bridge_->send_bulk(bulk, "10.68.0.2");
        const std::vector<Bytes> wanted = wire->take();
        const BulkFrames frames = of_bulk(capture->take());
        EXPECT_GT(wanted.size(), bulk / longest_frame);
        EXPECT_EQ(frames.done, uint32_t{XINET_ORIGINAL_SEGMENTED | XINET_ORIGINAL_CHECKSUM |
                                        XINET_ORIGINAL_VLAN});
        EXPECT_GT(frames.most_segments, 1U);
        expect_same_frames(frames.data, wanted);
        EXPECT_EQ(where.run([&] { return sum(drop_reasons_of(capture->socket())); }), 0U);
    }

    std::unique_ptr<BulkBridge> bridge_;
};

TEST_P(OriginalBulk, what_is_left_to_the_device_is_told_as_it_leaves) {
    expect_frames_of_the_wire_at(bridge_->a(), "far0");
}

TEST_P(OriginalBulk, what_is_merged_is_told_as_it_came) {
    expect_frames_of_the_wire_at(bridge_->b(), "far1");
}

INSTANTIATE_TEST_SUITE_P(Receivers, OriginalBulk, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "lanes" : "queue"; });

} // namespace
} // namespace xt
