// SPDX-License-Identifier: GPL-2.0-or-later
// Receiving the same traffic through both families at once, and comparing what came.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "family.h"
#include "traffic.h"

namespace xt {

// One thing to send. What it sends carries `mark` in its payload, over and over.
struct Step {
    std::string mark; // eight characters
    std::function<void(const std::string& mark)> send;
};

// Two sockets that were made alike.
struct Pair {
    std::string name;
    Fd sibling;
    Fd xinet;
    std::vector<std::string> expected; // marks that must have come
};

// Receives what waits in both sockets of each pair, leaves out what is not of these tests, and
// requires the same messages in the same order: lengths, bytes, addresses, flags and control
// messages, read with a large and with a small buffer. All that was sent must have arrived.
void expect_equal_captures(std::vector<Pair>& pairs);

} // namespace xt
