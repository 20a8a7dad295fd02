// SPDX-License-Identifier: GPL-2.0-or-later
// Network namespaces: a thread of its own enters one, so that the caller never leaves its own. A
// socket opened in there stays there and can be used from anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

#include "fd.h"

namespace xt {

class NetNs {
public:
    // /var/run/netns/NAME, as made by "ip netns add".
    static NetNs named(const std::string& name);
    // A new namespace with only a loopback device; it lives as long as this object or its sockets.
    static NetNs create();

    // Runs `function` in this namespace; an exception in there is thrown here.
    template<typename F>
    std::invoke_result_t<F> run(F function) const {
        if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
            enter_and_run(function);
        } else {
            std::invoke_result_t<F> result{};
            enter_and_run([&] { result = function(); });
            return result;
        }
    }
    [[nodiscard]] int get() const { return fd_.get(); }
    // As in /proc/PID/ns/net, and SO_NETNS_COOKIE.
    [[nodiscard]] uint32_t inode() const;
    [[nodiscard]] uint64_t cookie() const;

private:
    explicit NetNs(Fd fd) : fd_(std::move(fd)) {}
    void enter_and_run(const std::function<void()>& function) const;

    Fd fd_;
};

// Runs `function` at the other end of the wire: eth1, 10.77.0.2.
template<typename F>
auto in_peer(F function) {
    return NetNs::named("peer").run(std::move(function));
}

} // namespace xt
