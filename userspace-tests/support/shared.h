// SPDX-License-Identifier: GPL-2.0-or-later
// Memory that a process has in common with those that it forks.
#pragma once

#include <sys/mman.h>

#include <new>
#include <type_traits>

namespace xt {

// Begins as zeroes. What several processes use at once is for std::atomic_ref.
template<typename T>
class Shared {
    static_assert(std::is_trivial_v<T>);

public:
    Shared()
        : at_(::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0)) {
        if (at_ == MAP_FAILED)
            throw std::bad_alloc();
    }
    ~Shared() { ::munmap(at_, sizeof(T)); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    T* operator->() const { return static_cast<T*>(at_); }

private:
    void* at_;
};

} // namespace xt
