// SPDX-License-Identifier: GPL-2.0-or-later
// What packet sockets ask their devices for, and that every way of parting gives it back.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <poll.h>

#include "support/family.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

packet_mreq request(uint16_t type, int ifindex) {
    return {.mr_ifindex = ifindex, .mr_type = type, .mr_alen = 0, .mr_address = {}};
}

packet_mreq address_request(uint16_t type, int ifindex, const Mac& mac) {
    packet_mreq result = request(type, ifindex);
    result.mr_alen = uint16_t(mac.size());
    std::copy(mac.begin(), mac.end(), result.mr_address);
    return result;
}

long change(int fd, int option, const packet_mreq& mreq) {
    return sys::setsockopt(fd, SOL_PACKET, option, &mreq, sizeof(mreq));
}

class PacketMembership : public OnEachSide {
protected:
    void SetUp() override {
        ifindex_ = link::index(here_device);
        before_ = link::promiscuity(ifindex_);
    }
    void TearDown() override {
        EXPECT_EQ(link::promiscuity(ifindex_), before_);
        EXPECT_FALSE(link::all_multicast(ifindex_));
        EXPECT_FALSE(link::listens_to(here_device, multicast_mac));
    }
    // How many more users of promiscuous reception there are than when the test began.
    [[nodiscard]] unsigned promiscuous() const { return link::promiscuity(ifindex_) - before_; }
    [[nodiscard]] Fd promiscuous_socket() const {
        Fd socket = packet(0);
        checked(change(socket.get(), PACKET_ADD_MEMBERSHIP, request(PACKET_MR_PROMISC, ifindex_)),
                "PACKET_ADD_MEMBERSHIP");
        return socket;
    }

    int ifindex_ = 0;
    unsigned before_ = 0;
};

TEST_P(PacketMembership, promiscuity_begins_with_add_and_ends_with_drop) {
    const Fd socket = promiscuous_socket();
    EXPECT_EQ(promiscuous(), 1U);
    ASSERT_EQ(change(socket.get(), PACKET_DROP_MEMBERSHIP, request(PACKET_MR_PROMISC, ifindex_)),
              0);
    EXPECT_EQ(promiscuous(), 0U);
}

TEST_P(PacketMembership, added_twice_must_be_dropped_twice) {
    const Fd socket = promiscuous_socket();
    const auto mreq = request(PACKET_MR_PROMISC, ifindex_);
    ASSERT_EQ(change(socket.get(), PACKET_ADD_MEMBERSHIP, mreq), 0);
    EXPECT_EQ(promiscuous(), 1U) << "one socket is one user";
    ASSERT_EQ(change(socket.get(), PACKET_DROP_MEMBERSHIP, mreq), 0);
    EXPECT_EQ(promiscuous(), 1U);
    ASSERT_EQ(change(socket.get(), PACKET_DROP_MEMBERSHIP, mreq), 0);
    EXPECT_EQ(promiscuous(), 0U);
}

TEST_P(PacketMembership, every_order_of_close_gives_everything_back) {
    int order[] = {0, 1, 2};
    do {
        Fd sockets[] = {promiscuous_socket(), promiscuous_socket(), promiscuous_socket()};
        unsigned left = 3;
        EXPECT_EQ(promiscuous(), left);
        for (const int i : order) {
            sockets[i].close();
            EXPECT_EQ(promiscuous(), --left);
        }
    } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_P(PacketMembership, close_gives_back_what_was_added_many_times) {
    Fd socket = promiscuous_socket();
    for (int i = 0; i < 5; i++)
        ASSERT_EQ(change(socket.get(), PACKET_ADD_MEMBERSHIP, request(PACKET_MR_PROMISC, ifindex_)),
                  0);
    socket.close();
    EXPECT_EQ(promiscuous(), 0U);
}

TEST_P(PacketMembership, dup_keeps_it_until_the_last_descriptor_is_closed) {
    Fd socket = promiscuous_socket();
    Fd second(checked(dup(socket.get()), "dup"));
    socket.close();
    EXPECT_EQ(promiscuous(), 1U);
    second.close();
    EXPECT_EQ(promiscuous(), 0U);
}

TEST_P(PacketMembership, binding_elsewhere_does_not_touch_it) {
    const Fd socket = promiscuous_socket();
    bind_to(socket, link_address(experimental_ethertype, link::index("lo")));
    EXPECT_EQ(promiscuous(), 1U);
}

TEST_P(PacketMembership, all_multicast_and_one_group_are_set_and_given_back) {
    Fd socket = packet(0);
    ASSERT_EQ(change(socket.get(), PACKET_ADD_MEMBERSHIP, request(PACKET_MR_ALLMULTI, ifindex_)),
              0);
    EXPECT_TRUE(link::all_multicast(ifindex_));
    ASSERT_EQ(change(socket.get(), PACKET_ADD_MEMBERSHIP,
                     address_request(PACKET_MR_MULTICAST, ifindex_, multicast_mac)),
              0);
    EXPECT_TRUE(link::listens_to(here_device, multicast_mac));
    socket.close();
    EXPECT_FALSE(link::all_multicast(ifindex_));
    EXPECT_FALSE(link::listens_to(here_device, multicast_mac));
}

TEST_P(PacketMembership, promiscuous_device_delivers_frames_for_others) {
    const Fd socket = promiscuous_socket();
    bind_to(socket, link_address(experimental_ethertype, ifindex_));
    Injector::at_peer().send(
        ethernet(nobodys_mac, experimental_ethertype, repeated("not ours", 64)));
    EXPECT_EQ(receive_marked(socket.get(), "not ours").from_as<sockaddr_ll>().sll_pkttype,
              PACKET_OTHERHOST);
}

TEST_P(PacketMembership, group_of_a_socket_is_delivered) {
    const Fd socket = packet(0);
    ASSERT_EQ(change(socket.get(), PACKET_ADD_MEMBERSHIP,
                     address_request(PACKET_MR_MULTICAST, ifindex_, multicast_mac)),
              0);
    bind_to(socket, link_address(experimental_ethertype, ifindex_));
    const Injector peer = Injector::at_peer();
    const Bytes frame = ethernet(multicast_mac, experimental_ethertype, repeated("to group", 64));
    // Some drivers tell the hardware later.
    constexpr std::chrono::milliseconds moment{50};
    auto patience = deadline;
    do {
        peer.send(frame);
        patience -= moment;
    } while (!wait_for(socket.get(), POLLIN, moment) && patience > moment);
    EXPECT_EQ(receive_marked(socket.get(), "to group").from_as<sockaddr_ll>().sll_pkttype,
              PACKET_MULTICAST);
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketMembership, testing::ValuesIn(both_sides),
                         parameter_name<Side>);

class PacketMembershipRequest : public OfEachKind {};

TEST_P(PacketMembershipRequest, each_one_is_accepted_or_refused_as_by_pf_packet) {
    const int here = link::index(here_device);
    std::vector<Row> rows;
    const auto add = [&](const char* name, const packet_mreq& mreq, size_t size = sizeof(mreq)) {
        for (const int option : {PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP})
            rows.push_back(
                {(option == PACKET_ADD_MEMBERSHIP ? "add " : "drop ") + std::string(name),
                 [=](int fd) {
                     Bytes value(reinterpret_cast<const uint8_t*>(&mreq),
                                 reinterpret_cast<const uint8_t*>(&mreq + 1));
                     value.resize(64);
                     return sys::setsockopt(fd, SOL_PACKET, option, value.data(), long(size));
                 }});
    };
    add("promiscuous", request(PACKET_MR_PROMISC, here));
    add("promiscuous, device 0", request(PACKET_MR_PROMISC, 0));
    add("promiscuous, no such device", request(PACKET_MR_PROMISC, 9999));
    add("promiscuous, device -1", request(PACKET_MR_PROMISC, -1));
    add("unknown type", request(99, here));
    add("multicast without address", request(PACKET_MR_MULTICAST, here));
    add("multicast", address_request(PACKET_MR_MULTICAST, here, multicast_mac));
    add("multicast of a unicast address", address_request(PACKET_MR_MULTICAST, here, nobodys_mac));
    add("unicast", address_request(PACKET_MR_UNICAST, here, nobodys_mac));
    auto wrong = address_request(PACKET_MR_MULTICAST, here, multicast_mac);
    for (const uint16_t length : {1, 5, 7, 8, 9, 32, 33, 65535}) {
        wrong.mr_alen = length;
        add(("address of " + std::to_string(length) + " bytes").c_str(), wrong);
    }
    for (const size_t size : {0UL, 1UL, 8UL, 15UL, 17UL, 64UL})
        add((std::to_string(size) + " bytes").c_str(), request(PACKET_MR_PROMISC, here), size);
    const unsigned before = link::promiscuity(here);
    expect_equal_outcomes(kind(), 0, rows);
    EXPECT_EQ(link::promiscuity(here), before);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PacketMembershipRequest, testing::ValuesIn(packet_kinds),
                         parameter_name<Kind>);

} // namespace
} // namespace xt
