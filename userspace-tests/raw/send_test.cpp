// SPDX-License-Identifier: GPL-2.0-or-later
// What a raw socket puts on the wire: seen at the peer, equal to what PF_INET puts there.
#include <gtest/gtest.h>
#include <netinet/ip.h>

#include "support/control.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr int protocol = experimental_protocol;

// A packet without what differs from one packet to the next: the identification and the checksum.
Bytes without_id(Bytes packet) {
    if (packet.size() >= sizeof(iphdr))
        for (const size_t offset : {4, 5, 10, 11})
            packet[offset] = 0;
    return packet;
}

// What one call did, and what came out at the other end.
struct Sent {
    Outcome outcome;
    Bytes packet;
    bool operator==(const Sent&) const = default;
};

void PrintTo(const Sent& sent, std::ostream* out) {
    PrintTo(sent.outcome, out);
    *out << ", " << sent.packet.size()
         << " bytes: " << hex(sent.packet.data(), std::min<size_t>(sent.packet.size(), 64));
}

class RawSend : public testing::Test {
protected:
    Sent send(Side side, const Row& row, const Prepare& prepare) {
        const Fd socket = open_raw(side, protocol);
        if (prepare)
            prepare(socket);
        Sent sent{outcome_of([&] { return row.call(socket.get()); }), {}};
        if (sent.outcome.result >= 0)
            sent.packet = without_id(receive(peer_.get()).data);
        return sent;
    }

    // Each call sends at most one packet; every call succeeds on both sides or on neither.
    void expect_equal(const std::vector<Row>& rows, const Prepare& prepare = {}) {
        for (const auto& row : rows) {
            SCOPED_TRACE(row.name);
            EXPECT_EQ(send(Side::sibling, row, prepare), send(Side::xinet, row, prepare));
        }
    }

    static Row payload(size_t size) {
        return {std::to_string(size) + " bytes", [=](int fd) {
                    return send_to(fd, repeated("payload ", size), ipv4_address(peer_address));
                }};
    }

    static Row to(const char* name, const char* address) {
        return {name, [=](int fd) {
                    return send_to(fd, repeated("payload ", 64), ipv4_address(address));
                }};
    }

    Fd peer_ = in_peer([] { return open_raw(Side::sibling, protocol); });
};

TEST_F(RawSend, payload_of_each_size_arrives) {
    expect_equal({payload(0), payload(1), payload(7), payload(1000), payload(1480)});
}

TEST_F(RawSend, large_payload_is_fragmented) {
    expect_equal({payload(1481), payload(9000), payload(65515)},
                 [](const Fd& socket) { set_option(socket, SOL_IP, IP_MTU_DISCOVER, 0); });
}

TEST_F(RawSend, too_large_payload_is_refused) {
    expect_equal({payload(65516), payload(65535), payload(65536), payload(1 << 20)});
    expect_equal({payload(1481)}, [](const Fd& socket) {
        set_option(socket, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    });
}

TEST_F(RawSend, connected_socket_needs_no_address) {
    const auto connect_to_peer = [](const Fd& socket) {
        const auto peer = ipv4_address(peer_address);
        checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
    };
    const std::vector<Row> rows{
        {"send", [](int fd) { return ::send(fd, "payload", 7, 0); }},
        {"write", [](int fd) { return ::write(fd, "payload", 7); }},
        to("another address all the same", peer_address),
    };
    expect_equal(rows, connect_to_peer);
    expect_equal({rows[0], rows[1]});
}

TEST_F(RawSend, header_options_are_in_the_header) {
    for (const auto& [name, value] : {std::pair{IP_TTL, 7}, {IP_TOS, 0x28}, {IP_TTL, 255}})
        expect_equal({payload(64)}, [name = name, value = value](const Fd& socket) {
            set_option(socket, SOL_IP, name, value);
        });
    expect_equal({payload(64)}, [](const Fd& socket) {
        const uint8_t record_route[] = {7, 7, 4, 0, 0, 0, 0, 0};
        checked(
            sys::setsockopt(socket.get(), SOL_IP, IP_OPTIONS, record_route, sizeof(record_route)),
            "IP_OPTIONS");
    });
}

TEST_F(RawSend, destinations_that_need_leave_or_a_route) {
    const std::vector<Row> rows{to("broadcast", wire_broadcast),
                                to("limited broadcast", "255.255.255.255"),
                                to("no route", "192.0.2.1")};
    expect_equal({rows[0], rows[2]});
    expect_equal({rows[0]},
                 [](const Fd& socket) { set_option(socket, SOL_SOCKET, SO_BROADCAST, 1); });
    expect_equal({rows[0], rows[1]}, [](const Fd& socket) {
        set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
        checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4),
                "SO_BINDTODEVICE");
    });
}

TEST_F(RawSend, source_address_is_the_bound_one_or_the_device_s) {
    expect_equal({payload(64)},
                 [](const Fd& socket) { bind_to(socket, ipv4_address(here_address)); });
    expect_equal({payload(64)}, [](const Fd& socket) {
        checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, here_device, 4),
                "SO_BINDTODEVICE");
    });
    expect_equal({to("from loopback", peer_address)},
                 [](const Fd& socket) { bind_to(socket, ipv4_address("127.0.0.1")); });
}

// A call that sends with one control message.
template<typename T>
Row controlled(const char* name, int level, int type, const T& value) {
    return {name, [=](int fd) {
                return send_with_control(fd, ipv4_address(peer_address), level, type, value);
            }};
}

TEST_F(RawSend, control_messages_are_obeyed_or_refused) {
    in_pktinfo here{};
    here.ipi_spec_dst = ipv4_address(here_address).sin_addr;
    in_pktinfo nowhere{};
    nowhere.ipi_ifindex = 9999;
    expect_equal({controlled("TTL", SOL_IP, IP_TTL, 9), controlled("TOS", SOL_IP, IP_TOS, 0x10),
                  controlled("TTL 0", SOL_IP, IP_TTL, 0),
                  controlled("TTL 256", SOL_IP, IP_TTL, 256),
                  controlled("short TTL", SOL_IP, IP_TTL, uint16_t(9)),
                  controlled("source address", SOL_IP, IP_PKTINFO, here),
                  controlled("unknown device", SOL_IP, IP_PKTINFO, nowhere),
                  controlled("unknown type", SOL_IP, 99, 1),
                  controlled("priority", SOL_SOCKET, SO_PRIORITY, 3),
                  controlled("unknown socket type", SOL_SOCKET, 99, 1)});
}

TEST_F(RawSend, many_parts_make_one_packet) {
    expect_equal({{"sendmsg of four parts", [](int fd) {
                       auto peer = ipv4_address(peer_address);
                       char text[] = "one two three four";
                       iovec parts[] = {{text, 4}, {text + 4, 4}, {nullptr, 0}, {text + 8, 10}};
                       msghdr message{};
                       message.msg_name = &peer;
                       message.msg_namelen = sizeof(peer);
                       message.msg_iov = parts;
                       message.msg_iovlen = std::size(parts);
                       return sys::sendmsg(fd, &message, 0);
                   }}});
}

// IP_HDRINCL: the caller's header, of which the kernel fills in what is left 0.
class RawSendHeader : public RawSend {
protected:
    static Row packet(const char* name, const Bytes& bytes) {
        return {name, [=](int fd) { return send_to(fd, bytes, ipv4_address(peer_address)); }};
    }
    static Ipv4 header() {
        return {.from = here_address, .to = peer_address, .protocol = protocol};
    }
    static void include(const Fd& socket) { set_option(socket, SOL_IP, IP_HDRINCL, 1); }
};

TEST_F(RawSendHeader, own_header_is_sent_and_completed) {
    Ipv4 no_source = header();
    no_source.from = "0.0.0.0";
    no_source.id = 0;
    Ipv4 marked = header();
    marked.tos = 0x20;
    marked.ttl = 3;
    Bytes wrong_length = header().packet(repeated("payload ", 64));
    wrong_length[2] = wrong_length[3] = 0;
    Ipv4 optioned = header();
    optioned.options = {7, 7, 4, 0, 0, 0, 0, 0};
    expect_equal({packet("complete", header().packet(repeated("payload ", 64))),
                  packet("no payload", header().packet({})),
                  packet("no source, no id", no_source.packet(repeated("payload ", 64))),
                  packet("TOS and TTL", marked.packet(repeated("payload ", 64))),
                  packet("wrong length", wrong_length),
                  packet("record route", optioned.packet(repeated("payload ", 64))),
                  packet("of the MTU", header().packet(repeated("payload ", 1480)))},
                 include);
}

TEST_F(RawSendHeader, header_that_is_none_is_refused) {
    Bytes long_header = header().packet({});
    long_header[0] = 0x4f;
    expect_equal({packet("nothing", {}), packet("one byte", {0x45}),
                  packet("19 bytes", Bytes(19, 0x45)),
                  packet("header length beyond the packet", long_header),
                  packet("larger than the MTU", header().packet(repeated("payload ", 1481))),
                  packet("64 KiB", Bytes(65536, 0x45))},
                 include);
}

// PF_INET refuses it on newer kernels only; older ones send it as it is.
TEST_F(RawSendHeader, header_length_below_the_smallest_is_refused) {
    if (self_check())
        GTEST_SKIP() << "older PF_INET sends it";
    const Fd socket = open_raw(Side::xinet, IPPROTO_RAW);
    for (uint8_t words = 0; words < 5; words++)
        for (const size_t payload : {0, 8, 1000}) {
            Bytes bytes = header().packet(repeated("payload ", payload));
            bytes[0] = uint8_t(0x40 | words);
            EXPECT_EQ(send_to(socket.get(), bytes, ipv4_address(peer_address)), -1) << int(words);
            EXPECT_EQ(errno, EINVAL);
        }
}

// The type of an ICMP message is counted where there is one; nothing is read behind the packet.
TEST_F(RawSendHeader, icmp_message_cut_short_is_sent_as_by_pf_inet) {
    Ipv4 icmp_header = header();
    icmp_header.protocol = IPPROTO_ICMP;
    Ipv4 optioned = icmp_header;
    optioned.options = {1, 1, 1, 0};
    const auto call = [](Side side, int protocol_number, const Bytes& bytes) {
        const Fd socket = open_raw(side, protocol_number);
        return outcome_of([&] { return send_to(socket.get(), bytes, ipv4_address(peer_address)); });
    };
    for (size_t size = 0; size < 9; size++) {
        SCOPED_TRACE(std::to_string(size) + " bytes");
        // an echo reply that nobody answers, or the beginning of one
        const Bytes message(size);
        for (const Ipv4* each : {&icmp_header, &optioned}) {
            const Bytes bytes = each->packet(message);
            EXPECT_EQ(call(Side::xinet, IPPROTO_RAW, bytes).result, long(bytes.size()));
            EXPECT_EQ(call(Side::sibling, IPPROTO_RAW, bytes),
                      call(Side::xinet, IPPROTO_RAW, bytes));
        }
        EXPECT_EQ(call(Side::sibling, IPPROTO_ICMP, message),
                  call(Side::xinet, IPPROTO_ICMP, message));
    }
}

TEST_F(RawSendHeader, ipproto_raw_includes_the_header_by_itself) {
    for (const Side side : both_sides) {
        SCOPED_TRACE(to_string(side));
        const Fd socket = open_raw(side, IPPROTO_RAW);
        EXPECT_EQ(get_option(socket, SOL_IP, IP_HDRINCL), 1);
        const Bytes bytes = header().packet(repeated("payload ", 64));
        EXPECT_EQ(send_to(socket.get(), bytes, ipv4_address(peer_address)), long(bytes.size()));
        EXPECT_EQ(without_id(receive(peer_.get()).data), without_id(bytes));
    }
}

TEST_F(RawSend, af_xinet_as_destination_is_refused) {
    if (self_check())
        GTEST_SKIP() << "a difference needs two families";
    for (const bool with_header : {false, true}) {
        const Fd socket = open_raw(Side::xinet, protocol);
        set_option(socket, SOL_IP, IP_HDRINCL, with_header);
        auto peer = ipv4_address(peer_address);
        peer.sin_family = sa_family_t(xinet_family());
        EXPECT_EQ(send_to(socket.get(), repeated("payload ", 64), peer), -1);
        EXPECT_EQ(errno, EAFNOSUPPORT);
    }
}

} // namespace
} // namespace xt
