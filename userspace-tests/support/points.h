// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of XINET_PACKET_POINT: its points, and what captures are shown at them, through the receive
// queue and through lanes.
#pragma once

#include <gtest/gtest.h>
#include <linux/xinet.h>
#include <sys/utsname.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "lanes.h"
#include "link.h"
#include "on_wire.h"
#include "sys.h"
#include "told.h"
#include "traffic.h"

namespace xt {

inline constexpr uint16_t point_port = 4482;
inline constexpr int of_netfilter = XINET_POINT_PRE_ROUTING | XINET_POINT_LOCAL_IN |
                                    XINET_POINT_FORWARD | XINET_POINT_LOCAL_OUT |
                                    XINET_POINT_POST_ROUTING;
inline constexpr int everywhere = XINET_POINT_TAP | of_netfilter;
inline constexpr int of_tracepoints =
    XINET_POINT_QDISC | XINET_POINT_START_XMIT | XINET_POINT_DELIVERED;

// With PREEMPT_RT before 7.2 a tracepoint may not take the locks that it takes to show a packet.
inline bool tracepoints_are_refused() {
    return drops_are_refused();
}

// From Linux 6.18 on, UDP leaves it to another CPU to give a datagram back.
inline bool reading_of_datagrams_is_unseen() {
    utsname name{};
    checked(::uname(&name), "uname");
    int major = 0;
    int minor = 0;
    std::sscanf(name.release, "%d.%d", &major, &minor);
    return std::pair(major, minor) >= std::pair(6, 18);
}

using Way = std::vector<uint32_t>;

inline Way way_of(const std::vector<ToldPacket>& records) {
    Way way;
    for (const auto& record : records)
        way.push_back(record.point ? record.point->point : 0);
    return way;
}

inline void expect_one_number(const std::vector<ToldPacket>& records) {
    for (const auto& record : records) {
        ASSERT_TRUE(record.point);
        EXPECT_NE(record.point->packet, 0U);
        EXPECT_EQ(record.point->packet, records.front().point->packet) << record.point->point;
    }
}
// The parameter: through lanes.
class PointTest : public OnWire, public testing::WithParamInterface<bool> {
protected:
    void SetUp() override {
        if (GetParam() && lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        OnWire::SetUp();
    }

    static ToldCapture capture(int points) {
        return ToldCapture({.lanes = GetParam(), .points = points});
    }

    // Without what the other end of the wire sees, which is in the same namespace.
    static std::vector<ToldPacket> take(ToldCapture& capture, const std::string& mark,
                                        size_t count) {
        const int outside = link::index("xtout");
        std::vector<ToldPacket> found;
        std::vector<ToldPacket> more;
        do {
            more = capture.take_marked(mark);
            found.insert(found.end(), more.begin(), more.end());
            std::erase_if(found, [&](const auto& record) { return record.ifindex == outside; });
        } while (found.size() < count && !more.empty());
        return found;
    }

    static Bytes marked(const std::string& mark, uint16_t to = point_port) {
        return udp(9, to, repeated(mark, 64));
    }

    // What comes for 10.99.0.0/16 leaves by the device xtfar.
    static void route() {
        set_sysctl("ip_forward", "1");
        ip("link add xtfar type dummy", "link set xtfar up", "route add 10.99.0.0/16 dev xtfar");
    }
    void in_for(const char* to, const Bytes& payload) const {
        Ipv4 header = to_here;
        header.to = to;
        in(header.packet(payload));
    }
};

} // namespace xt
