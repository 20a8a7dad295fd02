// SPDX-License-Identifier: GPL-2.0-or-later
// What can be found out of a packet's owner besides what the kernel tells.
#pragma once

#include "program/cgroup_names.h"
#include "program/socket_processes.h"

#include <linux/xinet.h>

#include <utility>

namespace xinet {

struct OwnerDetails {
    const SocketProcess* process = nullptr; ///< none: not known, here and below
    const Cgroup* cgroup = nullptr;
};

class OwnerLookup {
public:
    OwnerLookup() = default;
    OwnerLookup(SocketProcesses processes, CgroupNames cgroups)
        : processes_(std::move(processes)), cgroups_(std::move(cgroups)) {}

    /// Valid until the next call.
    OwnerDetails find(const xinet_owner& owner) {
        const bool has_cgroup = (owner.flags & XINET_OWNER_CREDENTIALS) != 0;
        return {.process = processes_.find(owner),
                .cgroup = has_cgroup ? cgroups_.find(owner.cgroup) : nullptr};
    }

    /// Looks for what may be gone soon, and is found at once.
    void note(const xinet_owner& owner) {
        if ((owner.flags & XINET_OWNER_PROCESS) != 0) {
            processes_.find(owner);
        }
        if ((owner.flags & XINET_OWNER_CREDENTIALS) != 0) {
            cgroups_.find(owner.cgroup);
        }
    }

private:
    SocketProcesses processes_;
    CgroupNames cgroups_;
};

} // namespace xinet
