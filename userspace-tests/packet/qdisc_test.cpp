// SPDX-License-Identifier: GPL-2.0-or-later
// Frames that a queueing discipline holds back while their socket goes, or that it refuses: they
// are sent or reported, and what they are made of stays until then.
//
//   socket --> a qdisc of eth0 (a delay, a limit) --> eth1 in the namespace "peer"
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/capture_traffic.h"
#include "support/family.h"
#include "support/netns.h"
#include "support/outcome.h"
#include "support/send_compare.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/tx_ring.h"

namespace xt {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds forever{60'000};
constexpr int versions[] = {TPACKET_V1, TPACKET_V2, TPACKET_V3};

void tc(const std::string& words) {
    if (std::system(("tc qdisc " + words).c_str()) != 0)
        throw std::runtime_error("tc qdisc " + words);
}

// What goes out of eth0 goes through it. What it still has when it goes is dropped.
class Qdisc {
public:
    explicit Qdisc(const std::string& words) {
        tc("replace dev " + std::string(here_device) + " root " + words);
    }
    ~Qdisc() { tc("del dev " + std::string(here_device) + " root"); }
    Qdisc(const Qdisc&) = delete;
    Qdisc& operator=(const Qdisc&) = delete;
};

// Lets a first frame of 1400 bytes pass and keeps the others, as many as have room. They stay the
// socket's: netem takes what it delays away from it.
std::string slow(int room) {
    return "tbf rate 8bit burst 2000 limit " + std::to_string(room);
}

std::string netem(milliseconds delay, int limit = 1000) {
    return "netem delay " + std::to_string(delay.count()) + "ms limit " + std::to_string(limit);
}

class PacketHeldBack : public testing::Test {
protected:
    PacketHeldBack() {
        in_peer([&] { peer_ = open_socket(Side::sibling, Kind::packet, experimental_ethertype); });
    }

    void SetUp() override {
        if (!wire_is_software())
            GTEST_SKIP() << "not tried over a NIC";
    }

    static Fd make(Side side, Kind kind) {
        Fd socket = open_socket(side, kind, 0);
        const auto to = to_peer();
        checked(sys::bind(socket.get(), &to, sizeof(to)), "bind");
        return socket;
    }
    // As a frame of a socket of `kind` has it.
    [[nodiscard]] Bytes bytes(Kind kind, const std::string& text) const {
        const Bytes payload = repeated(text, 400);
        return kind == Kind::packet ? ethernet(peer_mac_, experimental_ethertype, payload)
                                    : payload;
    }
    // Waits for `count` frames at the peer: their payloads.
    [[nodiscard]] std::vector<std::string> arrived(size_t count) const {
        std::vector<std::string> result;
        while (result.size() < count) {
            const auto data = receive(peer_.get()).data;
            result.emplace_back(data.begin() + 14, data.end());
        }
        std::sort(result.begin(), result.end());
        return result;
    }

    Fd peer_;
    Mac peer_mac_ = peer_mac();
};

class PacketHeldBackAtClose : public PacketHeldBack {
protected:
    // Two frames of every kind of sender; returns their payloads.
    std::vector<std::string> send_from_everybody() {
        std::vector<std::string> sent;
        const auto text = [&] {
            auto result = "held " + std::to_string(10 + sent.size()) + "!";
            const Bytes payload = repeated(result, 400);
            sent.emplace_back(payload.begin(), payload.end());
            return result;
        };
        for (const Side side : both_sides)
            for (const Kind kind : packet_kinds) {
                const Fd& plain = sockets_.emplace_back(make(side, kind));
                for (int i = 0; i < 2; i++)
                    checked(send_to(plain.get(), bytes(kind, text()), to_peer()), "send");
                for (const int version : versions) {
                    const Fd& socket = sockets_.emplace_back(make(side, kind));
                    TxRing ring(socket.get(), version);
                    for (size_t i = 0; i < 2; i++)
                        ring.put(i, {.data = bytes(kind, text())});
                    const auto to = to_peer();
                    checked(sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, &to, sizeof(to)),
                            "send from a ring");
                }
            }
        std::sort(sent.begin(), sent.end());
        return sent;
    }

    std::vector<Fd> sockets_;
};

// Every socket is closed, and every ring unmapped, before the first frame leaves.
TEST_F(PacketHeldBackAtClose, everything_is_sent) {
    bool in_time = false;
    for (milliseconds delay{1000}; !in_time && delay <= deadline / 2; delay *= 2) {
        const Qdisc delayed(netem(delay));
        const auto began = Clock::now();
        const auto sent = send_from_everybody();
        close_together(sockets_);
        // else the machine was too slow, and it takes a longer delay
        in_time = Clock::now() - began < delay;
        EXPECT_EQ(arrived(sent.size()), sent);
    }
    EXPECT_TRUE(in_time);
}

// What a call that finds the queue full returns, and what it leaves in the ring.
TEST_F(PacketHeldBack, full_queue_is_reported_as_by_pf_packet) {
    constexpr int room_for_two = 3000;
    constexpr size_t frames = 4;
    constexpr milliseconds moment{5};
    for (const int loss : {0, 1})
        for (const int version : {TPACKET_V2, TPACKET_V3}) {
            std::string notes[2];
            for (const Side side : both_sides) {
                std::ostringstream note;
                const Fd socket = make(side, Kind::packet);
                set_option(socket, SOL_PACKET, PACKET_LOSS, loss);
                const TxRing ring(socket.get(), version);
                for (size_t i = 0; i < frames; i++)
                    ring.put(i, {.data = frame_to_peer(1400)});
                {
                    const Qdisc full(slow(room_for_two));
                    for (int i = 0; i < 2; i++) {
                        const auto outcome = outcome_of([&] {
                            return sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
                        });
                        // some NICs tell later of the one that has left
                        for (auto patience = deadline;
                             ring.status(0) == TP_STATUS_SENDING && patience > moment;
                             patience -= moment)
                            std::this_thread::sleep_for(moment);
                        note << outcome.result << " " << strerrorname_np(outcome.error) << ": "
                             << ring.statuses() << poll_now(socket.get(), POLLOUT) << "; ";
                    }
                }
                notes[side == Side::xinet] = note.str();
            }
            EXPECT_EQ(notes[0], notes[1]) << "version " << version + 1 << ", PACKET_LOSS " << loss;
        }
}

TEST_F(PacketHeldBack, send_to_a_full_queue_fails_as_by_pf_packet) {
    for (const Kind kind : packet_kinds) {
        std::vector<long> results[2];
        for (const Side side : both_sides) {
            const Fd socket = make(side, kind);
            const Qdisc full(netem(forever, 2));
            for (int i = 0; i < 4; i++) {
                const auto outcome = outcome_of(
                    [&] { return send_to(socket.get(), bytes(kind, "to lose!"), to_peer()); });
                results[side == Side::xinet].push_back(outcome.result < 0 ? -outcome.error
                                                                          : outcome.result);
            }
        }
        EXPECT_EQ(results[0], results[1]);
        EXPECT_EQ(results[1].back(), -ENOBUFS);
    }
}

// A frame has been copied: the ring has it back when it is no longer the socket's, as with netem,
// and what the program then writes does not get on the wire (see everything_is_sent).
TEST_F(PacketHeldBack, frame_is_the_programs_again_when_netem_has_it) {
    if (self_check())
        GTEST_SKIP() << "newer PF_PACKET waits until it has been sent";
    const Fd socket = make(Side::xinet, Kind::packet);
    const TxRing ring(socket.get(), TPACKET_V2);
    const Qdisc held(netem(forever));
    ring.put(0, {.data = frame_to_peer(64)});
    checked(sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0), "send");
    EXPECT_EQ(ring.status(0), uint32_t(TP_STATUS_AVAILABLE));
}

// The ring stays as long as a frame of it is on its way, and goes when they have been dropped.
TEST_F(PacketHeldBack, ring_cannot_be_taken_away) {
    constexpr milliseconds moment{5};
    for (const int version : versions)
        for (const Side side : both_sides) {
            SCOPED_TRACE(to_string(side) + " version " + std::to_string(version + 1));
            const Fd socket = make(side, Kind::packet);
            TxRing ring(socket.get(), version);
            {
                const Qdisc held(slow(100'000));
                for (size_t i = 0; i < 2; i++)
                    ring.put(i, {.data = frame_to_peer(1400)});
                checked(sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0), "send");
                EXPECT_EQ(ring.status(1), uint32_t(TP_STATUS_SENDING));
                ring.unmap();
                EXPECT_EQ(ring.request(0), -1);
                EXPECT_EQ(errno, EBUSY);
            }
            auto patience = deadline;
            for (; ring.request(0) != 0 && patience > moment; patience -= moment)
                std::this_thread::sleep_for(moment);
            EXPECT_GT(patience, moment) << "it never goes";
        }
}

// The frames that the queue still has when it goes are freed by their socket, which nobody can see
// any more, and marked in a ring that is mapped no more (CVE-2026-80841).
TEST_F(PacketHeldBack, ring_outlives_its_socket_as_long_as_frames_are_held) {
    for (const int version : versions) {
        SCOPED_TRACE("version " + std::to_string(version + 1));
        Fd socket = make(Side::xinet, Kind::packet);
        const Qdisc held(slow(100'000));
        {
            const TxRing ring(socket.get(), version);
            for (size_t i = 0; i < ring.frames(); i++)
                ring.put(i, {.data = frame_to_peer(1400)});
            checked(sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0), "send");
            EXPECT_EQ(ring.status(ring.frames() - 1), uint32_t(TP_STATUS_SENDING));
        }
        socket.close();
    }
}

// Another ring does not hear of the frames of the one before.
TEST_F(PacketHeldBack, ring_is_not_exchanged_as_long_as_frames_are_held) {
    const Fd socket = make(Side::xinet, Kind::packet);
    const auto refused = [&](const TxRing& ring) {
        EXPECT_EQ(ring.request(0), -1);
        EXPECT_EQ(errno, EBUSY);
        EXPECT_EQ(ring.request(4), -1);
        EXPECT_EQ(errno, EBUSY);
    };
    if (self_check())
        GTEST_SKIP() << "see ring_cannot_be_taken_away";
    TxRing first(socket.get(), TPACKET_V2);
    {
        const Qdisc held(slow(100'000));
        for (size_t i = 0; i < 2; i++)
            first.put(i, {.data = frame_to_peer(1400)});
        checked(sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0), "send");
        refused(first);
        first.unmap();
        refused(first);
    }
    constexpr milliseconds moment{5};
    auto patience = deadline;
    for (; first.request(0) != 0 && patience > moment; patience -= moment)
        std::this_thread::sleep_for(moment);
    const TxRing second(socket.get(), TPACKET_V3);
    second.put(0, {.data = frame_to_peer(64)});
    EXPECT_GT(sys::sendto(socket.get(), nullptr, 0, 0, nullptr, 0), 0);
    EXPECT_EQ(second.status(0), uint32_t(TP_STATUS_AVAILABLE));
}

} // namespace
} // namespace xt
