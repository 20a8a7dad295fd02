// SPDX-License-Identifier: GPL-2.0-or-later
// One reader for every layer: it copies a header out of the packet, so that alignment and
// nesting do not matter, and looks at no option. A packet cut short is shown up to where it ends.
#include "program/dissect.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace xinet {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t shown_bytes = 16;
constexpr int most_tunnels = 4;
constexpr int most_vlan_tags = 4;
constexpr int most_extension_headers = 8;
constexpr std::size_t vlan_tag_bytes = 4;
constexpr std::size_t sll2_bytes = 20;

std::uint8_t byte_at(Bytes data, std::size_t at) {
    return std::to_integer<std::uint8_t>(data[at]);
}

std::uint16_t u16_at(Bytes data, std::size_t at) {
    return static_cast<std::uint16_t>(byte_at(data, at) << 8 | byte_at(data, at + 1));
}

std::string hex(Bytes data) {
    std::string text;
    for (const std::byte byte : data.first(std::min(data.size(), shown_bytes))) {
        text += fmt::format("{}{:02x}", text.empty() ? "" : " ", std::to_integer<unsigned>(byte));
    }
    return data.size() > shown_bytes ? text + " ..." : text;
}

/// The header at the start of @p data, in network byte order; nothing if that is too short.
template<class Header>
std::optional<Header> read(Bytes data) {
    Header header{};
    if (data.size() < sizeof(header)) {
        return std::nullopt;
    }
    std::memcpy(&header, data.data(), sizeof(header));
    return header;
}

std::string hardware_address(std::span<const std::uint8_t> address) {
    return fmt::format("{:02x}", fmt::join(address, ":"));
}

/// @param address in_addr or in6_addr, or bytes of them
template<class Address>
std::string address_text(const Address& address) {
    constexpr int family = sizeof(Address) == sizeof(in_addr) ? AF_INET : AF_INET6;
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, &address, text.data(), text.size());
    return text.data();
}

class Dissector {
public:
    explicit Dissector(std::uint32_t original_length) : original_length_(original_length) {}

    Summary run(Bytes frame, LinkType type);

private:
    void ethernet(Bytes frame);
    void cooked(Bytes frame);
    void by_ethertype(std::uint16_t ethertype, Bytes data);
    void arp(Bytes data);
    void raw_ip(Bytes data);
    void ipv4(Bytes data);
    void ipv6(Bytes data);
    void transport(std::uint8_t protocol, Bytes data, std::size_t length);
    void tcp(Bytes data, std::size_t length);
    void udp(Bytes data, std::size_t length);
    void icmp(Bytes data, std::size_t length);
    void icmpv6(Bytes data, std::size_t length);
    void truncated(std::string_view what);
    void unknown(std::string_view what, Bytes data);

    std::uint32_t original_length_;
    int tunnels_ = 0;
    Summary summary_;
};

Summary Dissector::run(Bytes frame, LinkType type) {
    switch (type) {
    case LinkType::ethernet:
        ethernet(frame);
        break;
    case LinkType::raw_ip:
        raw_ip(frame);
        break;
    case LinkType::linux_sll2:
        cooked(frame);
        break;
    default:
        unknown(link_type_name(type), frame);
    }
    return summary_;
}

void Dissector::truncated(std::string_view what) {
    summary_.info += fmt::format("[|{}], length {}", what, original_length_);
}

void Dissector::unknown(std::string_view what, Bytes data) {
    summary_.info += fmt::format("{}, length {}: {}", what, original_length_, hex(data));
}

void Dissector::ethernet(Bytes frame) {
    constexpr std::uint16_t least_ethertype = 0x600;
    const auto header = read<ether_header>(frame);
    if (!header) {
        unknown("[|ether]", frame);
        return;
    }
    const std::uint16_t ethertype = ntohs(header->ether_type);
    const std::string source = hardware_address(header->ether_shost);
    const std::string destination = hardware_address(header->ether_dhost);
    summary_.link = fmt::format("{} > {}, ethertype 0x{:04x}, length {}: ", source, destination,
                                ethertype, original_length_);
    const Bytes payload = frame.subspan(sizeof(*header));
    if (ethertype < least_ethertype) {
        summary_.source = source;
        summary_.destination = destination;
        unknown("802.3", payload);
        return;
    }
    by_ethertype(ethertype, payload);
}

/// The SLL2 header as libxinet/framing.cpp writes it.
void Dissector::cooked(Bytes frame) {
    if (frame.size() < sll2_bytes) {
        unknown("[|sll2]", frame);
        return;
    }
    const std::uint16_t ethertype = u16_at(frame, 0);
    const std::size_t address_length = std::min<std::size_t>(byte_at(frame, 11), 8);
    const auto* const address = reinterpret_cast<const std::uint8_t*>(frame.data()) + 12;
    const std::string text = hardware_address({address, address_length});
    summary_.link =
        fmt::format("from {}, ethertype 0x{:04x}, length {}: ", text.empty() ? "-" : text,
                    ethertype, original_length_);
    by_ethertype(ethertype, frame.subspan(sll2_bytes));
}

void Dissector::by_ethertype(std::uint16_t ethertype, Bytes data) {
    for (int tags = 0; ethertype == ETHERTYPE_VLAN || ethertype == 0x88a8; ++tags) {
        if (data.size() < vlan_tag_bytes || tags == most_vlan_tags) {
            truncated("vlan");
            return;
        }
        const unsigned tag = u16_at(data, 0);
        summary_.link += fmt::format("vlan {}, p {}, ", tag & 0xfffU, tag >> 13);
        ethertype = u16_at(data, 2);
        data = data.subspan(vlan_tag_bytes);
    }
    switch (ethertype) {
    case ETHERTYPE_IP:
        return ipv4(data);
    case ETHERTYPE_IPV6:
        return ipv6(data);
    case ETHERTYPE_ARP:
        return arp(data);
    default:
        unknown(fmt::format("ethertype 0x{:04x}", ethertype), data);
    }
}

void Dissector::arp(Bytes data) {
    summary_.network = "ARP";
    const auto header = read<ether_arp>(data);
    if (!header || header->arp_hln != ETH_ALEN || header->arp_pln != sizeof(in_addr)) {
        unknown("[|arp]", data);
        return;
    }
    const auto sender = std::bit_cast<in_addr>(header->arp_spa);
    const auto target = std::bit_cast<in_addr>(header->arp_tpa);
    switch (const unsigned operation = ntohs(header->arp_op); operation) {
    case ARPOP_REQUEST:
        summary_.info =
            fmt::format("Request who-has {} tell {}", address_text(target), address_text(sender));
        break;
    case ARPOP_REPLY:
        summary_.info = fmt::format("Reply {} is-at {}", address_text(sender),
                                    hardware_address(header->arp_sha));
        break;
    default:
        summary_.info = fmt::format("opcode {}", operation);
    }
    summary_.info += fmt::format(", length {}", data.size());
}

void Dissector::raw_ip(Bytes data) {
    const int version = data.empty() ? 0 : byte_at(data, 0) >> 4;
    if (version == 4) {
        return ipv4(data);
    }
    if (version == 6) {
        return ipv6(data);
    }
    unknown("ip", data);
}

void Dissector::ipv4(Bytes data) {
    summary_.network = "IP";
    const auto header = read<iphdr>(data);
    const std::size_t header_bytes = header ? header->ihl * std::size_t{4} : 0;
    if (!header || header->version != IPVERSION || header_bytes < sizeof(*header) ||
        header_bytes > data.size()) {
        unknown("[|ip]", data);
        return;
    }
    summary_.source = address_text(header->saddr);
    summary_.destination = address_text(header->daddr);
    // 0 is a segment still whole (TSO)
    const std::size_t total = ntohs(header->tot_len);
    const std::size_t length =
        total == 0 ? data.size() - header_bytes : total - std::min(total, header_bytes);
    const Bytes payload = data.subspan(header_bytes);
    constexpr std::size_t fragment_unit = 8;
    const std::size_t offset = (ntohs(header->frag_off) & IP_OFFMASK) * fragment_unit;
    if (offset != 0) {
        summary_.info =
            fmt::format("ip-proto-{}, fragment at {}, length {}", header->protocol, offset, length);
        return;
    }
    transport(header->protocol, payload.first(std::min(payload.size(), length)), length);
}

void Dissector::ipv6(Bytes data) {
    constexpr std::size_t extension_unit = 8;
    summary_.network = "IP6";
    const auto header = read<ip6_hdr>(data);
    if (!header || header->ip6_vfc >> 4 != 6) {
        unknown("[|ip6]", data);
        return;
    }
    summary_.source = address_text(header->ip6_src);
    summary_.destination = address_text(header->ip6_dst);
    std::uint8_t next = header->ip6_nxt;
    std::size_t length = ntohs(header->ip6_plen);
    Bytes payload = data.subspan(sizeof(*header));
    if (length == 0) {
        length = payload.size(); // a jumbogram
    }
    for (int extensions = 0; next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
                             next == IPPROTO_FRAGMENT || next == IPPROTO_DSTOPTS;
         ++extensions) {
        if (payload.size() < extension_unit || extensions == most_extension_headers) {
            return truncated("ip6-ext");
        }
        const bool fragment = next == IPPROTO_FRAGMENT;
        const std::size_t units = fragment ? 1 : byte_at(payload, 1) + std::size_t{1};
        if (fragment && (u16_at(payload, 2) & 0xfff8U) != 0) {
            summary_.info =
                fmt::format("fragment at {}, length {}", u16_at(payload, 2) & 0xfff8U, length);
            return;
        }
        next = byte_at(payload, 0);
        if (units * extension_unit > payload.size()) {
            return truncated("ip6-ext");
        }
        payload = payload.subspan(units * extension_unit);
        length -= std::min(length, units * extension_unit);
    }
    transport(next, payload.first(std::min(payload.size(), length)), length);
}

void Dissector::transport(std::uint8_t protocol, Bytes data, std::size_t length) {
    switch (protocol) {
    case IPPROTO_TCP:
        return tcp(data, length);
    case IPPROTO_UDP:
        return udp(data, length);
    case IPPROTO_ICMP:
        return icmp(data, length);
    case IPPROTO_ICMPV6:
        return icmpv6(data, length);
    case IPPROTO_IPIP:
    case IPPROTO_IPV6:
        if (tunnels_++ < most_tunnels) {
            summary_.link += fmt::format("{} {} > {}: ", summary_.network, summary_.source,
                                         summary_.destination);
            return protocol == IPPROTO_IPIP ? ipv4(data) : ipv6(data);
        }
        break;
    default:
        break;
    }
    summary_.info += fmt::format("ip-proto-{}, length {}", protocol, length);
}

std::string tcp_flags(unsigned flags) {
    constexpr std::array<std::pair<unsigned, char>, 8> names{{{TH_SYN, 'S'},
                                                              {TH_FIN, 'F'},
                                                              {TH_RST, 'R'},
                                                              {TH_PUSH, 'P'},
                                                              {TH_URG, 'U'},
                                                              {0x40, 'E'},
                                                              {0x80, 'W'},
                                                              {TH_ACK, '.'}}};
    std::string text;
    for (const auto& [flag, letter] : names) {
        if ((flags & flag) != 0) {
            text += letter;
        }
    }
    return text.empty() ? "none" : text;
}

void Dissector::tcp(Bytes data, std::size_t length) {
    summary_.protocol = "TCP";
    const auto header = read<tcphdr>(data);
    if (!header) {
        return truncated("tcp");
    }
    summary_.source_port = ntohs(header->source);
    summary_.destination_port = ntohs(header->dest);
    const std::size_t header_bytes = header->doff * std::size_t{4};
    if (header_bytes < sizeof(*header) || header_bytes > data.size()) {
        return truncated("tcp");
    }
    constexpr std::size_t flags_at = 13;
    const std::size_t payload = length - std::min(length, header_bytes);
    summary_.info +=
        fmt::format("Flags [{}], seq {}", tcp_flags(byte_at(data, flags_at)), ntohl(header->seq));
    if (header->ack != 0) {
        summary_.info += fmt::format(", ack {}", ntohl(header->ack_seq));
    }
    summary_.info += fmt::format(", win {}, length {}", ntohs(header->window), payload);
}

void Dissector::udp(Bytes data, std::size_t length) {
    summary_.protocol = "UDP";
    const auto header = read<udphdr>(data);
    if (!header) {
        return truncated("udp");
    }
    summary_.source_port = ntohs(header->source);
    summary_.destination_port = ntohs(header->dest);
    summary_.info += fmt::format("UDP, length {}", length - std::min(length, sizeof(*header)));
}

void Dissector::icmp(Bytes data, std::size_t length) {
    summary_.protocol = "ICMP";
    const auto header = read<icmphdr>(data);
    if (!header) {
        return truncated("icmp");
    }
    if (header->type == ICMP_ECHO || header->type == ICMP_ECHOREPLY) {
        summary_.info +=
            fmt::format("ICMP echo {}, id {}, seq {}, length {}",
                        header->type == ICMP_ECHO ? "request" : "reply", ntohs(header->un.echo.id),
                        ntohs(header->un.echo.sequence), length);
        return;
    }
    summary_.info +=
        fmt::format("ICMP type {}, code {}, length {}", header->type, header->code, length);
}

void Dissector::icmpv6(Bytes data, std::size_t length) {
    summary_.protocol = "ICMP6";
    const auto header = read<icmp6_hdr>(data);
    if (!header) {
        return truncated("icmp6");
    }
    const std::uint8_t type = header->icmp6_type;
    if (type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY) {
        summary_.info += fmt::format("ICMP6, echo {}, id {}, seq {}, length {}",
                                     type == ICMP6_ECHO_REQUEST ? "request" : "reply",
                                     ntohs(header->icmp6_id), ntohs(header->icmp6_seq), length);
        return;
    }
    summary_.info +=
        fmt::format("ICMP6 type {}, code {}, length {}", type, header->icmp6_code, length);
}

} // namespace

Summary dissect(std::span<const std::byte> frame, LinkType type, std::uint32_t original_length) {
    return Dissector(original_length).run(frame, type);
}

namespace {

/// As tcpdump writes it: "10.0.0.1.53".
std::string endpoint(const std::string& address, std::optional<std::uint16_t> port) {
    return port ? fmt::format("{}.{}", address, *port) : address;
}

} // namespace

std::string summary_text(const Summary& summary, bool link_header) {
    std::string text = link_header ? summary.link : std::string{};
    if (summary.network == "ARP") {
        text += "ARP, ";
    } else if (!summary.network.empty()) {
        text += summary.network + " ";
    }
    if (!summary.source.empty()) {
        text += endpoint(summary.source, summary.source_port) + " > " +
                endpoint(summary.destination, summary.destination_port) + ": ";
    }
    return text + summary.info;
}

} // namespace xinet
