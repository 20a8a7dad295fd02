// SPDX-License-Identifier: GPL-2.0-or-later
// Signals as something to poll: no handlers, no races with a sleeping call.
#pragma once

#include "xinet/file_descriptor.h"

#include <csignal>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <set>

namespace xinet {

/// Blocks signals for its lifetime and receives them instead. What may sleep meanwhile has to sleep
/// in one of its functions; what cannot, such as a look-up of a name, comes before it.
class Signals {
public:
    /// @param ending those that end what the program does; SIGHUP does not if it is ignored, as
    ///               under nohup(1)
    /// @param asking those that ask it for something, see request()
    explicit Signals(std::initializer_list<int> ending, std::initializer_list<int> asking = {});
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    Signals(Signals&&) = delete;
    Signals& operator=(Signals&&) = delete;
    ~Signals();

    /// Whether a signal has come that ends what the program does.
    bool stopped();

    /// The number of a signal that has come and asks for something, each once; or nothing.
    std::optional<int> request();

    /// Until @p descriptor is readable, or in error, a signal has come, or @p limit has passed;
    /// without a limit, for as long as it takes. Not at all while request() has some. Returns
    /// whether the descriptor is.
    bool wait(int descriptor, std::optional<std::chrono::nanoseconds> limit) const;

    /// Until @p output takes bytes, or does not for a second after the program was to end: then
    /// false.
    bool await_room(int output);

private:
    void collect();

    sigset_t previous_{};
    sigset_t asking_{};
    std::set<int> requests_; ///< that have come
    bool stopped_ = false;
    FileDescriptor descriptor_;
};

} // namespace xinet
