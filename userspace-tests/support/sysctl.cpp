// SPDX-License-Identifier: GPL-2.0-or-later
#include "support/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "support/netns.h"

namespace xt {
namespace {

Fd open_sysctl(const std::string& name) {
    const std::string path = "/proc/sys/" + name;
    return Fd(checked(::open(path.c_str(), O_RDWR | O_CLOEXEC), path.c_str()));
}

} // namespace

Sysctl::Sysctl(const std::string& name, const std::string& value)
    : Sysctl(open_sysctl(name), value) {}

Sysctl Sysctl::at_peer(const std::string& name, const std::string& value) {
    return {in_peer([&] { return open_sysctl(name); }), value};
}

Sysctl::Sysctl(Fd file, const std::string& value) : file_(std::move(file)), before_(256, '\0') {
    before_.resize(
        size_t(checked(::pread(file_.get(), before_.data(), before_.size(), 0), "read")));
    checked(::pwrite(file_.get(), value.data(), value.size(), 0), value.c_str());
}

Sysctl::~Sysctl() {
    [[maybe_unused]] const auto written = ::pwrite(file_.get(), before_.data(), before_.size(), 0);
}

} // namespace xt
