// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/container.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace xinet {

namespace {

constexpr std::size_t id_digits = 64;
/// As many as the programs of the runtimes show.
constexpr std::size_t shown_digits = 12;

/// Of what a letter stands for in hexadecimal; none: -1. Runtimes and systemd write small letters.
int digit_of(char letter) {
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool is_id(std::string_view name) {
    return name.size() == id_digits &&
           std::ranges::all_of(name, [](char letter) { return digit_of(letter) >= 0; });
}

/// Takes @p start away; false if @p name does not begin with it, here and below.
bool remove_start(std::string_view& name, std::string_view start) {
    const bool is_there = name.starts_with(start);
    name.remove_prefix(is_there ? start.size() : 0);
    return is_there;
}

bool remove_end(std::string_view& name, std::string_view end) {
    const bool is_there = name.ends_with(end);
    name.remove_suffix(is_there ? end.size() : 0);
    return is_there;
}

/// The character behind "\x2d"; none if it is something else.
std::optional<char> escaped(std::string_view text) {
    if (text.size() < 4 || !text.starts_with("\\x")) {
        return std::nullopt;
    }
    const int high = digit_of(text[2]);
    const int low = digit_of(text[3]);
    if (high < 0 || low < 0) {
        return std::nullopt;
    }
    return static_cast<char>(high * 16 + low);
}

/// As systemd-escape(1) does with --unescape; none if systemd has not written it.
std::optional<std::string> unescaped(std::string_view name) {
    std::string result;
    while (!name.empty()) {
        if (name.front() != '\\') {
            result += name.front() == '-' ? '/' : name.front();
            name.remove_prefix(1);
            continue;
        }
        const std::optional<char> letter = escaped(name);
        if (!letter) {
            return std::nullopt;
        }
        result += *letter;
        name.remove_prefix(4);
    }
    return result;
}

struct ScopeName {
    std::string_view start;
    std::string_view runtime;
};

/// Before an id.
constexpr std::array scopes{
    ScopeName{"docker-", "docker"},
    ScopeName{"libpod-", "podman"},
    ScopeName{"cri-containerd-", "containerd"},
    ScopeName{"crio-", "cri-o"},
};

/// "docker-ID.scope"; podman and CRI-O leave out the end where systemd does not make the group. Not
/// "libpod-conmon-ID.scope", which is of the program that watches a container.
std::optional<Container> of_scope(std::string_view name) {
    remove_end(name, ".scope");
    for (const ScopeName& scope : scopes) {
        std::string_view id = name;
        if (remove_start(id, scope.start) && is_id(id)) {
            return Container{scope.runtime, std::string(id)};
        }
    }
    return std::nullopt;
}

/// "machine-NAME.scope" of systemd-nspawn and libvirt, "systemd-nspawn@NAME.service".
std::optional<Container> of_machine(std::string_view name) {
    const bool is_machine =
        name.starts_with("machine-")
            ? remove_start(name, "machine-") && remove_end(name, ".scope")
            : remove_start(name, "systemd-nspawn@") && remove_end(name, ".service");
    std::optional<std::string> machine = is_machine ? unescaped(name) : std::nullopt;
    if (!machine || machine->empty()) {
        return std::nullopt;
    }
    return Container{"machine", std::move(*machine)};
}

std::optional<Container> of_lxc(std::string_view name) {
    if (!remove_start(name, "lxc.payload.") || name.empty()) {
        return std::nullopt;
    }
    return Container{"lxc", std::string(name)};
}

/// By the names of the groups above it, where its own says not enough.
class Above {
public:
    std::optional<Container> container(std::string_view name) const {
        if (last_ == "docker" && is_id(name)) {
            return Container{"docker", std::string(name)};
        }
        if (is_in_kubernetes_ && last_.starts_with("pod") && is_id(name)) {
            return Container{"kubernetes", std::string(name)};
        }
        if (last_ == "lxc" && depth_ == 1) {
            return Container{"lxc", std::string(name)};
        }
        return std::nullopt;
    }

    void add(std::string_view name) {
        is_in_kubernetes_ = is_in_kubernetes_ || name == "kubepods";
        last_ = name;
        ++depth_;
    }

private:
    std::string_view last_;
    std::size_t depth_ = 0;
    bool is_in_kubernetes_ = false;
};

/// Takes the first name away; empty if there is none.
std::string_view take_name(std::string_view& path) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    return name;
}

} // namespace

std::string Container::text() const {
    const std::string_view shown =
        is_id(name) ? std::string_view(name).substr(0, shown_digits) : std::string_view(name);
    return fmt::format("{}/{}", runtime, shown);
}

std::optional<Container> container_of(std::string_view path) {
    Above above;
    for (std::string_view name = take_name(path); !name.empty(); name = take_name(path)) {
        for (auto* const rule : {of_scope, of_machine, of_lxc}) {
            if (auto found = rule(name)) {
                return found;
            }
        }
        if (auto found = above.container(name)) {
            return found;
        }
        above.add(name);
    }
    return std::nullopt;
}

} // namespace xinet
