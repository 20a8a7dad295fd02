// SPDX-License-Identifier: GPL-2.0-or-later
// Packet sockets that several threads use at once. A socket is replaced at its descriptor, and a
// ring is mapped into address space reserved for it, so that no thread can hit anything else by the
// number or the address that another one has just freed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "family.h"

namespace xt {

struct Target {
    int fd;
    uint8_t* region; // of Targets::region_size bytes
    // How large its rings, of receiver and sender, have been at last; a hint for who maps them.
    std::shared_ptr<std::array<std::atomic<uint32_t>, 2>> rings;
};

class Targets {
public:
    static constexpr size_t region_size = 1 << 20;
    static constexpr int first_fd = 100; // those of the others follow

    Targets(Side side, unsigned count);
    ~Targets();
    Targets(const Targets&) = delete;
    Targets& operator=(const Targets&) = delete;

    [[nodiscard]] const std::vector<Target>& all() const { return targets_; }
    // A new socket at the descriptor of an old one, which is closed.
    long renew(const Target& target, Kind kind, int ethertype) const;
    // The same with any socket, which goes on at the target's descriptor.
    static long replace(const Target& target, const Fd& fresh);
    // Address space without access where a ring may have been; the ring's mapping goes.
    static long unmap(const Target& target, size_t offset, size_t size);
    // Every socket and every mapping goes, but the descriptors and addresses stay reserved.
    void clear() const;

private:
    Side side_;
    std::vector<Target> targets_;
};

} // namespace xt
