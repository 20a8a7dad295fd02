// SPDX-License-Identifier: GPL-2.0-or-later
#include "user.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

#include "support/fd.h"

namespace xt::fuzz {
namespace {

constexpr uid_t nobody = 65534;

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    if (!file)
        throw std::runtime_error("cannot write " + path);
}

} // namespace

User user_named(std::string_view name) {
    if (name == "root")
        return User::root;
    if (name == "owner")
        return User::owner;
    if (name == "nobody")
        return User::nobody;
    throw std::invalid_argument("no such user: " + std::string(name));
}

void become_owner() {
    checked(::setgroups(0, nullptr), "setgroups");
    checked(::setresgid(nobody, nobody, nobody), "setresgid");
    checked(::setresuid(nobody, nobody, nobody), "setresuid");
    checked(::prctl(PR_SET_DUMPABLE, 1), "prctl"); // its files in /proc are its own again
    checked(::unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare");
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(nobody) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(nobody) + " 1");
}

// By the system calls themselves: the library's change every thread of the process.
void become_nobody() {
    checked(::syscall(SYS_setgroups, 0, nullptr), "setgroups");
    checked(::syscall(SYS_setresgid, nobody, nobody, nobody), "setresgid");
    checked(::syscall(SYS_setresuid, nobody, nobody, nobody), "setresuid");
}

} // namespace xt::fuzz
