// SPDX-License-Identifier: GPL-2.0-or-later
#include "inet_case.h"

#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <chrono>
#include <cstring>
#include <future>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "frame.h"
#include "sys.h"
#include "traffic.h"

namespace xt {
namespace {

struct Option {
    const char* name;
    int level;
    int number;
};

constexpr Option state_options[] = {
    {"SO_TYPE", SOL_SOCKET, SO_TYPE},
    {"SO_DOMAIN", SOL_SOCKET, SO_DOMAIN},
    {"SO_PROTOCOL", SOL_SOCKET, SO_PROTOCOL},
    {"SO_ERROR", SOL_SOCKET, SO_ERROR},
    {"SO_ACCEPTCONN", SOL_SOCKET, SO_ACCEPTCONN},
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR},
    {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE},
    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
    {"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY},
    {"SO_MARK", SOL_SOCKET, SO_MARK},
    {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT},
    {"SO_ZEROCOPY", SOL_SOCKET, SO_ZEROCOPY},
    {"SO_PEEK_OFF", SOL_SOCKET, SO_PEEK_OFF},
    {"SO_BINDTODEVICE", SOL_SOCKET, SO_BINDTODEVICE},
    {"IP_TTL", SOL_IP, IP_TTL},
    {"IP_TOS", SOL_IP, IP_TOS},
    {"IP_MTU_DISCOVER", SOL_IP, IP_MTU_DISCOVER},
    {"IP_RECVERR", SOL_IP, IP_RECVERR},
    {"IP_PKTINFO", SOL_IP, IP_PKTINFO},
    {"IP_OPTIONS", SOL_IP, IP_OPTIONS},
    {"IP_FREEBIND", SOL_IP, IP_FREEBIND},
    {"IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT},
    {"IP_MULTICAST_TTL", SOL_IP, IP_MULTICAST_TTL},
    {"IP_MULTICAST_LOOP", SOL_IP, IP_MULTICAST_LOOP},
    {"IP_MULTICAST_IF", SOL_IP, IP_MULTICAST_IF},
    {"TCP_NODELAY", SOL_TCP, TCP_NODELAY},
    {"TCP_CORK", SOL_TCP, TCP_CORK},
    {"TCP_KEEPIDLE", SOL_TCP, TCP_KEEPIDLE},
    {"TCP_DEFER_ACCEPT", SOL_TCP, TCP_DEFER_ACCEPT},
    {"TCP_CONGESTION", SOL_TCP, TCP_CONGESTION},
    {"UDP_CORK", SOL_UDP, UDP_CORK},
    {"UDP_SEGMENT", SOL_UDP, UDP_SEGMENT},
    {"UDP_GRO", SOL_UDP, UDP_GRO},
};

constexpr short all_events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP | POLLRDNORM | POLLWRNORM;

void note_address(std::ostream& out, const char* name, long result, const sockaddr_in& address,
                  socklen_t length) {
    out << name << "=";
    if (result < 0) {
        out << strerrorname_np(errno) << " ";
        return;
    }
    const uint16_t port = ntohs(address.sin_port);
    out << length << ":" << address.sin_family << ":" << std::hex << ntohl(address.sin_addr.s_addr)
        << std::dec << ":";
    // What the kernel has chosen differs from socket to socket.
    if (port == 0 || (port >= subject_port && port <= nobodys_port))
        out << port << " ";
    else
        out << "chosen ";
}

void note_names(std::ostream& out, int fd) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    long result = sys::getsockname(fd, &address, &length);
    note_address(out, "name", result, address, length);
    address = {};
    length = sizeof(address);
    result = sys::getpeername(fd, &address, &length);
    note_address(out, "peer", result, address, length);
}

void note_options(std::ostream& out, int fd) {
    for (const auto& option : state_options) {
        uint8_t value[64] = {};
        socklen_t length = sizeof(value);
        const long result = sys::getsockopt(fd, option.level, option.number, value, &length);
        out << option.name << "=";
        if (result < 0)
            out << strerrorname_np(errno) << " ";
        else
            out << hex(value, std::min<size_t>(length, sizeof(value))) << " ";
    }
}

// -1 when it is none of TCP's.
int tcp_state_of(const Fd& socket) {
    tcp_info info{};
    socklen_t length = sizeof(info);
    return sys::getsockopt(socket.get(), SOL_TCP, TCP_INFO, &info, &length) ? -1 : info.tcpi_state;
}

// Our FIN is on its way; the other end's acknowledgement comes by itself.
void wait_for_acknowledgement(const Fd& socket) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (tcp_state_of(socket) == TCP_FIN_WAIT1 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
}

std::string state_after(const Scene& scene) {
    std::ostringstream out;
    wait_for_acknowledgement(scene.subject);
    // Who was pinged answers in his own time, or not at all.
    const short events = scene.transport == Transport::ping ? POLLOUT | POLLWRNORM : all_events;
    out << "poll=" << poll_now(scene.fd(), events) << " ";
    note_names(out, scene.fd());
    note_options(out, scene.fd());
    out << "tcpi_state=" << tcp_state_of(scene.subject) << " found: " << scene.note;
    return out.str();
}

// A test that hangs would say less than one that fails.
void limit_waiting(const Fd& socket) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
        checked(sys::setsockopt(socket.get(), SOL_SOCKET, option, &patience, sizeof(patience)),
                "timeout");
}

// Ends connections without TIME_WAIT, so that the next scene has the same ports.
void forget(Fd& socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (socket)
        sys::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    socket.close();
}

Fd open_other(Side side, Transport transport) {
    if (transport == Transport::stream)
        return open_listener(side, other_port);
    if (transport == Transport::ping)
        return {};
    Fd sink = open_socket(side, transport);
    bind_to(sink, ipv4_address(loopback_address, other_port));
    return sink;
}

void connect_subject(Scene& scene) {
    connect_to(scene.subject, ipv4_address(loopback_address, other_port));
    if (scene.transport == Transport::stream)
        scene.accepted = accept_from(scene.other);
}

void bring_to(Scene& scene, State state) {
    const auto home = ipv4_address(loopback_address, subject_port);
    const auto nobody = ipv4_address(loopback_address, nobodys_port);
    const sockaddr nothing{};
    switch (state) {
    case State::fresh:
        return;
    case State::bound:
        return bind_to(scene.subject, home);
    case State::listening:
        bind_to(scene.subject, home);
        checked(::listen(scene.fd(), 4), "listen");
        return;
    case State::connected:
        return connect_subject(scene);
    case State::deaf:
        connect_subject(scene);
        checked(::shutdown(scene.fd(), SHUT_RD), "shutdown");
        return;
    case State::mute:
        connect_subject(scene);
        checked(::shutdown(scene.fd(), SHUT_WR), "shutdown");
        return wait_for_acknowledgement(scene.subject);
    case State::disconnected:
        connect_subject(scene);
        checked(sys::connect(scene.fd(), &nothing, sizeof(nothing)), "disconnect");
        return;
    case State::refused:
        if (sys::connect(scene.fd(), &nobody, sizeof(nobody)) == 0)
            throw std::runtime_error("somebody is at nobody's port");
        return;
    }
}

} // namespace

std::string to_string(State state) {
    switch (state) {
    case State::fresh:
        return "fresh";
    case State::bound:
        return "bound";
    case State::listening:
        return "listening";
    case State::connected:
        return "connected";
    case State::deaf:
        return "deaf";
    case State::mute:
        return "mute";
    case State::disconnected:
        return "disconnected";
    case State::refused:
        return "refused";
    }
    return "unknown";
}

std::vector<State> states_of(Transport transport) {
    if (transport == Transport::ping)
        return {State::fresh, State::connected};
    std::vector<State> states{State::fresh, State::connected, State::deaf, State::mute,
                              State::disconnected};
    if (transport == Transport::stream) {
        states.push_back(State::listening);
        states.push_back(State::refused);
    }
    return states;
}

void PrintTo(const InetCase& row, std::ostream* out) {
    *out << row.name;
}

namespace {

// A thread that stays in the namespace: entering and leaving it thousands of times costs a grace
// period each time.
class Resident {
public:
    Outcome run(std::function<Outcome()> function) {
        std::promise<Outcome> answer;
        next_.set_value({std::move(function), &answer});
        return answer.get_future().get();
    }
    ~Resident() { next_.set_value({}); }

private:
    struct Job {
        std::function<Outcome()> function; // none: the end
        std::promise<Outcome>* answer = nullptr;
    };

    void stay() {
        inet_namespace().run([this] {
            while (true) {
                const Job job = next_.get_future().get();
                next_ = {};
                if (!job.function)
                    return;
                try {
                    job.answer->set_value(job.function());
                } catch (...) {
                    job.answer->set_exception(std::current_exception());
                }
            }
        });
    }

    std::promise<Job> next_;
    std::jthread thread_{[this] { stay(); }};
};

} // namespace

const NetNs& inet_namespace() {
    static const NetNs ns = create_loopback_namespace();
    return ns;
}

Outcome play(const InetCase& row, Side side) {
    static Resident resident;
    return resident.run([&] {
        Scene scene{.side = side,
                    .transport = row.transport,
                    .subject = open_socket(side, row.transport),
                    .other = open_other(side, row.transport),
                    .accepted = {},
                    .note = {}};
        limit_waiting(scene.subject);
        bring_to(scene, row.state);
        const auto call = [&] { return outcome_of([&] { return row.call(scene); }); };
        Outcome outcome = row.privileged ? call() : without_capabilities(call);
        outcome.state = state_after(scene);
        forget(scene.accepted);
        forget(scene.subject);
        forget(scene.other);
        return outcome;
    });
}

void expect_same_on_both_sides(const InetCase& row) {
    const Outcome sibling = play(row, Side::sibling);
    EXPECT_EQ(sibling, play(row, Side::xinet)) << "above: PF_INET, below: PF_XINET";
}

std::string case_name(const testing::TestParamInfo<InetCase>& info) {
    const InetCase& row = info.param;
    return to_string(row.transport) + "_" + to_string(row.state) + "_" + row.name;
}

} // namespace xt
