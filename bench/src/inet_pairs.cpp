// SPDX-License-Identifier: GPL-2.0-or-later
// TCP and UDP over loopback, both ends in one thread: the engines are the
// kernel's in both families, so any difference is ours.
#include "pair.h"
#include "system.h"

#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace bench {
namespace {

xinet::FileDescriptor open_inet(xinet::Engine engine, int type) {
    // Asked once: reading it from sysfs costs a good part of a connection.
    static const int ours = xinet::family_number();
    return xinet::open_socket(engine == xinet::Engine::xinet ? ours : PF_INET, type, 0, engine,
                              "inet");
}

void check(ssize_t result, const char* call) {
    if (result < 0) {
        throw xinet::Error("call", call, errno);
    }
}

sockaddr_in loopback_address(int descriptor) {
    sockaddr_in address{};
    socklen_t length = sizeof(address);
    check(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length),
          "getsockname()");
    return address;
}

void bind_loopback(int descriptor) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
          "bind()");
}

void connect_to(int descriptor, const sockaddr_in& address) {
    check(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
          "connect()");
}

class Listener {
public:
    explicit Listener(xinet::Engine engine)
        : engine_(engine), socket_(open_inet(engine, SOCK_STREAM)) {
        bind_loopback(socket_.get());
        check(::listen(socket_.get(), 16), "listen()");
        address_ = loopback_address(socket_.get());
    }

    struct Connection {
        xinet::FileDescriptor client;
        xinet::FileDescriptor server;
    };

    Connection connect() const {
        Connection connection{open_inet(engine_, SOCK_STREAM), {}};
        connect_to(connection.client.get(), address_);
        connection.server = xinet::FileDescriptor(::accept(socket_.get(), nullptr, nullptr));
        check(connection.server.get(), "accept()");
        return connection;
    }

private:
    xinet::Engine engine_;
    xinet::FileDescriptor socket_;
    sockaddr_in address_{};
};

double stream_cost(xinet::Engine engine) {
    constexpr int rounds = 2000;
    const Listener listener(engine);
    const Listener::Connection connection = listener.connect();
    std::vector<char> buffer(16384);

    const auto pass = [&](int count) {
        for (int i = 0; i < count; ++i) {
            check(::send(connection.client.get(), buffer.data(), buffer.size(), 0), "send()");
            check(::recv(connection.server.get(), buffer.data(), buffer.size(), MSG_WAITALL),
                  "recv()");
        }
    };
    pass(rounds / 10);
    const auto start = now();
    pass(rounds);
    return (Nanoseconds(now() - start) / rounds).count();
}

double request_cost(xinet::Engine engine) {
    constexpr int rounds = 5000;
    const xinet::FileDescriptor client = open_inet(engine, SOCK_DGRAM);
    const xinet::FileDescriptor server = open_inet(engine, SOCK_DGRAM);
    bind_loopback(client.get());
    bind_loopback(server.get());
    connect_to(client.get(), loopback_address(server.get()));
    connect_to(server.get(), loopback_address(client.get()));
    char byte = 'x';

    const auto exchange = [&](int count) {
        for (int i = 0; i < count; ++i) {
            check(::send(client.get(), &byte, 1, 0), "send()");
            check(::recv(server.get(), &byte, 1, 0), "recv()");
            check(::send(server.get(), &byte, 1, 0), "send()");
            check(::recv(client.get(), &byte, 1, 0), "recv()");
        }
    };
    exchange(rounds / 10);
    const auto start = now();
    exchange(rounds);
    return (Nanoseconds(now() - start) / rounds).count();
}

double connection_cost(xinet::Engine engine) {
    constexpr int rounds = 1000;
    const Listener listener(engine);

    const auto connect = [&](int count) {
        for (int i = 0; i < count; ++i) {
            listener.connect();
        }
    };
    connect(rounds / 10);
    const auto start = now();
    connect(rounds);
    return (Nanoseconds(now() - start) / rounds).count();
}

Pair inet_pair(std::string name, std::string unit, double (*cost)(xinet::Engine)) {
    return {.name = std::move(name),
            .group = "inet",
            .unit = std::move(unit),
            .peer_name = "AF_INET",
            .cost = cost,
            .floor = {}};
}

} // namespace

std::vector<Pair> inet_pairs() {
    return {
        inet_pair("TCP stream, 16 KiB", "per 16 KiB", stream_cost),
        inet_pair("UDP request and response", "per exchange", request_cost),
        inet_pair("TCP connect, accept, close", "per connection", connection_cost),
    };
}

} // namespace bench
