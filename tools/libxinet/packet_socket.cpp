// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/packet_socket.h"

#include "libxinet/socket_io.h"
#include "xinet/interface.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xinet {

namespace {

FileDescriptor open_packet_socket(Engine engine, PacketMode mode) {
    const bool cooked = mode == PacketMode::cooked;
    if (engine == Engine::sibling) {
        return open_socket(AF_PACKET, (cooked ? SOCK_DGRAM : SOCK_RAW) | SOCK_NONBLOCK, 0, engine,
                           "PF_PACKET packet socket");
    }
    FileDescriptor socket = open_socket(family_number(), SOCK_PACKET | SOCK_NONBLOCK, 0, engine,
                                        "PF_XINET packet socket");
    if (cooked) {
        set_option(socket, SOL_XINET, XINET_PACKET_COOKED, 1, "XINET_PACKET_COOKED");
    }
    return socket;
}

/// @param length what the kernel returned under MSG_TRUNC, which may be more
///               than the buffer holds
ReceivedPacket decode(msghdr& message, std::span<std::byte> buffer, std::size_t length,
                      const sockaddr_ll& address) {
    ReceivedPacket packet;
    packet.data = buffer.first(std::min(length, buffer.size()));
    packet.original_length = static_cast<std::uint32_t>(length);
    packet.address = address;
    packet.timestamp = receive_time(message);
    packet.owner = find_control<xinet_owner>(message, SOL_XINET, XINET_OWNER);
    packet.dropped = find_control<xinet_dropped>(message, SOL_XINET, XINET_DROPPED);
    packet.netns = find_control<xinet_netns>(message, SOL_XINET, XINET_NETNS);
    packet.original = find_control<xinet_original>(message, SOL_XINET, XINET_ORIGINAL);
    packet.point = find_control<xinet_point>(message, SOL_XINET, XINET_POINT);
    packet.queue = find_control<xinet_queue>(message, SOL_XINET, XINET_QUEUE);

    const auto aux = find_control<tpacket_auxdata>(message, SOL_PACKET, PACKET_AUXDATA);
    if (!aux) {
        return packet;
    }
    packet.original_length = std::max(packet.original_length, aux->tp_len);
    packet.status = aux->tp_status;
    if ((aux->tp_status & TP_STATUS_VLAN_VALID) != 0) {
        const bool known = (aux->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
        packet.vlan = VlanTag{.control = aux->tp_vlan_tci,
                              .protocol = known ? aux->tp_vlan_tpid : std::uint16_t{ETH_P_8021Q}};
    }
    return packet;
}

bool nothing_queued(int code) {
    return code == EAGAIN || code == EWOULDBLOCK || code == EINTR;
}

} // namespace

PacketBatch::PacketBatch(std::size_t packets, std::size_t headroom, std::size_t room)
    : headroom_(headroom), room_(room),
      // NOLINTNEXTLINE(modernize-avoid-c-arrays)
      memory_(std::make_unique_for_overwrite<std::byte[]>(packets * (headroom + room))),
      slots_(packets), headers_(packets) {
    packets_.reserve(packets);
    rearm();
}

void PacketBatch::rearm() {
    const std::span memory(memory_.get(), slots_.size() * (headroom_ + room_));
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const auto buffer = memory.subspan(i * (headroom_ + room_) + headroom_, room_);
        Slot& slot = slots_[i];
        slot.vector = {.iov_base = buffer.data(), .iov_len = buffer.size()};
        headers_[i] = {};
        msghdr& header = headers_[i].msg_hdr;
        header.msg_name = &slot.address;
        header.msg_namelen = sizeof(slot.address);
        header.msg_iov = &slot.vector;
        header.msg_iovlen = 1;
        header.msg_control = slot.control.data();
        header.msg_controllen = slot.control.size();
    }
    packets_.clear();
}

PacketSocket::PacketSocket(Engine engine, PacketMode mode)
    : socket_(open_packet_socket(engine, mode)) {}

void PacketSocket::request_details() {
    set_option(socket_, SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
    set_option(socket_, SOL_PACKET, PACKET_AUXDATA, 1, "PACKET_AUXDATA");
}

void PacketSocket::request_owners() {
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_OWNER, 1)) {
        throw Error("set socket option", "XINET_PACKET_OWNER", errno,
                    errno == ENOPROTOOPT ? "only PF_XINET knows the owners of packets" : "");
    }
}

void PacketSocket::request_drops(Drops drops, bool host) {
    if (drops == Drops::none) {
        return;
    }
    const int flags = (drops == Drops::only ? XINET_DROPS_ONLY : XINET_DROPS_BESIDE) |
                      (host ? XINET_DROPS_HOST : 0);
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_DROPS, flags)) {
        throw Error("set socket option", "XINET_PACKET_DROPS", errno,
                    errno == ENOPROTOOPT  ? "only PF_XINET tells what the kernel drops"
                    : errno == EPERM      ? "CAP_NET_ADMIN is needed"
                    : errno == EOPNOTSUPP ? "this kernel cannot: Documentation/drops.md"
                                          : "");
    }
}

void PacketSocket::request_all_namespaces() {
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_ALL_NETNS, 1)) {
        throw Error("set socket option", "XINET_PACKET_ALL_NETNS", errno,
                    errno == ENOPROTOOPT ? "only PF_XINET captures in all network namespaces"
                    : errno == EPERM     ? "CAP_NET_ADMIN and CAP_NET_RAW of the host are needed: "
                                           "Documentation/all-netns.md"
                                         : "");
    }
}

void PacketSocket::request_original() {
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_ORIGINAL, 1)) {
        throw Error("set socket option", "XINET_PACKET_ORIGINAL", errno,
                    errno == ENOPROTOOPT ? "only PF_XINET shows frames as on the wire" : "");
    }
}

void PacketSocket::request_queues() {
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_QUEUE, 1) && errno != ENOPROTOOPT) {
        throw Error("set socket option", "XINET_PACKET_QUEUE", errno);
    }
}

void PacketSocket::request_points(std::uint32_t points) {
    const auto value = static_cast<int>(points);
    if (!try_set_option(socket_, SOL_XINET, XINET_PACKET_POINT, value)) {
        throw Error("set socket option", "XINET_PACKET_POINT", errno,
                    errno == ENOPROTOOPT ? "only PF_XINET shows packets on their way"
                    : errno == EPERM     ? "CAP_NET_ADMIN is needed: Documentation/points.md"
                    : errno == EOPNOTSUPP
                        ? "not in all network namespaces, with drops alone, or by "
                          "a kernel without netfilter: Documentation/points.md"
                        : "");
    }
}

void PacketSocket::request_buffer(int bytes) {
    // FORCE passes net.core.rmem_max but needs CAP_NET_ADMIN; the plain option is capped.
    if (!try_set_option(socket_, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) {
        set_option(socket_, SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
    }
}

void PacketSocket::attach_filter(std::span<const sock_filter> program) {
    if (program.size() > BPF_MAXINSNS) {
        throw Error("attach filter", fmt::format("of {} instructions", program.size()), E2BIG,
                    fmt::format("the kernel takes {}: shorten the expression", BPF_MAXINSNS));
    }
    // The kernel only reads it; the pointer of the ABI is not const.
    std::vector<sock_filter> copy(program.begin(), program.end());
    const sock_fprog filter{.len = static_cast<unsigned short>(copy.size()), .filter = copy.data()};
    set_option(socket_, SOL_SOCKET, SO_ATTACH_FILTER, filter, "SO_ATTACH_FILTER");
}

void PacketSocket::bind(unsigned interface_index, std::uint16_t ethertype) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ethertype);
    address.sll_ifindex = static_cast<int>(interface_index);
    const std::string object = interface_name(interface_index);
    if (::bind(socket_.get(), as_sockaddr(address), sizeof(address)) != 0) {
        throw Error("bind to interface", object, errno);
    }
    // Binding to an interface that is down succeeds and leaves ENETDOWN here.
    const int pending = get_option<int>(socket_, SOL_SOCKET, SO_ERROR, "SO_ERROR");
    if (pending != 0) {
        throw Error("bind to interface", object, pending,
                    pending == ENETDOWN
                        ? fmt::format("bring it up with 'ip link set dev {} up'", object)
                        : "");
    }
}

void PacketSocket::join_promiscuous(unsigned interface_index) {
    packet_mreq request{};
    request.mr_ifindex = static_cast<int>(interface_index);
    request.mr_type = PACKET_MR_PROMISC;
    set_option(socket_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request,
               "PACKET_ADD_MEMBERSHIP (promiscuous)");
}

std::optional<ReceivedPacket> PacketSocket::receive(std::span<std::byte> buffer) {
    IncomingMessage<sockaddr_ll> message(buffer);
    const ssize_t length = message.receive(socket_, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
        if (nothing_queued(errno)) {
            return std::nullopt;
        }
        throw Error("receive from", "a packet socket", errno);
    }
    return decode(message.header, buffer, static_cast<std::size_t>(length), message.sender);
}

std::span<const ReceivedPacket> PacketSocket::receive(PacketBatch& batch) {
    batch.rearm();
    const int count =
        ::recvmmsg(socket_.get(), batch.headers_.data(),
                   static_cast<unsigned>(batch.headers_.size()), MSG_DONTWAIT | MSG_TRUNC, nullptr);
    if (count < 0) {
        if (nothing_queued(errno)) {
            return {};
        }
        throw Error("receive from", "a packet socket", errno);
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const iovec& vector = batch.slots_[i].vector;
        batch.packets_.push_back(decode(batch.headers_[i].msg_hdr,
                                        {static_cast<std::byte*>(vector.iov_base), vector.iov_len},
                                        batch.headers_[i].msg_len, batch.slots_[i].address));
    }
    return batch.packets_;
}

void PacketSocket::throw_pending_error() {
    const int pending = get_option<int>(socket_, SOL_SOCKET, SO_ERROR, "SO_ERROR");
    if (pending != 0) {
        throw Error("receive from", "a packet socket", pending);
    }
}

PacketStatistics PacketSocket::statistics() {
    const auto counts =
        get_option<tpacket_stats>(socket_, SOL_PACKET, PACKET_STATISTICS, "PACKET_STATISTICS");
    return {.received = counts.tp_packets, .dropped = counts.tp_drops};
}

} // namespace xinet
