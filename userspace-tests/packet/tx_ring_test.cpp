// SPDX-License-Identifier: GPL-2.0-or-later
// Sending from a ring (PACKET_TX_RING): what the peer receives, what the call returns and what the
// status words say afterwards is as over PF_PACKET.
#include <filesystem>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <poll.h>

#include <thread>

#include "support/send_compare.h"
#include "support/sys.h"
#include "support/tx_ring.h"
#include "support/vnet.h"

namespace xt {
namespace {

constexpr int versions[] = {TPACKET_V1, TPACKET_V2, TPACKET_V3};

class PacketTxRing : public SendComparison {
protected:
    struct Scenario {
        std::string name;
        std::vector<TxFrame> frames;
        int flags = 0;
        std::optional<sockaddr_ll> to = {};
        Prepare prepare = {};
        TxShape shape = {};
        int calls = 1;
    };

    static TxFrame to_send(const Bytes& data) { return {.data = data}; }

    // Waits until no frame that was to be sent is on its way through the device any more.
    static void settle(const TxRing& ring, const std::vector<TxFrame>& frames) {
        constexpr std::chrono::milliseconds moment{1};
        for (size_t i = 0; i < frames.size(); i++)
            for (auto left = deadline; frames[i].status == TP_STATUS_SEND_REQUEST &&
                                       ring.status(i) == TP_STATUS_SENDING && left.count() > 0;
                 left -= moment)
                std::this_thread::sleep_for(moment);
    }

    static long call(int fd, const Scenario& what) {
        if (what.to)
            return sys::sendto(fd, nullptr, 0, what.flags, &*what.to, sizeof(*what.to));
        return sys::sendto(fd, nullptr, 0, what.flags, nullptr, 0);
    }

    // Puts the frames into a ring and sends, on both sides; returns how many came out.
    size_t expect_equal_rings(Kind kind, int version, const std::vector<Scenario>& scenarios) {
        size_t frames = 0;
        for (const auto& what : scenarios) {
            std::vector<std::string> notes;
            const Row row{what.name, [&](int fd) {
                              const TxRing ring(fd, version, what.shape);
                              std::ostringstream note;
                              long result = 0;
                              for (int i = 0; i < what.calls; i++) {
                                  for (size_t f = 0; i == 0 && f < what.frames.size(); f++)
                                      ring.put(f, what.frames[f]);
                                  result = call(fd, what);
                                  const int error = errno;
                                  settle(ring, what.frames);
                                  note << result << ": " << ring.statuses() << poll_now(fd, POLLOUT)
                                       << "; ";
                                  errno = error;
                              }
                              notes.push_back(note.str());
                              return result;
                          }};
            frames += expect_equal(kind, {row}, [&](const Fd& socket) {
                bind_here(socket);
                if (what.prepare)
                    what.prepare(socket);
            });
            EXPECT_EQ(notes.at(1), notes.at(0)) << what.name << ": PF_PACKET, then PF_XINET";
        }
        return frames;
    }

    static Bytes bytes_of(Kind kind, size_t payload) {
        return kind == Kind::packet ? frame_to_peer(payload) : repeated(sent_mark, payload);
    }
};

TEST_F(PacketTxRing, frame_of_each_size_is_sent_or_refused) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        for (const Kind kind : packet_kinds) {
            std::vector<Scenario> scenarios;
            for (const size_t size : {8, 46, 64, 500, 1500, 1501, 1504, 1505, 1900, 2000})
                scenarios.push_back({.name = std::to_string(size) + " bytes",
                                     .frames = {to_send(bytes_of(kind, size))},
                                     .to = to_peer()});
            for (const size_t size : {0, 1, 13, 14})
                scenarios.push_back({.name = std::to_string(size) + " bytes in all",
                                     .frames = {to_send(Bytes(size, 0x5a))},
                                     .to = to_peer()});
            EXPECT_GE(expect_equal_rings(kind, version, scenarios), 4U);
        }
    }
}

TEST_F(PacketTxRing, frame_over_several_pages_is_sent) {
    const TxShape shape{.frame_size = 16384, .block_size = 65536, .blocks = 1};
    if (std::filesystem::exists(std::string("/sys/class/net/") + here_device + "/device"))
        GTEST_SKIP() << "a new MTU resets the link of a NIC; a veth pair has none";
    link::set_mtu(link::index(here_device), 9000);
    EXPECT_GE(
        expect_equal_rings(Kind::packet, TPACKET_V2,
                           {{.name = "a page",
                             .frames = {to_send(frame_to_peer(4096)), to_send(frame_to_peer(8986))},
                             .shape = shape},
                            {.name = "longer than the MTU",
                             .frames = {to_send(frame_to_peer(12000))},
                             .shape = shape}}),
        0U);
    link::set_mtu(link::index(here_device), 1500);
}

TEST_F(PacketTxRing, frames_leave_in_order_up_to_the_first_that_is_not_ready) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        const auto numbered = [](uint8_t number, uint32_t status = TP_STATUS_SEND_REQUEST) {
            TxFrame frame = to_send(frame_to_peer(64));
            frame.data[30] = number;
            frame.status = status;
            return frame;
        };
        std::vector<Scenario> scenarios{
            {.name = "all four", .frames = {numbered(1), numbered(2), numbered(3), numbered(4)}},
            {.name = "a gap", .frames = {numbered(1), numbered(2, 0), numbered(3)}},
            {.name = "none", .frames = {numbered(1, 0)}},
            {.name = "not to wait", .frames = {numbered(1), numbered(2)}, .flags = MSG_DONTWAIT},
            {.name = "three calls", .frames = {numbered(1)}, .calls = 3}};
        for (const uint32_t status : {2U, 3U, 4U, 5U, 1U << 31, 0x80000001U, ~0U})
            scenarios.push_back({.name = "status " + std::to_string(status),
                                 .frames = {numbered(1, status), numbered(2)}});
        EXPECT_EQ(expect_equal_rings(Kind::packet, version, scenarios), 4U + 1 + 2 + 1);
    }
}

// The skbs of small frames are used again; nobody has read what they brought before.
TEST_F(PacketTxRing, frames_keep_their_bytes_while_slots_are_used_again) {
    constexpr size_t rounds = 10;
    size_t per_round = 0;
    const Row row{"ten rounds", [&](int fd) {
                      const TxRing ring(fd, TPACKET_V2);
                      per_round = ring.frames();
                      long sent = 0;
                      for (size_t round = 0; round < rounds; round++) {
                          std::vector<TxFrame> frames;
                          for (size_t f = 0; f < ring.frames(); f++) {
                              frames.push_back(to_send(frame_to_peer(46 + 200 * f)));
                              frames[f].data[30] = static_cast<uint8_t>(round);
                              frames[f].data[31] = static_cast<uint8_t>(f);
                              ring.put(f, frames[f]);
                          }
                          sent += sys::sendto(fd, nullptr, 0, 0, nullptr, 0);
                          settle(ring, frames);
                      }
                      return sent;
                  }};
    const size_t arrived = expect_equal(Kind::packet, {row}, bind_here);
    EXPECT_EQ(arrived, rounds * per_round);
}

TEST_F(PacketTxRing, frame_that_cannot_be_sent_stops_the_ring_or_is_lost) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        const TxFrame good = to_send(frame_to_peer(64));
        const TxFrame bad = to_send(frame_to_peer(1700));
        for (const bool loss : {false, true}) {
            const Prepare prepare = [=](const Fd& socket) {
                set_option(socket, SOL_PACKET, PACKET_LOSS, loss);
            };
            EXPECT_EQ(expect_equal_rings(Kind::packet, version,
                                         {{.name = "bad one in the middle",
                                           .frames = {good, bad, good, good},
                                           .prepare = prepare,
                                           .calls = 2},
                                          {.name = "bad ones only",
                                           .frames = {bad, bad, bad, bad},
                                           .prepare = prepare,
                                           .calls = 2},
                                          {.name = "bad one, not to wait",
                                           .frames = {bad, good},
                                           .flags = MSG_DONTWAIT,
                                           .prepare = prepare}}),
                      loss ? 4U : 1U);
        }
    }
}

TEST_F(PacketTxRing, length_that_lies_is_refused) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        for (const Kind kind : packet_kinds)
            for (const bool offsets : {false, true}) {
                std::vector<Scenario> scenarios;
                // Longer ones PF_PACKET of some kernels takes for negative: see KUnit's corpus.
                for (const uint32_t length : {1514U, 1515U, 1518U, 1519U, 1976U, 1996U, 2016U,
                                              2017U, 2048U, 65535U, 65536U, 0x7fffffffU}) {
                    TxFrame frame = to_send(bytes_of(kind, 64));
                    frame.length = length;
                    scenarios.push_back({.name = "length " + std::to_string(length),
                                         .frames = {frame},
                                         .to = to_peer(),
                                         .prepare = [=](const Fd& socket) {
                                             set_option(socket, SOL_PACKET, PACKET_TX_HAS_OFF,
                                                        offsets);
                                         }});
                }
                expect_equal_rings(kind, version, scenarios);
            }
    }
}

TEST_F(PacketTxRing, data_begin_where_the_header_says) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        for (const Kind kind : packet_kinds) {
            std::vector<Scenario> scenarios;
            const uint16_t first = version == TPACKET_V3 ? 48 : 32;
            const size_t size = bytes_of(kind, 64).size();
            for (const size_t offset :
                 {size_t(0), size_t(1), size_t(first - 1), size_t(first), size_t(first + 1),
                  size_t(100), 2048 - size - 1, 2048 - size, 2048 - size + 1, size_t(2047),
                  size_t(2048), size_t(4096), size_t(65535)}) {
                TxFrame frame = to_send(bytes_of(kind, 64));
                frame.offset = offset < first ? 0 : offset - first;
                // the word of the other mode does not count
                (kind == Kind::packet ? frame.mac : frame.net) = uint16_t(offset);
                (kind == Kind::packet ? frame.net : frame.mac) = 7;
                scenarios.push_back({.name = "at " + std::to_string(offset),
                                     .frames = {frame},
                                     .to = to_peer(),
                                     .prepare = [](const Fd& socket) {
                                         set_option(socket, SOL_PACKET, PACKET_TX_HAS_OFF, 1);
                                     }});
            }
            EXPECT_EQ(expect_equal_rings(kind, version, scenarios), 5U);
        }
    }
}

TEST_F(PacketTxRing, chained_frame_is_refused) {
    std::vector<Scenario> scenarios;
    for (const uint32_t next : {1U, 2048U, 0x80000000U, ~0U}) {
        TxFrame frame = to_send(frame_to_peer(64));
        frame.next = next;
        scenarios.push_back({.name = "next " + std::to_string(next), .frames = {frame}});
    }
    EXPECT_EQ(expect_equal_rings(Kind::packet, TPACKET_V3, scenarios), 0U);
}

TEST_F(PacketTxRing, virtio_header_in_a_frame_counts) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        const Prepare prepare = [](const Fd& socket) { ask_for_vnet(socket, sizeof(VnetHeader)); };
        const auto with = [](const VnetHeader& header, size_t payload) {
            return to_send(vnet_bytes(header) + frame_to_peer(payload));
        };
        const VnetHeader sum{.flags = vnet_needs_csum,
                             .gso_type = 0,
                             .hdr_len = 0,
                             .gso_size = 0,
                             .csum_start = 34,
                             .csum_offset = 6};
        auto headers_too_long = sum;
        headers_too_long.hdr_len = 200;
        auto sum_outside = sum;
        sum_outside.csum_start = 65535;
        auto unknown = sum;
        unknown.gso_type = 77;
        TxFrame half_a_header = to_send(Bytes(9));
        // a driver may take what is longer than the MTU, or throw it away
        EXPECT_GE(
            expect_equal_rings(
                Kind::packet, version,
                {{.name = "empty", .frames = {with({}, 64)}, .prepare = prepare},
                 {.name = "checksum", .frames = {with(sum, 64)}, .prepare = prepare},
                 {.name = "longer than the MTU", .frames = {with({}, 1700)}, .prepare = prepare},
                 {.name = "headers too long",
                  .frames = {with(headers_too_long, 64)},
                  .prepare = prepare},
                 {.name = "sum outside", .frames = {with(sum_outside, 64)}, .prepare = prepare},
                 {.name = "unknown type", .frames = {with(unknown, 64)}, .prepare = prepare},
                 {.name = "half a header", .frames = {half_a_header}, .prepare = prepare}}),
            2U);
    }
}

TEST_F(PacketTxRing, destination_is_judged_as_in_pf_packet) {
    const std::vector<TxFrame> frames{to_send(frame_to_peer(64))};
    auto no_device = to_peer();
    no_device.sll_ifindex = 9999;
    auto long_address = to_peer();
    long_address.sll_halen = 9;
    for (const Kind kind : packet_kinds) {
        const std::vector<TxFrame> data{to_send(bytes_of(kind, 64))};
        EXPECT_GE(expect_equal_rings(kind, TPACKET_V2,
                                     {{.name = "bound device", .frames = data},
                                      {.name = "peer", .frames = data, .to = to_peer()},
                                      {.name = "protocol 0", .frames = data, .to = to_peer(0)},
                                      {.name = "no such device", .frames = data, .to = no_device},
                                      {.name = "halen 9", .frames = data, .to = long_address},
                                      {.name = "past the qdisc",
                                       .frames = data,
                                       .to = to_peer(),
                                       .prepare =
                                           [](const Fd& socket) {
                                               set_option(socket, SOL_PACKET, PACKET_QDISC_BYPASS,
                                                          1);
                                           }}}),
                  3U);
    }
}

TEST_F(PacketTxRing, options_are_set_and_read_as_in_pf_packet) {
    const auto set = [](int option, int value, bool ring, socklen_t length = sizeof(int)) {
        return Row{"option " + std::to_string(option) + " to " + std::to_string(value) +
                       (ring ? " with a ring" : "") + ", length " + std::to_string(length),
                   [=](int fd) {
                       std::optional<TxRing> memory;
                       if (ring)
                           memory.emplace(fd, TPACKET_V2);
                       const int values[4] = {value};
                       const long result = sys::setsockopt(fd, SOL_PACKET, option, values, length);
                       const int error = errno;
                       int now = -1;
                       socklen_t size = sizeof(now);
                       checked(sys::getsockopt(fd, SOL_PACKET, option, &now, &size), "getsockopt");
                       errno = error;
                       return result < 0 ? result : now;
                   }};
    };
    std::vector<Row> rows;
    for (const int option : {PACKET_VERSION, PACKET_RESERVE, PACKET_LOSS, PACKET_TX_HAS_OFF,
                             PACKET_TIMESTAMP, PACKET_VNET_HDR})
        for (const bool ring : {false, true}) {
            for (const int value : {0, 1, 2, 3, -1, INT_MAX, INT_MIN})
                rows.push_back(set(option, value, ring));
            rows.push_back(set(option, 1, ring, 3));
            rows.push_back(set(option, 1, ring, 8));
        }
    expect_equal_outcomes(Kind::packet, 0, rows);
}

TEST_F(PacketTxRing, ring_that_was_taken_away_leaves_a_socket_that_sends) {
    for (const int version : versions)
        EXPECT_EQ(expect_equal(Kind::packet,
                               {{"send, unmap, take away, send",
                                 [=](int fd) {
                                     TxRing ring(fd, version);
                                     ring.put(0, to_send(frame_to_peer(64)));
                                     checked(sys::sendto(fd, nullptr, 0, 0, nullptr, 0), "send");
                                     const long mapped = ring.request(0);
                                     ring.unmap();
                                     checked(ring.request(0), "taking a ring away");
                                     const long sent = send_to(fd, frame_to_peer(65), to_peer());
                                     return sent + (mapped < 0 ? 1000 : 0);
                                 }}},
                               bind_here),
                  2U);
}

TEST_F(PacketTxRing, send_time_is_written_into_the_frame) {
    const auto scenario = [&](const char* name, int socket_flags, int ring_flags) {
        return Scenario{
            .name = name, .frames = {to_send(frame_to_peer(64))}, .prepare = [=](const Fd& socket) {
                set_option(socket, SOL_SOCKET, SO_TIMESTAMPING, socket_flags);
                set_option(socket, SOL_PACKET, PACKET_TIMESTAMP, ring_flags);
            }};
    };
    const int software = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE;
    const int hardware = SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_TX_HARDWARE;
    for (const int version : versions)
        EXPECT_EQ(expect_equal_rings(
                      Kind::packet, version,
                      {scenario("not asked for", 0, 0),
                       scenario("software", software, SOF_TIMESTAMPING_SOFTWARE),
                       scenario("hardware", hardware, SOF_TIMESTAMPING_RAW_HARDWARE),
                       scenario("both", software | hardware,
                                SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE)}),
                  4U);
}

} // namespace
} // namespace xt
