// SPDX-License-Identifier: GPL-2.0-or-later
// Signals as something to poll: no handlers, no races with a sleeping call.
#pragma once

#include "xinet/file_descriptor.h"

#include <csignal>

#include <chrono>
#include <initializer_list>
#include <optional>

namespace xinet {

/// Blocks the signals for its lifetime and receives them instead.
class SignalDescriptor {
public:
    SignalDescriptor(std::initializer_list<int> signals);
    SignalDescriptor(const SignalDescriptor&) = delete;
    SignalDescriptor& operator=(const SignalDescriptor&) = delete;
    SignalDescriptor(SignalDescriptor&&) = delete;
    SignalDescriptor& operator=(SignalDescriptor&&) = delete;
    ~SignalDescriptor();

    int descriptor() const noexcept { return descriptor_.get(); }

    /// The number of a signal that arrived, or nothing.
    std::optional<int> take();

private:
    sigset_t previous_{};
    FileDescriptor descriptor_;
};

/// What there is to do after a wait().
struct Wakeup {
    bool socket = false; ///< readable, or in error
    bool signal = false;
};

/// Until the socket or a signal has something, or @p limit has passed; without
/// a limit, for as long as it takes.
Wakeup wait(int socket, const SignalDescriptor& signals,
            std::optional<std::chrono::nanoseconds> limit);

} // namespace xinet
