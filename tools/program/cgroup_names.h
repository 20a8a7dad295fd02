// SPDX-License-Identifier: GPL-2.0-or-later
// The path of a control group of version 2, by the number that the kernel tells.
#pragma once

#include "program/container.h"
#include "xinet/file_descriptor.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace xinet {

struct Cgroup {
    std::string path; ///< below the mount, "/" for the mount itself; any bytes
    std::optional<Container> container;
};

/// Where control groups of version 2 are mounted, the ones with the whole hierarchy first.
///
/// @param mountinfo as /proc/self/mountinfo
std::vector<std::string> cgroup2_mounts(std::istream& mountinfo);

/// The one of this program; empty if there is none.
std::string cgroup2_mount();

/// Looks control groups up while they are there, and keeps what it finds, for a number is never
/// used again. One that has been removed before it was looked for has no path; nor has one that is
/// not below the mount.
class CgroupNames {
public:
    /// @param root of the hierarchy; empty: nothing is found
    /// @param most control groups that are kept: whoever may make them can make any number
    explicit CgroupNames(const std::string& root = cgroup2_mount(), std::size_t most = 8192);

    /// None if it is not known. Valid until the next call. With CAP_DAC_READ_SEARCH the kernel is
    /// asked, else the hierarchy is walked through: half as many control groups as are kept, those
    /// at its top first, for a hundredth of the time. One that was not found is looked for again
    /// after a second.
    ///
    /// @param id 0: not known
    const Cgroup* find(std::uint64_t id);

private:
    using Clock = std::chrono::steady_clock;

    struct Known {
        std::optional<Cgroup> cgroup;
        Clock::time_point next_try;
    };

    void make_room(std::size_t groups);
    void look_for(std::uint64_t id);
    std::string path_by_handle(std::uint64_t id);
    bool is_at(const std::string& path, const FileDescriptor& group) const;
    void walk();

    std::size_t most_;
    FileDescriptor root_;
    std::string root_path_;
    bool kernel_answers_ = false;
    std::unordered_map<std::uint64_t, Known> known_; ///< by number
    Clock::time_point next_walk_;
};

} // namespace xinet
