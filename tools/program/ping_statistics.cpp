// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ping_statistics.h"

#include <algorithm>
#include <cmath>

namespace xinet {

namespace {

std::chrono::nanoseconds from_count(double nanoseconds) {
    return std::chrono::nanoseconds(std::llround(nanoseconds));
}

} // namespace

void RoundTrips::add(std::chrono::nanoseconds trip) {
    least_ = count_ == 0 ? trip : std::min(least_, trip);
    most_ = count_ == 0 ? trip : std::max(most_, trip);
    ++count_;
    const auto value = static_cast<double>(trip.count());
    const double before = value - mean_;
    mean_ += before / static_cast<double>(count_);
    squares_ += before * (value - mean_);
}

std::chrono::nanoseconds RoundTrips::mean() const {
    return from_count(mean_);
}

std::chrono::nanoseconds RoundTrips::deviation() const {
    return count_ == 0 ? std::chrono::nanoseconds(0)
                       : from_count(std::sqrt(squares_ / static_cast<double>(count_)));
}

double PingCounts::loss_percent() const {
    if (transmitted == 0 || received >= transmitted) {
        return 0;
    }
    return static_cast<double>(transmitted - received) * 100.0 / static_cast<double>(transmitted);
}

void SequenceWindow::sent(std::uint16_t sequence) {
    sent_.set(sequence);
    answered_.reset(sequence);
}

SequenceWindow::Answer SequenceWindow::answered(std::uint16_t sequence) {
    if (!sent_.test(sequence)) {
        return Answer::unknown;
    }
    if (answered_.test(sequence)) {
        return Answer::duplicate;
    }
    answered_.set(sequence);
    return Answer::first;
}

} // namespace xinet
