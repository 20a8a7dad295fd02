// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/file_descriptor.h"

#include "xinet/error.h"

#include <fcntl.h>

#include <cerrno>

namespace xinet {

void open_standard_descriptors() {
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        // The lowest free number is the one that open() takes.
        if (::fcntl(standard, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != standard) {
            throw Error("open", "/dev/null", errno);
        }
    }
}

} // namespace xinet
