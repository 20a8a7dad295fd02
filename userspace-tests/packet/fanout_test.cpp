// SPDX-License-Identifier: GPL-2.0-or-later
// PACKET_FANOUT: which member of a group gets which packet, and what becomes of a group when its
// members or its device go, as over PF_PACKET. Both families get the same traffic at the same time.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <poll.h>

#include <sstream>

#include "support/compare.h"
#include "support/fanout.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"
#include "support/vnet.h"

namespace xt {
namespace {

constexpr uint16_t group_id = 77;
constexpr size_t mark_size = 8;
constexpr size_t payload_offset = ETH_HLEN + 20 + 8;
// No host on the wire has it, so nobody answers.
constexpr const char* nobodys_address = "10.77.0.99";

std::string mark_of(unsigned number) {
    std::string digits = std::to_string(number);
    return "f" + std::string(mark_size - 1 - digits.size(), '.') + digits;
}

// UDP from port `flow`, the mark at its end.
Bytes flow_frame(unsigned number, uint16_t flow, size_t payload = 64) {
    const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_UDP};
    return ethernet(here_mac(), ETH_P_IP,
                    header.packet(udp(flow, 4321, repeated(mark_of(number), payload))));
}

// What each member has received: the marks in their order.
using Shares = std::vector<std::vector<std::string>>;

std::vector<std::string> drain(const Fd& socket) {
    std::vector<std::string> marks;
    while (const auto message = receive_now(socket.get())) {
        if (message->data.size() < mark_size)
            continue;
        const std::string mark(message->data.end() - mark_size, message->data.end());
        if (mark.starts_with("f."))
            marks.push_back(mark + "/" + std::to_string(message->data.size()));
    }
    return marks;
}

size_t total(const Shares& shares) {
    size_t sum = 0;
    for (const auto& share : shares)
        sum += share.size();
    return sum;
}

// A group of each family, alike, at the same place.
struct Groups {
    std::vector<Fd> of[2];

    static Groups open(const std::vector<Kind>& kinds, const sockaddr_ll& place,
                       uint16_t mode_and_flags) {
        Groups groups;
        for (const Side side : both_sides)
            groups.of[side == Side::xinet] =
                open_fanout(side, kinds, place, group_id + (side == Side::xinet), mode_and_flags);
        return groups;
    }
    static Groups open(size_t members, const sockaddr_ll& place, uint16_t mode_and_flags) {
        return open(std::vector<Kind>(members, Kind::packet), place, mode_and_flags);
    }
    ~Groups() {
        for (auto& members : of)
            close_together(members);
    }
    Groups() = default;
    Groups(Groups&&) = default;

    template<typename F>
    void for_each(F function) {
        for (auto& members : of)
            function(members);
    }
    Shares shares(Side side) const {
        Shares result;
        for (const Fd& member : of[side == Side::xinet])
            result.push_back(drain(member));
        return result;
    }
    // Both shared alike, and nothing was lost; returns how.
    Shares expect_equal_shares(size_t sent) const {
        const Shares sibling = shares(Side::sibling);
        const Shares xinet = shares(Side::xinet);
        EXPECT_EQ(sibling, xinet);
        EXPECT_EQ(total(xinet), sent);
        return xinet;
    }
};

class PacketFanout : public testing::Test {
protected:
    static sockaddr_ll ip_here() { return link_address(ETH_P_IP, link::index(here_device)); }
    // Returns when the last frame has passed every socket: one after it has been seen.
    void send(const std::vector<Bytes>& frames) const {
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        for (const auto& frame : frames)
            wire_.send(frame);
        wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive_marked(monitor.get(), "the end ");
    }
    // `count` frames of `flows` flows, by turns.
    void send_flows(unsigned count, unsigned flows) const {
        std::vector<Bytes> frames;
        for (unsigned i = 0; i < count; i++)
            frames.push_back(flow_frame(i, uint16_t(1000 + i % flows), 64 + mark_size * (i % 5)));
        send(frames);
    }

    OnOneCpu one_cpu_;
    Injector wire_ = Injector::at_peer();
};

class PacketFanoutMode : public PacketFanout, public testing::WithParamInterface<uint16_t> {};

TEST_P(PacketFanoutMode, members_get_what_members_of_pf_packet_get) {
    for (const size_t members : {1, 2, 3, 7}) {
        SCOPED_TRACE(std::to_string(members) + " members");
        const Groups groups = Groups::open(members, ip_here(), GetParam());
        // as many as the queue of one member holds, whatever driver they come from
        send_flows(60, 40);
        groups.expect_equal_shares(60);
    }
}

TEST_P(PacketFanoutMode, members_of_either_mode_share_a_group) {
    const Groups groups = Groups::open({Kind::packet, Kind::cooked, Kind::cooked, Kind::packet},
                                       ip_here(), GetParam());
    send_flows(60, 40);
    groups.expect_equal_shares(60);
}

TEST_P(PacketFanoutMode, closed_member_leaves_the_rest_in_order) {
    Groups groups = Groups::open(5, ip_here(), GetParam());
    for (const size_t gone : {1, 0, 2}) {
        groups.for_each([&](auto& members) { members.erase(members.begin() + gone); });
        send_flows(60, 40);
        groups.expect_equal_shares(60);
    }
}

INSTANTIATE_TEST_SUITE_P(Each, PacketFanoutMode,
                         testing::Values(PACKET_FANOUT_HASH, PACKET_FANOUT_LB, PACKET_FANOUT_CPU,
                                         PACKET_FANOUT_ROLLOVER, PACKET_FANOUT_QM,
                                         PACKET_FANOUT_CBPF, PACKET_FANOUT_EBPF,
                                         PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER,
                                         PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_DEFRAG),
                         [](const auto& info) { return "mode_" + std::to_string(info.param); });

TEST_F(PacketFanout, hash_keeps_flows_together_and_spreads_them) {
    const Groups groups = Groups::open(2, ip_here(), PACKET_FANOUT_HASH);
    std::vector<Bytes> frames;
    for (unsigned i = 0; i < 128; i++)
        frames.push_back(flow_frame(i, uint16_t(1000 + i / 2)));
    send(frames);
    const Shares shares = groups.expect_equal_shares(128);
    EXPECT_FALSE(shares[0].empty());
    EXPECT_FALSE(shares[1].empty());
    EXPECT_EQ(shares[0].size() % 2, 0U) << "both frames of a flow, or none";
}

TEST_F(PacketFanout, load_balancing_takes_turns) {
    const Groups groups = Groups::open(3, ip_here(), PACKET_FANOUT_LB);
    send_flows(60, 1);
    for (const auto& share : groups.expect_equal_shares(60))
        EXPECT_EQ(share.size(), 20U);
}

TEST_F(PacketFanout, random_choice_reaches_everybody) {
    const Groups groups = Groups::open(2, ip_here(), PACKET_FANOUT_RND);
    send_flows(100, 1);
    for (const Side side : both_sides) {
        const Shares shares = groups.shares(side);
        EXPECT_EQ(total(shares), 100U);
        EXPECT_FALSE(shares[0].empty());
        EXPECT_FALSE(shares[1].empty());
    }
}

TEST_F(PacketFanout, classic_program_chooses_and_can_be_replaced) {
    const Groups groups =
        Groups::open({Kind::packet, Kind::cooked, Kind::packet}, ip_here(), PACKET_FANOUT_CBPF);
    // The source port of UDP, then its length; offsets from the IP header, which data begins at.
    for (const uint32_t offset : {21U, 25U}) {
        sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offset),
                              BPF_STMT(BPF_RET | BPF_A, 0)};
        const sock_fprog program{.len = 2, .filter = code};
        for (const auto& members : groups.of)
            ASSERT_EQ(sys::setsockopt(members[offset % 3].get(), SOL_PACKET, PACKET_FANOUT_DATA,
                                      &program, sizeof(program)),
                      0);
        send_flows(90, 9);
        const Shares shares = groups.expect_equal_shares(90);
        for (const auto& share : shares)
            EXPECT_FALSE(share.empty());
    }
}

TEST_F(PacketFanout, ebpf_program_chooses) {
    const Groups groups = Groups::open(3, ip_here(), PACKET_FANOUT_EBPF);
    const Fd program = load_length_program();
    for (const auto& members : groups.of)
        set_option(members[0], SOL_PACKET, PACKET_FANOUT_DATA, program.get());
    send_flows(60, 40);
    const Shares shares = groups.expect_equal_shares(60);
    for (const auto& share : shares)
        EXPECT_FALSE(share.empty());
}

TEST_F(PacketFanout, filters_of_members_stay_their_own) {
    const Groups groups = Groups::open(3, ip_here(), PACKET_FANOUT_LB);
    sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    sock_filter some[] = {BPF_STMT(BPF_RET | BPF_K, 50)};
    const sock_fprog programs[] = {{.len = 1, .filter = none}, {.len = 1, .filter = some}};
    for (const auto& members : groups.of)
        for (size_t i = 0; i < 2; i++)
            ASSERT_EQ(sys::setsockopt(members[i].get(), SOL_SOCKET, SO_ATTACH_FILTER, &programs[i],
                                      sizeof(programs[i])),
                      0);
    send_flows(30, 3);
    for (const Side side : both_sides) {
        const auto& members = groups.of[side == Side::xinet];
        EXPECT_FALSE(receive_now(members[0].get())) << "rejected, and nobody else's";
        EXPECT_EQ(receive_now(members[1].get()).value().data.size(), 50U);
        EXPECT_EQ(drain(members[2]).size(), 10U);
    }
}

std::string rollover_of(const Fd& socket) {
    tpacket_rollover_stats rollover{};
    tpacket_stats counted{};
    socklen_t length = sizeof(rollover);
    checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_ROLLOVER_STATS, &rollover, &length),
            "PACKET_ROLLOVER_STATS");
    length = sizeof(counted);
    checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &counted, &length),
            "PACKET_STATISTICS");
    std::ostringstream out;
    out << "all " << rollover.tp_all << " huge " << rollover.tp_huge << " failed "
        << rollover.tp_failed << " packets " << counted.tp_packets << " drops " << counted.tp_drops;
    return out.str();
}

TEST_F(PacketFanout, rollover_fills_one_after_the_other) {
    const Groups groups = Groups::open(3, ip_here(), PACKET_FANOUT_ROLLOVER);
    for (const auto& members : groups.of)
        for (const Fd& member : members)
            set_option(member, SOL_SOCKET, SO_RCVBUF, 16384);
    // Nothing is read in between: they fill up, and then everything is dropped; what was read
    // makes room again.
    for (int round = 0; round < 2; round++) {
        send_flows(150, 3);
        for (size_t i = 0; i < 3; i++)
            EXPECT_EQ(rollover_of(groups.of[0][i]), rollover_of(groups.of[1][i])) << "member " << i;
        const Shares sibling = groups.shares(Side::sibling);
        const Shares xinet = groups.shares(Side::xinet);
        EXPECT_EQ(sibling, xinet);
        for (const auto& share : xinet)
            EXPECT_FALSE(share.empty());
        EXPECT_LT(total(xinet), 150U);
    }
}

TEST_F(PacketFanout, rollover_flag_spares_the_full_member) {
    // The flows of the history are replaced at random, so the sides differ by some packets.
    const Groups groups =
        Groups::open(2, ip_here(), PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER);
    for (const auto& members : groups.of)
        for (const Fd& member : members)
            set_option(member, SOL_SOCKET, SO_RCVBUF, 32768);
    send_flows(200, 1);
    for (const auto& members : groups.of) {
        uint64_t rolled = 0;
        size_t received = 0;
        for (const Fd& member : members) {
            tpacket_rollover_stats stats{};
            socklen_t length = sizeof(stats);
            ASSERT_EQ(
                sys::getsockopt(member.get(), SOL_PACKET, PACKET_ROLLOVER_STATS, &stats, &length),
                0);
            EXPECT_EQ(length, sizeof(stats));
            EXPECT_LE(stats.tp_huge, stats.tp_all);
            rolled += stats.tp_all;
            const size_t share = drain(member).size();
            EXPECT_GT(share, 0U) << "one flow, two members";
            received += share;
        }
        EXPECT_GT(rolled, 0U);
        EXPECT_LT(rolled, received);
    }
}

// Frames that are given back without a call make no room that anybody is told of.
TEST_F(PacketFanout, rollover_asks_a_full_ring_again_when_it_is_polled) {
    constexpr unsigned frames = 8;
    std::vector<Fd> members[2];
    std::vector<TpacketRing> rings[2];
    for (const Side side : both_sides) {
        const bool xinet = side == Side::xinet;
        for (int i = 0; i < 2; i++) {
            const Fd& member = members[xinet].emplace_back(open_socket(side, Kind::packet, 0));
            set_option(member, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
            rings[xinet].emplace_back(member, TPACKET_V2, ring_request(frames, 4096, 4096));
            bind_to(member, ip_here());
            ASSERT_EQ(join_fanout(member.get(), uint16_t(group_id + xinet), PACKET_FANOUT_ROLLOVER),
                      0);
        }
    }
    const auto after = [&](unsigned sent) {
        send_flows(sent, 1);
        for (size_t i = 0; i < 2; i++)
            EXPECT_EQ(rollover_of(members[0][i]), rollover_of(members[1][i])) << "member " << i;
    };
    const auto take_all = [&](size_t i) {
        EXPECT_EQ(rings[0][i].take().size(), rings[1][i].take().size()) << "member " << i;
    };
    after(2 * frames);
    take_all(1);
    after(1); // the second has room, which is not known
    for (const auto& side : members)
        poll_now(side[1].get(), POLLIN);
    after(frames / 2);
    take_all(0);
    take_all(1);
    for (const auto& side : members)
        for (const Fd& member : side)
            poll_now(member.get(), POLLIN);
    after(frames / 2);
    take_all(0);
    take_all(1);
}

TEST_F(PacketFanout, fragments_are_put_together_for_one_member) {
    const Groups groups =
        Groups::open(2, ip_here(), PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG);
    // A second group of ours gets them as well. (Two of PF_PACKET take packets from each other.)
    const auto others = open_fanout(Side::xinet, {Kind::packet}, ip_here(), group_id + 9,
                                    PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG);
    std::vector<Bytes> frames;
    for (unsigned i = 0; i < 10; i++) {
        const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_UDP, .id = uint16_t(100 + i)};
        const Bytes datagram = udp(uint16_t(1000 + i), 4321, repeated(mark_of(i), 2400));
        for (const auto& fragment : fragments(header, datagram, 1000))
            frames.push_back(ethernet(here_mac(), ETH_P_IP, fragment));
    }
    send(frames);
    for (const auto& share : groups.expect_equal_shares(10))
        for (const auto& mark : share)
            EXPECT_TRUE(mark.ends_with("/" + std::to_string(payload_offset + 2400))) << mark;
    EXPECT_EQ(drain(others[0]).size(), 10U);
}

TEST_F(PacketFanout, incomplete_datagram_is_nobodys) {
    const Groups groups = Groups::open(2, ip_here(), PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_DEFRAG);
    const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_UDP, .id = 200};
    const auto parts = fragments(header, udp(1, 2, repeated(mark_of(1), 2400)), 1000);
    send({ethernet(here_mac(), ETH_P_IP, parts[1]), flow_frame(2, 1)});
    groups.expect_equal_shares(1);
}

// A virtio-net header may say of a fragment that it stands for many packets.
TEST_F(PacketFanout, fragments_said_to_be_many_packets_are_put_together_as_one) {
    if (std::filesystem::exists(std::string("/sys/class/net/") + here_device + "/device"))
        GTEST_SKIP() << "a NIC would make many packets of it";
    if (self_check())
        GTEST_SKIP() << "PF_PACKET's on some kernels are still said to be";
    const auto members = open_fanout(Side::xinet, {Kind::packet}, ip_here(), group_id,
                                     PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG);
    const Fd beside = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
    for (const Fd* socket : {&members[0], &beside})
        ask_for_vnet(*socket, sizeof(VnetHeader));

    constexpr size_t tcp_header = 20;
    constexpr uint16_t segment = 300;
    Bytes datagram = Bytes(tcp_header) + repeated(mark_of(1), 2000);
    datagram[12] = tcp_header / 4 << 4;
    const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_TCP, .id = 300};
    const Mac to = here_mac();
    in_peer([&] {
        const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        ask_for_vnet(sender, sizeof(VnetHeader));
        VnetHeader claim = segmented(vnet_gso_tcpv4, segment);
        for (const auto& part : fragments(header, datagram, 1000)) {
            checked(send_to(sender.get(), vnet_bytes(claim) + ethernet(to, ETH_P_IP, part),
                            link_address(ETH_P_IP, link::index(peer_device))),
                    "send");
            claim = {};
        }
    });
    const Message message = receive(members[0].get());
    ASSERT_EQ(message.data.size(), sizeof(VnetHeader) + ETH_HLEN + 20 + datagram.size());
    EXPECT_EQ(message.data[offsetof(VnetHeader, gso_type)], 0);
    EXPECT_EQ(message.data[offsetof(VnetHeader, gso_size)], 0);
    EXPECT_FALSE(receive_now(members[0].get()));
    // What others are told of the fragment stays.
    const Message fragment = receive_marked(beside.get(), mark_of(1));
    EXPECT_EQ(fragment.data[offsetof(VnetHeader, gso_type)], vnet_gso_tcpv4);
}

TEST_F(PacketFanout, members_do_not_see_what_a_member_sends) {
    const auto place = link_address(ETH_P_ALL, link::index(here_device));
    const Groups groups = Groups::open(2, place, PACKET_FANOUT_LB);
    const Fd outsider[] = {open_socket(Side::sibling, Kind::packet, ETH_P_ALL),
                           open_socket(Side::xinet, Kind::packet, ETH_P_ALL)};
    const auto to = link_address(experimental_ethertype, place.sll_ifindex);
    for (const bool xinet : {false, true}) {
        const Bytes frame =
            ethernet(nobodys_mac, experimental_ethertype, repeated(mark_of(xinet), 64));
        ASSERT_GT(send_to(groups.of[xinet][1].get(), frame, to), 0);
        for (const Fd& socket : outsider)
            receive_marked(socket.get(), mark_of(xinet));
    }
    for (const bool xinet : {false, true}) {
        const Shares shares = groups.shares(xinet ? Side::xinet : Side::sibling);
        EXPECT_EQ(total(shares), 1U) << "the other family's";
        for (const auto& share : shares)
            for (const auto& mark : share)
                EXPECT_TRUE(mark.starts_with(mark_of(!xinet))) << mark;
    }
}

TEST_F(PacketFanout, ignore_outgoing_is_the_flag_of_the_group) {
    if (self_check())
        GTEST_SKIP() << "PF_PACKET knows it since Linux 6.10";
    const auto place = link_address(ETH_P_ALL, link::index(here_device));
    const auto deaf = open_fanout(Side::xinet, {Kind::packet}, place, group_id,
                                  PACKET_FANOUT_LB | fanout_flag_ignore_outgoing);
    const auto hearing =
        open_fanout(Side::xinet, {Kind::packet}, place, group_id + 1, PACKET_FANOUT_LB);
    // That of a member is for when it is on its own.
    set_option(hearing[0], SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    EXPECT_EQ(get_option(deaf[0], SOL_PACKET, PACKET_FANOUT),
              fanout_value(group_id, PACKET_FANOUT_LB | fanout_flag_ignore_outgoing));
    Injector::here().send(ethernet(peer_mac(), experimental_ethertype, repeated(mark_of(1), 64)));
    receive_marked(hearing[0].get(), mark_of(1));
    send_flows(1, 1);
    EXPECT_EQ(drain(deaf[0]).size(), 1U) << "incoming only";
}

// A group on a device that goes down and away, in a namespace of its own.
class PacketFanoutDevice : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "no dummy devices here";
    }
    static void in_namespace(const std::function<void(int)>& story) {
        const OnOneCpu one_cpu;
        NetNs::create().run([&] {
            link::add_dummy("xtfan", nobodys_mac);
            // What IPv6 sends of its own would take turns in one group and not yet in the other.
            std::ofstream("/proc/sys/net/ipv6/conf/xtfan/disable_ipv6") << 1;
            const int ifindex = link::index("xtfan");
            link::set_up(ifindex, true);
            story(ifindex);
        });
    }
    static void send(int ifindex, unsigned frames) {
        const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        for (unsigned i = 0; i < frames; i++)
            checked(send_to(sender.get(),
                            ethernet(nobodys_mac, experimental_ethertype, repeated(mark_of(i), 64)),
                            link_address(experimental_ethertype, ifindex)),
                    "send");
    }
};

TEST_F(PacketFanoutDevice, members_stand_in_the_same_order_when_it_is_up_again) {
    if (std::filesystem::exists(std::string("/sys/class/net/") + here_device + "/device"))
        GTEST_SKIP() << "the link of a NIC comes up late, and to each family at another time";
    in_namespace([](int ifindex) {
        const auto place = link_address(ETH_P_ALL, ifindex);
        Groups groups;
        for (const Side side : both_sides) {
            auto& members = groups.of[side == Side::xinet];
            for (int i = 0; i < 4; i++) {
                members.push_back(open_socket(side, Kind::packet, 0));
                bind_to(members.back(), place);
            }
            for (const size_t i : {2, 0, 3, 1})
                ASSERT_EQ(join_fanout(members[i].get(), group_id, PACKET_FANOUT_LB), 0);
        }
        send(ifindex, 10);
        groups.expect_equal_shares(10);

        link::set_up(ifindex, false);
        groups.for_each([](auto& members) {
            for (const Fd& member : members)
                EXPECT_EQ(get_option(member, SOL_SOCKET, SO_ERROR), ENETDOWN);
        });
        groups.for_each([](auto& members) { members.erase(members.begin() + 1); });
        link::set_up(ifindex, true);
        send(ifindex, 10);
        groups.expect_equal_shares(10);
    });
}

TEST_F(PacketFanoutDevice, group_outlives_it_without_taking_anybody_in) {
    in_namespace([](int ifindex) {
        Groups groups = Groups::open(2, link_address(ETH_P_ALL, ifindex), PACKET_FANOUT_LB);
        link::remove(ifindex);
        link::add_dummy("xtfan2", nobodys_mac);
        const int other = link::index("xtfan2");
        link::set_up(other, true);
        for (const Side side : both_sides) {
            SCOPED_TRACE(to_string(side));
            const auto& members = groups.of[side == Side::xinet];
            const auto id = uint16_t(group_id + (side == Side::xinet));
            EXPECT_EQ(get_option(members[0], SOL_PACKET, PACKET_FANOUT),
                      fanout_value(id, PACKET_FANOUT_LB));
            for (const Fd& member : members)
                EXPECT_EQ(get_option(member, SOL_SOCKET, SO_ERROR), ENETDOWN);
            const auto place = link_address(ETH_P_ALL, other);
            EXPECT_EQ(outcome_of([&] {
                          return sys::bind(members[0].get(), &place, sizeof(place));
                      }).error,
                      EINVAL);
        }
        // PF_PACKET compares the address of the device that is gone: one allocated there since
        // gets in.
        const Fd late = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(late, link_address(ETH_P_ALL, other));
        EXPECT_EQ(outcome_of([&] {
                      return join_fanout(late.get(), group_id + 1, PACKET_FANOUT_LB);
                  }).error,
                  EINVAL);
        send(other, 3);
        EXPECT_EQ(total(groups.shares(Side::xinet)), 0U);
    });
}

// A group is at a device, or at all of them; a device that has gone is neither.
TEST_F(PacketFanoutDevice, socket_that_has_lost_it_makes_no_group) {
    in_namespace([](int ifindex) {
        const Fd orphan = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(orphan, link_address(ETH_P_ALL, ifindex));
        const auto everywhere = open_fanout(Side::xinet, {Kind::packet}, link_address(ETH_P_ALL, 0),
                                            group_id + 1, PACKET_FANOUT_LB);
        link::remove(ifindex);
        for (const uint16_t id : {group_id, uint16_t(group_id + 1)})
            EXPECT_EQ(
                outcome_of([&] { return join_fanout(orphan.get(), id, PACKET_FANOUT_LB); }).error,
                EINVAL);
        const Fd late = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        EXPECT_EQ(join_fanout(late.get(), group_id, PACKET_FANOUT_HASH), 0) << "nobody's id";
    });
}

TEST_F(PacketFanoutDevice, socket_joins_while_it_is_down) {
    in_namespace([](int ifindex) {
        const auto place = link_address(ETH_P_ALL, ifindex);
        const auto members =
            open_fanout(Side::xinet, {Kind::packet}, place, group_id, PACKET_FANOUT_LB);
        link::set_up(ifindex, false);
        const Fd late = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(late, place);
        ASSERT_EQ(join_fanout(late.get(), group_id, PACKET_FANOUT_LB), 0);
        const Fd first = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(first, place);
        ASSERT_EQ(join_fanout(first.get(), group_id + 1, PACKET_FANOUT_LB), 0);
        link::set_up(ifindex, true);
        for (const Fd* member : {&members[0], &late, &first})
            EXPECT_EQ(get_option(*member, SOL_SOCKET, SO_ERROR), ENETDOWN);
        send(ifindex, 4);
        EXPECT_EQ(drain(members[0]).size(), 2U);
        EXPECT_EQ(drain(late).size(), 2U);
        EXPECT_EQ(drain(first).size(), 4U);
    });
}

} // namespace
} // namespace xt
