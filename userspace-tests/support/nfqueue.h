// SPDX-License-Identifier: GPL-2.0-or-later
// A queue in which packets wait for a verdict of this program (NFQUEUE).
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace xt {

// A chain of the thread's namespace that asks a queue about what comes in of the experimental
// protocol.
void queue_input(int priority, uint16_t queue);
// Whether the kernel has what that takes.
bool has_nfqueue();

class Nfqueue {
public:
    // A queue of the thread's namespace; what waits in it is dropped with this object.
    explicit Nfqueue(uint16_t number);

    // Waits for a packet with `mark` and returns its name; throws std::system_error (ETIMEDOUT).
    uint32_t await(const std::string& mark);
    // 0, or an errno: ENOENT if the packet does not wait any more.
    int accept(uint32_t packet);
    int drop(uint32_t packet);

private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    struct Queued {
        uint32_t packet;
        std::string bytes;
    };

    [[nodiscard]] nlmsghdr* put_request(void* buffer, uint16_t message) const;
    // Sends a request and returns the kernel's answer.
    int ask(const nlmsghdr* request);
    int give_verdict(uint32_t packet, uint32_t verdict);
    // Reads a datagram: packets are kept; an answer to a request is returned.
    std::optional<int> receive();

    std::unique_ptr<mnl_socket, Close> socket_;
    uint16_t number_;
    std::deque<Queued> waiting_;
};

} // namespace xt
