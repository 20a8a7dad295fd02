// SPDX-License-Identifier: GPL-2.0-or-later
#include "unprivileged.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>
#include <system_error>

#include "fd.h"

namespace xt {

int as_nobody(const std::function<int()>& function) {
    const pid_t child = checked(::fork(), "fork");
    if (child == 0) {
        const bool became = ::setgroups(0, nullptr) == 0 &&
                            ::setresgid(nobody, nobody, nobody) == 0 &&
                            ::setresuid(nobody, nobody, nobody) == 0;
        int result = 255;
        try {
            result = became ? function() : 255;
        } catch (const std::system_error& error) {
            result = error.code().value();
        }
        _exit(result);
    }
    int status = 0;
    checked(::waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int as_root_of_own_namespaces(const std::function<int()>& function) {
    return as_nobody([&] {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
            return 254;
        return function();
    });
}

void drop_capabilities(uint64_t which) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
    checked(::syscall(SYS_capget, &header, data), "capget");
    for (size_t i = 0; i < std::size(data); i++) {
        const auto taken = uint32_t(which >> (32 * i));
        data[i].effective &= ~taken;
        data[i].permitted &= ~taken;
        data[i].inheritable &= ~taken;
    }
    checked(::syscall(SYS_capset, &header, data), "capset");
}

} // namespace xt
