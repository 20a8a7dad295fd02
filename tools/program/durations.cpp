// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/durations.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace xinet {

/// Values below 32 have classes of their own; then come sixteen for each power of two.
std::size_t Durations::class_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= bits + 1) {
        return static_cast<std::size_t>(value);
    }
    const unsigned shift = width - bits - 1;
    return (std::size_t{shift} << bits) + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Durations::longest_of(std::size_t number) {
    if (number < std::size_t{2} << bits) {
        return number;
    }
    const std::size_t shift = (number >> bits) - 1;
    const std::uint64_t first = (number & ((1U << bits) - 1)) | (1U << bits);
    return ((first + 1) << shift) - 1;
}

void Durations::add(std::chrono::nanoseconds duration) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++counts_.at(class_of(value));
    ++count_;
}

std::chrono::nanoseconds Durations::quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t passed = 0;
    for (std::size_t number = 0; number < counts_.size(); ++number) {
        passed += counts_.at(number);
        if (passed != 0 && passed >= wanted) {
            return std::chrono::nanoseconds(static_cast<std::int64_t>(longest_of(number)));
        }
    }
    return std::chrono::nanoseconds(0);
}

} // namespace xinet
