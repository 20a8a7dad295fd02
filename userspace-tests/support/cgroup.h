// SPDX-License-Identifier: GPL-2.0-or-later
// A control group of its own, which the process can enter.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "fd.h"

namespace xt {

// Leaving scope, the process goes back to the root group.
class ControlGroup {
public:
    // Throws std::system_error where there is no hierarchy of version 2.
    ControlGroup() : ControlGroup("/sys/fs/cgroup") {}
    // Below another one, which must outlive it.
    explicit ControlGroup(const ControlGroup* above) : ControlGroup(above->path_) {}
    ~ControlGroup() {
        leave();
        ::rmdir(path_.c_str());
    }
    ControlGroup(const ControlGroup&) = delete;
    ControlGroup& operator=(const ControlGroup&) = delete;

    void enter() const { move_to(path_); }
    static void leave() { move_to("/sys/fs/cgroup"); }
    [[nodiscard]] const Fd& descriptor() const { return descriptor_; }

private:
    explicit ControlGroup(const std::string& above) : path_(fresh_path(above)) {
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
