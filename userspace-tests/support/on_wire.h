// SPDX-License-Identifier: GPL-2.0-or-later
// A host for a test, in a network namespace of its own.
#pragma once

#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <cstdint>
#include <optional>

#include "family.h"
#include "frame.h"
#include "link.h"
#include "netns.h"
#include "wire.h"

namespace xt {

// It is 10.66.0.1 at a wire; what a test sends there comes in by the device xtin, from 10.66.0.2.
class OnWire : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
        here_.run([this] {
            wire_.emplace();
            ip("link set lo up", "addr add 10.66.0.1/24 dev xtin",
               "neigh add 10.66.0.2 lladdr 02:00:00:00:00:02 dev xtin nud permanent");
            set_sysctl("conf/all/rp_filter", "0");
            set_sysctl("conf/xtin/rp_filter", "0");
        });
    }

    void in(const Bytes& packet, uint16_t ethertype = ETH_P_IP) const {
        wire_->in(ethernet(link::mac("xtin"), ethertype, packet));
    }

    static constexpr Ipv4 to_here{.from = "10.66.0.2", .to = "10.66.0.1", .protocol = IPPROTO_UDP};

    const NetNs here_ = NetNs::create();
    std::optional<Wire> wire_;
};

} // namespace xt
