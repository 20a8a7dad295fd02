// SPDX-License-Identifier: GPL-2.0-or-later
#include "traffic.h"

#include <poll.h>

#include <sstream>

#include "family.h"
#include "netns.h"
#include "sys.h"

namespace xt {

Mac here_mac() {
    return link::mac(here_device);
}

Mac peer_mac() {
    return in_peer([] { return link::mac(peer_device); });
}

bool wait_for(int fd, short events, std::chrono::milliseconds patience) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    return checked(::poll(&entry, 1, int(patience.count())), "poll") == 1;
}

bool wait_readable(int fd) {
    return wait_for(fd, POLLIN);
}

short poll_now(int fd, short events) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    checked(::poll(&entry, 1, 0), "poll");
    return entry.revents;
}

std::string describe(const Message& message) {
    std::ostringstream out;
    out << "{" << message.result << " bytes, flags " << std::hex << message.flags << ", from "
        << hex(message.from.data(), message.from.size()) << ", data "
        << hex(message.data.data(), std::min<size_t>(message.data.size(), 96));
    for (const auto& control : message.controls)
        out << ", control " << std::dec << control.level << "/" << control.type << " "
            << hex(control.value.data(), control.value.size());
    out << "}";
    return out.str();
}

std::optional<Message> receive_now(int fd, size_t size, int flags) {
    Message message;
    sockaddr_storage from{};
    alignas(cmsghdr) uint8_t control[1024];
    message.data.resize(size);
    iovec part{message.data.data(), size};
    msghdr header{};
    header.msg_name = &from;
    header.msg_namelen = sizeof(from);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);

    message.result = ::recvmsg(fd, &header, flags | MSG_DONTWAIT);
    if (message.result < 0 && errno == EAGAIN)
        return std::nullopt;
    checked(message.result, "recvmsg");
    message.flags = header.msg_flags;
    message.data.resize(std::min(size, size_t(message.result)));
    const auto* address = reinterpret_cast<const uint8_t*>(&from);
    message.from.assign(address, address + header.msg_namelen);
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
        message.controls.push_back({c->cmsg_level, c->cmsg_type,
                                    Bytes(CMSG_DATA(c), CMSG_DATA(c) + c->cmsg_len - CMSG_LEN(0))});
    return message;
}

Message receive(int fd, size_t size, int flags) {
    while (wait_readable(fd))
        if (auto message = receive_now(fd, size, flags))
            return *message;
    throw std::system_error(ETIMEDOUT, std::generic_category(), "receive");
}

Message receive_marked(int fd, std::string_view mark, size_t size, int flags) {
    for (;;) {
        auto message = receive(fd, size, flags);
        if (contains(message.data, mark))
            return message;
    }
}

long send_to(int fd, const Bytes& data, const sockaddr_in& address, int flags) {
    return ::sendto(fd, data.data(), data.size(), flags,
                    reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

long send_to(int fd, const Bytes& data, const sockaddr_ll& address, int flags) {
    return ::sendto(fd, data.data(), data.size(), flags,
                    reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Injector Injector::here() {
    return {open_socket(Side::sibling, Kind::packet, 0), link::index(here_device)};
}

Injector Injector::at_peer() {
    Fd socket;
    int ifindex = 0;
    in_peer([&] {
        socket = open_socket(Side::sibling, Kind::packet, 0);
        ifindex = link::index(peer_device);
    });
    return {std::move(socket), ifindex};
}

void Injector::send(const Bytes& frame) const {
    checked(send_to(socket_.get(), frame, link_address(0, ifindex_)), "inject");
}

void receive_everything(const Fd& socket, int ifindex, const Injector& other_end) {
    constexpr std::chrono::milliseconds moment{50};
    const packet_mreq everything{
        .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
    checked(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything,
                            sizeof(everything)),
            "PACKET_MR_PROMISC");
    const auto frame = [](const char* mark) {
        return ethernet(nobodys_mac, experimental_ethertype, repeated(mark, 64));
    };
    for (auto patience = deadline; patience > moment; patience -= moment) {
        other_end.send(frame("a probe!"));
        wait_for(socket.get(), POLLIN, moment);
        while (const auto message = receive_now(socket.get())) {
            if (!contains(message->data, "a probe!"))
                continue;
            // Probes that are still under way pass before this one does.
            other_end.send(frame("the last"));
            receive_marked(socket.get(), "the last");
            return;
        }
    }
    throw std::system_error(ETIMEDOUT, std::generic_category(), "receive_everything");
}

Fd udp_socket(uint16_t port) {
    Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
    bind_to(socket, ipv4_address("0.0.0.0", port));
    return socket;
}

Fd udp_socket_at_peer(uint16_t port) {
    return in_peer([&] { return udp_socket(port); });
}

void meet_neighbours() {
    constexpr uint16_t port = 7690;
    const Fd here = udp_socket(port);
    const Fd peer = udp_socket_at_peer(port);
    checked(send_to(here.get(), Bytes(8), ipv4_address(peer_address, port)), "send");
    receive(peer.get());
    checked(send_to(peer.get(), Bytes(8), ipv4_address(here_address, port)), "send");
    receive(here.get());
}

} // namespace xt
