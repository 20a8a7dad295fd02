// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel_release.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <string_view>

#include "fd.h"

namespace xt {

bool is_stock_kernel() {
    utsname name{};
    checked(::uname(&name), "uname");
    return std::string_view(name.version).find("Debian") != std::string_view::npos;
}

bool patching_is_dangerous() {
    return is_stock_kernel() && get_nprocs() > 1;
}

} // namespace xt
