// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss_processes.h"

#include "xinet/error.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>

namespace xinet {

namespace {

struct DirectoryCloser {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, DirectoryCloser>;

template<class Number>
std::optional<Number> number_in(std::string_view text) {
    Number number{};
    const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc{} || rest != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

/// The N of "socket:[N]".
std::optional<std::uint32_t> inode_in(std::string_view target) {
    constexpr std::string_view before = "socket:[";
    if (!target.starts_with(before) || !target.ends_with(']')) {
        return std::nullopt;
    }
    return number_in<std::uint32_t>(
        target.substr(before.size(), target.size() - before.size() - 1));
}

std::string name_of(const std::string& process) {
    std::ifstream file(process + "/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

void visit_process(const std::string& path, int process,
                   const std::function<void(std::uint32_t, const SocketUser&)>& visit) {
    const Directory directory(::opendir((path + "/fd").c_str()));
    if (!directory) {
        return;
    }
    std::optional<std::string> name;
    while (const dirent* entry = ::readdir(directory.get())) {
        std::array<char, 64> target{};
        const auto length =
            ::readlinkat(::dirfd(directory.get()), entry->d_name, target.data(), target.size());
        const auto descriptor = number_in<int>(entry->d_name);
        if (length <= 0 || !descriptor) {
            continue;
        }
        const auto inode = inode_in({target.data(), static_cast<std::size_t>(length)});
        if (!inode) {
            continue;
        }
        if (!name) {
            name = name_of(path);
        }
        visit(*inode, {*name, process, *descriptor});
    }
}

} // namespace

void visit_socket_users(const std::string& proc,
                        const std::function<void(std::uint32_t, const SocketUser&)>& visit) {
    const Directory directory(::opendir(proc.c_str()));
    if (!directory) {
        throw Error("look for processes in", proc, errno);
    }
    while (const dirent* entry = ::readdir(directory.get())) {
        if (const auto process = number_in<int>(entry->d_name)) {
            visit_process(fmt::format("{}/{}", proc, *process), *process, visit);
        }
    }
}

SocketUsers find_socket_users(const std::string& proc) {
    SocketUsers users;
    visit_socket_users(proc, [&users](std::uint32_t inode, const SocketUser& user) {
        users[inode].push_back(user);
    });
    return users;
}

} // namespace xinet
