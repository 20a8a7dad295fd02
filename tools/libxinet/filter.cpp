// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/filter.h"

#include "libxinet/framing.h"
#include "xinet/error.h"

#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <utility>

namespace xinet {

namespace {

constexpr std::uint16_t load_word = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t jump_if_equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t return_constant = BPF_RET | BPF_K;

constexpr std::uint32_t ancillary(int field) {
    return static_cast<std::uint32_t>(SKF_AD_OFF + field);
}

using Compiler = std::unique_ptr<pcap_t, decltype(&::pcap_close)>;

Compiler compiler_for(LinkType type, std::uint32_t snapshot_length) {
    Compiler compiler(::pcap_open_dead(filter_link_type(type), static_cast<int>(snapshot_length)),
                      &::pcap_close);
    if (!compiler) {
        throw Error("start the filter compiler", {}, ENOMEM);
    }
    return compiler;
}

/// One that knows of this kernel what it can be asked for; libpcap looks that up by a socket.
/// Nothing if it gets none: PF_PACKET may be refused where PF_XINET is not, or the interface is
/// down, which bind() reports better.
std::optional<Compiler> live_compiler_for(LinkType type, std::uint32_t snapshot_length,
                                          const std::string& interface_name) {
    constexpr int least_buffer = 1; // nothing is read
    std::array<char, PCAP_ERRBUF_SIZE> message{};
    Compiler compiler(::pcap_create(interface_name.c_str(), message.data()), &::pcap_close);
    if (!compiler) {
        return std::nullopt;
    }
    ::pcap_set_snaplen(compiler.get(), static_cast<int>(snapshot_length));
    ::pcap_set_buffer_size(compiler.get(), least_buffer);
    if (::pcap_activate(compiler.get()) < 0) {
        return std::nullopt;
    }
    const int wanted = filter_link_type(type);
    if (::pcap_datalink(compiler.get()) != wanted &&
        ::pcap_set_datalink(compiler.get(), wanted) != 0) {
        // libpcap knows more of the header than that it is one of Ethernet
        return std::nullopt;
    }
    return compiler;
}

/// A field of LINKTYPE_LINUX_SLL2 that the kernel has beside the packet.
struct Sll2Field {
    std::uint32_t offset;
    std::uint16_t width;
    int ancillary;
};

constexpr std::array sll2_fields{Sll2Field{0, BPF_H, SKF_AD_PROTOCOL},
                                 Sll2Field{4, BPF_W, SKF_AD_IFINDEX},
                                 Sll2Field{10, BPF_B, SKF_AD_PKTTYPE}};

/// The instruction for a packet without the header; nothing if there is none that does the same.
std::optional<sock_filter> without_sll2(sock_filter step) {
    const auto kind = BPF_CLASS(step.code);
    const auto mode = BPF_MODE(step.code);
    if ((kind != BPF_LD && kind != BPF_LDX) || mode == BPF_IMM || mode == BPF_MEM) {
        return step;
    }
    const bool of_packet = mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH;
    // beyond, an offset is negative for the kernel
    constexpr std::uint32_t most = std::numeric_limits<std::int32_t>::max();
    if (of_packet && step.k >= sll2_header_length && step.k <= most) {
        step.k -= sll2_header_length;
        return step;
    }
    const auto* const field = std::ranges::find(sll2_fields, step.k, &Sll2Field::offset);
    if (mode != BPF_ABS || field == sll2_fields.end() || field->width != BPF_SIZE(step.code)) {
        return std::nullopt;
    }
    step.k = ancillary(field->ancillary);
    return step;
}

/// Whether an instruction is about what is beside the packet in the kernel.
bool asks_kernel(const bpf_insn& step) {
    return BPF_CLASS(step.code) == BPF_LD && BPF_MODE(step.code) == BPF_ABS &&
           step.k >= ancillary(0);
}

bpf_program compile(const Compiler& compiler, const std::string& expression) {
    constexpr int optimize = 1;
    bpf_program program{};
    if (::pcap_compile(compiler.get(), &program, expression.c_str(), optimize,
                       PCAP_NETMASK_UNKNOWN) != 0) {
        throw Error("compile filter", "'" + expression + "'", 0,
                    std::string(::pcap_geterr(compiler.get())) + "; see pcap-filter(7)");
    }
    return program;
}

} // namespace

void FilterProgram::Deleter::operator()(bpf_program* program) const {
    ::pcap_freecode(program);
    std::default_delete<bpf_program>{}(program);
}

FilterProgram::FilterProgram(const std::string& expression, LinkType type,
                             std::uint32_t snapshot_length)
    : type_(type),
      program_(new bpf_program(compile(compiler_for(type, snapshot_length), expression))) {}

FilterProgram::FilterProgram(const std::string& expression, LinkType type,
                             std::uint32_t snapshot_length, const std::string& interface_name)
    : type_(type) {
    auto live = live_compiler_for(type, snapshot_length, interface_name);
    has_tags_in_frames_ = !live && type == LinkType::ethernet;
    const Compiler compiler = live ? std::move(*live) : compiler_for(type, snapshot_length);
    program_ = Program(new bpf_program(compile(compiler, expression)));
}

std::optional<std::vector<sock_filter>>
FilterProgram::instructions(std::span<const sock_filter> prefix) const {
    std::vector<sock_filter> result(prefix.begin(), prefix.end());
    const std::span program(program_->bf_insns, program_->bf_len);
    // a program that asks what only the kernel knows runs there all the same
    if (has_tags_in_frames_ && std::ranges::none_of(program, asks_kernel)) {
        return std::nullopt;
    }
    for (const bpf_insn& item : program) {
        const sock_filter step{.code = item.code, .jt = item.jt, .jf = item.jf, .k = item.k};
        const auto placed =
            type_ == LinkType::linux_sll2 ? without_sll2(step) : std::optional(step);
        if (!placed) {
            return std::nullopt;
        }
        result.push_back(*placed);
    }
    if (type_ == LinkType::linux_sll2 && result.size() > BPF_MAXINSNS) {
        return std::nullopt;
    }
    return result;
}

std::uint32_t FilterProgram::evaluate(std::span<const std::byte> frame,
                                      std::uint32_t original_length) const {
    const pcap_pkthdr header{
        .ts = {}, .caplen = static_cast<bpf_u_int32>(frame.size()), .len = original_length};
    return static_cast<std::uint32_t>(::pcap_offline_filter(
        program_.get(), &header, reinterpret_cast<const u_char*>(frame.data())));
}

std::vector<sock_filter> direction_prefix(Direction wanted, unsigned loopback_index) {
    const sock_filter load_type{
        .code = load_word, .jt = 0, .jf = 0, .k = ancillary(SKF_AD_PKTTYPE)};
    const sock_filter reject{.code = return_constant, .jt = 0, .jf = 0, .k = 0};
    const auto if_outgoing = [](std::uint8_t then, std::uint8_t otherwise) {
        return sock_filter{
            .code = jump_if_equal, .jt = then, .jf = otherwise, .k = PACKET_OUTGOING};
    };
    switch (wanted) {
    case Direction::in:
        return {load_type, if_outgoing(0, 1), reject};
    case Direction::out:
        return {load_type, if_outgoing(1, 0), reject};
    case Direction::both:
        break;
    }
    if (loopback_index == 0) {
        return {};
    }
    return {load_type,
            if_outgoing(0, 3),
            {.code = load_word, .jt = 0, .jf = 0, .k = ancillary(SKF_AD_IFINDEX)},
            {.code = jump_if_equal, .jt = 0, .jf = 1, .k = loopback_index},
            reject};
}

std::vector<sock_filter> accept_all(std::uint32_t length) {
    return {{.code = return_constant, .jt = 0, .jf = 0, .k = length}};
}

} // namespace xinet
