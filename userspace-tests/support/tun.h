// SPDX-License-Identifier: GPL-2.0-or-later
// Devices whose other end is this program: what is written comes in, what is sent can be read.
#pragma once

#include <string>

#include "fd.h"

namespace xt {

// IFF_TUN or IFF_TAP, with IFF_NO_PI, IFF_VNET_HDR; in the thread's namespace, until it is closed.
// Loads the module where it has to. No descriptor: this kernel has no such devices. Throws
// std::system_error.
Fd open_tun(const std::string& name, int flags);

} // namespace xt
