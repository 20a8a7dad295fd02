// SPDX-License-Identifier: GPL-2.0-or-later
// The options of fanout groups: every value, size and moment, accepted or refused as by PF_PACKET.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/if_ether.h>

#include <array>

#include "support/fanout.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t group_id = 99;
constexpr uint32_t most_members = 65536;

sockaddr_ll here() {
    return link_address(experimental_ethertype, link::index(here_device));
}

void bind_here(const Fd& socket) {
    bind_to(socket, here());
}

// A setsockopt() that worked tells what getsockopt() says then.
long with_group(int fd, long result) {
    if (result < 0)
        return result;
    int value = 0;
    socklen_t length = sizeof(value);
    const long got = sys::getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &length);
    return got < 0 ? got : value;
}

Row join_row(uint16_t mode_and_flags, uint32_t most = 0, uint16_t id = group_id) {
    return {"id " + std::to_string(id) + ", mode and flags " + std::to_string(mode_and_flags) +
                ", at most " + std::to_string(most),
            [=](int fd) { return with_group(fd, join_fanout(fd, id, mode_and_flags, most)); }};
}

// Every row makes a group of its own: ids differ.
std::vector<Row> creation_rows() {
    std::vector<Row> rows;
    uint16_t id = 1000;
    for (int mode = 0; mode <= 9; mode++)
        rows.push_back(join_row(uint16_t(mode), 0, id++));
    rows.push_back(join_row(0xff, 0, id++));
    for (int bit = 8; bit < 16; bit++)
        // the id of PACKET_FANOUT_FLAG_UNIQUEID must be 0, and is not
        for (const uint16_t mode : {PACKET_FANOUT_HASH, PACKET_FANOUT_ROLLOVER})
            rows.push_back(join_row(uint16_t(1U << bit | mode), 0, id++));
    rows.push_back(join_row(uint16_t(0xff00 & ~PACKET_FANOUT_FLAG_UNIQUEID), 0, id++));
    for (const uint32_t most : {1U, 255U, 256U, 257U, most_members, most_members + 1, ~0U})
        rows.push_back(join_row(PACKET_FANOUT_LB, most, id++));
    for (const uint16_t other : {0, 0xffff})
        rows.push_back(join_row(PACKET_FANOUT_LB, 0, other));
    return rows;
}

TEST(PacketFanoutOption, each_group_is_made_or_refused_as_by_pf_packet) {
    expect_equal_outcomes(Kind::packet, 0, creation_rows(), bind_here);
    expect_equal_outcomes(Kind::cooked, experimental_ethertype, creation_rows());
}

TEST(PacketFanoutOption, socket_without_ethertype_cannot_join) {
    expect_equal_outcomes(Kind::packet, 0, creation_rows());
    expect_equal_outcomes(Kind::packet, 0, creation_rows(), [](const Fd& socket) {
        bind_to(socket, link_address(0, link::index(here_device)));
    });
}

// Groups that stay while rows try to join them.
class PacketFanoutJoin : public testing::Test {
protected:
    void have_group(uint16_t mode_and_flags, uint32_t most) {
        for (const Side side : both_sides) {
            first_.push_back(open_socket(side, Kind::packet, 0));
            bind_here(first_.back());
            checked(join_fanout(first_.back().get(), group_id, mode_and_flags, most),
                    "PACKET_FANOUT");
        }
    }
    std::vector<Fd> first_;
};

TEST_F(PacketFanoutJoin, newcomer_must_agree_as_in_pf_packet) {
    have_group(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER, 10);
    const std::vector<Row> rows = {
        join_row(PACKET_FANOUT_HASH),
        join_row(PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER | PACKET_FANOUT_FLAG_UNIQUEID),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER, 9),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER, 10),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER, most_members + 1),
        join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_ROLLOVER),
    };
    expect_equal_outcomes(Kind::packet, 0, rows, bind_here);
    expect_equal_outcomes(Kind::cooked, 0, rows, bind_here);
    expect_equal_outcomes(Kind::packet, 0, rows);
    expect_equal_outcomes(Kind::packet, experimental_ethertype, rows);
    expect_equal_outcomes(Kind::packet, 0, rows, [](const Fd& socket) {
        bind_to(socket, link_address(experimental_ethertype + 1, link::index(here_device)));
    });
    expect_equal_outcomes(Kind::packet, 0, rows, [](const Fd& socket) {
        bind_to(socket, link_address(experimental_ethertype, link::index("lo")));
    });
}

TEST_F(PacketFanoutJoin, full_group_refuses_until_somebody_leaves) {
    for (const uint32_t most : {1U, 3U}) {
        have_group(PACKET_FANOUT_LB, most);
        const std::vector<Row> rows(5, join_row(PACKET_FANOUT_LB));
        for (int round = 0; round < 2; round++)
            expect_equal_outcomes(Kind::packet, 0, rows, bind_here);
        close_together(first_);
    }
}

TEST_F(PacketFanoutJoin, default_is_256_members) {
    have_group(PACKET_FANOUT_LB, 0);
    std::vector<Fd> members;
    for (int i = 1; i < 256; i++) {
        members.push_back(open_socket(Side::xinet, Kind::packet, experimental_ethertype));
        bind_here(members.back());
        ASSERT_EQ(join_fanout(members.back().get(), group_id, PACKET_FANOUT_LB), 0) << i;
    }
    const Fd late = open_socket(Side::xinet, Kind::packet, 0);
    bind_here(late);
    EXPECT_EQ(outcome_of([&] { return join_fanout(late.get(), group_id, PACKET_FANOUT_LB); }).error,
              ENOSPC);
    members.pop_back();
    EXPECT_EQ(join_fanout(late.get(), group_id, PACKET_FANOUT_LB, 256), 0);
}

TEST_F(PacketFanoutJoin, group_goes_with_its_last_member) {
    for (const uint16_t mode : {PACKET_FANOUT_LB, PACKET_FANOUT_CBPF, PACKET_FANOUT_HASH}) {
        have_group(mode, 0);
        close_together(first_);
    }
}

TEST_F(PacketFanoutJoin, member_is_tied_as_in_pf_packet) {
    const auto tie = [](const Fd& socket) {
        bind_here(socket);
        checked(join_fanout(socket.get(), group_id, PACKET_FANOUT_ROLLOVER), "PACKET_FANOUT");
    };
    const auto bind_row = [](const char* name, uint16_t ethertype, int ifindex) {
        return Row{name, [=](int fd) {
                       const auto to = link_address(ethertype, ifindex);
                       return sys::bind(fd, &to, sizeof(to));
                   }};
    };
    expect_equal_outcomes(
        Kind::packet, 0,
        {join_row(PACKET_FANOUT_ROLLOVER),
         join_row(PACKET_FANOUT_HASH, 0, 5),
         join_row(PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID, 0, 5),
         join_row(0xff),
         join_row(PACKET_FANOUT_HASH, most_members + 1),
         bind_row("bind to the same place", experimental_ethertype, link::index(here_device)),
         bind_row("bind elsewhere", ETH_P_IP, 0),
         bind_row("bind to nothing", 0, 0),
         bind_row("bind to no device", ETH_P_IP, 9999),
         {"bind with a short address",
          [](int fd) {
              const auto to = here();
              return sys::bind(fd, &to, 4);
          }}},
        tie);
}

TEST_F(PacketFanoutJoin, groups_of_a_namespace_are_its_own) {
    have_group(PACKET_FANOUT_HASH, 0);
    NetNs::create().run([] {
        const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
        EXPECT_EQ(join_fanout(socket.get(), group_id, PACKET_FANOUT_LB), 0);
    });
}

TEST(PacketFanoutOption, each_size_is_accepted_or_refused_as_by_pf_packet) {
    std::vector<Row> rows;
    for (const int size : {-1, 0, 1, 3, 4, 5, 7, 8, 9, 12, 64})
        rows.push_back({std::to_string(size) + " bytes", [=](int fd) {
                            std::array<uint8_t, 64> value{0x99};
                            return with_group(fd, sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT,
                                                                  value.data(), size));
                        }});
    for (const int size : {0, 4, 8})
        rows.push_back({"bad pointer, " + std::to_string(size) + " bytes", [=](int fd) {
                            return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT,
                                                   reinterpret_cast<void*>(1), size);
                        }});
    expect_equal_outcomes(Kind::packet, 0, rows, bind_here);
}

TEST(PacketFanoutOption, each_buffer_is_filled_or_refused_as_by_pf_packet) {
    std::vector<Row> rows;
    for (const int name : {PACKET_FANOUT, PACKET_FANOUT_DATA, PACKET_ROLLOVER_STATS})
        for (const int size : {-1, 0, 1, 3, 4, 8, 23, 24, 25, 64})
            rows.push_back(
                {"option " + std::to_string(name) + ", " + std::to_string(size), [=](int fd) {
                     std::array<uint8_t, 64> value{};
                     int length = size;
                     const long result =
                         sys::getsockopt(fd, SOL_PACKET, name, value.data(), &length);
                     return result < 0 ? result : length << 16 | value[0] << 8 | value[2];
                 }});
    for (const uint16_t mode : {PACKET_FANOUT_HASH, PACKET_FANOUT_ROLLOVER,
                                PACKET_FANOUT_QM | PACKET_FANOUT_FLAG_ROLLOVER})
        expect_equal_outcomes(Kind::packet, 0, rows, [=](const Fd& socket) {
            bind_here(socket);
            checked(join_fanout(socket.get(), uint16_t(group_id + mode), uint16_t(mode)),
                    "PACKET_FANOUT");
        });
    expect_equal_outcomes(Kind::packet, 0, rows);
}

TEST(PacketFanoutOption, failed_join_leaves_no_rollover_behind) {
    expect_equal_outcomes(Kind::packet, 0, {{"statistics", [](int fd) {
                                                 std::array<uint8_t, 64> value{};
                                                 int length = sizeof(value);
                                                 join_fanout(fd, 1, PACKET_FANOUT_ROLLOVER);
                                                 return sys::getsockopt(fd, SOL_PACKET,
                                                                        PACKET_ROLLOVER_STATS,
                                                                        value.data(), &length);
                                             }}});
}

TEST(PacketFanoutOption, unique_ids_are_free_ones) {
    constexpr uint16_t unique = PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_UNIQUEID;
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        std::vector<Fd> sockets;
        std::vector<int> groups;
        for (int i = 0; i < 5; i++) {
            sockets.push_back(open_socket(side, Kind::packet, experimental_ethertype));
            ASSERT_EQ(join_fanout(sockets.back().get(), 0, unique), 0);
            groups.push_back(get_option(sockets.back(), SOL_PACKET, PACKET_FANOUT));
            EXPECT_EQ(groups.back() >> 16, PACKET_FANOUT_LB) << "the flag is not kept";
        }
        std::sort(groups.begin(), groups.end());
        EXPECT_EQ(std::adjacent_find(groups.begin(), groups.end()), groups.end());
        const Fd late = open_socket(side, Kind::packet, experimental_ethertype);
        const auto id = uint16_t(groups[2]);
        EXPECT_EQ(outcome_of([&] { return join_fanout(late.get(), id, unique); }).error, EINVAL);
        EXPECT_EQ(join_fanout(late.get(), id, PACKET_FANOUT_LB), 0);
        close_together(sockets);
    }
}

sock_filter accept_all[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
sock_filter falls_off[] = {BPF_STMT(BPF_LD | BPF_IMM, 1)};

Row classic_row(const char* name, uint16_t length, sock_filter* code,
                long size = sizeof(sock_fprog)) {
    return {name, [=](int fd) {
                const sock_fprog program{.len = length, .filter = code};
                return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, size);
            }};
}

Row descriptor_row(const char* name, int descriptor, long size = sizeof(int)) {
    return {name, [=](int fd) {
                const long value = descriptor;
                return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &value, size);
            }};
}

TEST(PacketFanoutOption, each_program_is_accepted_or_refused_as_by_pf_packet) {
    const Fd program = load_length_program();
    const Fd no_program = udp_socket(0);
    const std::vector<Row> rows = {
        classic_row("classic", 1, accept_all),
        classic_row("classic, without return", 1, falls_off),
        classic_row("classic, empty", 0, accept_all),
        classic_row("classic, bad pointer", 1, reinterpret_cast<sock_filter*>(8)),
        classic_row("classic, too long", 0xffff, accept_all),
        classic_row("classic, one byte short", 1, accept_all, sizeof(sock_fprog) - 1),
        classic_row("classic, nothing", 1, accept_all, 0),
        descriptor_row("eBPF", program.get()),
        descriptor_row("no descriptor", -1),
        descriptor_row("no program", no_program.get()),
        descriptor_row("eBPF, short", program.get(), 3),
        descriptor_row("eBPF, long", program.get(), 8),
        {"bad pointer", [](int fd) {
             return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, reinterpret_cast<void*>(1),
                                    sizeof(int));
         }}};
    for (const uint16_t mode : {PACKET_FANOUT_CBPF, PACKET_FANOUT_EBPF, PACKET_FANOUT_LB})
        for (const bool locked : {false, true}) {
            SCOPED_TRACE("mode " + std::to_string(mode) + (locked ? ", locked" : ""));
            expect_equal_outcomes(Kind::packet, 0, rows, [=](const Fd& socket) {
                bind_here(socket);
                checked(join_fanout(socket.get(), group_id, mode), "PACKET_FANOUT");
                set_option(socket, SOL_SOCKET, SO_LOCK_FILTER, locked);
            });
        }
    expect_equal_outcomes(Kind::packet, 0, rows, bind_here);
}

} // namespace
} // namespace xt
