// SPDX-License-Identifier: GPL-2.0-or-later
// Files below /proc/sys.
#pragma once

#include <string>

#include "support/fd.h"

namespace xt {

// A file below /proc/sys has the value as long as this exists.
class Sysctl {
public:
    Sysctl(const std::string& name, const std::string& value);
    static Sysctl at_peer(const std::string& name, const std::string& value);
    ~Sysctl();
    Sysctl(const Sysctl&) = delete;
    Sysctl& operator=(const Sysctl&) = delete;

private:
    Sysctl(Fd file, const std::string& value);

    Fd file_; // which knows its namespace
    std::string before_;
};

} // namespace xt
