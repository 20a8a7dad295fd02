// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets without memory: each allocation of a call fails once, in a kernel that can make it
// fail (CONFIG_FAILSLAB). The call succeeds or says ENOMEM or ENOBUFS; in either case every socket
// at the same place goes on receiving what its filter accepts, and no other packet.
#include <gtest/gtest.h>
#include <linux/filter.h>

#include "support/compare.h"
#include "support/fanout.h"
#include "support/faults.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/tx_ring.h"

namespace xt {
namespace {

constexpr unsigned most_allocations = 200;
constexpr uint16_t group_id = 55;

// Makes the n-th allocation of a call fail. False when the call makes fewer.
bool with_failure(unsigned n, const std::function<void()>& call) {
    const OwnFaults faults;
    faults.fail_nth(n);
    call();
    return faults.stop();
}

void expect_success_or_no_memory(const Outcome& outcome) {
    EXPECT_TRUE(outcome.result >= 0 || outcome.error == ENOMEM || outcome.error == ENOBUFS)
        << strerrorname_np(outcome.error);
}

class PacketFault : public testing::Test {
protected:
    void SetUp() override {
        if (self_check() || !can_inject_faults())
            GTEST_SKIP() << "needs the module and a kernel with fault injection";
        allow_own_faults();
        for (const uint8_t accepted : {'a', 'b'}) {
            witnesses_.push_back(here());
            accept_only(witnesses_.back().get(), accepted);
        }
    }

    [[nodiscard]] static sockaddr_ll place() {
        return link_address(experimental_ethertype, link::index(here_device));
    }
    // A socket at the place that all of these share.
    [[nodiscard]] static Fd here() {
        Fd socket = open_socket(Side::xinet, Kind::packet, 0);
        bind_to(socket, place());
        return socket;
    }
    static long accept_only(int fd, uint8_t first_byte) {
        sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first_byte, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, ~0U), BPF_STMT(BPF_RET | BPF_K, 0)};
        const sock_fprog program{.len = 4, .filter = code};
        return sys::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    }
    // The witnesses get what is for them, once, and nothing else.
    void expect_all_is_well() const {
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        for (const char* text : {"aaaaaaaa", "bbbbbbbb", "cccccccc"})
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated(text, 64)));
        wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive_marked(monitor.get(), "the end ");
        for (const size_t i : {0, 1}) {
            const auto message = receive_now(witnesses_[i].get());
            ASSERT_TRUE(message);
            EXPECT_EQ(message->data[14], "ab"[i]);
            EXPECT_FALSE(receive_now(witnesses_[i].get()));
        }
    }
    // Fails one allocation after the other, until the call makes no more; some make none at all.
    void fail_each(const std::function<void(unsigned n)>& round) const {
        unsigned n = 1;
        for (; n < most_allocations && !HasFatalFailure(); n++) {
            SCOPED_TRACE("allocation " + std::to_string(n));
            more_ = false;
            round(n);
            expect_all_is_well();
            if (!more_)
                break;
        }
        EXPECT_LT(n, most_allocations);
    }
    void fail(unsigned n, const std::function<void()>& call) const {
        more_ = with_failure(n, call);
    }

    OnOneCpu one_cpu_;
    Injector wire_ = Injector::at_peer();
    std::vector<Fd> witnesses_;
    mutable bool more_ = false;
};

TEST_F(PacketFault, socket_and_bind) {
    fail_each([&](unsigned n) {
        const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
        const auto to = place();
        Outcome outcome;
        fail(n, [&] {
            outcome = outcome_of([&] { return sys::bind(socket.get(), &to, sizeof(to)); });
        });
        expect_success_or_no_memory(outcome);
        if (outcome.result < 0)
            bind_to(socket, place());
    });
}

TEST_F(PacketFault, attach_filter) {
    fail_each([&](unsigned n) {
        const Fd socket = here();
        Outcome outcome;
        fail(n, [&] { outcome = outcome_of([&] { return accept_only(socket.get(), 'c'); }); });
        expect_success_or_no_memory(outcome);
        wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("cccccccc", 64)));
        EXPECT_EQ(receive(socket.get()).data[14], 'c');
    });
}

TEST_F(PacketFault, detach_filter) {
    fail_each([&](unsigned n) {
        const Fd socket = here();
        accept_only(socket.get(), 'd');
        Outcome outcome;
        fail(n, [&] {
            const int unused = 0;
            outcome = outcome_of([&] {
                return sys::setsockopt(socket.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused,
                                       sizeof(unused));
            });
        });
        EXPECT_EQ(outcome.result, 0);
        wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("cccccccc", 64)));
        EXPECT_EQ(receive(socket.get()).data[14], 'c');
    });
}

TEST_F(PacketFault, close) {
    fail_each([&](unsigned n) {
        Fd socket = here();
        accept_only(socket.get(), 'c');
        fail(n, [&] { socket.close(); });
    });
}

TEST_F(PacketFault, fanout_join) {
    for (const uint16_t mode : {PACKET_FANOUT_LB, PACKET_FANOUT_ROLLOVER,
                                PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_UNIQUEID})
        fail_each([&](unsigned n) {
            const Fd socket = here();
            Outcome outcome;
            const auto id = uint16_t(mode & PACKET_FANOUT_FLAG_UNIQUEID ? 0 : group_id);
            fail(n, [&] {
                outcome = outcome_of([&] { return join_fanout(socket.get(), id, mode); });
            });
            expect_success_or_no_memory(outcome);
            if (outcome.result < 0) {
                EXPECT_EQ(get_option(socket, SOL_PACKET, PACKET_FANOUT), 0);
                EXPECT_EQ(join_fanout(socket.get(), id, mode), 0);
            }
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("cccccccc", 64)));
            EXPECT_EQ(receive(socket.get()).data[14], 'c');
        });
}

TEST_F(PacketFault, fanout_leave) {
    fail_each([&](unsigned n) {
        Fd leaver = here();
        const Fd stayer = here();
        for (const Fd* socket : {static_cast<const Fd*>(&leaver), &stayer})
            ASSERT_EQ(join_fanout(socket->get(), group_id, PACKET_FANOUT_LB), 0);
        fail(n, [&] { leaver.close(); });
        wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("cccccccc", 64)));
        EXPECT_EQ(receive(stayer.get()).data[14], 'c');
    });
}

TEST_F(PacketFault, fanout_program) {
    fail_each([&](unsigned n) {
        const Fd socket = here();
        ASSERT_EQ(join_fanout(socket.get(), group_id, PACKET_FANOUT_CBPF), 0);
        Outcome outcome;
        fail(n, [&] {
            sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
            const sock_fprog program{.len = 1, .filter = code};
            outcome = outcome_of([&] {
                return sys::setsockopt(socket.get(), SOL_PACKET, PACKET_FANOUT_DATA, &program,
                                       sizeof(program));
            });
        });
        expect_success_or_no_memory(outcome);
    });
}

// What a call cannot send for want of memory stands in the ring as before, and the next call sends
// it: no slot is lost, and no frame.
TEST_F(PacketFault, send_from_a_ring) {
    for (const bool large : {false, true})
        for (const int version : {TPACKET_V1, TPACKET_V2, TPACKET_V3})
            fail_each([&](unsigned n) {
                SCOPED_TRACE(std::to_string(large) + " version " + std::to_string(version + 1));
                const Fd socket = here();
                const TxRing ring(socket.get(), version);
                const size_t payload = large ? 1400 : 64; // a pooled skb, or one of its own
                for (size_t i = 0; i < ring.frames(); i++)
                    ring.put(i, {.data = ethernet(peer_mac(), experimental_ethertype + 2,
                                                  repeated(std::to_string(i), payload))});
                const auto send = [&] {
                    return sys::sendto(socket.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0);
                };
                Outcome outcome;
                fail(n, [&] { outcome = outcome_of(send); });
                expect_success_or_no_memory(outcome);
                EXPECT_GE(send(), 0);
                ring.settle();
                for (size_t i = 0; i < ring.frames(); i++)
                    EXPECT_EQ(ring.status(i), uint32_t(TP_STATUS_AVAILABLE)) << i;
                ring.put(0, {.data = ethernet(peer_mac(), experimental_ethertype + 2,
                                              repeated("again", payload))});
                EXPECT_GT(send(), 0);
                ring.settle();
                EXPECT_EQ(ring.status(0), uint32_t(TP_STATUS_AVAILABLE));
            });
}

TEST_F(PacketFault, send) {
    for (const size_t payload : {64, 1400})
        fail_each([&](unsigned n) {
            const Fd socket = here();
            const auto to = place();
            const Bytes frame =
                ethernet(peer_mac(), experimental_ethertype + 2, repeated("payload ", payload));
            // from the second one on a socket has skbs of its own
            EXPECT_EQ(send_to(socket.get(), frame, to), long(frame.size()));
            Outcome outcome;
            fail(n,
                 [&] { outcome = outcome_of([&] { return send_to(socket.get(), frame, to); }); });
            expect_success_or_no_memory(outcome);
            EXPECT_EQ(send_to(socket.get(), frame, to), long(frame.size()));
        });
}

} // namespace
} // namespace xt
