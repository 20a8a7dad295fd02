// SPDX-License-Identifier: GPL-2.0-or-later
// sock_diag as any program speaks it: requests and answers, byte by byte.
#pragma once

#include <linux/xinet.h>
#include <linux/xinet_diag.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "fd.h"
#include "frame.h"

namespace xt {

// A message that came: what stands at its beginning, and the attributes behind that.
template<typename Base>
struct DiagMessage {
    Base base{};
    std::multimap<int, Bytes> attributes;

    [[nodiscard]] bool has(int type) const { return attributes.contains(type); }
    // The first attribute of the type, zeroes when there is none or it is shorter.
    template<typename T>
    [[nodiscard]] T get(int type) const {
        T result{};
        const auto found = attributes.find(type);
        if (found != attributes.end())
            std::copy_n(found->second.begin(), std::min(found->second.size(), sizeof(T)),
                        reinterpret_cast<uint8_t*>(&result));
        return result;
    }
};

// A netlink socket; requests in it see the sockets of its own namespace.
class Diag {
public:
    Diag();

    // The payloads of the messages that answer; throws std::system_error with the errno that the
    // kernel answers instead. `room` is how much is read at once.
    [[nodiscard]] std::vector<Bytes> ask(const void* request, size_t size, bool dump,
                                         size_t room = XINET_DIAG_MSG_MAX) const;

    // Asks for a dump and reads nothing of it.
    template<typename Request>
    void begin(const Request& request) const {
        send(&request, sizeof(request), true);
    }

    template<typename Base, typename Request>
    [[nodiscard]] std::vector<DiagMessage<Base>> list(const Request& request, bool dump = true,
                                                      size_t room = XINET_DIAG_MSG_MAX) const {
        std::vector<DiagMessage<Base>> result;
        for (const Bytes& payload : ask(&request, sizeof(request), dump, room))
            result.push_back(parse<Base>(payload));
        return result;
    }

private:
    void send(const void* request, size_t size, bool dump) const;
    static std::multimap<int, Bytes> attributes_behind(const Bytes& payload, size_t offset);
    template<typename Base>
    static DiagMessage<Base> parse(const Bytes& payload) {
        DiagMessage<Base> message;
        message.attributes = attributes_behind(payload, sizeof(Base));
        std::copy_n(payload.begin(), sizeof(Base), reinterpret_cast<uint8_t*>(&message.base));
        return message;
    }

    Fd socket_;
};

using XinetMessage = DiagMessage<xinet_diag_msg>;

// All of the family's sockets that this namespace has; `show` is XINET_DIAG_SHOW_*.
std::vector<XinetMessage> all_sockets(uint32_t show = 0, size_t room = XINET_DIAG_MSG_MAX);

inline constexpr uint32_t show_everything = XINET_DIAG_SHOW_MEMINFO | XINET_DIAG_SHOW_FILTER |
                                            XINET_DIAG_SHOW_INFO | XINET_DIAG_SHOW_MEMBERSHIPS;

// One of them.
std::optional<XinetMessage> find_socket(const Fd& socket, uint32_t show = show_everything);

// What a socket has not got, by reason.
using DropReasons = std::array<uint64_t, __XINET_DROP_REASONS>;
DropReasons drop_reasons_of(const Fd& socket);
uint64_t sum(const DropReasons& reasons);

xinet_diag_req xinet_request(uint32_t show = 0);
uint32_t inode_of(const Fd& socket);
uint64_t cookie_of(const Fd& socket);
uint64_t cookie_of(const xinet_diag_msg& message);

} // namespace xt
