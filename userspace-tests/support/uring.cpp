// SPDX-License-Identifier: GPL-2.0-or-later
#include "uring.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>

namespace xt {
namespace {

void* map(const Fd& fd, size_t size, off_t what) {
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), what);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "mmap of a ring");
    return memory;
}

} // namespace

Uring::Uring(unsigned entries) {
    fd_ = Fd(int(checked(syscall(SYS_io_uring_setup, entries, &parameters_), "io_uring_setup")));
    if (!(parameters_.features & IORING_FEAT_SINGLE_MMAP))
        throw std::system_error(ENOSYS, std::generic_category(), "IORING_FEAT_SINGLE_MMAP");
    size_ = std::max(parameters_.sq_off.array + parameters_.sq_entries * sizeof(unsigned),
                     parameters_.cq_off.cqes + parameters_.cq_entries * sizeof(io_uring_cqe));
    rings_ = map(fd_, size_, IORING_OFF_SQ_RING);
    requests_ = static_cast<io_uring_sqe*>(
        map(fd_, parameters_.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
}

Uring::~Uring() {
    if (requests_)
        ::munmap(requests_, parameters_.sq_entries * sizeof(io_uring_sqe));
    if (rings_)
        ::munmap(rings_, size_);
}

void Uring::queue(const io_uring_sqe& request) {
    const std::atomic_ref tail(*at<unsigned>(parameters_.sq_off.tail));
    const unsigned index = tail.load() & *at<unsigned>(parameters_.sq_off.ring_mask);
    requests_[index] = request;
    at<unsigned>(parameters_.sq_off.array)[index] = index;
    tail.store(tail.load() + 1, std::memory_order_release);
}

long Uring::enter(unsigned count) const {
    return syscall(SYS_io_uring_enter, fd_.get(), count, 0, 0, nullptr, 0);
}

void Uring::submit(const io_uring_sqe& request) {
    queue(request);
    checked(enter(1), "io_uring_enter");
}

int Uring::wait() {
    while (true) {
        if (const auto result = take())
            return *result;
        checked(syscall(SYS_io_uring_enter, fd_.get(), 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0),
                "io_uring_enter");
    }
}

std::optional<int> Uring::take() {
    const std::atomic_ref head(*at<unsigned>(parameters_.cq_off.head));
    const std::atomic_ref tail(*at<unsigned>(parameters_.cq_off.tail));
    if (head.load() == tail.load(std::memory_order_acquire))
        return std::nullopt;
    const unsigned index = head.load() & *at<unsigned>(parameters_.cq_off.ring_mask);
    const int result = at<io_uring_cqe>(parameters_.cq_off.cqes)[index].res;
    head.store(head.load() + 1, std::memory_order_release);
    return result;
}

} // namespace xt
