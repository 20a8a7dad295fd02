// SPDX-License-Identifier: GPL-2.0-or-later
// What options and control messages of level SOL_SOCKET do to a frame that a packet socket sends,
// with sendmsg() and from a ring: as over PF_PACKET.
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <time.h>

#include "support/control.h"
#include "support/send_compare.h"
#include "support/sys.h"
#include "support/tx_ring.h"

namespace xt {
namespace {

constexpr int scm_txtime = 61; // SCM_TXTIME

struct Control {
    int type;
    Bytes value;
};

template<typename T>
Bytes bytes_of(T value) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    return {begin, begin + sizeof(value)};
}

// sendmsg() of a frame to the peer with control messages; an empty frame for a socket with a ring.
long send_with(int fd, Bytes frame, const std::vector<Control>& controls, int flags = 0) {
    alignas(cmsghdr) uint8_t room[256] = {};
    size_t used = 0;
    for (const auto& control : controls) {
        auto* header = reinterpret_cast<cmsghdr*>(room + used);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = control.type;
        header->cmsg_len = CMSG_LEN(control.value.size());
        std::copy(control.value.begin(), control.value.end(), CMSG_DATA(header));
        used += CMSG_SPACE(control.value.size());
    }
    auto to = to_peer();
    iovec part{frame.data(), frame.size()};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof(to);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = used ? room : nullptr;
    message.msg_controllen = used;
    return sys::sendmsg(fd, &message, flags);
}

class PacketSendOptions : public SendComparison {
protected:
    static Row row(const std::string& name, const std::vector<Control>& controls) {
        return {name, [=](int fd) { return send_with(fd, frame_to_peer(64), controls); }};
    }
    static Row ring_row(const std::string& name, const std::vector<Control>& controls) {
        return {name + ", from a ring", [=](int fd) {
                    const TxRing ring(fd, TPACKET_V2);
                    ring.put(0, {.data = frame_to_peer(64)});
                    return send_with(fd, {}, controls);
                }};
    }
};

TEST_F(PacketSendOptions, control_message_is_taken_or_refused) {
    struct Case {
        const char* name;
        std::vector<Control> controls;
    };
    const std::vector<Case> cases{
        {"SO_MARK", {{SO_MARK, bytes_of(uint32_t(7))}}},
        {"SO_MARK of a byte", {{SO_MARK, Bytes(1)}}},
        {"SO_PRIORITY", {{SO_PRIORITY, bytes_of(uint32_t(3))}}},
        {"SO_PRIORITY of 8 bytes", {{SO_PRIORITY, Bytes(8)}}},
        {"SCM_TXTIME", {{scm_txtime, bytes_of(uint64_t(1))}}},
        {"SCM_TXTIME of 4 bytes", {{scm_txtime, Bytes(4)}}},
        {"SO_TIMESTAMPING", {{SO_TIMESTAMPING, bytes_of(uint32_t(SOF_TIMESTAMPING_TX_SOFTWARE))}}},
        {"SO_TIMESTAMPING of receivers",
         {{SO_TIMESTAMPING, bytes_of(uint32_t(SOF_TIMESTAMPING_RX_SOFTWARE))}}},
        {"two of them", {{SO_MARK, bytes_of(uint32_t(7))}, {scm_txtime, bytes_of(uint64_t(1))}}},
        {"unknown", {{0x7777, Bytes(4)}}},
    };
    const Prepare txtime = [](const Fd& socket) { ask_for_txtime(socket, CLOCK_TAI); };
    std::vector<Row> rows;
    for (const auto& one : cases) {
        rows.push_back(row(one.name, one.controls));
        rows.push_back(ring_row(one.name, one.controls));
    }
    EXPECT_GE(expect_equal(Kind::packet, rows), 4U);
    EXPECT_GE(expect_equal(Kind::packet, rows, txtime), 6U);
}

TEST_F(PacketSendOptions, send_time_comes_through_the_error_queue) {
    const auto message_of = [](int fd) {
        // whose times differ, all else must not
        std::ostringstream out;
        while (const auto message = receive_now(fd, any_size, MSG_ERRQUEUE)) {
            out << message->result << " bytes, flags " << message->flags << " ";
            for (const auto& control : message->controls)
                out << control.level << "/" << control.type << " "
                    << (control.level == SOL_PACKET
                            ? hex(control.value.data(), control.value.size())
                            : std::to_string(control.value.size()))
                    << " ";
        }
        return out.str();
    };
    for (const int flags : {int(SOF_TIMESTAMPING_TX_SOFTWARE), int(SOF_TIMESTAMPING_TX_SCHED),
                            SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID,
                            SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY}) {
        SCOPED_TRACE("flags " + std::to_string(flags));
        if (flags & SOF_TIMESTAMPING_TX_SOFTWARE && !link::stamps_what_it_sends(here_device))
            continue; // 8139cp, pcnet32, vmxnet3
        std::vector<std::string> notes;
        const auto note = [&](int fd, long sent) {
            // some NICs stamp a frame when its completion is handled
            wait_for(fd, POLLERR);
            notes.push_back(message_of(fd));
            return sent;
        };
        const Prepare ask = [&](const Fd& socket) {
            set_option(socket, SOL_SOCKET, SO_TIMESTAMPING, flags | SOF_TIMESTAMPING_SOFTWARE);
        };
        EXPECT_EQ(
            expect_equal(Kind::packet,
                         {{"sendmsg",
                           [&](int fd) { return note(fd, send_with(fd, frame_to_peer(64), {})); }},
                          {"ring",
                           [&](int fd) {
                               const TxRing ring(fd, TPACKET_V2);
                               ring.put(0, {.data = frame_to_peer(64)});
                               return note(fd, send_with(fd, {}, {}));
                           }}},
                         ask),
            2U);
        EXPECT_EQ(notes.at(0), notes.at(1));
        EXPECT_EQ(notes.at(2), notes.at(3));
        EXPECT_NE(notes.at(0), "");
    }
}

TEST_F(PacketSendOptions, frame_without_checksum_and_without_copy_are_refused_alike) {
    const auto with = [](int option, int flags) {
        return [=](int fd) {
            const int on = 1;
            const long set = sys::setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on));
            const int error = set < 0 ? errno : 0;
            const long sent = send_with(fd, frame_to_peer(64), {}, flags);
            // both results in one
            if (sent < 0 && error)
                errno = error;
            return sent < 0 ? sent : sent + 1000L * error;
        };
    };
    EXPECT_GE(expect_equal(Kind::packet, {{"SO_NOFCS", with(SO_NOFCS, 0)},
                                          {"SO_ZEROCOPY", with(SO_ZEROCOPY, 0)},
                                          {"MSG_ZEROCOPY", with(SO_ZEROCOPY, MSG_ZEROCOPY)},
                                          {"MSG_ZEROCOPY alone", with(SO_PRIORITY, MSG_ZEROCOPY)}}),
              1U);
}

} // namespace
} // namespace xt
