// SPDX-License-Identifier: GPL-2.0-or-later
// Running the programs of this tree, and reading what they print.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "fd.h"

namespace xt {

// A path in the tree that this program was built in, `path` from its root.
std::string in_tree(const std::string& path);

// A running program. Its destructor waits for it.
class Program {
public:
    explicit Program(std::vector<std::string> words);
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    // A line of standard error; a program that says so is ready.
    std::string error_line();
    std::string output_line();
    // All of standard output, up to its end.
    std::string output();
    void signal(int number) const;
    // The exit status; -1 when a signal ended it.
    int wait();

private:
    pid_t child_ = -1;
    Fd output_;
    Fd errors_;
};

} // namespace xt
