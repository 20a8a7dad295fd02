// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/cgroup_names.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace xinet {

namespace {

/// FILEID_KERNFS of <linux/exportfs.h>: the handle of a file in kernfs is its number.
constexpr int kernfs_handle = 0xfe;

constexpr std::chrono::seconds pause_after_failure(1);
/// For how many times as long as a walk has taken there is no other.
constexpr int pause_after_walk = 99;

bool is_cgroup2(int descriptor) {
    struct statfs status {};
    return ::fstatfs(descriptor, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

FileDescriptor open_directory(const std::string& path) {
    return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// Blanks and the like are "\040".
std::string without_octals(std::string_view text) {
    const auto is_octal = [](char letter) { return letter >= '0' && letter <= '7'; };
    std::string result;
    while (!text.empty()) {
        const bool is_escape = text.size() >= 4 && text.front() == '\\' &&
                               std::ranges::all_of(text.substr(1, 3), is_octal);
        result +=
            is_escape
                ? static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'))
                : text.front();
        text.remove_prefix(is_escape ? 4 : 1);
    }
    return result;
}

/// Where it leads to, by the name that the program has for it; empty if it has none.
std::string path_of(const FileDescriptor& file) {
    std::error_code error;
    return std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error)
        .string();
}

/// As struct file_handle, which ends with an array of no length.
struct KernfsHandle {
    unsigned size = 0;
    int type = 0;
    std::array<std::byte, sizeof(std::uint64_t)> id{};
};
static_assert(offsetof(KernfsHandle, id) == sizeof(file_handle));

FileDescriptor open_by_id(const FileDescriptor& root, std::uint64_t id) {
    KernfsHandle handle{.size = sizeof(id), .type = kernfs_handle};
    std::memcpy(handle.id.data(), &id, sizeof(id));
    return FileDescriptor(::open_by_handle_at(root.get(), reinterpret_cast<file_handle*>(&handle),
                                              O_PATH | O_CLOEXEC));
}

/// Whether the kernel has looked for it.
bool is_answer(int code) {
    return code == ESTALE || code == ENOENT || code == ENOMEM || code == EMFILE || code == ENFILE;
}

struct DirectoryCloser {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

/// Names of what is, or may be, a directory in @p directory.
std::vector<std::string> names_in(FileDescriptor directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, DirectoryCloser> entries(::fdopendir(directory.get()));
    if (!entries) {
        return names;
    }
    static_cast<void>(directory.release());                  // closedir() closes it
    while (const dirent* entry = ::readdir(entries.get())) { // NOLINT(concurrency-mt-unsafe)
        const std::string_view name = entry->d_name;
        if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && name != "." &&
            name != "..") {
            names.emplace_back(name);
        }
    }
    return names;
}

/// The control groups of a hierarchy, those at the top first.
class Walk {
public:
    Walk(const FileDescriptor& root, std::size_t most) : root_(root), left_(most) {
        struct stat status {};
        if (::fstat(root.get(), &status) == 0) {
            device_ = status.st_dev;
            waiting_.emplace_back("/");
        }
    }

    /// @param take called with path and number of each
    template<class Function>
    void run(Function take) {
        for (; left_ != 0 && !waiting_.empty(); --left_) {
            const std::string path = std::move(waiting_.front());
            waiting_.pop_front();
            FileDescriptor group(::openat(root_.get(), ("." + path).c_str(),
                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            struct stat status {};
            // another file system that is mounted there has numbers of its own
            if (!group || ::fstat(group.get(), &status) != 0 || status.st_dev != device_) {
                continue;
            }
            take(path, std::uint64_t{status.st_ino});
            add_below(path, std::move(group));
        }
    }

private:
    void add_below(const std::string& path, FileDescriptor group) {
        const std::string_view above = path == "/" ? std::string_view() : std::string_view(path);
        for (const std::string& name : names_in(std::move(group))) {
            if (waiting_.size() < left_) {
                waiting_.push_back(fmt::format("{}/{}", above, name));
            }
        }
    }

    const FileDescriptor& root_;
    std::size_t left_;
    dev_t device_ = 0;
    std::deque<std::string> waiting_;
};

Cgroup cgroup_at(std::string path) {
    auto container = container_of(path);
    return {.path = std::move(path), .container = std::move(container)};
}

} // namespace

std::vector<std::string> cgroup2_mounts(std::istream& mountinfo) {
    std::vector<std::string> mounts;
    std::ptrdiff_t whole = 0;
    for (std::string line; std::getline(mountinfo, line);) {
        std::istringstream words(line);
        std::string word;
        std::string root;
        std::string point;
        words >> word >> word >> word >> root >> point;
        while (words >> word && word != "-") {
            // options, any number
        }
        if (words >> word && word == "cgroup2") {
            mounts.insert(root == "/" ? mounts.begin() + whole++ : mounts.end(),
                          without_octals(point));
        }
    }
    return mounts;
}

std::string cgroup2_mount() {
    std::ifstream mountinfo("/proc/self/mountinfo");
    for (const std::string& mount : cgroup2_mounts(mountinfo)) {
        // another one may be mounted over it
        const FileDescriptor directory = open_directory(mount);
        if (directory && is_cgroup2(directory.get())) {
            return mount;
        }
    }
    return {};
}

CgroupNames::CgroupNames(const std::string& root, std::size_t most)
    : most_(most), root_(open_directory(root)) {
    if (root_) {
        root_path_ = path_of(root_);
        kernel_answers_ = is_cgroup2(root_.get());
    }
}

const Cgroup* CgroupNames::find(std::uint64_t id) {
    if (id == 0 || !root_) {
        return nullptr;
    }
    auto known = known_.find(id);
    if (known == known_.end() ||
        (!known->second.cgroup && Clock::now() >= known->second.next_try)) {
        look_for(id);
        known = known_.find(id);
    }
    return known->second.cgroup ? &*known->second.cgroup : nullptr;
}

void CgroupNames::make_room(std::size_t groups) {
    if (known_.size() + groups > most_) {
        std::erase_if(known_, [](const auto& each) { return !each.second.cgroup; });
    }
    if (known_.size() + groups > most_) {
        known_.clear();
    }
}

void CgroupNames::look_for(std::uint64_t id) {
    std::string path = kernel_answers_ ? path_by_handle(id) : "";
    if (!kernel_answers_) {
        walk();
    }
    if (!known_.contains(id)) {
        make_room(1);
    }
    Known& known = known_[id];
    if (!path.empty()) {
        known.cgroup = cgroup_at(std::move(path));
    }
    known.next_try = Clock::now() + pause_after_failure;
}

/// Empty if it is gone, or not below the mount.
std::string CgroupNames::path_by_handle(std::uint64_t id) {
    const FileDescriptor group = open_by_id(root_, id);
    if (!group) {
        kernel_answers_ = is_answer(errno);
        return {};
    }
    std::string path = path_of(group);
    if (!path.starts_with(root_path_)) {
        return {};
    }
    path = path == root_path_ ? std::string("/") : path.substr(root_path_.size());
    return path.front() == '/' && is_at(path, group) ? path : std::string();
}

/// One that has been removed since it was opened is not: its path ends with " (deleted)", which may
/// be the end of a name as well.
bool CgroupNames::is_at(const std::string& path, const FileDescriptor& group) const {
    struct stat wanted {};
    struct stat found {};
    return ::fstat(group.get(), &wanted) == 0 &&
           ::fstatat(root_.get(), ("." + path).c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           wanted.st_ino == found.st_ino && wanted.st_dev == found.st_dev;
}

void CgroupNames::walk() {
    const auto begin = Clock::now();
    if (begin < next_walk_) {
        return;
    }
    make_room(most_ / 2);
    Walk(root_, most_ / 2).run([this](const std::string& path, std::uint64_t id) {
        known_[id].cgroup = cgroup_at(path);
    });
    const auto end = Clock::now();
    next_walk_ = end + pause_after_walk * (end - begin);
}

} // namespace xinet
