// SPDX-License-Identifier: GPL-2.0-or-later
#include "targets.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace xt {
namespace {

constexpr int reserving = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

Fd nothing() {
    return Fd(checked(::open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null"));
}

} // namespace

Targets::Targets(Side side, unsigned count) : side_(side) {
    for (int i = 0; i < int(count); i++) {
        void* region = ::mmap(nullptr, region_size, PROT_NONE, reserving, -1, 0);
        if (region == MAP_FAILED)
            checked(-1, "mmap");
        const int fd = checked(::fcntl(nothing().get(), F_DUPFD_CLOEXEC, first_fd + i), "dup");
        targets_.push_back({fd, static_cast<uint8_t*>(region),
                            std::make_shared<std::array<std::atomic<uint32_t>, 2>>()});
    }
}

Targets::~Targets() {
    for (const auto& target : targets_) {
        ::close(target.fd);
        ::munmap(target.region, region_size);
    }
}

long Targets::renew(const Target& target, Kind kind, int ethertype) const {
    const Fd fresh = open_socket(side_, kind, ethertype, SOCK_CLOEXEC);
    return replace(target, fresh);
}

long Targets::replace(const Target& target, const Fd& fresh) {
    for (auto& ring : *target.rings)
        ring = 0;
    return ::dup3(fresh.get(), target.fd, O_CLOEXEC);
}

long Targets::unmap(const Target& target, size_t offset, size_t size) {
    void* result = ::mmap(target.region + offset, size, PROT_NONE, reserving | MAP_FIXED, -1, 0);
    return result == MAP_FAILED ? -1 : 0;
}

void Targets::clear() const {
    for (const auto& target : targets_) {
        checked(unmap(target, 0, region_size), "mmap");
        checked(::dup3(nothing().get(), target.fd, O_CLOEXEC), "dup");
    }
}

} // namespace xt
