// SPDX-License-Identifier: GPL-2.0-or-later
// Which container a control group is of, by the names that the runtimes give to control groups.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace xinet {

struct Container {
    std::string_view runtime; ///< "docker", "podman", "containerd", "cri-o", "kubernetes" (which of
                              ///< them is not told), "lxc", "machine" (of systemd-machined)
    std::string name;         ///< its id (64 hexadecimal digits) or name; any bytes

    /// "docker/0123456789ab"; any bytes.
    std::string text() const;

    bool operator==(const Container&) const = default;
};

/// None if no part of the path is named as one. If several are, it is the outermost: what runs in a
/// container may make control groups below its own and name them as it likes. Whoever may make
/// control groups elsewhere can name them so, too.
///
/// @param path of the control group, "/system.slice/docker-ID.scope"; any bytes
std::optional<Container> container_of(std::string_view path);

} // namespace xinet
