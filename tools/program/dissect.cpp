// SPDX-License-Identifier: GPL-2.0-or-later
// libtins reads each header, and is given that header only: so no depth of
// nesting inside a packet becomes depth of recursion here, and a packet cut
// short is still told up to where it ends.
#include "program/dissect.h"

#include <fmt/format.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <tins/tins.h>

#include <algorithm>
#include <array>
#include <optional>

namespace xinet {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t shown_bytes = 16;
constexpr int most_tunnels = 4;
constexpr int most_vlan_tags = 4;
constexpr int most_extension_headers = 8;
constexpr std::size_t vlan_tag_bytes = 4;
constexpr std::size_t sll2_bytes = 20;

const std::uint8_t* raw(Bytes data) {
    return reinterpret_cast<const std::uint8_t*>(data.data());
}

std::uint32_t size_of(Bytes data) {
    return static_cast<std::uint32_t>(data.size());
}

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

/// The header of type Pdu at the start of @p data, if libtins finds it sound.
template<class Pdu>
std::optional<Pdu> read(Bytes data) {
    try {
        return Pdu(raw(data), size_of(data));
    } catch (const std::exception&) {
        return std::nullopt;
    }
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
    constexpr std::size_t header_bytes = ETH_HLEN;
    constexpr std::uint16_t least_ethertype = 0x600;
    const auto header = frame.size() < header_bytes
                            ? std::nullopt
                            : read<Tins::EthernetII>(frame.first(header_bytes));
    if (!header) {
        unknown("[|ether]", frame);
        return;
    }
    const std::uint16_t ethertype = header->payload_type();
    summary_.link =
        fmt::format("{} > {}, ethertype 0x{:04x}, length {}: ", header->src_addr().to_string(),
                    header->dst_addr().to_string(), ethertype, original_length_);
    const Bytes payload = frame.subspan(header_bytes);
    if (ethertype < least_ethertype) {
        summary_.source = header->src_addr().to_string();
        summary_.destination = header->dst_addr().to_string();
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
    const Bytes address = frame.subspan(12, address_length);
    std::string text;
    for (const std::byte byte : address) {
        text += fmt::format("{}{:02x}", text.empty() ? "" : ":", std::to_integer<unsigned>(byte));
    }
    summary_.link =
        fmt::format("from {}, ethertype 0x{:04x}, length {}: ", text.empty() ? "-" : text,
                    ethertype, original_length_);
    by_ethertype(ethertype, frame.subspan(sll2_bytes));
}

void Dissector::by_ethertype(std::uint16_t ethertype, Bytes data) {
    for (int tags = 0; ethertype == ETHERTYPE_VLAN || ethertype == 0x88a8; ++tags) {
        const auto tag = data.size() < vlan_tag_bytes || tags == most_vlan_tags
                             ? std::nullopt
                             : read<Tins::Dot1Q>(data.first(vlan_tag_bytes));
        if (!tag) {
            truncated("vlan");
            return;
        }
        summary_.link += fmt::format("vlan {}, p {}, ", static_cast<unsigned>(tag->id()),
                                     static_cast<unsigned>(tag->priority()));
        ethertype = tag->payload_type();
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
    constexpr std::size_t ipv4_over_ethernet = 28;
    summary_.network = "ARP";
    const auto header = data.size() < ipv4_over_ethernet
                            ? std::nullopt
                            : read<Tins::ARP>(data.first(ipv4_over_ethernet));
    if (!header || header->hw_addr_length() != 6 || header->prot_addr_length() != 4) {
        unknown("[|arp]", data);
        return;
    }
    const std::string sender = header->sender_ip_addr().to_string();
    const std::string target = header->target_ip_addr().to_string();
    switch (header->opcode()) {
    case Tins::ARP::REQUEST:
        summary_.info = fmt::format("Request who-has {} tell {}", target, sender);
        break;
    case Tins::ARP::REPLY:
        summary_.info =
            fmt::format("Reply {} is-at {}", sender, header->sender_hw_addr().to_string());
        break;
    default:
        summary_.info = fmt::format("opcode {}", header->opcode());
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
    constexpr std::size_t least_header = 20;
    summary_.network = "IP";
    const std::size_t header_bytes =
        data.empty() ? 0 : static_cast<std::size_t>(byte_at(data, 0) & 0xf) * 4;
    const auto header = data.size() < least_header || header_bytes < least_header ||
                                header_bytes > data.size() || byte_at(data, 0) >> 4 != 4
                            ? std::nullopt
                            : read<Tins::IP>(data.first(header_bytes));
    if (!header) {
        unknown("[|ip]", data);
        return;
    }
    summary_.source = header->src_addr().to_string();
    summary_.destination = header->dst_addr().to_string();
    // libtins may have recomputed the length field; 0 is a segment still whole (TSO).
    const std::size_t total = u16_at(data, 2);
    const std::size_t length =
        total == 0 ? data.size() - header_bytes : total - std::min(total, header_bytes);
    const Bytes payload = data.subspan(header_bytes);
    constexpr std::size_t fragment_unit = 8;
    const std::size_t offset = (u16_at(data, 6) & 0x1fffU) * fragment_unit;
    if (offset != 0) {
        summary_.info = fmt::format("ip-proto-{}, fragment at {}, length {}", header->protocol(),
                                    offset, length);
        return;
    }
    transport(header->protocol(), payload.first(std::min(payload.size(), length)), length);
}

void Dissector::ipv6(Bytes data) {
    constexpr std::size_t header_bytes = 40;
    constexpr std::size_t extension_unit = 8;
    summary_.network = "IP6";
    if (data.size() < header_bytes || byte_at(data, 0) >> 4 != 6) {
        unknown("[|ip6]", data);
        return;
    }
    summary_.source = Tins::IPv6Address(raw(data) + 8).to_string();
    summary_.destination = Tins::IPv6Address(raw(data) + 24).to_string();
    std::uint8_t next = byte_at(data, 6);
    std::size_t length = u16_at(data, 4);
    Bytes payload = data.subspan(header_bytes);
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

std::string tcp_flags(const Tins::TCP& header) {
    struct Name {
        Tins::TCP::Flags flag;
        char letter;
    };
    constexpr std::array<Name, 8> names{{{Tins::TCP::SYN, 'S'},
                                         {Tins::TCP::FIN, 'F'},
                                         {Tins::TCP::RST, 'R'},
                                         {Tins::TCP::PSH, 'P'},
                                         {Tins::TCP::URG, 'U'},
                                         {Tins::TCP::ECE, 'E'},
                                         {Tins::TCP::CWR, 'W'},
                                         {Tins::TCP::ACK, '.'}}};
    std::string text;
    for (const Name& name : names) {
        if (header.get_flag(name.flag) != 0) {
            text += name.letter;
        }
    }
    return text.empty() ? "none" : text;
}

void Dissector::tcp(Bytes data, std::size_t length) {
    constexpr std::size_t least_header = 20;
    constexpr std::size_t offset_byte = 12;
    summary_.protocol = "TCP";
    if (data.size() < least_header) {
        return truncated("tcp");
    }
    const std::size_t header_bytes = static_cast<std::size_t>(byte_at(data, offset_byte) >> 4) * 4;
    const auto header = header_bytes < least_header || header_bytes > data.size()
                            ? std::nullopt
                            : read<Tins::TCP>(data.first(header_bytes));
    summary_.source_port = u16_at(data, 0);
    summary_.destination_port = u16_at(data, 2);
    if (!header) {
        return truncated("tcp");
    }
    const std::size_t payload = length - std::min(length, header_bytes);
    summary_.info += fmt::format("Flags [{}], seq {}", tcp_flags(*header), header->seq());
    if (header->get_flag(Tins::TCP::ACK) != 0) {
        summary_.info += fmt::format(", ack {}", header->ack_seq());
    }
    summary_.info += fmt::format(", win {}, length {}", header->window(), payload);
}

void Dissector::udp(Bytes data, std::size_t length) {
    constexpr std::size_t header_bytes = 8;
    summary_.protocol = "UDP";
    const auto header =
        data.size() < header_bytes ? std::nullopt : read<Tins::UDP>(data.first(header_bytes));
    if (!header) {
        return truncated("udp");
    }
    summary_.source_port = header->sport();
    summary_.destination_port = header->dport();
    summary_.info += fmt::format("UDP, length {}", length - std::min(length, header_bytes));
}

void Dissector::icmp(Bytes data, std::size_t length) {
    constexpr std::size_t header_bytes = 8;
    summary_.protocol = "ICMP";
    const auto header =
        data.size() < header_bytes ? std::nullopt : read<Tins::ICMP>(data.first(header_bytes));
    if (!header) {
        return truncated("icmp");
    }
    const bool echo =
        header->type() == Tins::ICMP::ECHO_REQUEST || header->type() == Tins::ICMP::ECHO_REPLY;
    if (echo) {
        summary_.info +=
            fmt::format("ICMP echo {}, id {}, seq {}, length {}",
                        header->type() == Tins::ICMP::ECHO_REQUEST ? "request" : "reply",
                        header->id(), header->sequence(), length);
        return;
    }
    summary_.info += fmt::format("ICMP type {}, code {}, length {}",
                                 static_cast<unsigned>(header->type()), header->code(), length);
}

void Dissector::icmpv6(Bytes data, std::size_t length) {
    constexpr std::size_t header_bytes = 8;
    constexpr std::uint8_t echo_request = 128;
    constexpr std::uint8_t echo_reply = 129;
    summary_.protocol = "ICMP6";
    if (data.size() < header_bytes) {
        return truncated("icmp6");
    }
    const std::uint8_t type = byte_at(data, 0);
    if (type == echo_request || type == echo_reply) {
        summary_.info += fmt::format("ICMP6, echo {}, id {}, seq {}, length {}",
                                     type == echo_request ? "request" : "reply", u16_at(data, 4),
                                     u16_at(data, 6), length);
        return;
    }
    summary_.info +=
        fmt::format("ICMP6 type {}, code {}, length {}", type, byte_at(data, 1), length);
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
