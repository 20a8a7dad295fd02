// SPDX-License-Identifier: GPL-2.0-or-later
// A wire of a test's own, in a namespace of its own, and what ip(8) and sysctl make of it.
//
//   xtout, where frames are injected  <------------>  xtin, which receives them
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "compare.h"

namespace xt {

// Runs ip(8) once in the thread's namespace, each string being the words of a command; throws
// std::runtime_error at the first that fails.
void ip_batch(const std::vector<std::string>& commands);
template<typename... More>
void ip(const std::string& words, const More&... more) {
    ip_batch({words, std::string(more)...});
}
// False, without a message, if it fails.
bool try_ip(const std::string& words);
// Gives nft(8) these rules, in the thread's namespace; these fail as those of ip(8) do.
void nft(const std::string& rules);
bool try_nft(const std::string& rules);
// Whether the kernel has nftables' NAT: User Mode Linux of the lanes has not.
bool has_nat();
// Writes below /proc/sys/net/ipv4/.
void set_sysctl(const std::string& name, const std::string& value);

// Waits until a device that is up transmits.
void await_carrier(const std::string& name);

// The two ends, in the namespace of the thread; both transmit.
class Wire {
public:
    // Runs ip(8) with each of `before_up` while both ends are down.
    explicit Wire(const std::vector<std::string>& before_up = {});
    void in(const Bytes& frame) const;
    // What was sent before has reached every socket when this returns.
    void fence() const;
    [[nodiscard]] const Fd& sender() const { return sender_; }

private:
    OnOneCpu one_cpu_;
    Fd sender_;
    Fd monitor_;
};

} // namespace xt
