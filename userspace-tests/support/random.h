// SPDX-License-Identifier: GPL-2.0-or-later
// Random numbers that a seed repeats.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace xt {

class Random {
public:
    explicit Random(uint64_t seed) : engine_(seed) {}

    uint64_t next() { return engine_(); }
    // 0 <= result < limit
    uint64_t below(uint64_t limit) { return next() % limit; }
    int between(int first, int last) { return first + int(below(uint64_t(last - first) + 1)); }
    // True once in `times`.
    bool once_in(unsigned times) { return below(times) == 0; }

    template<typename T>
    T one_of(std::initializer_list<T> values) {
        return *(values.begin() + below(values.size()));
    }
    template<typename Container>
    const auto& any(const Container& values) {
        return values[below(std::size(values))];
    }

private:
    std::mt19937_64 engine_;
};

} // namespace xt
