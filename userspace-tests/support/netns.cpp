// SPDX-License-Identifier: GPL-2.0-or-later
#include "netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <exception>
#include <thread>

#include "inet.h"

namespace xt {
namespace {

// Runs `function` on a new thread, whose namespaces can change without touching ours.
void on_thread(const std::function<void()>& function) {
    std::exception_ptr failure;

    std::thread([&] {
        try {
            function();
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace

NetNs NetNs::named(const std::string& name) {
    const std::string path = "/var/run/netns/" + name;
    return NetNs(Fd(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path.c_str())));
}

NetNs NetNs::create() {
    Fd fd;
    on_thread([&] {
        checked(::unshare(CLONE_NEWNET), "unshare");
        fd = Fd(checked(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "ns/net"));
    });
    return NetNs(std::move(fd));
}

uint32_t NetNs::inode() const {
    struct stat status {};
    checked(::fstat(fd_.get(), &status), "fstat");
    return uint32_t(status.st_ino);
}

uint64_t NetNs::cookie() const {
    return run([] { return netns_cookie_of(udp_at("0.0.0.0", 0)); });
}

void NetNs::enter_and_run(const std::function<void()>& function) const {
    on_thread([&] {
        checked(::setns(fd_.get(), CLONE_NEWNET), "setns");
        function();
    });
}

} // namespace xt
