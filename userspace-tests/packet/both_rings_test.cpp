// SPDX-License-Identifier: GPL-2.0-or-later
// A socket with PACKET_RX_RING and PACKET_TX_RING at once, and one mapping of both.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/mman.h>

#include <sstream>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/tx_ring.h"
#include "support/wire.h"

namespace xt {
namespace {

constexpr uint16_t ethertype = experimental_ethertype + 2;

Bytes frame_to(const Mac& to, const char* mark) {
    return ethernet(to, ethertype, repeated(mark, 100));
}

// What a socket with both rings, and one mapping of both, sends and receives.
std::string story_of_both_rings(Side side, int version, const Wire& wire) {
    constexpr size_t block = 1 << 14;
    std::ostringstream story;
    const Fd socket = open_socket(side, Kind::packet, 0);
    const Fd witness = open_socket(Side::sibling, Kind::packet, 0);
    bind_to(witness, link_address(ETH_P_ALL, link::index("xtout")));
    bind_to(socket, link_address(ethertype, link::index("xtin")));
    checked(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof(version)),
            "PACKET_VERSION");
    const auto set = [&](int option, unsigned timeout_ms) {
        const auto outcome = outcome_of([&] {
            return set_ring(socket.get(), version, ring_request(1, block, 2048, timeout_ms),
                            option);
        });
        story << outcome.result << "/" << outcome.error << " ";
    };
    set(PACKET_TX_RING, 0);
    set(PACKET_RX_RING, version == TPACKET_V3 ? 1 : 0);
    for (const size_t size : {block, 3 * block}) {
        void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, socket.get(), 0);
        story << (at == MAP_FAILED ? strerrorname_np(errno) : "mapped") << " ";
        if (at != MAP_FAILED)
            munmap(at, size);
    }
    // the ring that receives comes first
    const Mapping both(socket.get(), 2 * block);
    set(PACKET_TX_RING, 0);
    const TxRing sender(socket.get(), version, both.at(block),
                        {.frame_size = 2048, .block_size = block, .blocks = 1});

    sender.put(0, {.data = frame_to(link::mac("xtout"), "xt-sent-")});
    story << ::send(socket.get(), nullptr, 0, 0) << " bytes, then " << sender.statuses();
    receive_marked(witness.get(), "xt-sent-");

    for (const char* mark : {"xt-come1", "xt-come2"}) {
        wire.in(frame_to(link::mac("xtin"), mark));
        wire.fence();
    }
    story << (wait_for(socket.get(), POLLIN) ? "readable " : "not readable ");
    const Bytes received(both.at(0), both.at(block));
    story << contains(received, "xt-come1") << contains(received, "xt-sent-")
          << contains(Bytes(both.at(block), both.at(2 * block)), "xt-come1");
    return story.str();
}

TEST(PacketBothRings, work_in_one_mapping) {
    NetNs::create().run([] {
        const Wire wire;
        for (const int version : ring_versions) {
            SCOPED_TRACE(version_name(version));
            const std::string theirs = story_of_both_rings(Side::sibling, version, wire);
            EXPECT_EQ(theirs, story_of_both_rings(Side::xinet, version, wire));
            EXPECT_TRUE(theirs.ends_with("readable 100")) << theirs;
        }
    });
}

} // namespace
} // namespace xt
