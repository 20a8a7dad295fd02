// SPDX-License-Identifier: GPL-2.0-or-later
#include "faults.h"

#include <fcntl.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

namespace xt {
namespace {

using namespace std::chrono_literals;

constexpr const char* debugfs = "/sys/kernel/debug/";
constexpr const char* own_file = "/proc/thread-self/fail-nth";

void set(const std::string& file, const std::string& value) {
    std::ofstream(debugfs + file) << value;
}

// Allocations that may sleep: the n-th of a task, see OwnFaults.
void begin_tasks() {
    set("failslab/probability", "0");
    set("failslab/task-filter", "N");
    set("failslab/ignore-gfp-wait", "N");
}

// The same for tasks that are marked: one in `interval`.
void begin_marked_tasks() {
    set("failslab/task-filter", "Y");
    set("failslab/ignore-gfp-wait", "N");
    set("failslab/interval", "211");
    set("failslab/times", "-1");
    set("failslab/probability", "100");
}

// Allocations that may not: one in `interval`, in the receive path above all.
void begin_atomic() {
    set("failslab/ignore-gfp-wait", "Y");
    set("failslab/task-filter", "N");
    set("failslab/interval", "37");
    set("failslab/times", "-1");
    set("failslab/probability", "100");
}

void alternate(const std::stop_token& stop, FaultInjection::Of tasks) {
    while (!stop.stop_requested()) {
        begin_tasks();
        if (tasks == FaultInjection::Of::marked)
            begin_marked_tasks();
        std::this_thread::sleep_for(150ms);
        begin_atomic();
        std::this_thread::sleep_for(50ms);
    }
    begin_tasks();
}

} // namespace

bool can_inject_faults() {
    return ::access(own_file, W_OK) == 0 && ::access("/sys/kernel/debug/failslab", F_OK) == 0;
}

void allow_own_faults() {
    // The kernel's log is for what is not asked for.
    for (const char* kind : {"failslab", "fail_page_alloc"})
        set(std::string(kind) + "/verbose", "0");
    set("fail_page_alloc/ignore-gfp-wait", "N");
    set("fail_page_alloc/ignore-gfp-highmem", "N");
    set("fail_page_alloc/min-order", "0");
    begin_tasks();
}

OwnFaults::OwnFaults() : file_(::open(own_file, O_RDWR | O_CLOEXEC)) {}

void OwnFaults::fail_nth(unsigned n) const {
    const std::string text = std::to_string(n);
    if (file_)
        checked(::pwrite(file_.get(), text.data(), text.size(), 0), own_file);
}

bool OwnFaults::stop() const {
    char left[16] = {};
    if (!file_)
        return false;
    checked(::pread(file_.get(), left, sizeof(left) - 1, 0), own_file);
    checked(::pwrite(file_.get(), "0", 1, 0), own_file);
    return std::atoi(left) == 0;
}

void mark_for_faults(pid_t process, pid_t thread) {
    const std::string path =
        "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/make-it-fail";
    const Fd file(checked(::open(path.c_str(), O_WRONLY | O_CLOEXEC), path.c_str()));
    checked(::write(file.get(), "1", 1), path.c_str());
}

FaultInjection::FaultInjection(Of tasks) {
    if (!can_inject_faults())
        return;
    allow_own_faults();
    alternation_ = std::jthread(alternate, tasks);
}

FaultInjection::~FaultInjection() = default;

} // namespace xt
