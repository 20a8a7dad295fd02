// SPDX-License-Identifier: GPL-2.0-or-later
// Every form of address on bind(), connect() and sendto() of streams, datagrams and pings.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

#include "support/inet_case.h"
#include "support/sys.h"
#include "support/wire.h"

namespace xt {
namespace {

struct Form {
    const char* name;
    const char* address;
    uint16_t port;
    sa_family_t family = AF_INET;
    long length = sizeof(sockaddr_in);
};

constexpr const char* any = "0.0.0.0";
constexpr const char* loopback = loopback_address;

const Form forms[] = {
    {"any", any, 0},
    {"any_with_a_port", any, subject_port},
    {"any_where_the_other_is", any, other_port},
    {"loopback", loopback, 0},
    {"loopback_with_a_port", loopback, nobodys_port},
    {"loopback_where_the_other_is", loopback, other_port},
    {"another_loopback", "127.1.2.3", nobodys_port},
    {"privileged_port", loopback, 80},
    {"not_ours", "192.0.2.1", nobodys_port},
    {"limited_broadcast", "255.255.255.255", nobodys_port},
    {"loopback_broadcast", "127.255.255.255", nobodys_port},
    {"multicast", "239.1.2.3", nobodys_port},
    {"reserved", "240.0.0.1", nobodys_port},
    {"unspec_any", any, 0, AF_UNSPEC},
    {"unspec_any_with_a_port", any, nobodys_port, AF_UNSPEC},
    {"unspec_loopback", loopback, other_port, AF_UNSPEC},
    {"unspec_of_two_bytes", any, 0, AF_UNSPEC, 2},
    {"ipv6", any, 0, AF_INET6},
    {"ipv6_of_its_length", any, 0, AF_INET6, 28},
    {"unix", any, 0, AF_UNIX},
    {"family_65535", any, 0, 65535},
    {"no_length", loopback, other_port, AF_INET, 0},
    {"one_byte", loopback, other_port, AF_INET, 1},
    {"family_only", loopback, other_port, AF_INET, 2},
    {"no_padding", loopback, other_port, AF_INET, 8},
    {"one_byte_short", loopback, other_port, AF_INET, 15},
    {"longer", loopback, nobodys_port, AF_INET, 28},
    {"longest", loopback, nobodys_port, AF_INET, 128},
    {"too_long", loopback, nobodys_port, AF_INET, 129},
    {"negative_length", loopback, nobodys_port, AF_INET, -1},
};

struct Address {
    sockaddr_storage storage{};
    explicit Address(const Form& form) {
        auto address = ipv4_address(form.address, form.port);
        address.sin_family = form.family;
        std::memcpy(&storage, &address, sizeof(address));
    }
};

using AddressCall = long (*)(Scene& scene, const void* address, long length);

long call_bind(Scene& scene, const void* address, long length) {
    return sys::bind(scene.fd(), address, length);
}

long call_connect(Scene& scene, const void* address, long length) {
    return sys::connect(scene.fd(), address, length);
}

// An echo request, which is text to the others.
long call_sendto(Scene& scene, const void* address, long length) {
    const uint8_t request[16] = {8};
    return sys::sendto(scene.fd(), request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT, address,
                       length);
}

long call_fast_open(Scene& scene, const void* address, long length) {
    return sys::sendto(scene.fd(), "text", 4, MSG_NOSIGNAL | MSG_FASTOPEN, address, length);
}

void add_forms(std::vector<InetCase>& rows, const char* name, AddressCall call, Transport transport,
               State state) {
    for (const Form& form : forms)
        rows.push_back(
            {std::string(name) + "_" + form.name, transport, state, [call, form](Scene& scene) {
                 const Address address(form);
                 return call(scene, &address.storage, form.length);
             }});
    rows.push_back({std::string(name) + "_null", transport, state,
                    [call](Scene& scene) { return call(scene, nullptr, sizeof(sockaddr_in)); }});
    rows.push_back({std::string(name) + "_bad_pointer", transport, state, [call](Scene& scene) {
                        return call(scene, reinterpret_cast<void*>(8), sizeof(sockaddr_in));
                    }});
}

std::vector<InetCase> address_rows() {
    std::vector<InetCase> rows;
    for (const Transport transport : all_transports)
        for (const State state : {State::fresh, State::connected}) {
            add_forms(rows, "bind", call_bind, transport, state);
            add_forms(rows, "connect", call_connect, transport, state);
            add_forms(rows, "sendto", call_sendto, transport, state);
        }
    for (const Transport transport : all_transports)
        add_forms(rows, "connect", call_connect, transport, State::bound);
    add_forms(rows, "bind", call_bind, Transport::stream, State::listening);
    add_forms(rows, "bind", call_bind, Transport::stream, State::disconnected);
    add_forms(rows, "fast_open", call_fast_open, Transport::stream, State::fresh);
    return rows;
}

class InetAddress : public testing::TestWithParam<InetCase> {};

TEST_P(InetAddress, is_taken_or_refused_as_by_pf_inet) {
    expect_same_on_both_sides(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, InetAddress, testing::ValuesIn(address_rows()), case_name);

// --- with something set before ---

InetCase bind_after(const char* name, Transport transport, int level, int option, int value,
                    const char* address, uint16_t port, bool privileged = true) {
    return {name, transport, State::fresh,
            [=](Scene& scene) {
                checked(sys::setsockopt(scene.fd(), level, option, &value, sizeof(value)),
                        "setsockopt");
                const auto to = ipv4_address(address, port);
                return sys::bind(scene.fd(), &to, sizeof(to));
            },
            privileged};
}

InetCase bind_plainly(const char* name, Transport transport, uint16_t port, bool privileged) {
    return {name, transport, State::fresh,
            [=](Scene& scene) {
                const auto to = ipv4_address(loopback, port);
                return sys::bind(scene.fd(), &to, sizeof(to));
            },
            privileged};
}

std::vector<InetCase> prepared_rows() {
    std::vector<InetCase> rows;
    for (const Transport transport : all_transports) {
        rows.push_back(bind_after("freebind_not_ours", transport, SOL_IP, IP_FREEBIND, 1,
                                  "192.0.2.1", nobodys_port));
        rows.push_back(bind_after("transparent_not_ours", transport, SOL_IP, IP_TRANSPARENT, 1,
                                  "192.0.2.1", nobodys_port));
        rows.push_back(bind_after("address_no_port", transport, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1,
                                  loopback, 0));
        rows.push_back(bind_after("address_no_port_with_a_port", transport, SOL_IP,
                                  IP_BIND_ADDRESS_NO_PORT, 1, loopback, nobodys_port));
        rows.push_back(bind_after("reuseaddr_where_the_other_is", transport, SOL_SOCKET,
                                  SO_REUSEADDR, 1, loopback, other_port));
        rows.push_back(bind_after("reuseport_where_the_other_is", transport, SOL_SOCKET,
                                  SO_REUSEPORT, 1, loopback, other_port));
        for (const uint16_t port : {uint16_t(1), uint16_t(1023), uint16_t(1024), other_port})
            rows.push_back(bind_plainly(("unprivileged_" + std::to_string(port)).c_str(), transport,
                                        port, false));
    }
    return rows;
}

class InetPreparedBind : public testing::TestWithParam<InetCase> {};

TEST_P(InetPreparedBind, is_taken_or_refused_as_by_pf_inet) {
    expect_same_on_both_sides(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, InetPreparedBind, testing::ValuesIn(prepared_rows()), case_name);

// --- our own family in addresses ---

class InetOwnFamily : public testing::TestWithParam<Transport> {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "a difference needs two families";
    }
    static sockaddr_in own(uint16_t port) {
        auto address = ipv4_address(loopback, port);
        address.sin_family = sa_family_t(xinet_family());
        return address;
    }
};

TEST_P(InetOwnFamily, is_refused_by_bind_connect_and_every_send) {
    inet_namespace().run([this] {
        const Transport transport = GetParam();
        const Fd socket = open_socket(Side::xinet, transport, SOCK_NONBLOCK);
        auto home = own(subject_port), away = own(other_port);
        uint8_t request[16] = {8};
        iovec part{request, sizeof(request)};
        mmsghdr batch{};
        batch.msg_hdr = {.msg_name = &away,
                         .msg_namelen = sizeof(away),
                         .msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = nullptr,
                         .msg_controllen = 0,
                         .msg_flags = 0};
        const auto expect_refused = [](const char* call, long result) {
            EXPECT_EQ(result, -1) << call;
            EXPECT_EQ(errno, EAFNOSUPPORT) << call << ": " << strerrorname_np(errno);
        };
        const auto expect_sends_refused = [&] {
            for (const int more : {0, int(MSG_FASTOPEN)}) {
                const int flags = MSG_NOSIGNAL | more;
                expect_refused("sendto", sys::sendto(socket.get(), request, sizeof(request), flags,
                                                     &away, sizeof(away)));
                expect_refused("sendmsg", sys::sendmsg(socket.get(), &batch.msg_hdr, flags));
                expect_refused("sendmmsg", ::sendmmsg(socket.get(), &batch, 1, flags));
            }
        };
        expect_refused("bind", sys::bind(socket.get(), &home, sizeof(home)));
        expect_refused("connect", sys::connect(socket.get(), &away, sizeof(away)));
        expect_sends_refused();
        EXPECT_EQ(name_of(socket).sin_port, 0);

        const Fd other = transport == Transport::stream ? open_listener(Side::sibling, other_port)
                                                        : open_socket(Side::sibling, transport);
        away.sin_family = AF_INET;
        const long connected = sys::connect(socket.get(), &away, sizeof(away));
        ASSERT_TRUE(connected == 0 || errno == EINPROGRESS) << strerrorname_np(errno);
        away = own(other_port);
        expect_refused("connect", sys::connect(socket.get(), &away, sizeof(away)));
        expect_sends_refused();
    });
}

INSTANTIATE_TEST_SUITE_P(, InetOwnFamily, testing::ValuesIn(all_transports),
                         parameter_name<Transport>);

// --- addresses that are not ours, allowed by the namespace ---

class InetNonlocal : public testing::TestWithParam<Transport> {};

TEST_P(InetNonlocal, address_is_taken_where_the_sysctl_allows_it) {
    create_loopback_namespace().run([] {
        const auto stranger = ipv4_address("192.0.2.1", subject_port);
        for (const char* allowed : {"0", "1"}) {
            set_sysctl("ip_nonlocal_bind", allowed);
            const auto told = [&](Side side) {
                const Fd socket = open_socket(side, GetParam());
                return outcome_of(
                    [&] { return sys::bind(socket.get(), &stranger, sizeof(stranger)); });
            };
            const Outcome sibling = told(Side::sibling);
            EXPECT_EQ(sibling, told(Side::xinet)) << allowed;
            EXPECT_EQ(sibling.result, *allowed == '1' ? 0 : -1);
        }
    });
}

INSTANTIATE_TEST_SUITE_P(, InetNonlocal, testing::ValuesIn(all_transports),
                         parameter_name<Transport>);

// --- ports are one space ---

class InetPorts : public testing::TestWithParam<Transport> {};

TEST_P(InetPorts, taken_by_one_family_are_taken_for_the_other) {
    inet_namespace().run([] {
        for (const Side first : both_sides) {
            const Transport transport = GetParam();
            const Side second = first == Side::xinet ? Side::sibling : Side::xinet;
            const Fd holder = open_socket(first, transport);
            const auto address = ipv4_address(loopback, subject_port);
            // Ping sockets share their identifiers unless they are told not to.
            set_option(holder, SOL_SOCKET, SO_REUSEADDR, 0);
            bind_to(holder, address);
            const Fd late = open_socket(second, transport);
            set_option(late, SOL_SOCKET, SO_REUSEADDR, 0);
            EXPECT_EQ(sys::bind(late.get(), &address, sizeof(address)), -1);
            EXPECT_EQ(errno, EADDRINUSE);
        }
    });
}

INSTANTIATE_TEST_SUITE_P(, InetPorts, testing::ValuesIn(all_transports), parameter_name<Transport>);

} // namespace
} // namespace xt
