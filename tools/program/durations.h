// SPDX-License-Identifier: GPL-2.0-or-later
// Many durations in little memory.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace xinet {

/// Counts durations in classes that are a sixteenth of their value wide at most.
class Durations {
public:
    /// A negative one counts as 0.
    void add(std::chrono::nanoseconds duration);

    std::uint64_t count() const { return count_; }

    /// The least value that is not less than a share of all, within the width of its class; 0
    /// without any.
    ///
    /// @param share 0.5 for the median, 0.99, ...
    std::chrono::nanoseconds quantile(double share) const;

private:
    static constexpr unsigned bits = 4; ///< of a class after the leading one
    static constexpr std::size_t classes = (64U - bits + 1) << bits;

    static std::size_t class_of(std::uint64_t value);
    static std::uint64_t longest_of(std::size_t number);

    std::array<std::uint64_t, classes> counts_{};
    std::uint64_t count_ = 0;
};

} // namespace xinet
