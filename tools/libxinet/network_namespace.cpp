// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/network_namespace.h"

#include "libxinet/printable.h"
#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <future>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace xinet {

namespace {

/// Where ip-netns(8) keeps them.
constexpr const char* directory = "/run/netns";

/// Names that are kept: whoever may make namespaces can make any number.
constexpr std::size_t most_names = 4096;

/// Of the calling thread's namespace; none on a kernel that has no cookies.
std::optional<std::uint64_t> own_cookie() {
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    std::uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0) {
        return std::nullopt;
    }
    return cookie;
}

/// Of the namespace at @p path; none if it is gone, or not for us.
std::optional<std::uint64_t> cookie_at(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        return std::nullopt;
    }
    // A thread of its own, because it stays there.
    return std::async(std::launch::async,
                      [&file]() -> std::optional<std::uint64_t> {
                          if (::setns(file.get(), CLONE_NEWNET) != 0) {
                              return std::nullopt;
                          }
                          return own_cookie();
                      })
        .get();
}

/// What ip-netns(8) has named; empty if nothing, or if the directory cannot be read.
std::vector<std::filesystem::path> named_namespaces() {
    std::vector<std::filesystem::path> paths;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        paths.push_back(entry->path());
    }
    return paths;
}

/// The inode number alone may be in use again.
std::string find_name(const xinet_netns& netns) {
    for (const auto& path : named_namespaces()) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0 && status.st_ino == netns.netns &&
            cookie_at(path) == netns.cookie) {
            return path.filename().string();
        }
    }
    return fmt::format("{}", netns.netns);
}

std::string list_names() {
    std::string names;
    for (const auto& path : named_namespaces()) {
        names += (names.empty() ? "" : ", ") + printable(path.filename().string());
    }
    return names.empty() ? "ip netns has named none here" : "those that exist here: " + names;
}

} // namespace

void enter_network_namespace(const std::string& name) {
    const bool is_path = name.find('/') != std::string::npos;
    const std::string path = is_path ? name : fmt::format("{}/{}", directory, name);
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) {
        const int code = errno;
        throw Error("open network namespace", name, code, is_path ? "" : list_names());
    }
    if (::setns(file.get(), CLONE_NEWNET) != 0) {
        const int code = errno;
        throw Error("enter network namespace", name, code,
                    code == EINVAL ? "it is no network namespace" : "CAP_SYS_ADMIN is needed");
    }
}

NetworkNamespaceNames::NetworkNamespaceNames() : own_(own_cookie()) {}

const std::string& NetworkNamespaceNames::name(const xinet_netns& netns) {
    const auto known = names_.find(netns.cookie);
    if (known != names_.end()) {
        return known->second;
    }
    if (names_.size() == most_names) {
        names_.clear();
    }
    std::string found;
    if (netns.cookie == 0) {
        found = "?";
    } else if (netns.cookie != own_) {
        found = find_name(netns);
    }
    return names_.emplace(netns.cookie, std::move(found)).first->second;
}

std::string NetworkNamespaceNames::device(const xinet_netns& netns) {
    const std::string& where = name(netns);
    const std::string_view device = netns.device;
    return (where.empty() ? "" : printable(where) + "/") +
           (device.empty() ? "?" : printable(device));
}

} // namespace xinet
