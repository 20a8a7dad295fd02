// SPDX-License-Identifier: GPL-2.0-or-later
// Messages that MSG_MORE joins, splice and sendfile into a raw socket, and timestamps of what was
// sent: what arrives at the peer, and what the error queue says, must be equal for both families.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/net_tstamp.h>
#include <netinet/ip.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <sstream>

#include "support/control.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;

// A packet without what differs from one packet to the next: the identification and the checksum.
// `link` is the length of a link-level header in front of it.
Bytes without_id(Bytes packet, size_t link = 0) {
    if (packet.size() >= link + sizeof(iphdr))
        for (const size_t offset : {4, 5, 10, 11})
            packet[link + offset] = 0;
    return packet;
}

// One sendto() of many.
struct Piece {
    size_t size;
    bool more;
    const char* to = peer_address;
};

class RawCork : public testing::Test {
protected:
    // Sends the pieces, and says what each call returned and what the peer got. A last packet of
    // its own fences.
    std::string run(Side side, const std::vector<Piece>& pieces, const Prepare& prepare = {},
                    int of = protocol) const {
        const Fd socket = open_raw(side, of);
        const Fd fence = open_raw(Side::sibling, protocol);
        const Fd peer = in_peer([&] { return open_raw(Side::sibling, of); });
        if (prepare)
            prepare(socket);
        std::ostringstream out;
        uint8_t letter = 'a';
        for (const auto& piece : pieces) {
            const auto outcome = outcome_of([&] {
                return send_to(socket.get(), Bytes(piece.size, letter), ipv4_address(piece.to),
                               piece.more ? MSG_MORE : 0);
            });
            letter++;
            out << outcome.result << " " << outcome.error << "; ";
        }
        checked(send_to(fence.get(), repeated("the end ", 64), ipv4_address(peer_address)), "send");
        receive_marked(peer_.get(), "the end ");
        while (const auto message = receive_now(peer.get())) {
            const auto packet = without_id(message->data);
            out << "\n"
                << packet.size() << ": " << hex(packet.data(), std::min<size_t>(packet.size(), 24))
                << " "
                << std::hash<std::string_view>{}(
                       {reinterpret_cast<const char*>(packet.data()), packet.size()});
        }
        return out.str();
    }
    void expect_equal(const std::vector<Piece>& pieces, const Prepare& prepare = {},
                      int of = protocol) const {
        EXPECT_EQ(run(Side::sibling, pieces, prepare, of), run(Side::xinet, pieces, prepare, of));
    }

    Fd peer_ = in_peer([] { return open_raw(Side::sibling, protocol); });
};

TEST_F(RawCork, pieces_make_one_datagram) {
    expect_equal({{10, true}, {20, true}, {30, false}});
    expect_equal({{0, true}, {0, true}, {0, false}});
    expect_equal({{10, true}, {0, false}});
    expect_equal({{1, true}, {1479, false}});
}

TEST_F(RawCork, pieces_are_cut_into_fragments) {
    const auto may_fragment = [](const Fd& socket) {
        set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    };
    // Around a full packet (1480), and around what a fragment holds.
    for (const size_t size : {1471U, 1472U, 1473U, 1479U, 1480U, 1481U})
        for (const size_t last : {0U, 1U, 8U, 1480U, 3000U})
            expect_equal({{size, true}, {last, false}}, may_fragment);
    expect_equal({{20000, true}, {20000, true}, {1, true}, {20000, false}}, may_fragment);
    expect_equal(std::vector<Piece>(40, {777, true}), may_fragment);
    auto many = std::vector<Piece>(60, {777, true});
    many.push_back({7, false});
    expect_equal(many, may_fragment);
}

TEST_F(RawCork, too_much_drops_all) {
    expect_equal({{60000, true}, {6000, true}, {10, false}});
    expect_equal({{1000, true}, {1000, false}, {10, false}}, [](const Fd& socket) {
        set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    });
}

TEST_F(RawCork, options_of_the_first_piece_count) {
    expect_equal({{10, true}, {10, false}}, [](const Fd& socket) {
        const uint8_t record_route[] = {7, 7, 4, 0, 0, 0, 0, 0};
        checked(
            sys::setsockopt(socket.get(), SOL_IP, IP_OPTIONS, record_route, sizeof(record_route)),
            "IP_OPTIONS");
        set_option(socket, SOL_IP, IP_TTL, 7);
    });
}

TEST_F(RawCork, destination_may_change_on_the_way) {
    expect_equal({{10, true, "10.77.0.9"}, {10, false}});
    expect_equal({{10, true}, {10, false, "192.0.2.1"}, {10, false}});
}

TEST_F(RawCork, icmp_is_joined_too) {
    expect_equal({{10, true}, {10, false}}, {}, IPPROTO_ICMP);
    expect_equal({{1, true}, {10, false}}, {}, IPPROTO_ICMP);
}

TEST_F(RawCork, pieces_with_own_headers_are_not_joined) {
    expect_equal({{28, true}, {28, false}},
                 [](const Fd& socket) { set_option(socket, SOL_IP, IP_HDRINCL, 1); });
}

TEST_F(RawCork, unfinished_datagram_goes_with_its_socket) {
    expect_equal({{1000, true}, {1000, true}});
}

TEST_F(RawCork, file_is_sent_as_in_pf_inet) {
    const Fd file(checked(memfd_create("payload", MFD_CLOEXEC), "memfd_create"));
    const auto payload = repeated("payload ", 20000);
    ASSERT_EQ(::write(file.get(), payload.data(), payload.size()), ssize_t(payload.size()));
    for (const size_t size : {100U, 4096U, 5000U, 20000U}) {
        SCOPED_TRACE(size);
        std::string results[2];
        for (const Side side : both_sides) {
            const Fd socket = open_raw(side, protocol);
            const Fd fence = open_raw(Side::sibling, protocol);
            const auto peer = ipv4_address(peer_address);
            checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
            std::ostringstream out;
            off_t offset = 0;
            const auto outcome =
                outcome_of([&] { return ::sendfile(socket.get(), file.get(), &offset, size); });
            out << outcome.result << " " << outcome.error << " " << offset;
            checked(send_to(fence.get(), repeated("the end ", 64), peer), "send");
            for (;;) {
                const auto packet = without_id(receive(peer_.get()).data);
                if (contains(packet, "the end "))
                    break;
                out << "\n"
                    << packet.size() << ": "
                    << hex(packet.data(), std::min<size_t>(packet.size(), 24));
            }
            results[side == Side::xinet] = out.str();
        }
        EXPECT_EQ(results[0], results[1]);
    }
}

TEST_F(RawCork, pipe_is_spliced_as_in_pf_inet) {
    std::string results[2];
    for (const Side side : both_sides) {
        const Fd socket = open_raw(side, protocol);
        const auto peer = ipv4_address(peer_address);
        checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
        int ends[2];
        checked(::pipe(ends), "pipe");
        const Fd reader(ends[0]), writer(ends[1]);
        ASSERT_EQ(::write(writer.get(), "payload the end ", 16), 16);
        const auto outcome = outcome_of(
            [&] { return ::splice(reader.get(), nullptr, socket.get(), nullptr, 16, 0); });
        results[side == Side::xinet] =
            std::to_string(outcome.result) + " " + std::to_string(outcome.error) + " " +
            hex(without_id(receive_marked(peer_.get(), "the end ").data).data(), 36);
    }
    EXPECT_EQ(results[0], results[1]);
}

// What the error queue says of a message that was sent, without the times themselves.
std::vector<Message> stamps(const Fd& socket, size_t count) {
    std::vector<Message> result;
    while (result.size() < count && wait_for(socket.get(), 0))
        while (auto message = receive_now(socket.get(), any_size, MSG_ERRQUEUE)) {
            message->data = without_id(message->data, ETH_HLEN);
            for (auto& control : message->controls)
                if (control.level == SOL_SOCKET)
                    control.value.clear();
            result.push_back(std::move(*message));
        }
    return result;
}

TEST_F(RawCork, timestamps_of_what_was_sent_are_queued) {
    constexpr int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED |
                           SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID;
    for (const int extra : {0, int(SOF_TIMESTAMPING_OPT_TSONLY), int(SOF_TIMESTAMPING_OPT_CMSG)})
        for (const size_t size : {100U, 3000U})
            for (const bool cork : {false, true}) {
                SCOPED_TRACE(std::to_string(size) + (cork ? ", corked" : ""));
                std::vector<Message> seen[2];
                for (const Side side : both_sides) {
                    const Fd socket = open_raw(side, protocol);
                    set_option(socket, SOL_SOCKET, SO_TIMESTAMPING, wanted | extra);
                    for (int i = 0; i < 3; i++)
                        checked(send_to(socket.get(), repeated("payload ", size),
                                        ipv4_address(peer_address), cork && i < 2 ? MSG_MORE : 0),
                                "send");
                    seen[side == Side::xinet] = stamps(socket, cork ? 2 : 6);
                }
                EXPECT_EQ(seen[0], seen[1]);
            }
}

TEST_F(RawCork, time_to_leave_is_accepted_or_refused_as_in_pf_inet) {
    const auto timed = [](const char* name, int type, uint64_t when) {
        return Row{name, [=](int fd) {
                       return send_with_control(fd, ipv4_address(peer_address), SOL_SOCKET, type,
                                                when);
                   }};
    };
    expect_equal_outcomes(Kind::raw, protocol, {timed("not asked for", SCM_TXTIME, 1)});
    expect_equal_outcomes(
        Kind::raw, protocol, {timed("asked for", SCM_TXTIME, 1)}, [](const Fd& socket) {
            const sock_txtime clock{.clockid = CLOCK_MONOTONIC, .flags = 0};
            checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_TXTIME, &clock, sizeof(clock)),
                    "SO_TXTIME");
        });
}

} // namespace
} // namespace xt
