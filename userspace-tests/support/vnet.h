// SPDX-License-Identifier: GPL-2.0-or-later
// Frames behind a virtio-net header. <linux/virtio_net.h> is not for C++ (a member named class).
#pragma once

#include <linux/if_packet.h>

#include "family.h"
#include "frame.h"

namespace xt {

// PACKET_VNET_HDR_SZ, which older headers do not name.
inline constexpr int packet_vnet_hdr_sz = 24;

// struct virtio_net_hdr, in the byte order of the machine.
struct VnetHeader {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
};
static_assert(sizeof(VnetHeader) == 10);
// struct virtio_net_hdr_mrg_rxbuf: a count of buffers behind it
inline constexpr size_t long_vnet_size = 12;

inline constexpr uint8_t vnet_needs_csum = 1;
inline constexpr uint8_t vnet_gso_tcpv4 = 1;
inline constexpr uint8_t vnet_gso_udp = 3;
inline constexpr uint8_t vnet_gso_tcpv6 = 4;
inline constexpr uint8_t vnet_gso_ecn = 0x80;

// PF_PACKET knows nothing of packet_vnet_hdr_sz before 6.6.
bool sibling_has_vnet_sizes();
// Has every frame of a socket begin with a header of `size` bytes, 0 for none.
inline void ask_for_vnet(const Fd& socket, size_t size) {
    if (size == long_vnet_size)
        set_option(socket, SOL_PACKET, packet_vnet_hdr_sz, int(size));
    else
        set_option(socket, SOL_PACKET, PACKET_VNET_HDR, size != 0);
}

// A header as bytes, up to `size` filled with `filler`.
inline Bytes vnet_bytes(const VnetHeader& header, size_t size = sizeof(VnetHeader),
                        uint8_t filler = 0) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&header);
    Bytes bytes(begin, begin + sizeof(header));
    bytes.resize(size, filler);
    return bytes;
}

// Where the checksum is in a transport header.
inline constexpr size_t tcp_check = 16;
inline constexpr size_t udp_check = 6;

// Frames to an address that nobody has, with a checksum for the device to complete.
Bytes tcp_for_device(const Mac& to, size_t payload, const std::string& mark, const Mac& from);
Bytes udp_for_device(const Mac& to, size_t payload, const std::string& mark, const Mac& from);
// What is left to do for the device: a checksum; segments of `size` bytes as well.
VnetHeader checksummed(size_t check);
VnetHeader segmented(uint8_t type, uint16_t size, size_t check = tcp_check);

} // namespace xt
