// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel_module.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "program.h"
#include "traffic.h"

namespace xt {
namespace {

std::string directory_of(const std::string& name) {
    return "/sys/module/" + name;
}

// One attempt, users first.
bool try_to_remove(const std::string& name) {
    std::error_code none;
    for (const auto& user :
         std::filesystem::directory_iterator(directory_of(name) + "/holders", none))
        if (!try_to_remove(user.path().filename()))
            return false;
    return !module_is_loaded(name) || modprobe({"-r", name});
}

constexpr const char* loader = "/proc/sys/kernel/modprobe";

} // namespace

ModuleForm form_of_module(const std::string& name) {
    const std::string file = Program({"modinfo", "-F", "filename", name}).output();
    if (file.find(".ko") != std::string::npos)
        return ModuleForm::file;
    const bool built_in = file.find("builtin") != std::string::npos || module_is_loaded(name);
    return built_in ? ModuleForm::built_in : ModuleForm::absent;
}

bool module_is_loaded(const std::string& name) {
    return access(directory_of(name).c_str(), F_OK) == 0;
}

bool modprobe(std::vector<std::string> words) {
    words.insert(words.begin(), {"modprobe", "-q"});
    return Program(words).wait() == 0;
}

bool remove_module(const std::string& name) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!try_to_remove(name)) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::yield();
    }
    return true;
}

NoAutoload::NoAutoload() {
    std::getline(std::ifstream(loader) >> std::ws, before_);
    std::ofstream(loader) << std::endl;
}

NoAutoload::~NoAutoload() {
    std::ofstream(loader) << before_ << std::endl;
}

} // namespace xt
