// SPDX-License-Identifier: GPL-2.0-or-later
// Sending with a control message.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "fd.h"
#include "sys.h"

namespace xt {

// Sends a short payload to `to` with one control message; what sendmsg() returns.
template<typename T>
long send_with_control(int fd, sockaddr_in to, int level, int type, const T& value) {
    char text[] = "payload";
    iovec part{text, sizeof(text)};
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(T))] = {};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof(to);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof(T));
    std::copy_n(reinterpret_cast<const uint8_t*>(&value), sizeof(T), CMSG_DATA(header));
    return sys::sendmsg(fd, &message, 0);
}

// Lets `socket` say, with SCM_TXTIME, when a packet is to leave by `clock`.
inline void ask_for_txtime(const Fd& socket, clockid_t clock) {
    constexpr int so_txtime = 61; // SO_TXTIME
    struct {
        int32_t clock;
        uint32_t flags;
    } const option{clock, 0};
    checked(sys::setsockopt(socket.get(), SOL_SOCKET, so_txtime, &option, sizeof(option)),
            "SO_TXTIME");
}

} // namespace xt
