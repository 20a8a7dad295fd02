// SPDX-License-Identifier: GPL-2.0-or-later
// One call on one socket over a kernel engine, as a row of a table: it is made on a socket of
// PF_INET and on one of PF_XINET that were brought into the same state, and must do the same.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "inet.h"
#include "outcome.h"

namespace xt {

// What a subject has gone through before the call.
enum class State {
    fresh,
    bound,        // to subject_port on loopback
    listening,    // there; only streams
    connected,    // to the other end, from a port of the kernel's choice
    deaf,         // connected, and shut down for reading
    mute,         // connected, and shut down for writing
    disconnected, // connected before, by AF_UNSPEC no more
    refused,      // a connect() to a port where nobody is; only streams
};

std::string to_string(State state);
std::vector<State> states_of(Transport transport);

// Fixed, so that both sides see the same numbers; outside of what the kernel chooses from.
inline constexpr uint16_t subject_port = 7001;
inline constexpr uint16_t other_port = 7002;
inline constexpr uint16_t nobodys_port = 7003;

// A subject in its state, and who is at the other end: a listener, a sink, or for pings nobody.
struct Scene {
    Side side;
    Transport transport;
    Fd subject;
    Fd other;
    Fd accepted;      // what the other end has of the subject's connection
    std::string note; // what the call found, to be compared too

    [[nodiscard]] int fd() const { return subject.get(); }
};

struct InetCase {
    std::string name; // letters, digits and _
    Transport transport;
    State state;
    std::function<long(Scene& scene)> call;
    bool privileged = true; // or made in a child without capabilities
};
void PrintTo(const InetCase& row, std::ostream* out);

// The namespace of all scenes, with nothing but a loopback device.
const NetNs& inet_namespace();

// Makes the call of a row on one side, and tells what came of it and how the socket is then.
Outcome play(const InetCase& row, Side side);

// TEST_P body: both sides must do the same.
void expect_same_on_both_sides(const InetCase& row);

std::string case_name(const testing::TestParamInfo<InetCase>& info);

} // namespace xt
