// SPDX-License-Identifier: GPL-2.0-or-later
// A parameter of xinet.ko that root may change while the module is loaded.
#pragma once

#include <string>

namespace xt {

std::string module_parameter(const std::string& name);
// 0 or an errno.
int write_module_parameter(const std::string& name, const std::string& value);

// The parameter has the value for as long as this exists. In a self-check, where there is no
// module, it does nothing.
class ModuleParameter {
public:
    ModuleParameter(std::string name, int value);
    ~ModuleParameter();
    ModuleParameter(const ModuleParameter&) = delete;
    ModuleParameter& operator=(const ModuleParameter&) = delete;

private:
    std::string name_;
    std::string before_;
};

} // namespace xt
