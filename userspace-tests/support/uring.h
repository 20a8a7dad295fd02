// SPDX-License-Identifier: GPL-2.0-or-later
// The least of io_uring: one request or one batch at a time, by the system calls themselves.
#pragma once

#include <linux/io_uring.h>

#include <optional>

#include "fd.h"

namespace xt {

class Uring {
public:
    // Room for so many requests; throws std::system_error: ENOSYS where the kernel has none.
    explicit Uring(unsigned entries = 4);
    ~Uring();
    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;

    // Hands a request in, and returns before it is done.
    void submit(const io_uring_sqe& request);
    // The same with as many as there is room for, by queue() each and enter() for all. enter()
    // returns how many were taken; a negative number, with errno, when none was.
    void queue(const io_uring_sqe& request);
    [[nodiscard]] long enter(unsigned count) const;
    // The result of the next completion, if there is one already.
    std::optional<int> take();
    // Waits for the next completion and returns its result: a count or a negative errno.
    int wait();

private:
    template<typename T>
    T* at(unsigned offset) const {
        return reinterpret_cast<T*>(static_cast<char*>(rings_) + offset);
    }

    Fd fd_;
    io_uring_params parameters_{};
    void* rings_ = nullptr;
    size_t size_ = 0;
    io_uring_sqe* requests_ = nullptr;
};

} // namespace xt
