// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/version.h"

#include <linux/xinet.h>

namespace xinet {

std::string_view library_version() noexcept {
    return XINET_VERSION;
}

} // namespace xinet
