// SPDX-License-Identifier: GPL-2.0-or-later
// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

#pragma GCC visibility push(default)
namespace xinet {

/// Owns one descriptor, or none (-1).
class FileDescriptor {
public:
    FileDescriptor() noexcept = default;
    /// @param descriptor an open one, which the object closes; or -1
    explicit FileDescriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    FileDescriptor(FileDescriptor&& other) noexcept
        : descriptor_(std::exchange(other.descriptor_, none)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        if (this != &other) {
            reset(std::exchange(other.descriptor_, none));
        }
        return *this;
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() { reset(); }

    int get() const noexcept { return descriptor_; }
    explicit operator bool() const noexcept { return descriptor_ >= 0; }

    /// Returns the descriptor, which the caller has to close.
    int release() noexcept { return std::exchange(descriptor_, none); }

    /// Closes the descriptor and takes over @p descriptor.
    void reset(int descriptor = none) noexcept {
        const int old = std::exchange(descriptor_, descriptor);
        if (old >= 0) {
            ::close(old);
        }
    }

private:
    static constexpr int none = -1;
    int descriptor_ = none;
};

/// Opens /dev/null in place of standard input, output and error where they are closed. The first
/// thing that main() calls: else a socket gets the number of one, and what the program prints goes
/// out as packets. Throws Error.
void open_standard_descriptors();

} // namespace xinet
#pragma GCC visibility pop
