// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets on a wire of a test's own: the interface that is told, losses told with the next
// packet, both rings on one socket; and every option of SOL_SOCKET. With equal results.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

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

// Interfaces told by the frames of a ring.
std::set<int> interfaces(const std::vector<RingFrame>& frames) {
    std::set<int> result;
    for (const RingFrame& frame : frames)
        result.insert(frame.address().sll_ifindex);
    return result;
}

// What comes through a VLAN comes by one interface and counts for another.
TEST(PacketWay, interface_is_the_one_it_counts_for_or_the_one_it_came_by) {
    NetNs::create().run([] {
        const Wire wire({"link add link xtin name xtin.5 type vlan id 5"});
        ip("link set xtin.5 up");
        const Mac to = link::mac("xtin");
        const auto send = [&](const char* mark) {
            wire.in(frame_to(to, mark));
            wire.in(vlan_ethernet(to, 5, ethertype, repeated(mark, 100)));
            wire.in(vlan_ethernet(to, 6, ethertype, repeated(mark, 100)));
            wire.in(frame_to(broadcast_mac, mark));
            wire.fence();
        };
        for (const Kind kind : packet_kinds)
            for (const int version : ring_versions) {
                SCOPED_TRACE(to_string(kind) + " " + version_name(version));
                std::set<int> told[2];
                for (const int origdev : {0, 1}) {
                    const unsigned timeout_ms = version == TPACKET_V3 ? 1 : 0;
                    // a block for every packet, should each come late
                    const auto request = ring_request(64, 1 << 14, 2048, timeout_ms);
                    Fd sockets[2];
                    std::vector<TpacketRing> rings;
                    for (const Side side : both_sides) {
                        Fd& socket = sockets[side == Side::xinet];
                        socket = open_socket(side, kind, 0);
                        set_option(socket, SOL_PACKET, PACKET_ORIGDEV, origdev);
                        EXPECT_EQ(get_option(socket, SOL_PACKET, PACKET_ORIGDEV), origdev);
                        set_option(socket, SOL_PACKET, PACKET_VERSION, version);
                        rings.emplace_back(socket, version, request);
                    }
                    for (const Fd& socket : sockets)
                        bind_to(socket, link_address(ETH_P_ALL, 0));
                    send("xt-ways-");
                    send("xt-last-");
                    const auto theirs = rings[0].take_through("xt-last-");
                    const auto ours = rings[1].take_through("xt-last-");
                    // the ring of V3 hands over by time: what is there may differ after the mark
                    const auto until_last = [](const std::vector<RingFrame>& all) {
                        std::vector<RingFrame> result;
                        for (const RingFrame& frame : all)
                            if (contains(frame.data, "xt-ways-"))
                                result.push_back(frame);
                        return result;
                    };
                    EXPECT_EQ(until_last(theirs), until_last(ours));
                    told[origdev] = interfaces(until_last(ours));
                }
                EXPECT_NE(told[0], told[1]) << "it makes no difference";
            }
    });
}

TEST(PacketWay, drops_are_told_with_the_next_packet) {
    NetNs::create().run([] {
        const Wire wire;
        const Mac to = link::mac("xtin");
        for (const Kind kind : packet_kinds) {
            SCOPED_TRACE(to_string(kind));
            Fd sockets[] = {open_socket(Side::sibling, kind, 0), open_socket(Side::xinet, kind, 0)};
            for (const Fd& socket : sockets) {
                set_option(socket, SOL_SOCKET, SO_RCVBUF, 8192);
                set_option(socket, SOL_SOCKET, SO_RXQ_OVFL, 1);
                bind_to(socket, link_address(ethertype, link::index("xtin")));
            }
            std::vector<Message> received[2];
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 60; i++) // more than fit
                    wire.in(frame_to(to, "payload "));
                wire.fence();
                for (int side = 0; side < 2; side++)
                    while (auto message = receive_now(sockets[side].get()))
                        received[side].push_back(std::move(*message));
            }
            EXPECT_EQ(received[0].size(), received[1].size());
            ASSERT_FALSE(received[0].empty());
            ASSERT_FALSE(received[0].back().controls.empty()) << "nothing was dropped";
            EXPECT_EQ(received[0].back().controls, received[1].back().controls);
        }
    });
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

TEST(PacketWay, both_rings_of_a_socket_work_in_one_mapping) {
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

// Errors of a send() from a ring, one after the other: what each call says and leaves in the ring,
// and that a ring full of good frames is sent behind it.
std::string story_of_errors(Side side, int version, int loss) {
    constexpr TxShape shape{.frame_size = 2048, .block_size = 4096, .blocks = 2};
    const int ifindex = link::index("xtout");
    const Bytes good = frame_to(link::mac("xtin"), "xt-good-");
    const Fd socket = open_socket(side, Kind::packet, 0);
    bind_to(socket, link_address(ethertype, ifindex));
    set_option(socket, SOL_PACKET, PACKET_LOSS, loss);
    set_option(socket, SOL_PACKET, PACKET_TX_HAS_OFF, 1);
    const TxRing ring(socket.get(), version, shape);
    const auto offset = uint16_t(ring.data_offset());
    const auto put = [&](size_t index, TxFrame frame) {
        if (!frame.mac)
            frame.mac = frame.net = offset;
        ring.put(index, frame);
    };
    const auto call = [&](int to) {
        const auto address = link_address(ethertype, to);
        return outcome_of([&] {
            return sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, &address, sizeof(address));
        });
    };
    std::ostringstream story;
    const auto after = [&](const char* what, const Outcome& outcome) {
        ring.settle();
        story << what << " " << outcome.result << "/" << outcome.error << " " << ring.statuses();
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good});
        EXPECT_EQ(call(ifindex).result, long(ring.frames() * good.size())) << what;
        ring.settle();
        for (size_t i = 0; i < ring.frames(); i++)
            EXPECT_EQ(ring.status(i), uint32_t(TP_STATUS_AVAILABLE)) << what;
    };
    // the head moves on: each error meets another frame of the ring
    for (int round = 0; round < 3; round++) {
        const std::pair<const char*, TxFrame> bad[] = {
            {"too long", {.data = Bytes(1600)}},
            {"length beyond the frame", {.data = good, .length = 4000}},
            {"no complete header", {.data = Bytes(13)}},
            {"nothing", {.data = {}}},
            {"offset in the header", {.data = good, .mac = 1, .net = 1}},
            {"offset beyond the frame", {.data = good, .mac = 2040, .net = 2040}},
        };
        for (const auto& [what, frame] : bad) {
            for (size_t i = 0; i < ring.frames(); i++)
                put(i, i == 1 ? frame : TxFrame{.data = good});
            after(what, call(ifindex));
        }
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good});
        after("no such device", call(9999));
        // one frame alone, so that the head stands elsewhere the next time
        for (size_t i = 0; i < ring.frames(); i++)
            put(i, {.data = good,
                    .status = i == size_t(round) ? uint32_t(TP_STATUS_SEND_REQUEST) : 0});
        story << call(ifindex).result;
        ring.settle();
        story << " " << ring.statuses();
    }
    return story.str();
}

TEST(PacketWay, ring_goes_on_behind_every_error) {
    NetNs::create().run([] {
        const Wire wire;
        for (const int version : ring_versions)
            for (const int loss : {0, 1}) {
                SCOPED_TRACE(std::string(version_name(version)) + ", PACKET_LOSS " +
                             std::to_string(loss));
                EXPECT_EQ(story_of_errors(Side::sibling, version, loss),
                          story_of_errors(Side::xinet, version, loss));
            }
    });
}

void tc(const std::string& words) {
    if (std::system(("tc qdisc " + words).c_str()) != 0)
        throw std::runtime_error("tc qdisc " + words);
}

// The device goes down while its queue holds frames of a ring and a call waits for them; a call
// while it is down; it comes up, and the ring is filled anew for each of two calls: of the first
// the error of the socket may be told.
std::string story_of_going_down(Side side, int version) {
    const Bytes frame = ethernet(link::mac("xtin"), ethertype, repeated("xt-down-", 1400));
    const Fd socket = open_socket(side, Kind::packet, 0);
    bind_to(socket, link_address(ethertype, link::index("xtout")));
    const TxRing ring(socket.get(), version);
    const size_t last = ring.frames() - 1;
    const auto call = [&](int flags) {
        return outcome_of([&] { return sys::sendto(socket.get(), nullptr, 0, flags, nullptr, 0); });
    };
    std::ostringstream story;
    const auto tell = [&](const char* what, const Outcome& outcome) {
        ring.settle();
        story << what << " " << outcome.result << "/" << outcome.error << " " << ring.statuses();
    };
    const auto fill = [&] {
        for (size_t i = 0; i <= last; i++)
            ring.put(i, {.data = frame});
    };

    // one frame passes, the others are kept
    tc("add dev xtout root tbf rate 8bit burst 2000 limit 100000");
    fill();
    Outcome waited;
    {
        const std::jthread waiter([&] { waited = call(0); });
        constexpr std::chrono::milliseconds moment{1};
        auto patience = deadline;
        for (; ring.status(last) != TP_STATUS_SENDING && patience.count() > 0; patience -= moment)
            std::this_thread::sleep_for(moment);
        EXPECT_GT(patience.count(), 0);
        ip("link set xtout down");
    }
    tell("held", waited);
    fill();
    tell("down", call(MSG_DONTWAIT));
    tc("del dev xtout root");
    ip("link set xtout up");
    for (int i = 0; i < 2; i++) {
        fill();
        tell("up", call(MSG_DONTWAIT));
    }
    return story.str();
}

TEST(PacketWay, ring_goes_on_after_its_device_was_down) {
    NetNs::create().run([] {
        const Wire wire;
        for (const int version : ring_versions) {
            SCOPED_TRACE(version_name(version));
            const std::string theirs = story_of_going_down(Side::sibling, version);
            EXPECT_EQ(theirs, story_of_going_down(Side::xinet, version));
            EXPECT_TRUE(theirs.ends_with("/0 0 0 0 0 ")) << theirs;
        }
    });
}

// Every option there is, and some that are not: what set and get say, one after the other.
std::vector<std::string> story_of_options(Side side, Kind kind) {
    constexpr int beyond_the_last = 90;
    const Fd socket = open_socket(side, kind, 0);
    std::vector<std::string> story;
    for (int option = 0; option < beyond_the_last; option++)
        for (const int value : {0, 1, 50, -1})
            for (const socklen_t size : {0U, 3U, 4U, 8U, 16U}) {
                if (option == SO_COOKIE)
                    continue; // its own for each socket
                const int values[4] = {value, value, value, value};
                const auto set = outcome_of([&] {
                    return sys::setsockopt(socket.get(), SOL_SOCKET, option, values, size);
                });
                Bytes room(16);
                socklen_t length = size;
                const auto get = outcome_of([&] {
                    return sys::getsockopt(socket.get(), SOL_SOCKET, option, room.data(), &length);
                });
                std::ostringstream out;
                out << "option " << option << " = " << value << ", " << size << " bytes: set "
                    << set.result << "/" << set.error << ", get " << get.result << "/" << get.error
                    << " " << hex(room.data(), std::min<size_t>(length, room.size()));
                story.push_back(out.str());
            }
    return story;
}

TEST(PacketSocketOptions, each_value_is_accepted_or_refused_as_by_pf_packet) {
    for (const Kind kind : packet_kinds) {
        const auto theirs = story_of_options(Side::sibling, kind);
        const auto ours = story_of_options(Side::xinet, kind);
        for (size_t i = 0; i < theirs.size(); i++)
            EXPECT_EQ(theirs[i], ours[i]) << to_string(kind);
    }
}

} // namespace
} // namespace xt
