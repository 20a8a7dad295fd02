// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ping_packet.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#include <array>
#include <cstring>
#include <string_view>

namespace xinet {

namespace {

struct StampFields {
    std::int64_t seconds;
    std::int64_t microseconds;
};
static_assert(sizeof(StampFields) == stamp_length);
static_assert(sizeof(icmphdr) == icmp_header_length);

template<class Header>
std::optional<Header> read_header(std::span<const std::byte> data) {
    if (data.size() < sizeof(Header)) {
        return std::nullopt;
    }
    Header header{};
    std::memcpy(&header, data.data(), sizeof(header));
    return header;
}

struct Ipv4Packet {
    iphdr header{};
    std::span<const std::byte> payload;
};

std::optional<Ipv4Packet> split_ipv4(std::span<const std::byte> data) {
    const auto header = read_header<iphdr>(data);
    if (!header || header->version != IPVERSION) {
        return std::nullopt;
    }
    const std::size_t length = std::size_t{header->ihl} * 4;
    if (length < sizeof(iphdr) || length > data.size()) {
        return std::nullopt;
    }
    return Ipv4Packet{.header = *header, .payload = data.subspan(length)};
}

std::optional<Timestamp> read_stamp(std::span<const std::byte> payload) {
    const auto fields = read_header<StampFields>(payload);
    constexpr std::int64_t last_second = 1LL << 33;
    if (!fields || fields->seconds < 0 || fields->seconds > last_second ||
        fields->microseconds < 0 || fields->microseconds >= 1'000'000) {
        return std::nullopt;
    }
    return Timestamp(std::chrono::seconds(fields->seconds) +
                     std::chrono::microseconds(fields->microseconds));
}

EchoEvent parse_reply(const Ipv4Packet& packet, const icmphdr& header, in_addr source,
                      const EchoIdentity& identity) {
    if (ntohs(header.un.echo.id) != identity.identifier) {
        return {};
    }
    if (!identity.any_source && source.s_addr != identity.target.s_addr) {
        return {};
    }
    return EchoReply{.sequence = ntohs(header.un.echo.sequence),
                     .icmp_bytes = packet.payload.size(),
                     .ttl = packet.header.ttl,
                     .checksum_ok = internet_checksum(packet.payload) == 0,
                     .sent = read_stamp(packet.payload.subspan(icmp_header_length))};
}

/// RFC 792: the error carries the header of the packet it is about and at
/// least 8 bytes of what followed.
EchoEvent parse_error(const Ipv4Packet& packet, const icmphdr& header,
                      const EchoIdentity& identity) {
    const auto inner = split_ipv4(packet.payload.subspan(icmp_header_length));
    if (!inner || inner->header.protocol != IPPROTO_ICMP ||
        inner->header.daddr != identity.target.s_addr) {
        return {};
    }
    const auto echo = read_header<icmphdr>(inner->payload);
    if (!echo || echo->type != ICMP_ECHO || ntohs(echo->un.echo.id) != identity.identifier) {
        return {};
    }
    return EchoError{.sequence = ntohs(echo->un.echo.sequence),
                     .type = header.type,
                     .code = header.code,
                     .rest = ntohl(header.un.gateway)};
}

std::string describe_unreachable(const EchoError& error) {
    constexpr std::array<std::string_view, 16> texts{
        "Destination Net Unreachable",
        "Destination Host Unreachable",
        "Destination Protocol Unreachable",
        "Destination Port Unreachable",
        "Frag needed and DF set",
        "Source Route Failed",
        "Destination Net Unknown",
        "Destination Host Unknown",
        "Source Host Isolated",
        "Destination Net Prohibited",
        "Destination Host Prohibited",
        "Destination Net Unreachable for Type of Service",
        "Destination Host Unreachable for Type of Service",
        "Packet filtered",
        "Precedence Violation",
        "Precedence Cutoff",
    };
    if (error.code == ICMP_FRAG_NEEDED) {
        return fmt::format("{} (mtu = {})", texts[ICMP_FRAG_NEEDED], error.rest & 0xffff);
    }
    return error.code < texts.size() ? std::string(texts[error.code])
                                     : fmt::format("Dest Unreachable, Bad Code: {}", error.code);
}

std::string describe_redirect(const EchoError& error) {
    constexpr std::array<std::string_view, 4> texts{"Redirect Network", "Redirect Host",
                                                    "Redirect Type of Service and Network",
                                                    "Redirect Type of Service and Host"};
    const std::string_view kind =
        error.code < texts.size() ? texts[error.code] : std::string_view("Redirect, Bad Code");
    const in_addr gateway{.s_addr = htonl(error.rest)};
    std::array<char, INET_ADDRSTRLEN> text{};
    return fmt::format("{}(New nexthop: {})", kind,
                       ::inet_ntop(AF_INET, &gateway, text.data(), text.size()));
}

std::string describe_time_exceeded(const EchoError& error) {
    switch (error.code) {
    case ICMP_EXC_TTL:
        return "Time to live exceeded";
    case ICMP_EXC_FRAGTIME:
        return "Frag reassembly time exceeded";
    default:
        return fmt::format("Time exceeded, Bad Code: {}", error.code);
    }
}

} // namespace

std::uint16_t internet_checksum(std::span<const std::byte> data) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        const auto value = std::to_integer<std::uint64_t>(data[i]);
        sum += i % 2 == 0 ? value << 8 : value;
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return static_cast<std::uint16_t>(~sum);
}

std::vector<std::byte> build_echo_request(std::uint16_t identifier, std::uint16_t sequence,
                                          std::size_t payload_bytes, Timestamp time) {
    std::vector<std::byte> message(icmp_header_length + payload_bytes);
    const std::span payload = std::span(message).subspan(icmp_header_length);
    for (std::size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<std::byte>(i & 0xff);
    }
    if (payload.size() >= stamp_length) {
        const auto since_epoch = time.time_since_epoch();
        const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
        const StampFields fields{
            .seconds = seconds.count(),
            .microseconds =
                std::chrono::floor<std::chrono::microseconds>(since_epoch - seconds).count()};
        std::memcpy(payload.data(), &fields, sizeof(fields));
    }
    icmphdr header{};
    header.type = ICMP_ECHO;
    header.un.echo.id = htons(identifier);
    header.un.echo.sequence = htons(sequence);
    std::memcpy(message.data(), &header, sizeof(header));
    header.checksum = htons(internet_checksum(message));
    std::memcpy(message.data(), &header, sizeof(header));
    return message;
}

EchoEvent parse_echo_event(std::span<const std::byte> datagram, in_addr source,
                           const EchoIdentity& identity) {
    const auto packet = split_ipv4(datagram);
    if (!packet || packet->header.protocol != IPPROTO_ICMP) {
        return {};
    }
    const auto header = read_header<icmphdr>(packet->payload);
    if (!header) {
        return {};
    }
    switch (header->type) {
    case ICMP_ECHOREPLY:
        return parse_reply(*packet, *header, source, identity);
    case ICMP_DEST_UNREACH:
    case ICMP_SOURCE_QUENCH:
    case ICMP_REDIRECT:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
        return parse_error(*packet, *header, identity);
    default:
        return {};
    }
}

std::string describe_icmp_error(const EchoError& error) {
    switch (error.type) {
    case ICMP_DEST_UNREACH:
        return describe_unreachable(error);
    case ICMP_SOURCE_QUENCH:
        return "Source Quench";
    case ICMP_REDIRECT:
        return describe_redirect(error);
    case ICMP_TIME_EXCEEDED:
        return describe_time_exceeded(error);
    case ICMP_PARAMETERPROB:
        return fmt::format("Parameter problem: pointer = {}", error.rest >> 24);
    default:
        return fmt::format("Bad ICMP type: {}", error.type);
    }
}

bool means_loss(const EchoError& error) {
    return error.type != ICMP_REDIRECT && error.type != ICMP_SOURCE_QUENCH;
}

} // namespace xinet
