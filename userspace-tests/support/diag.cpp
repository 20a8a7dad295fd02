// SPDX-License-Identifier: GPL-2.0-or-later
#include "diag.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "family.h"

namespace xt {
namespace {

constexpr uint32_t sequence = 4711;

// Adds the payloads of one datagram; true when it was the last.
bool take(const uint8_t* data, size_t size, bool dump, std::vector<Bytes>& payloads) {
    const auto* header = reinterpret_cast<const nlmsghdr*>(data);
    for (auto rest = unsigned(size); NLMSG_OK(header, rest); header = NLMSG_NEXT(header, rest)) {
        const auto* payload = static_cast<const uint8_t*>(NLMSG_DATA(header));
        const size_t length = NLMSG_PAYLOAD(header, 0);
        if (header->nlmsg_seq != sequence)
            throw std::runtime_error("an answer to something else");
        if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
            int error = 0;
            std::memcpy(&error, payload, std::min(length, sizeof(error)));
            if (error < 0)
                throw std::system_error(-error, std::generic_category(), "sock_diag");
            return true;
        }
        payloads.emplace_back(payload, payload + length);
        if (!dump)
            return true;
    }
    return false;
}

} // namespace

Diag::Diag()
    : socket_(checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG),
                      "netlink socket")) {}

void Diag::send(const void* request, size_t size, bool dump) const {
    Bytes message(NLMSG_SPACE(size));
    nlmsghdr header{};
    header.nlmsg_len = uint32_t(NLMSG_LENGTH(size));
    header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header.nlmsg_flags = uint16_t(NLM_F_REQUEST | (dump ? NLM_F_DUMP : 0));
    header.nlmsg_seq = sequence;
    std::memcpy(message.data(), &header, sizeof(header));
    std::memcpy(message.data() + NLMSG_HDRLEN, request, size);
    checked(::send(socket_.get(), message.data(), message.size(), 0), "send to sock_diag");
}

std::vector<Bytes> Diag::ask(const void* request, size_t size, bool dump, size_t room) const {
    send(request, size, dump);
    std::vector<Bytes> payloads;
    Bytes buffer(room);
    for (;;) {
        const auto received =
            checked(::recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC), "recv");
        if (size_t(received) > buffer.size())
            throw std::runtime_error("a datagram of " + std::to_string(received) + " bytes");
        if (take(buffer.data(), size_t(received), dump, payloads))
            return payloads;
    }
}

std::multimap<int, Bytes> Diag::attributes_behind(const Bytes& payload, size_t offset) {
    std::multimap<int, Bytes> result;
    if (payload.size() < offset)
        throw std::runtime_error("a message that is too short");
    while (payload.size() - offset >= NLA_HDRLEN) {
        nlattr attribute{};
        std::memcpy(&attribute, payload.data() + offset, sizeof(attribute));
        if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > payload.size() - offset)
            throw std::runtime_error("an attribute that leaves its message");
        const auto begin = payload.begin() + long(offset);
        result.emplace(attribute.nla_type & NLA_TYPE_MASK,
                       Bytes(begin + NLA_HDRLEN, begin + attribute.nla_len));
        offset = std::min(payload.size(), offset + NLA_ALIGN(attribute.nla_len));
    }
    return result;
}

DropReasons drop_reasons_of(const Fd& socket) {
    const auto found = find_socket(socket);
    if (!found)
        throw std::runtime_error("sock_diag does not know the socket");
    return found->get<DropReasons>(XINET_DIAG_DROP_REASONS);
}

uint64_t sum(const DropReasons& reasons) {
    return std::accumulate(reasons.begin(), reasons.end(), uint64_t{0});
}

xinet_diag_req xinet_request(uint32_t show) {
    xinet_diag_req request{};
    request.sdiag_family = uint8_t(xinet_family());
    request.show = show;
    return request;
}

std::vector<XinetMessage> all_sockets(uint32_t show, size_t room) {
    return Diag().list<xinet_diag_msg>(xinet_request(show), true, room);
}

std::optional<XinetMessage> find_socket(const Fd& socket, uint32_t show) {
    const uint32_t inode = inode_of(socket);
    for (auto& message : all_sockets(show))
        if (message.base.ino == inode)
            return std::move(message);
    return std::nullopt;
}

uint32_t inode_of(const Fd& socket) {
    struct stat status {};
    checked(::fstat(socket.get(), &status), "fstat");
    return uint32_t(status.st_ino);
}

uint64_t cookie_of(const Fd& socket) {
    uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    checked(::getsockopt(socket.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), "SO_COOKIE");
    return cookie;
}

uint64_t cookie_of(const xinet_diag_msg& message) {
    return uint64_t{message.cookie[1]} << 32 | message.cookie[0];
}

} // namespace xt
