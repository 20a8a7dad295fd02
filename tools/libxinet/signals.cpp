// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/signals.h"

#include "xinet/error.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xinet {

namespace {

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

timespec to_timespec(std::chrono::nanoseconds duration) {
    const auto left = std::max(duration, std::chrono::nanoseconds::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

} // namespace

Signals::Signals(std::initializer_list<int> ending, std::initializer_list<int> asking) {
    sigset_t blocked{};
    ::sigemptyset(&blocked);
    ::sigemptyset(&asking_);
    for (const int signal : ending) {
        if (signal != SIGHUP || !is_ignored(signal)) {
            ::sigaddset(&blocked, signal);
        }
    }
    for (const int signal : asking) {
        ::sigaddset(&blocked, signal);
        ::sigaddset(&asking_, signal);
    }
    if (const int code = ::pthread_sigmask(SIG_BLOCK, &blocked, &previous_); code != 0) {
        throw Error("block signals", {}, code);
    }
    descriptor_.reset(::signalfd(-1, &blocked, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!descriptor_) {
        const int code = errno;
        ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
        throw Error("open a signal descriptor", {}, code);
    }
}

// One that is left pending would end the program here.
Signals::~Signals() {
    collect();
    ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void Signals::collect() {
    signalfd_siginfo info{};
    while (::read(descriptor_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
        const auto signal = static_cast<int>(info.ssi_signo);
        if (::sigismember(&asking_, signal) == 1) {
            requests_.insert(signal);
        } else {
            stopped_ = true;
        }
    }
}

bool Signals::stopped() {
    collect();
    return stopped_;
}

std::optional<int> Signals::request() {
    collect();
    if (requests_.empty()) {
        return std::nullopt;
    }
    return requests_.extract(requests_.begin()).value();
}

bool Signals::wait(int descriptor, std::optional<std::chrono::nanoseconds> limit) const {
    std::array<pollfd, 2> items{{{.fd = descriptor, .events = POLLIN, .revents = 0},
                                 {.fd = descriptor_.get(), .events = POLLIN, .revents = 0}}};
    if (!requests_.empty()) {
        limit = std::chrono::nanoseconds::zero();
    }
    const timespec timeout = to_timespec(limit.value_or(std::chrono::nanoseconds::zero()));
    const int ready = ::ppoll(items.data(), items.size(), limit ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) {
        throw Error("wait for packets", {}, errno);
    }
    return ready > 0 && items[0].revents != 0;
}

bool Signals::await_room(int output) {
    constexpr int patience_ms = 1000;
    while (true) {
        const bool hurry = stopped();
        std::array<pollfd, 2> items{{{.fd = output, .events = POLLOUT, .revents = 0},
                                     {.fd = descriptor_.get(), .events = POLLIN, .revents = 0}}};
        // Another signal is no reason to end the wait that the first one has begun.
        const int ready = ::poll(items.data(), hurry ? 1 : items.size(), hurry ? patience_ms : -1);
        if (ready < 0 && errno != EINTR) {
            throw Error("wait for room in", "the output", errno);
        }
        if (ready == 0 || (ready > 0 && items[0].revents != 0)) {
            return ready > 0;
        }
    }
}

} // namespace xinet
