// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>

#include <algorithm>

namespace xt {
namespace {

void put16(Bytes& bytes, unsigned value) {
    bytes.push_back(uint8_t(value >> 8));
    bytes.push_back(uint8_t(value));
}

void set16(Bytes& bytes, size_t offset, unsigned value) {
    bytes[offset] = uint8_t(value >> 8);
    bytes[offset + 1] = uint8_t(value);
}

void put_address(Bytes& bytes, std::string_view text) {
    uint8_t raw[4];
    inet_pton(AF_INET, std::string(text).c_str(), raw);
    bytes.insert(bytes.end(), raw, raw + sizeof(raw));
}

} // namespace

Bytes operator+(const Bytes& a, const Bytes& b) {
    Bytes result = a;
    result.insert(result.end(), b.begin(), b.end());
    return result;
}

Bytes repeated(std::string_view text, size_t size) {
    Bytes result(size);
    for (size_t i = 0; i < size; i++)
        result[i] = uint8_t(text[i % text.size()]);
    return result;
}

bool contains(const Bytes& bytes, std::string_view text) {
    return std::search(bytes.begin(), bytes.end(), text.begin(), text.end(),
                       [](uint8_t a, char b) { return a == uint8_t(b); }) != bytes.end();
}

std::string hex(const void* data, size_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto* bytes = static_cast<const uint8_t*>(data);
    std::string result;
    for (size_t i = 0; i < size; i++) {
        result += digits[bytes[i] >> 4];
        result += digits[bytes[i] & 15];
    }
    return result;
}

uint16_t internet_checksum(const Bytes& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i++)
        sum += i % 2 ? uint32_t(bytes[i]) : uint32_t(bytes[i]) << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return uint16_t(~sum);
}

Bytes ethernet(const Mac& to, uint16_t ethertype, const Bytes& payload, const Mac& from) {
    Bytes result(to.begin(), to.end());
    result.insert(result.end(), from.begin(), from.end());
    put16(result, ethertype);
    return result + payload;
}

Bytes vlan_ethernet(const Mac& to, uint16_t tag, uint16_t ethertype, const Bytes& payload) {
    Bytes tagged;
    put16(tagged, tag);
    put16(tagged, ethertype);
    return ethernet(to, ETH_P_8021Q, tagged + payload);
}

Bytes Ipv4::packet(const Bytes& payload) const {
    const size_t header_size = sizeof(iphdr) + options.size();
    Bytes result{uint8_t(0x40 | header_size / 4), tos};
    put16(result, unsigned(header_size + payload.size()));
    put16(result, id);
    put16(result, fragment);
    result.push_back(ttl);
    result.push_back(protocol);
    put16(result, 0);
    put_address(result, from);
    put_address(result, to);
    result = result + options;
    set16(result, 10, internet_checksum(result));
    return result + payload;
}

std::vector<Bytes> fragments(Ipv4 header, const Bytes& payload, size_t size) {
    std::vector<Bytes> result;
    for (size_t offset = 0; offset < payload.size(); offset += size) {
        const size_t end = std::min(offset + size, payload.size());
        header.fragment = uint16_t(offset / 8 | (end < payload.size() ? IP_MF : 0));
        result.push_back(
            header.packet(Bytes(payload.begin() + long(offset), payload.begin() + long(end))));
    }
    return result;
}

Bytes icmp(uint8_t type, uint8_t code, uint16_t id, uint16_t sequence, const Bytes& payload) {
    Bytes result{type, code, 0, 0};
    put16(result, id);
    put16(result, sequence);
    result = result + payload;
    set16(result, 2, internet_checksum(result));
    return result;
}

Bytes udp(uint16_t from, uint16_t to, const Bytes& payload) {
    Bytes result;
    put16(result, from);
    put16(result, to);
    put16(result, unsigned(8 + payload.size()));
    put16(result, 0);
    return result + payload;
}

namespace {

Bytes tcp(const Ipv4& header, uint16_t from, uint16_t to, uint8_t flags, const Bytes& payload) {
    constexpr size_t header_size = 20;
    Bytes segment;
    put16(segment, from);
    put16(segment, to);
    segment.resize(12);        // sequence and acknowledgement numbers
    segment.push_back(5 << 4); // header of five words
    segment.push_back(flags);
    put16(segment, 1024); // window
    segment.resize(header_size);
    segment = segment + payload;

    Bytes pseudo;
    put_address(pseudo, header.from);
    put_address(pseudo, header.to);
    put16(pseudo, IPPROTO_TCP);
    put16(pseudo, unsigned(segment.size()));
    set16(segment, 16, internet_checksum(pseudo + segment));
    return segment;
}

void put_address6(Bytes& bytes, std::string_view text) {
    uint8_t raw[16];
    inet_pton(AF_INET6, std::string(text).c_str(), raw);
    bytes.insert(bytes.end(), raw, raw + sizeof(raw));
}

} // namespace

Bytes tcp_syn(const Ipv4& header, uint16_t from, uint16_t to) {
    constexpr uint8_t syn = 0x02;
    return tcp(header, from, to, syn, {});
}

Bytes tcp_data(const Ipv4& header, uint16_t from, uint16_t to, const Bytes& payload) {
    constexpr uint8_t ack = 0x10;
    return tcp(header, from, to, ack, payload);
}

Bytes Ipv6::packet(const Bytes& payload) const {
    Bytes result{0x60, 0, 0, 0};
    put16(result, unsigned(payload.size()));
    result.push_back(next);
    result.push_back(hops);
    put_address6(result, from);
    put_address6(result, to);
    return result + payload;
}

Bytes udp6(const Ipv6& header, uint16_t from, uint16_t to, const Bytes& payload) {
    Bytes datagram = udp(from, to, payload);
    Bytes pseudo;
    put_address6(pseudo, header.from);
    put_address6(pseudo, header.to);
    put16(pseudo, unsigned(datagram.size()));
    put16(pseudo, IPPROTO_UDP);
    set16(datagram, 6, internet_checksum(pseudo + datagram));
    return datagram;
}

} // namespace xt
