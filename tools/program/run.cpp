// SPDX-License-Identifier: GPL-2.0-or-later
// Starts a program with libxinet-run.so preloaded. All that would make the
// redirection silently not happen is checked here, before the program starts.
#include "program/run.h"

#include "program/print_error.h"
#include "xinet/error.h"
#include "xinet/family.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace xinet {

namespace {

namespace fs = std::filesystem;

// As in files for programs like this one, which may have 32 bits.
using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);

constexpr const char* library_name = "libxinet-run.so";
constexpr const char* library_variable = "XINET_RUN_LIBRARY";

/// Without CAP_NET_RAW the family answers EPERM, which is an answer: the
/// program will get it too, as it would from PF_PACKET.
void check_family() {
    const int number = family_number();
    const FileDescriptor probe(::socket(number, SOCK_PACKET | SOCK_CLOEXEC, 0));
    if (probe || errno == EPERM || errno == EACCES) {
        return;
    }
    const int code = errno;
    throw Error("run over PF_XINET", fmt::format("(family {})", number), code,
                socket_hint(code, Engine::xinet));
}

std::string find_library() {
    if (const char* named = std::getenv(library_variable)) {
        if (!fs::exists(named)) {
            throw Error("find the library", named, ENOENT,
                        fmt::format("{} names it", library_variable));
        }
        return fs::absolute(named);
    }
    const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
    const std::array candidates{beside / library_name,
                                beside.parent_path() / "lib" / "xinet" / library_name};
    for (const fs::path& candidate : candidates) {
        if (fs::exists(candidate)) {
            return candidate;
        }
    }
    throw Error("find the library", library_name, ENOENT,
                fmt::format("it belongs in {} or {}; or set {}",
                            candidates[0].parent_path().string(),
                            candidates[1].parent_path().string(), library_variable));
}

bool is_executable_file(const std::string& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::access(file.c_str(), X_OK) == 0;
}

template<class Part>
bool read_at(const FileDescriptor& file, std::uint64_t offset, Part& part) {
    return ::pread(file.get(), &part, sizeof(part), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(sizeof(part));
}

bool has_interpreter(const FileDescriptor& file, const Header& header) {
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Segment segment{};
        if (!read_at(file, header.e_phoff + std::uint64_t{i} * header.e_phentsize, segment)) {
            return false;
        }
        if (segment.p_type == PT_INTERP) {
            return true;
        }
    }
    return false;
}

/// The fields that tell the architecture are at the same place in files of 32 and 64 bits; only
/// those of our own are read further. Scripts and formats we do not know are left to the kernel.
std::string reason_from_elf(const std::string& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Header header{};
    if (!file || !read_at(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return {};
    }
    Header ours{};
    const FileDescriptor self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (self && read_at(self, 0, ours) &&
        (header.e_machine != ours.e_machine ||
         header.e_ident[EI_CLASS] != ours.e_ident[EI_CLASS])) {
        return "it is built for another architecture than libxinet-run.so";
    }
    return has_interpreter(file, header) ? "" : "it is statically linked";
}

} // namespace

std::optional<std::string> find_program(const std::string& name, const std::string& path) {
    if (name.find('/') != std::string::npos) {
        return fs::exists(name) ? std::optional(name) : std::nullopt;
    }
    std::string_view rest = path;
    while (true) {
        const auto colon = rest.find(':');
        const std::string_view directory = rest.substr(0, colon);
        std::string candidate = directory.empty() ? name : fmt::format("{}/{}", directory, name);
        if (is_executable_file(candidate)) {
            return candidate;
        }
        if (colon == std::string_view::npos) {
            return std::nullopt;
        }
        rest.remove_prefix(colon + 1);
    }
}

std::string reason_not_redirectable(const std::string& file, unsigned user, unsigned group) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return {};
    }
    if ((status.st_mode & S_ISUID) != 0 && status.st_uid != user) {
        return "it is setuid";
    }
    if ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 &&
        status.st_gid != group) {
        return "it is setgid";
    }
    if (user != 0 && ::getxattr(file.c_str(), "security.capability", nullptr, 0) > 0) {
        return "it has file capabilities";
    }
    return reason_from_elf(file);
}

std::string preload_value(const std::string& library, const char* present) {
    // ld.so(8) knows no quotes there, says nothing when it finds no library, and expands $LIB
    if (library.find_first_of(" :$") != std::string::npos) {
        throw Error("preload", library, 0,
                    fmt::format("LD_PRELOAD cannot have a path with a blank, a colon or a dollar "
                                "sign: let {} name a copy at another path",
                                library_variable));
    }
    return present == nullptr || *present == '\0' ? library
                                                  : fmt::format("{}:{}", library, present);
}

int run_program(const RunOptions& options) {
    const std::string& name = options.command.front();
    check_family();
    const std::string library = find_library();

    const char* path = std::getenv("PATH");
    const auto file = find_program(name, path != nullptr ? path : "/usr/bin:/bin");
    if (!file) {
        print_error("xinet: cannot run {}: no such program; see PATH\n", name);
        return ExitStatus::not_found;
    }
    if (const auto reason = reason_not_redirectable(*file, ::geteuid(), ::getegid());
        !reason.empty()) {
        throw Error("redirect the sockets of", *file, 0,
                    reason + ", so the dynamic linker loads nothing into it: its sockets would "
                             "silently not be PF_XINET; run it as root, or use another build");
    }

    ::setenv("LD_PRELOAD", preload_value(library, std::getenv("LD_PRELOAD")).c_str(), 1);
    ::setenv("XINET_RUN_FAMILY", std::to_string(family_number()).c_str(), 1);
    if (options.verbose) {
        ::setenv("XINET_RUN_VERBOSE", "1", 1);
    }
    std::vector<std::string> words = options.command;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::execv(file->c_str(), arguments.data());
    const int code = errno;
    print_error("xinet: cannot run {}: {}\n", *file, errno_text(code));
    return ExitStatus::not_executable;
}

} // namespace xinet
