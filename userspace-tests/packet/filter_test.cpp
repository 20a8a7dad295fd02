// SPDX-License-Identifier: GPL-2.0-or-later
// Classic BPF on packet sockets: what passes, how much of it, and when a change takes effect.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <sys/syscall.h>

#include "support/family.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

using Program = std::vector<sock_filter>;

// Passes the first `length` bytes of everything; 0 passes nothing.
Program accept(uint32_t length) {
    return {BPF_STMT(BPF_RET | BPF_K, length)};
}

// Passes experimental frames whose first payload byte is `byte`; works with and without header.
Program accept_payload(char byte) {
    return {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, uint32_t(SKF_NET_OFF)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, uint32_t(byte), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0x40000),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
}

// Passes half of all frames, whichever.
Program accept_by_chance() {
    return {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, uint32_t(SKF_AD_OFF + SKF_AD_RANDOM)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 15),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
}

// The same in eBPF, where it is a call.
Fd load_accept_by_chance() {
    const bpf_insn code[] = {
        {.code = BPF_JMP | BPF_CALL,
         .dst_reg = 0,
         .src_reg = 0,
         .off = 0,
         .imm = BPF_FUNC_get_prandom_u32},
        {.code = BPF_ALU64 | BPF_AND | BPF_K,
         .dst_reg = BPF_REG_0,
         .src_reg = 0,
         .off = 0,
         .imm = 1},
        {.code = BPF_ALU64 | BPF_LSH | BPF_K,
         .dst_reg = BPF_REG_0,
         .src_reg = 0,
         .off = 0,
         .imm = 15},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = reinterpret_cast<uintptr_t>(code);
    attributes.insn_cnt = uint32_t(std::size(code));
    attributes.license = reinterpret_cast<uintptr_t>("GPL");
    return Fd(int(checked(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)),
                          "BPF_PROG_LOAD")));
}

long attach(int fd, const Program& program) {
    const sock_fprog request{.len = uint16_t(program.size()),
                             .filter = const_cast<sock_filter*>(program.data())};
    return sys::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &request, sizeof(request));
}

class PacketFilter : public OnEachSide {
protected:
    [[nodiscard]] Fd bound(Kind kind = Kind::packet) const {
        Fd socket = open_socket(side(), kind, 0);
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
        return socket;
    }
    void send(const char* text) const {
        wire_.send(ethernet(here_mac(), experimental_ethertype, repeated(text, 64)));
    }
    // Which of a row of frames arrive at `socket`, whose program then is no more.
    [[nodiscard]] std::vector<Bytes> arrived(const Fd& socket) const {
        std::vector<Bytes> frames;
        EXPECT_EQ(attach(socket.get(), accept(0x40000)), 0);
        send("the end ");
        while (frames.empty() || !contains(frames.back(), "the end "))
            frames.push_back(receive(socket.get()).data);
        return frames;
    }
    OnOneCpu one_cpu_;
    Injector wire_ = Injector::at_peer();
};

TEST_P(PacketFilter, rejected_frames_never_arrive) {
    for (const Kind kind : packet_kinds) {
        const Fd socket = bound(kind);
        ASSERT_EQ(attach(socket.get(), accept_payload('y')), 0);
        send("no      ");
        send("yes     ");
        send("nothing ");
        send("yes, end");
        EXPECT_TRUE(contains(receive(socket.get()).data, "yes     "));
        EXPECT_TRUE(contains(receive(socket.get()).data, "yes, end"));
    }
}

TEST_P(PacketFilter, filter_shortens_to_what_it_returns) {
    const Fd socket = bound();
    for (const uint32_t length : {1U, 13U, 14U, 40U, 77U, 78U, 79U, 0xffffU, 0xffffffffU}) {
        ASSERT_EQ(attach(socket.get(), accept(length)), 0);
        send("payload ");
        const auto message = receive(socket.get(), any_size, MSG_TRUNC);
        EXPECT_EQ(message.result, long(std::min<uint32_t>(length, 64 + ETH_HLEN)));
        EXPECT_EQ(message.flags, 0) << "what the filter cut off is no truncation";
    }
}

TEST_P(PacketFilter, exchanged_filter_holds_from_the_next_frame_on) {
    const Fd socket = bound();
    for (int round = 0; round < 10; round++) {
        ASSERT_EQ(attach(socket.get(), accept_payload('a')), 0);
        send("b unwanted");
        send("a wanted");
        EXPECT_TRUE(contains(receive(socket.get()).data, "a wanted"));
        ASSERT_EQ(attach(socket.get(), accept_payload('b')), 0);
        send("a unwanted");
        send("b wanted");
        EXPECT_TRUE(contains(receive(socket.get()).data, "b wanted"));
    }
    set_option(socket, SOL_SOCKET, SO_DETACH_FILTER, 0);
    send("neither ");
    EXPECT_TRUE(contains(receive(socket.get()).data, "neither "));
}

TEST_P(PacketFilter, filter_from_before_bind_holds) {
    const Fd socket = packet(0);
    ASSERT_EQ(attach(socket.get(), accept_payload('y')), 0);
    bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
    send("no      ");
    send("yes     ");
    EXPECT_TRUE(contains(receive(socket.get()).data, "yes     "));
}

TEST_P(PacketFilter, many_sockets_with_shared_and_own_filters_each_get_their_own) {
    std::vector<Fd> sockets;
    for (int i = 0; i < 12; i++) {
        sockets.push_back(bound());
        ASSERT_EQ(attach(sockets.back().get(), accept_payload("abc"[i % 3])), 0);
    }
    sockets.push_back(bound());
    for (const char* text : {"a frame ", "b frame ", "c frame "})
        send(text);
    sockets.erase(sockets.begin()); // what a neighbour does changes nothing
    send("a again ");
    for (size_t i = 0; i < sockets.size() - 1; i++) {
        const char own[] = {"abc"[(i + 1) % 3], '\0'};
        EXPECT_TRUE(contains(receive(sockets[i].get()).data, std::string(own) + " frame "));
        if (own[0] == 'a') {
            EXPECT_TRUE(contains(receive(sockets[i].get()).data, "a again "));
        }
        EXPECT_FALSE(receive_now(sockets[i].get()));
    }
    for (int i = 0; i < 4; i++)
        receive(sockets.back().get());
}

// That two agree on 64 frames by chance happens once in 2^64 times.
TEST_P(PacketFilter, random_program_decides_for_each_socket) {
    const Fd one = bound(), other = bound();
    ASSERT_EQ(attach(one.get(), accept_by_chance()), 0);
    ASSERT_EQ(attach(other.get(), accept_by_chance()), 0);
    for (int i = 0; i < 64; i++)
        send(("number " + std::string(1, char('0' + i))).c_str());
    EXPECT_NE(arrived(one), arrived(other));
}

TEST_P(PacketFilter, ebpf_program_runs_for_each_socket) {
    const Fd program = load_accept_by_chance();
    const Fd one = bound(), other = bound();
    for (const Fd* socket : {&one, &other})
        set_option(*socket, SOL_SOCKET, SO_ATTACH_BPF, program.get());
    for (int i = 0; i < 64; i++)
        send(("number " + std::string(1, char('0' + i))).c_str());
    EXPECT_NE(arrived(one), arrived(other));
}

TEST_P(PacketFilter, locked_filter_cannot_be_changed) {
    const Fd socket = bound();
    ASSERT_EQ(attach(socket.get(), accept_payload('y')), 0);
    set_option(socket, SOL_SOCKET, SO_LOCK_FILTER, 1);
    EXPECT_EQ(attach(socket.get(), accept(100)), -1);
    EXPECT_EQ(errno, EPERM);
    send("no      ");
    send("yes     ");
    EXPECT_TRUE(contains(receive(socket.get()).data, "yes     "));
}

INSTANTIATE_TEST_SUITE_P(Sides, PacketFilter, testing::ValuesIn(both_sides), parameter_name<Side>);

class PacketFilterRequest : public OfEachKind {};

TEST_P(PacketFilterRequest, each_program_is_accepted_or_refused_as_by_the_sibling) {
    const auto program = [](const char* name, const Program& code) {
        return Row{name, [=](int fd) { return attach(fd, code); }};
    };
    expect_equal_outcomes(
        kind(), is_raw() ? experimental_protocol : 0,
        {program("accept", accept(1)),
         program("empty", {}),
         program("no return", {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0)}),
         program("jump beyond the end", {BPF_JUMP(BPF_JMP | BPF_JA, 5, 0, 0), accept(0)[0]}),
         program("unknown code", {sock_filter{0xffff, 0, 0, 0}, accept(0)[0]}),
         program("4096 instructions", Program(4096, accept(0)[0])),
         program("4097 instructions", Program(4097, accept(0)[0])),
         {"detach nothing",
          [](int fd) {
              const int zero = 0;
              return sys::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero));
          }},
         {"attach no BPF descriptor",
          [](int fd) {
              const int bad = -1;
              return sys::setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &bad, sizeof(bad));
          }},
         {"unmapped program", [](int fd) {
              const sock_fprog request{.len = 1, .filter = reinterpret_cast<sock_filter*>(8)};
              return sys::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &request, sizeof(request));
          }}});
}

INSTANTIATE_TEST_SUITE_P(Kinds, PacketFilterRequest, testing::ValuesIn(all_kinds),
                         parameter_name<Kind>);

} // namespace
} // namespace xt
