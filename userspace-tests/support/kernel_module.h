// SPDX-License-Identifier: GPL-2.0-or-later
// Modules of the kernel that come and go, others than xinet.ko.
#pragma once

#include <string>
#include <vector>

namespace xt {

enum class ModuleForm { absent, built_in, file };

ModuleForm form_of_module(const std::string& name);
bool module_is_loaded(const std::string& name);
// modprobe(8) with these words; whether it succeeds.
bool modprobe(std::vector<std::string> words);
// Unloads it, and first the modules that use it. Namespaces that have gone may hold it for a
// moment more. False when it stays.
bool remove_module(const std::string& name);

// The kernel loads no module by itself while this exists. Otherwise it starts modprobe(8) twice for
// each call about a device that is not there.
class NoAutoload {
public:
    NoAutoload();
    ~NoAutoload();
    NoAutoload(const NoAutoload&) = delete;
    NoAutoload& operator=(const NoAutoload&) = delete;

private:
    std::string before_;
};

} // namespace xt
