// SPDX-License-Identifier: GPL-2.0-or-later
// Sending at either end of the wire, and receiving with a deadline.
//
//   root namespace                     namespace "peer"
//   eth0 10.77.0.1/24  <------------>  eth1 10.77.0.2/24
#pragma once

#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "fd.h"
#include "frame.h"

namespace xt {

inline constexpr const char* here_device = "eth0";
inline constexpr const char* peer_device = "eth1";
inline constexpr const char* here_address = "10.77.0.1";
inline constexpr const char* peer_address = "10.77.0.2";
inline constexpr const char* wire_broadcast = "10.77.0.255";
inline constexpr const char* group_address = "239.1.2.3"; // multicast_mac

// Only ever reached when a test is about to fail.
inline constexpr std::chrono::milliseconds deadline{10'000};

Mac here_mac();
Mac peer_mac();

// Waits for poll() to report one of `events`.
bool wait_for(int fd, short events, std::chrono::milliseconds patience = deadline);
bool wait_readable(int fd);
// What poll() says now.
short poll_now(int fd, short events);

// Missing bytes are 0.
template<typename T>
[[nodiscard]] T read_as(const Bytes& bytes) {
    T result{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof(T)),
                reinterpret_cast<uint8_t*>(&result));
    return result;
}

// One message as recvmsg() hands it over.
struct Message {
    long result = 0; // what recvmsg() returned: with MSG_TRUNC the real length
    int flags = 0;
    Bytes data;
    Bytes from;
    struct Control {
        int level;
        int type;
        Bytes value;
        bool operator==(const Control&) const = default;
        template<typename T>
        [[nodiscard]] T value_as() const {
            return read_as<T>(value);
        }
    };
    std::vector<Control> controls;

    bool operator==(const Message&) const = default;
    template<typename T>
    [[nodiscard]] T from_as() const {
        return read_as<T>(from);
    }
};
std::string describe(const Message& message);
inline void PrintTo(const Message& message, std::ostream* out) {
    *out << describe(message);
}

inline constexpr size_t any_size = 66'000;

// Waits for a message and receives it; throws std::system_error (ETIMEDOUT when none comes).
Message receive(int fd, size_t size = any_size, int flags = 0);
// Receives up to and including the message that carries `mark`, and returns that one.
Message receive_marked(int fd, std::string_view mark, size_t size = any_size, int flags = 0);
// What waits in the queue now, if anything.
std::optional<Message> receive_now(int fd, size_t size = any_size, int flags = 0);

long send_to(int fd, const Bytes& data, const sockaddr_in& address, int flags = 0);
long send_to(int fd, const Bytes& data, const sockaddr_ll& address, int flags = 0);

// Puts whole frames on the wire with the sibling's packet socket.
// A NIC that is emulated keeps so many long frames for a driver that comes late.
inline constexpr size_t longest_burst = 4;

class Injector {
public:
    static Injector at_peer(); // the frames come in on eth0
    static Injector here();    // the frames go out of eth0
    void send(const Bytes& frame) const;

private:
    Injector(Fd socket, int ifindex) : socket_(std::move(socket)), ifindex_(ifindex) {}
    Fd socket_;
    int ifindex_;
};

// Makes the device of a packet socket receive whatever is on the wire, and waits until it does:
// some drivers tell the hardware later. `other_end` sends what only such a device receives.
void receive_everything(const Fd& socket, int ifindex, const Injector& other_end);

// UDP sockets bound to `port`, so that datagrams are swallowed instead of answered with an error.
Fd udp_socket(uint16_t port);
Fd udp_socket_at_peer(uint16_t port);
// Both ends know each other's link-layer address afterwards.
void meet_neighbours();

} // namespace xt
