// SPDX-License-Identifier: GPL-2.0-or-later
#include "vnet.h"

#include <linux/if_ether.h>

#include "sys.h"

namespace xt {
namespace {

constexpr size_t ip_offset = ETH_HLEN;
constexpr size_t transport_offset = ip_offset + 20;
// No host on the wire has it, so nobody answers.
constexpr const char* nobodys_address = "10.77.0.99";

// Sums up what the stack of a guest would: the pseudo header only, the rest is for the device.
void put_pseudo_sum(Bytes& segment, size_t check, const Ipv4& header) {
    Bytes pseudo;
    for (const auto address : {header.from, header.to}) {
        const auto parsed = ipv4_address(std::string(address).c_str()).sin_addr.s_addr;
        const auto* bytes = reinterpret_cast<const uint8_t*>(&parsed);
        pseudo.insert(pseudo.end(), bytes, bytes + sizeof(parsed));
    }
    pseudo.insert(pseudo.end(),
                  {0, header.protocol, uint8_t(segment.size() >> 8), uint8_t(segment.size())});
    const auto sum = uint16_t(~internet_checksum(pseudo));
    segment[check] = uint8_t(sum >> 8);
    segment[check + 1] = uint8_t(sum);
}

} // namespace

bool sibling_has_vnet_sizes() {
    const Fd socket = open_socket(Side::sibling, Kind::packet, 0);
    int value = 0;
    socklen_t length = sizeof(value);
    return sys::getsockopt(socket.get(), SOL_PACKET, packet_vnet_hdr_sz, &value, &length) == 0;
}

Bytes tcp_for_device(const Mac& to, size_t payload, const std::string& mark, const Mac& from) {
    const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_TCP};
    Bytes segment = tcp_syn(header, 7, 8);
    segment.resize(20);
    segment[12] = 5 << 4; // no options
    segment[13] = 0x18;   // ACK, PSH
    segment[16] = segment[17] = 0;
    segment = segment + repeated(mark, payload);
    put_pseudo_sum(segment, tcp_check, header);
    return ethernet(to, ETH_P_IP, header.packet(segment), from);
}

Bytes udp_for_device(const Mac& to, size_t payload, const std::string& mark, const Mac& from) {
    const Ipv4 header{.to = nobodys_address, .protocol = IPPROTO_UDP};
    Bytes segment = udp(7, 8, repeated(mark, payload));
    put_pseudo_sum(segment, udp_check, header);
    return ethernet(to, ETH_P_IP, header.packet(segment), from);
}

VnetHeader checksummed(size_t check) {
    return {.flags = vnet_needs_csum,
            .gso_type = 0,
            .hdr_len = 0,
            .gso_size = 0,
            .csum_start = uint16_t(transport_offset),
            .csum_offset = uint16_t(check)};
}

VnetHeader segmented(uint8_t type, uint16_t size, size_t check) {
    auto header = checksummed(check);
    header.gso_type = type;
    header.gso_size = size;
    header.hdr_len = transport_offset + 20;
    return header;
}

} // namespace xt
