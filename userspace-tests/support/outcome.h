// SPDX-License-Identifier: GPL-2.0-or-later
// What a call did, in a form that two families can be compared by.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "family.h"

namespace xt {

// The result of a call, its errno (0 when it succeeded), and what can be seen afterwards.
struct Outcome {
    long result = 0;
    int error = 0;
    std::string state;

    bool operator==(const Outcome&) const = default;
};
void PrintTo(const Outcome& outcome, std::ostream* out);

// Runs `call`, which returns a system call's result, and notes errno.
Outcome outcome_of(const std::function<long()>& call);

// Everything that getsockname(), getpeername() and getsockopt() tell of a socket.
std::string state_of(int fd, Kind kind);

// Runs `function` in a thread without any capability, in the namespaces of this one.
Outcome without_capabilities(const std::function<Outcome()>& function);

// A call to make on a fresh socket of either side, with the name that a failure is reported by.
struct Row {
    std::string name;
    std::function<long(int fd)> call;
};

// Prepares each fresh socket, e.g. binds it.
using Prepare = std::function<void(const Fd&)>;

// Closes sockets at the same time: each PF_PACKET one waits for a grace period, which they can
// share.
void close_together(std::vector<Fd>& sockets);

// Makes the call of each row on a socket of the sibling and on one of PF_XINET: result, errno and
// the state afterwards must be equal.
void expect_equal_outcomes(Kind kind, int protocol, const std::vector<Row>& rows,
                           const Prepare& prepare = {});

} // namespace xt
