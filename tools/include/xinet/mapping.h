// SPDX-License-Identifier: GPL-2.0-or-later
// A shared memory mapping that unmaps itself.
#pragma once

#include "xinet/error.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#pragma GCC visibility push(default)
namespace xinet {

/// Owns one mapping of mmap(2), or none.
class Mapping {
public:
    Mapping() noexcept = default;

    /// Maps a ring of a socket. Throws Error with the errno of mmap(2).
    ///
    /// @param descriptor the socket; it may be closed while the mapping exists
    /// @param offset in bytes, a multiple of the page size
    /// @param size in bytes
    /// @param protection PROT_* of <sys/mman.h>
    Mapping(int descriptor, std::uint64_t offset, std::size_t size, int protection)
        : begin_(::mmap(nullptr, size, protection, MAP_SHARED, descriptor,
                        static_cast<off_t>(offset))),
          size_(size) {
        if (begin_ == MAP_FAILED) {
            throw Error("map", "a receive ring", errno);
        }
    }
    Mapping(Mapping&& other) noexcept
        : begin_(std::exchange(other.begin_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(begin_, other.begin_);
        std::swap(size_, other.size_);
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() {
        if (begin_ != nullptr) {
            ::munmap(begin_, size_);
        }
    }

    /// The address @p offset bytes behind the start.
    std::byte* at(std::size_t offset) const noexcept {
        return static_cast<std::byte*>(begin_) + offset;
    }

private:
    void* begin_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace xinet
#pragma GCC visibility pop
