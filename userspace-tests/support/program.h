// SPDX-License-Identifier: GPL-2.0-or-later
// Running programs, and reading what they print.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "fd.h"

namespace xt {

// A path in the tree that this program was built in, `path` from its root.
std::string in_tree(const std::string& path);

// A running program that is read while it runs. Its destructor waits for it.
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

// What a program printed, and how it ended.
struct ProgramResult {
    std::string words;
    std::string output;
    std::string errors;
    int status = -1; // -1: it was killed, or still runs
};
// The end of it, for the message of a failed test.
std::string describe(const ProgramResult& result);

// A program in the background. Standard output and error are kept, however long nobody reads them;
// standard input is empty. Its destructor kills it, and the processes that it has started.
class BackgroundProgram {
public:
    explicit BackgroundProgram(std::vector<std::string> words);
    ~BackgroundProgram();
    BackgroundProgram(const BackgroundProgram&) = delete;
    BackgroundProgram& operator=(const BackgroundProgram&) = delete;

    // Its process, which is also that of a program that it replaces itself with.
    [[nodiscard]] pid_t pid() const { return child_; }
    // So far.
    [[nodiscard]] ProgramResult result() const;
    void signal(int number) const;
    // Waits for its end, and kills it when the time is over.
    ProgramResult wait(std::chrono::seconds patience);

private:
    bool reap(int flags);
    void kill_all() const;

    std::string words_;
    pid_t child_ = -1;
    bool ended_ = false;
    int status_ = -1;
    Fd output_;
    Fd errors_;
};

} // namespace xt
