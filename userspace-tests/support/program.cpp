// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "sys.h"

namespace xt {
namespace {

std::string read_until(const Fd& from, char end) {
    std::string text;
    for (char byte; read(from.get(), &byte, 1) == 1 && byte != end;)
        text += byte;
    return text;
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
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    child_ = checked(fork(), "fork");
    if (child_ == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execvp(arguments[0], arguments.data());
        _exit(127);
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

} // namespace xt
