// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/signals.h"

#include "xinet/error.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace xinet {

SignalDescriptor::SignalDescriptor(std::initializer_list<int> signals) {
    sigset_t set{};
    ::sigemptyset(&set);
    for (const int signal : signals) {
        ::sigaddset(&set, signal);
    }
    if (const int code = ::pthread_sigmask(SIG_BLOCK, &set, &previous_); code != 0) {
        throw Error("block signals", {}, code);
    }
    descriptor_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!descriptor_) {
        const int code = errno;
        ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
        throw Error("open a signal descriptor", {}, code);
    }
}

SignalDescriptor::~SignalDescriptor() {
    ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<int> SignalDescriptor::take() {
    signalfd_siginfo info{};
    const ssize_t length = ::read(descriptor_.get(), &info, sizeof(info));
    if (length != static_cast<ssize_t>(sizeof(info))) {
        return std::nullopt;
    }
    return static_cast<int>(info.ssi_signo);
}

Wakeup wait(int socket, const SignalDescriptor& signals,
            std::optional<std::chrono::nanoseconds> limit) {
    std::array<pollfd, 2> items{{{.fd = socket, .events = POLLIN, .revents = 0},
                                 {.fd = signals.descriptor(), .events = POLLIN, .revents = 0}}};
    timespec timeout{};
    if (limit) {
        const auto left = std::max(*limit, std::chrono::nanoseconds::zero());
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        timeout.tv_sec = seconds.count();
        timeout.tv_nsec = (left - seconds).count();
    }
    const int ready = ::ppoll(items.data(), items.size(), limit ? &timeout : nullptr, nullptr);
    if (ready < 0 && errno != EINTR) {
        throw Error("wait for packets", {}, errno);
    }
    if (ready <= 0) {
        return {};
    }
    return {.socket = items[0].revents != 0, .signal = items[1].revents != 0};
}

} // namespace xinet
