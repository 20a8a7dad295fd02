// SPDX-License-Identifier: GPL-2.0-or-later
// What became of the requests: counted, not printed.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>

namespace xinet {

class RoundTrips {
public:
    void add(std::chrono::nanoseconds trip);

    std::uint64_t count() const noexcept { return count_; }
    std::chrono::nanoseconds least() const noexcept { return least_; }
    std::chrono::nanoseconds most() const noexcept { return most_; }
    std::chrono::nanoseconds mean() const;

    /// The standard deviation of the population, called mdev by ping.
    std::chrono::nanoseconds deviation() const;

private:
    std::uint64_t count_ = 0;
    std::chrono::nanoseconds least_{0};
    std::chrono::nanoseconds most_{0};
    // Welford's running mean and sum of squared distances: no cancellation.
    double mean_ = 0;
    double squares_ = 0;
};

struct PingCounts {
    std::uint64_t transmitted = 0;
    std::uint64_t received = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t corrupted = 0;
    std::uint64_t errors = 0;
    std::uint64_t most_in_flight = 0;
    RoundTrips trips;

    double loss_percent() const;
};

/// Which of the 65,536 sequence numbers are out, and which are answered.
class SequenceWindow {
public:
    enum class Answer { first, duplicate, unknown };

    void sent(std::uint16_t sequence);
    bool knows(std::uint16_t sequence) const { return sent_.test(sequence); }
    Answer answered(std::uint16_t sequence);

private:
    static constexpr std::size_t numbers = 65536;
    std::bitset<numbers> sent_;
    std::bitset<numbers> answered_;
};

} // namespace xinet
