// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/filter.h"

#include "xinet/error.h"

#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace xinet {

namespace {

constexpr std::uint16_t load_word = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t jump_if_equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t return_constant = BPF_RET | BPF_K;

constexpr std::uint32_t ancillary(int field) {
    return static_cast<std::uint32_t>(SKF_AD_OFF + field);
}

using Compiler = std::unique_ptr<pcap_t, decltype(&::pcap_close)>;

} // namespace

void FilterProgram::Deleter::operator()(bpf_program* program) const {
    ::pcap_freecode(program);
    std::default_delete<bpf_program>{}(program);
}

FilterProgram::FilterProgram(const std::string& expression, LinkType type,
                             std::uint32_t snapshot_length)
    : program_(std::make_unique<bpf_program>().release()) {
    const Compiler compiler(
        ::pcap_open_dead(filter_link_type(type), static_cast<int>(snapshot_length)), &::pcap_close);
    if (!compiler) {
        throw Error("start the filter compiler", {}, ENOMEM);
    }
    constexpr int optimize = 1;
    if (::pcap_compile(compiler.get(), program_.get(), expression.c_str(), optimize,
                       PCAP_NETMASK_UNKNOWN) != 0) {
        throw Error("compile filter", "'" + expression + "'", 0,
                    std::string(::pcap_geterr(compiler.get())) + "; see pcap-filter(7)");
    }
}

std::vector<sock_filter> FilterProgram::instructions(std::span<const sock_filter> prefix) const {
    std::vector<sock_filter> result(prefix.begin(), prefix.end());
    const std::span program(program_->bf_insns, program_->bf_len);
    std::ranges::transform(program, std::back_inserter(result), [](const bpf_insn& item) {
        return sock_filter{.code = item.code, .jt = item.jt, .jf = item.jf, .k = item.k};
    });
    return result;
}

std::uint32_t FilterProgram::evaluate(std::span<const std::byte> frame,
                                      std::uint32_t original_length) const {
    const pcap_pkthdr header{
        .ts = {}, .caplen = static_cast<bpf_u_int32>(frame.size()), .len = original_length};
    return static_cast<std::uint32_t>(::pcap_offline_filter(
        program_.get(), &header, reinterpret_cast<const u_char*>(frame.data())));
}

bool asks_for_vlan(std::string_view expression) {
    constexpr std::string_view word = "vlan";
    const auto in_word = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    };
    for (auto at = expression.find(word); at != std::string_view::npos;
         at = expression.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool starts = at == 0 || !in_word(expression[at - 1]);
        const bool ends = end == expression.size() || !in_word(expression[end]);
        if (starts && ends) {
            return true;
        }
    }
    return false;
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
