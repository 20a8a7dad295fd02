// SPDX-License-Identifier: GPL-2.0-or-later
// A control group of its own, which the process can enter.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "fd.h"

namespace xt {

// Leaving scope, the process goes back to the root group.
class ControlGroup {
public:
    // Throws std::system_error where there is no hierarchy of version 2.
    ControlGroup() : ControlGroup(fresh_path(root)) {}
    // Below another one, which must outlive it.
    explicit ControlGroup(const ControlGroup* above) : ControlGroup(fresh_path(above->path_)) {}
    // One of that name, below no other; null where there is no hierarchy of version 2.
    static std::unique_ptr<ControlGroup> named(const std::string& name) {
        const std::string above = root;
        if (::access((above + "/cgroup.controllers").c_str(), F_OK) < 0)
            return nullptr;
        return std::unique_ptr<ControlGroup>(new ControlGroup(above + "/" + name));
    }
    ~ControlGroup() {
        leave();
        ::rmdir(path_.c_str());
    }
    ControlGroup(const ControlGroup&) = delete;
    ControlGroup& operator=(const ControlGroup&) = delete;

    void enter() const { move_to(path_); }
    static void leave() { move_to(root); }
    [[nodiscard]] const Fd& descriptor() const { return descriptor_; }
    // Its number. On a 32-bit kernel the inode's has the lower half alone.
    [[nodiscard]] uint64_t id() const {
        struct {
            unsigned size = sizeof(uint64_t);
            int type = 0;
            uint64_t id = 0;
        } handle;
        int mount = 0;
        checked(::name_to_handle_at(descriptor_.get(), "", reinterpret_cast<file_handle*>(&handle),
                                    &mount, AT_EMPTY_PATH),
                "name_to_handle_at");
        return handle.id;
    }

private:
    static constexpr const char* root = "/sys/fs/cgroup";

    explicit ControlGroup(std::string path) : path_(std::move(path)) {
        checked(::mkdir(path_.c_str(), 0755), "mkdir");
        descriptor_ =
            Fd(checked(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open"));
    }

    // A group that was removed lives on, program and all, while a socket of it does.
    static std::string fresh_path(const std::string& above) {
        static int count = 0;
        return above + "/xinet-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    }
    static void move_to(const std::string& group) {
        std::ofstream(group + "/cgroup.procs") << ::getpid() << std::endl;
    }

    std::string path_;
    Fd descriptor_;
};

} // namespace xt
