// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "sys.h"

namespace xt {
namespace {

std::string read_until(const Fd& from, char end) {
    std::string text;
    for (char byte; read(from.get(), &byte, 1) == 1 && byte != end;)
        text += byte;
    return text;
}

// execvp() with `words`; the child of a fork() calls it.
[[noreturn]] void become(std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    _exit(127);
}

// A file in memory, which the child of a fork() has as well.
Fd memory_file(const char* name) {
    return Fd(checked(memfd_create(name, MFD_CLOEXEC), "memfd_create"));
}

// Its contents; the position, which a child writes at, stays as it is.
std::string contents(const Fd& file) {
    std::string text;
    std::vector<char> piece(65'536);
    for (;;) {
        const ssize_t size = pread(file.get(), piece.data(), piece.size(), off_t(text.size()));
        if (size <= 0)
            return text;
        text.append(piece.data(), size_t(size));
    }
}

std::string last_lines(const std::string& text, int lines) {
    size_t begin = text.size();
    while (lines-- > 0 && begin != std::string::npos && begin > 0)
        begin = begin > 1 ? text.rfind('\n', begin - 2) + 1 : 0;
    return text.substr(begin);
}

} // namespace

std::string in_tree(const std::string& path) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe");
    return program.parent_path().parent_path().parent_path() / path;
}

Program::Program(std::vector<std::string> words) {
    int out[2], err[2];
    checked(pipe2(out, O_CLOEXEC), "pipe");
    checked(pipe2(err, O_CLOEXEC), "pipe");
    output_ = Fd(out[0]);
    errors_ = Fd(err[0]);
    const Fd out_end(out[1]), err_end(err[1]);
    child_ = checked(fork(), "fork");
    if (child_ == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        become(words);
    }
}

Program::~Program() {
    if (child_ > 0)
        wait();
}

std::string Program::error_line() {
    return read_until(errors_, '\n');
}

std::string Program::output_line() {
    return read_until(output_, '\n');
}

std::string Program::output() {
    std::string text;
    std::vector<char> piece(65'536);
    for (ssize_t size; (size = read(output_.get(), piece.data(), piece.size())) > 0;)
        text.append(piece.data(), size_t(size));
    return text;
}

void Program::signal(int number) const {
    kill(child_, number);
}

int Program::wait() {
    int status = -1;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string describe(const ProgramResult& result) {
    constexpr int lines = 30;
    return "$ " + result.words + "\n" + last_lines(result.output, lines) +
           last_lines(result.errors, lines) + "exit status " + std::to_string(result.status) + "\n";
}

BackgroundProgram::BackgroundProgram(std::vector<std::string> words)
    : output_(memory_file("output")), errors_(memory_file("errors")) {
    for (const auto& word : words)
        words_ += (words_.empty() ? "" : " ") + word;
    const Fd input(checked(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null"));
    child_ = checked(fork(), "fork");
    if (child_ == 0) {
        setpgid(0, 0);
        dup2(input.get(), STDIN_FILENO);
        dup2(output_.get(), STDOUT_FILENO);
        dup2(errors_.get(), STDERR_FILENO);
        become(words);
    }
    setpgid(child_, child_); // whoever of the two comes first
}

BackgroundProgram::~BackgroundProgram() {
    kill_all();
    reap(0);
}

ProgramResult BackgroundProgram::result() const {
    return {words_, contents(output_), contents(errors_), status_};
}

void BackgroundProgram::signal(int number) const {
    if (!ended_)
        kill(child_, number);
}

ProgramResult BackgroundProgram::wait(std::chrono::seconds patience) {
    constexpr std::chrono::milliseconds moment{20};
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!reap(WNOHANG)) {
        if (std::chrono::steady_clock::now() >= end) {
            kill_all();
            reap(0);
            break;
        }
        std::this_thread::sleep_for(moment);
    }
    return result();
}

bool BackgroundProgram::reap(int flags) {
    int status = 0;
    if (!ended_ && waitpid(child_, &status, flags) == child_) {
        ended_ = true;
        status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return ended_;
}

void BackgroundProgram::kill_all() const {
    kill(-child_, SIGKILL);
}

} // namespace xt
