// SPDX-License-Identifier: GPL-2.0-or-later
#include "compare.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "outcome.h"

namespace xt {
namespace {

// A message as three receptions showed it.
struct Capture {
    Message whole;
    Message cut;  // 20 bytes of room
    Message told; // 20 bytes of room, MSG_TRUNC

    bool operator==(const Capture&) const = default;
    friend void PrintTo(const Capture& capture, std::ostream* out) {
        *out << "\n    whole " << describe(capture.whole) << "\n    cut   " << describe(capture.cut)
             << "\n    told  " << describe(capture.told);
    }
};

// "xt" and six more: begins every mark, and nothing else on the wire.
bool is_ours(const Message& message) {
    const auto from = message.from_as<sockaddr_ll>();
    return contains(message.data, "xt-") ||
           (from.sll_family == AF_PACKET &&
            std::equal(crafted_mac.begin(), crafted_mac.end(), from.sll_addr));
}

// All that waits in a queue.
std::vector<Capture> captures_of(const Fd& socket) {
    constexpr size_t small = 20;
    std::vector<Capture> result;
    while (auto whole = receive_now(socket.get(), any_size, MSG_PEEK)) {
        Capture capture;
        capture.whole = std::move(*whole);
        // a second look passes an empty message over, and would be at the next one
        if (!capture.whole.data.empty())
            capture.told = receive(socket.get(), small, MSG_PEEK | MSG_TRUNC);
        capture.cut = receive(socket.get(), small);
        // PF_PACKET forgets the tp_len of a frame that has been looked at (it keeps it where the
        // first look writes sll_family), so only the first look's control messages compare.
        capture.told.controls.clear();
        capture.cut.controls.clear();
        if (is_ours(capture.whole))
            result.push_back(std::move(capture));
    }
    return result;
}

bool is_outgoing(const Capture& capture) {
    const auto from = capture.whole.from_as<sockaddr_ll>();
    return from.sll_family == AF_PACKET && from.sll_pkttype == PACKET_OUTGOING;
}

// The mark in a message's payload, which names the step that sent it; empty when it is cut off.
std::string mark_of(const Capture& capture) {
    constexpr size_t length = 8;
    const auto& data = capture.whole.data;
    const std::string text(data.begin(), data.end());
    const size_t begin = text.find("xt-");
    return begin == std::string::npos ? "" : text.substr(begin, length);
}

std::map<std::string, std::vector<Capture>> by_mark(const std::vector<Capture>& captures) {
    std::map<std::string, std::vector<Capture>> result;
    for (const auto& capture : captures)
        result[(is_outgoing(capture) ? "outgoing " : "") + mark_of(capture)].push_back(capture);
    return result;
}

// Step by step and way by way first, so that a failure names its steps; then the order of all.
// What goes out and what comes in may pass the sockets on two CPUs at once: then each socket has
// an order of its own.
void expect_equal(const std::vector<Capture>& sibling, const std::vector<Capture>& xinet) {
    if (sibling == xinet)
        return;
    auto theirs = by_mark(sibling);
    auto ours = by_mark(xinet);
    for (const auto& [mark, captures] : theirs)
        EXPECT_EQ(captures, ours[mark]) << "step " << mark << ": the sibling, then PF_XINET";
    for (const auto& [mark, captures] : ours)
        EXPECT_FALSE(theirs[mark].empty())
            << "only PF_XINET got " << mark << ": " << describe(captures[0].whole);
    if (theirs == ours && sysconf(_SC_NPROCESSORS_ONLN) == 1)
        ADD_FAILURE() << "the same messages in another order";
}

void expect_marks(const std::vector<Capture>& captures, const std::vector<std::string>& marks) {
    for (const auto& mark : marks)
        EXPECT_TRUE(
            std::any_of(captures.begin(), captures.end(),
                        [&](const Capture& capture) { return contains(capture.whole.data, mark); }))
            << "nothing of " << mark;
}

} // namespace

void expect_equal_captures(std::vector<Pair>& pairs) {
    std::vector<Fd> used;
    for (auto& pair : pairs) {
        SCOPED_TRACE(pair.name);
        const auto sibling = captures_of(pair.sibling);
        const auto xinet = captures_of(pair.xinet);
        expect_marks(sibling, pair.expected);
        expect_marks(xinet, pair.expected);
        expect_equal(sibling, xinet);
        used.push_back(std::move(pair.sibling));
        used.push_back(std::move(pair.xinet));
    }
    close_together(used);
}

} // namespace xt
