// SPDX-License-Identifier: GPL-2.0-or-later
// Raw sockets of both families at all places where one can listen.
#pragma once

#include <linux/xinet.h>

#include <string>
#include <vector>

#include "compare.h"
#include "netns.h"

namespace xt {

// How ip(8) is told a namespace that has no name.
std::string path_of(const NetNs& netns);

// A raw socket of PF_XINET that listens at XINET_RAW_POINT_*.
Fd open_raw_at(int point, int protocol);

// A socket at each place, made alike. Opened in the namespace of the thread.
struct Ears {
    Ears() = default;
    explicit Ears(int protocol);

    Fd sibling;
    Fd host;
    Fd wire;
    // One more of the sibling's, by which a test knows that a packet has come.
    Fd monitor;

    [[nodiscard]] std::vector<const Fd*> all() const { return {&sibling, &host, &wire}; }
    // Waits for a packet that the sibling receives, until every socket has had it.
    void await(const std::string& mark) const;
    // PF_INET and XINET_RAW_POINT_HOST have received the same, `expected` among it. Closes them.
    void expect_equal(const std::vector<std::string>& expected);
};

// The marks ("xt-" and five more) of all that waits in a socket, in order.
std::vector<std::string> marks_of(const Fd& socket);

// Echo requests whose replies carry a mark.
Bytes echo_request(const std::string& mark, uint16_t identifier = 0x7874);
void ping(const Fd& socket, const std::string& mark, const char* to);

} // namespace xt
