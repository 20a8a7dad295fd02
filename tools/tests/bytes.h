// SPDX-License-Identifier: GPL-2.0-or-later
// Byte strings for tests.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace xinet::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<unsigned> values) {
    Bytes result;
    for (const unsigned value : values) {
        result.push_back(static_cast<std::byte>(value));
    }
    return result;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// An Ethernet header before an ethertype and a payload.
inline Bytes ethernet(unsigned ethertype, const Bytes& payload) {
    return bytes({2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ethertype >> 8, ethertype & 0xff}) + payload;
}

/// An IPv4 header from 10.77.0.1 to 10.77.0.2, without a checksum.
inline Bytes ipv4(unsigned protocol, const Bytes& payload) {
    const auto total = static_cast<unsigned>(20 + payload.size());
    return bytes({0x45,
                  0,
                  total >> 8 & 0xff,
                  total & 0xff,
                  0,
                  1,
                  0,
                  0,
                  64,
                  protocol,
                  0,
                  0,
                  10,
                  77,
                  0,
                  1,
                  10,
                  77,
                  0,
                  2}) +
           payload;
}

} // namespace xinet::test
