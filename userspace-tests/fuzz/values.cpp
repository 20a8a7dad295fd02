// SPDX-License-Identifier: GPL-2.0-or-later
#include "values.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "support/family.h"
#include "support/targets.h"

namespace xt::fuzz {
namespace {

constexpr unsigned page = 4096;

template<typename T>
Bytes bytes_of(const T& value) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    return {begin, begin + sizeof(value)};
}

// return the packet's length; an invalid descriptor where there is no eBPF
Fd load_program() {
    const bpf_insn code[] = {
        {.code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = 0, .src_reg = 1, .off = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = uint64_t(reinterpret_cast<uintptr_t>(code));
    attributes.insn_cnt = std::size(code);
    attributes.license = uint64_t(reinterpret_cast<uintptr_t>("GPL"));
    return Fd(int(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes))));
}

} // namespace

Values::Values(uint64_t seed, const std::vector<int>& devices)
    : random_(seed), devices_(devices), code_(BPF_MAXINSNS), program_(load_program()) {}

int Values::number() {
    if (random_.once_in(4))
        return int(random_.next());
    return random_.one_of({0,     1,     -1,    2,       3,       4,       8,          10,
                           12,    14,    16,    20,      100,     128,     255,        256,
                           1500,  2048,  4095,  4096,    4097,    9000,    9001,       9728,
                           65521, 65535, 65536, 1 << 20, INT_MAX, INT_MIN, INT_MIN + 1});
}

int Values::ethertype() {
    return random_.one_of({0, ETH_P_ALL, ETH_P_IP, int(experimental_ethertype), ETH_P_8021Q,
                           ETH_P_802_2, int(random_.below(0x10000))});
}

int Values::device() {
    return random_.once_in(16) ? number() : random_.any(devices_);
}

Bytes Values::memory(size_t size) {
    Bytes result(size, random_.one_of<uint8_t>({0, 0, 0xff}));
    if (random_.once_in(2))
        for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
            const int value = number();
            std::memcpy(&result[at], &value, sizeof(value));
        }
    return result;
}

sockaddr_ll Values::address() {
    sockaddr_ll result = link_address(uint16_t(ethertype()), device());
    if (random_.once_in(8))
        result.sll_family = sa_family_t(random_.one_of({0, AF_XINET, AF_INET, 255}));
    result.sll_halen = random_.one_of<uint8_t>({0, 6, 6, 8, 32, 255});
    std::copy(broadcast_mac.begin(), broadcast_mac.end(), result.sll_addr);
    return result;
}

// Either refused for its numbers, or of a few megabytes at most: a guest has little memory.
tpacket_req3 Values::ring() {
    tpacket_req3 result{};
    result.tp_block_size = page << random_.below(5);
    result.tp_block_nr = unsigned(random_.between(1, 16));
    result.tp_frame_size = random_.one_of<unsigned>({128, 256, 512, 2048, 4096});
    result.tp_frame_nr = result.tp_block_size / result.tp_frame_size * result.tp_block_nr;
    if (random_.once_in(2)) {
        result.tp_retire_blk_tov = unsigned(random_.between(0, 20));
        result.tp_sizeof_priv = random_.one_of<unsigned>({0, 8, 13, 256});
        result.tp_feature_req_word = unsigned(random_.between(0, 1));
    }
    if (random_.once_in(4))
        return {}; // the ring goes
    if (!random_.once_in(4))
        return result;
    unsigned* const spoilt[] = {&result.tp_block_nr,    &result.tp_frame_size,
                                &result.tp_frame_nr,    &result.tp_retire_blk_tov,
                                &result.tp_sizeof_priv, &result.tp_feature_req_word};
    *random_.any(spoilt) = unsigned(number());
    if (random_.once_in(4))
        result.tp_block_size = random_.one_of<unsigned>({0, 1, 4095, 0x80000000, 0xfffff000});
    if (uint64_t(result.tp_block_nr) * result.tp_block_size > (4 << 20))
        result.tp_frame_nr = 1; // never what the kernel computes from the others
    return result;
}

Bytes Values::frame() {
    Bytes result;
    if (random_.once_in(4))
        result = memory(random_.one_of<size_t>({10, 12}));
    if (random_.once_in(2))
        result = result + ethernet(broadcast_mac, uint16_t(ethertype()), {});
    const auto size = random_.once_in(8) ? size_t(number()) % 70'000 : random_.below(1600);
    return result + memory(size);
}

Values::Option Values::option() {
    Option result;
    if (random_.once_in(32))
        result = {random_.one_of({SOL_PACKET, SOL_XINET, 0, 1000}), number(), memory(16)};
    else if (random_.once_in(5))
        result = socket_option();
    else if (random_.once_in(5))
        result = xinet_option();
    else
        result = packet_option();
    if (random_.once_in(16))
        result.value.resize(random_.below(64));
    return result;
}

Values::Option Values::packet_option() {
    constexpr int newest = 24; // PACKET_VNET_HDR_SZ
    const int name = int(random_.below(newest + 2));
    switch (name) {
    case PACKET_ADD_MEMBERSHIP:
    case PACKET_DROP_MEMBERSHIP:
        return {SOL_PACKET, name, membership()};
    case PACKET_RX_RING:
    case PACKET_TX_RING: {
        Bytes value = bytes_of(ring());
        if (random_.once_in(2))
            value.resize(sizeof(tpacket_req));
        return {SOL_PACKET, name, value};
    }
    case PACKET_FANOUT:
        return {SOL_PACKET, name, fanout()};
    case PACKET_FANOUT_DATA:
        return {SOL_PACKET, name, random_.once_in(2) ? filter() : bytes_of(program_.get())};
    case PACKET_RESERVE:
        if (random_.once_in(2)) // or room for all that a socket may be told
            return {SOL_PACKET, name, bytes_of(random_.once_in(2) ? 264 : 0)};
        return {SOL_PACKET, name, bytes_of(number())};
    default:
        return {SOL_PACKET, name, bytes_of(random_.once_in(4) ? number() : random_.between(0, 3))};
    }
}

// Nothing that lets a call wait for long, or a queue eat the guest's memory.
Values::Option Values::socket_option() {
    switch (const int name = random_.one_of({SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_ATTACH_BPF,
                                             SO_LOCK_FILTER, SO_RCVBUF, SO_SNDBUF, SO_TIMESTAMP,
                                             SO_TIMESTAMPING, SO_RXQ_OVFL, SO_MARK, SO_PRIORITY,
                                             SO_BINDTODEVICE, SO_ERROR, SO_BUSY_POLL, SO_NOFCS})) {
    case SO_ATTACH_FILTER:
        return {SOL_SOCKET, name, filter()};
    case SO_ATTACH_BPF:
        return {SOL_SOCKET, name, bytes_of(program_.get())};
    case SO_LOCK_FILTER:
        return {SOL_SOCKET, name, bytes_of(int(random_.once_in(50)))};
    case SO_RCVBUF:
    case SO_SNDBUF:
        return {SOL_SOCKET, name, bytes_of(int(random_.below(1 << 18)))};
    default:
        return {SOL_SOCKET, name, bytes_of(number())};
    }
}

// Lanes of half a megabyte at most, and descriptors that may be those of a target.
Values::Option Values::xinet_option() {
    const int name =
        random_.one_of({XINET_PACKET_COOKED,    XINET_PACKET_FLUSH_USEC, XINET_PACKET_WATERMARK,
                        XINET_RX_RING,          XINET_RX_RING,           XINET_RX_RING_ATTACH,
                        XINET_RX_RING_ATTACH,   XINET_RX_RING_FLUSH,     XINET_RX_RING_FREEZE,
                        XINET_PACKET_OWNER,     XINET_PACKET_OWNER,      XINET_PACKET_OWNER_FILTER,
                        XINET_PACKET_DROPS,     XINET_PACKET_DROPS,      XINET_PACKET_ALL_NETNS,
                        XINET_PACKET_ALL_NETNS, XINET_PACKET_ORIGINAL,   XINET_PACKET_ORIGINAL,
                        XINET_PACKET_POINT,     XINET_PACKET_POINT,      XINET_PACKET_QUEUE,
                        XINET_PACKET_QUEUE,     XINET_RAW_ICMP_ID,       XINET_RAW_POINT});
    if (name == XINET_PACKET_OWNER_FILTER)
        return {SOL_XINET, name, bytes_of(owner_filter())};
    if (name == XINET_RX_RING)
        return {SOL_XINET, name, bytes_of(lanes())};
    if (name == XINET_RX_RING_ATTACH && !random_.once_in(8))
        return {SOL_XINET, name, bytes_of(Targets::first_fd + random_.between(0, 7))};
    if (name == XINET_PACKET_POINT && !random_.once_in(4))
        return {SOL_XINET, name, bytes_of(random_.between(1, 511))};
    if (name == XINET_PACKET_DROPS && !random_.once_in(4))
        return {SOL_XINET, name, bytes_of(random_.between(1, 2) + 4 * random_.between(0, 1))};
    return {SOL_XINET, name, bytes_of(random_.once_in(4) ? number() : random_.between(0, 2))};
}

xinet_owner_filter Values::owner_filter() {
    xinet_owner_filter result{};
    result.match = random_.once_in(4) ? uint32_t(number()) : uint32_t(random_.between(0, 15));
    result.cookie = uint64_t(random_.between(0, 100));
    result.netns_cookie = uint64_t(random_.between(0, 5));
    result.cgroup = uint64_t(random_.between(0, 3));
    result.uid = random_.once_in(4) ? uint32_t(number()) : 0;
    return result;
}

xinet_rx_ring_req Values::lanes() {
    xinet_rx_ring_req result{};
    result.lane_size = XINET_RX_RING_LANE_MIN << random_.below(4);
    result.flags = random_.once_in(2) ? XINET_RX_RING_OVERWRITE : 0;
    result.wake_packets = uint32_t(random_.between(0, 3));
    result.wake_usec = uint32_t(random_.between(0, 100));
    if (random_.once_in(4)) {
        uint32_t* const spoilt[] = {&result.flags, &result.snaplen, &result.wake_packets,
                                    &result.wake_usec, &result.reserved};
        *random_.any(spoilt) = uint32_t(number());
    }
    if (random_.once_in(8))
        result.lane_size = random_.one_of<uint32_t>({0, 1, 4096, 0x18000, 0x80000000, UINT_MAX});
    return result;
}

Bytes Values::fanout() {
    fanout_args result{};
    result.id = uint16_t(random_.below(3));
    const int flags = random_.one_of({0, 0, 0, 0x10, 0x20, 0x40, 0x80, 0xff}) << 8;
    result.type_flags = uint16_t(random_.between(0, 8) | flags);
    result.max_num_members = random_.once_in(4) ? uint32_t(number()) : 0;
    Bytes value = bytes_of(result);
    if (result.max_num_members == 0)
        value.resize(sizeof(int));
    return value;
}

Bytes Values::filter() {
    code_[0] = BPF_STMT(BPF_LD | BPF_B | BPF_ABS, uint32_t(random_.below(64)));
    code_[1] = random_.once_in(2) ? sock_filter BPF_STMT(BPF_RET | BPF_A, 0)
                                  : sock_filter BPF_STMT(BPF_RET | BPF_K, uint32_t(number()));
    if (random_.once_in(8))
        code_[0].code = uint16_t(random_.next());
    const sock_fprog program{.len = uint16_t(random_.once_in(16) ? number() : 2),
                             .filter = code_.data()};
    return bytes_of(program);
}

Bytes Values::membership() {
    packet_mreq result{};
    result.mr_ifindex = device();
    result.mr_type = random_.one_of<uint16_t>(
        {PACKET_MR_MULTICAST, PACKET_MR_PROMISC, PACKET_MR_ALLMULTI, PACKET_MR_UNICAST, 9});
    result.mr_alen = random_.one_of<uint16_t>({0, 6, 6, 7, 8, 32, 0xffff});
    result.mr_address[0] = random_.one_of<uint8_t>({1, 2, 0xff});
    result.mr_address[5] = uint8_t(random_.below(4));
    return bytes_of(result) + Bytes(random_.one_of<size_t>({0, 8, 24}), 1);
}

} // namespace xt::fuzz
