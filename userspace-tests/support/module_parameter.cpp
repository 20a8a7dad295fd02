// SPDX-License-Identifier: GPL-2.0-or-later
#include "module_parameter.h"

#include <fcntl.h>

#include <fstream>

#include "family.h"

namespace xt {
namespace {

std::string path_of(const std::string& name) {
    return "/sys/module/xinet/parameters/" + name;
}

} // namespace

std::string module_parameter(const std::string& name) {
    std::ifstream file(path_of(name));
    std::string value;
    std::getline(file, value);
    return value;
}

int write_module_parameter(const std::string& name, const std::string& value) {
    const Fd file(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
    if (!file)
        return errno;
    return ::write(file.get(), value.data(), value.size()) < 0 ? errno : 0;
}

ModuleParameter::ModuleParameter(std::string name, int value) : name_(std::move(name)) {
    if (self_check())
        return;
    before_ = module_parameter(name_);
    errno = write_module_parameter(name_, std::to_string(value));
    checked(errno ? -1 : 0, name_.c_str());
}

ModuleParameter::~ModuleParameter() {
    if (!self_check())
        write_module_parameter(name_, before_);
}

} // namespace xt
