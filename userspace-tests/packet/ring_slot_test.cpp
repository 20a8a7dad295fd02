// SPDX-License-Identifier: GPL-2.0-or-later
// A packet that cannot be put into a receive ring costs the ring no slot: it takes as many frames
// afterwards as it has. PF_PACKET of 6.12 leaves the slot to nobody; there is nothing to compare.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>

#include <fstream>

#include "support/netns.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/vnet.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr const char* device = "xttap";
constexpr unsigned slots = 8;
// a block of V3 holds one packet of this size
constexpr unsigned slot_size = 4096;
constexpr size_t payload = 3000;

class PacketRingSlot : public testing::TestWithParam<int> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "a promise of PF_XINET alone";
    }
    static int version() { return GetParam(); }
    // Runs `body` in a namespace with a device whose packets this program makes.
    template<typename F>
    void with_device(F body) {
        NetNs::create().run([&] {
            tap_ = open_tun(device, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
            if (!tap_)
                GTEST_SKIP() << "no tap devices here";
            // or it says hello at any moment
            std::ofstream(std::string("/proc/sys/net/ipv6/conf/") + device + "/disable_ipv6") << 1;
            ip(std::string("link set ") + device + " mtu 4000 up");
            body();
        });
    }
    void arrive(const VnetHeader& header, const Bytes& frame) const {
        const Bytes bytes = vnet_bytes(header) + frame;
        checked(::write(tap_.get(), bytes.data(), bytes.size()), "write");
    }
    // UDP to be fragmented (UFO): a virtio-net header that is received has no type for it.
    void arrive_indescribable() const {
        arrive(segmented(vnet_gso_udp, 1000, udp_check),
               udp_for_device(link::mac(device), payload, "xt-never", crafted_mac));
    }
    void arrive_plain(const std::string& mark) const {
        arrive({}, ethernet(link::mac(device), experimental_ethertype, repeated(mark, payload)));
    }
    static Fd receiver() {
        Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        set_option(socket, SOL_PACKET, PACKET_VERSION, version());
        ask_for_vnet(socket, sizeof(VnetHeader));
        return socket;
    }
    static void bind_to_device(const Fd& socket) {
        bind_to(socket, link_address(ETH_P_ALL, link::index(device)));
    }
    static tpacket_req3 request() {
        constexpr unsigned never_ms = 3'600'000;
        return ring_request(slots, slot_size, slot_size, version() == TPACKET_V3 ? never_ms : 0);
    }
    static tpacket_stats statistics(const Fd& socket) {
        tpacket_stats_v3 stats{};
        socklen_t size = version() == TPACKET_V3 ? sizeof(stats) : sizeof(tpacket_stats);
        checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size),
                "PACKET_STATISTICS");
        return {stats.tp_packets, stats.tp_drops};
    }

    Fd tap_;
};

TEST_P(PacketRingSlot, packet_without_a_virtio_header_costs_none) {
    with_device([&] {
        const OnOneCpu in_order;
        const Fd socket = receiver();
        TpacketRing ring(socket, version(), request());
        ring.expect_vnet_headers();
        bind_to_device(socket);
        // at every place of the ring, more of them than it has slots
        for (unsigned i = 0; i < slots; i++) {
            arrive_indescribable();
            arrive_indescribable();
            arrive_plain("xt-slot-");
        }
        // the ring is full, and V3 closes its last block
        arrive_plain("xt-over-");
        arrive_plain("xt-over-");
        const auto frames = ring.take();
        EXPECT_EQ(frames.size(), slots);
        for (const RingFrame& frame : frames) {
            EXPECT_TRUE(contains(frame.data, "xt-slot-"));
            EXPECT_EQ(frame.length, ETH_HLEN + payload);
        }
        // what has no virtio-net header, and what came to a full ring
        EXPECT_EQ(statistics(socket).tp_drops, 2 * slots + 2);
    });
}

INSTANTIATE_TEST_SUITE_P(Versions, PacketRingSlot, testing::ValuesIn(ring_versions),
                         [](const auto& info) { return version_name(info.param); });

} // namespace
} // namespace xt
