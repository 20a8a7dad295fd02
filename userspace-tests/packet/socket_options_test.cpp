// SPDX-License-Identifier: GPL-2.0-or-later
// Every option of SOL_SOCKET on packet sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "support/family.h"
#include "support/frame.h"
#include "support/outcome.h"
#include "support/sys.h"

namespace xt {
namespace {

// Every option there is, and some that are not: what set and get say, one after the other.
std::vector<std::string> story_of_options(Side side, Kind kind) {
    constexpr int beyond_the_last = 90;
    const Fd socket = open_socket(side, kind, 0);
    std::vector<std::string> story;
    for (int option = 0; option < beyond_the_last; option++)
        for (const int value : {0, 1, 50, -1})
            for (const socklen_t size : {0U, 3U, 4U, 8U, 16U}) {
                if (option == SO_COOKIE)
                    continue; // its own for each socket
                const int values[4] = {value, value, value, value};
                const auto set = outcome_of([&] {
                    return sys::setsockopt(socket.get(), SOL_SOCKET, option, values, size);
                });
                Bytes room(16);
                socklen_t length = size;
                const auto get = outcome_of([&] {
                    return sys::getsockopt(socket.get(), SOL_SOCKET, option, room.data(), &length);
                });
                std::ostringstream out;
                out << "option " << option << " = " << value << ", " << size << " bytes: set "
                    << set.result << "/" << set.error << ", get " << get.result << "/" << get.error
                    << " " << hex(room.data(), std::min<size_t>(length, room.size()));
                story.push_back(out.str());
            }
    return story;
}

TEST(PacketSocketOptions, each_value_is_accepted_or_refused_as_by_pf_packet) {
    for (const Kind kind : packet_kinds) {
        const auto theirs = story_of_options(Side::sibling, kind);
        const auto ours = story_of_options(Side::xinet, kind);
        for (size_t i = 0; i < theirs.size(); i++)
            EXPECT_EQ(theirs[i], ours[i]) << to_string(kind);
    }
}

} // namespace
} // namespace xt
