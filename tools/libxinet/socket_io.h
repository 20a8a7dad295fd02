// SPDX-License-Identifier: GPL-2.0-or-later
// The untyped edge of the socket calls, in one place: options, addresses and
// control messages as values.
#pragma once

#include "xinet/error.h"
#include "xinet/file_descriptor.h"
#include "xinet/timestamp.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

namespace xinet {

inline Timestamp to_timestamp(const timespec& value) {
    return Timestamp(std::chrono::seconds(value.tv_sec) + std::chrono::nanoseconds(value.tv_nsec));
}

template<class Address>
const sockaddr* as_sockaddr(const Address& address) {
    static_assert(std::is_trivially_copyable_v<Address>);
    return reinterpret_cast<const sockaddr*>(&address);
}

template<class Address>
sockaddr* as_sockaddr(Address& address) {
    static_assert(std::is_trivially_copyable_v<Address>);
    return reinterpret_cast<sockaddr*>(&address);
}

/// One message of recvmsg(), with the sender's address and room for control messages.
template<class Address>
class IncomingMessage {
public:
    explicit IncomingMessage(std::span<std::byte> buffer)
        : vector_{.iov_base = buffer.data(), .iov_len = buffer.size()} {
        header.msg_name = &sender;
        header.msg_namelen = sizeof(sender);
        header.msg_iov = &vector_;
        header.msg_iovlen = 1;
        header.msg_control = control_.data();
        header.msg_controllen = control_.size();
    }
    ~IncomingMessage() = default;
    // The header points into the object.
    IncomingMessage(const IncomingMessage&) = delete;
    IncomingMessage(IncomingMessage&&) = delete;
    IncomingMessage& operator=(const IncomingMessage&) = delete;
    IncomingMessage& operator=(IncomingMessage&&) = delete;

    /// recvmsg(), repeated when a signal interrupts it; -1 with errno.
    ssize_t receive(const FileDescriptor& socket, int flags) {
        ssize_t length = 0;
        do {
            length = ::recvmsg(socket.get(), &header, flags);
        } while (length < 0 && errno == EINTR);
        return length;
    }

    Address sender{};
    msghdr header{};

private:
    iovec vector_;
    alignas(cmsghdr) std::array<std::byte, 512> control_{};
};

/// setsockopt(); false with errno when the kernel refuses.
template<class Value>
bool try_set_option(const FileDescriptor& socket, int level, int name, const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    return ::setsockopt(socket.get(), level, name, &value, sizeof(value)) == 0;
}

/// setsockopt(); throws Error naming @p label.
template<class Value>
void set_option(const FileDescriptor& socket, int level, int name, const Value& value,
                const char* label) {
    if (!try_set_option(socket, level, name, value)) {
        throw Error("set socket option", label, errno);
    }
}

/// getsockopt(); throws Error naming @p label.
template<class Value>
Value get_option(const FileDescriptor& socket, int level, int name, const char* label) {
    static_assert(std::is_trivially_copyable_v<Value>);
    Value value{};
    socklen_t length = sizeof(value);
    if (::getsockopt(socket.get(), level, name, &value, &length) != 0) {
        throw Error("read socket option", label, errno);
    }
    return value;
}

/// The first control message of this level and type, copied out (it need not
/// be aligned in the buffer).
template<class Value>
std::optional<Value> find_control(msghdr& message, int level, int type) {
    static_assert(std::is_trivially_copyable_v<Value>);
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
         item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level == level && item->cmsg_type == type &&
            item->cmsg_len >= CMSG_LEN(sizeof(Value))) {
            Value value{};
            std::memcpy(&value, CMSG_DATA(item), sizeof(value));
            return value;
        }
    }
    return std::nullopt;
}

/// When the kernel received it (SO_TIMESTAMPNS), else the time of asking.
inline Timestamp receive_time(msghdr& message) {
    const auto stamp = find_control<timespec>(message, SOL_SOCKET, SO_TIMESTAMPNS);
    return stamp ? to_timestamp(*stamp) : now();
}

} // namespace xinet
