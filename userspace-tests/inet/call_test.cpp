// SPDX-License-Identifier: GPL-2.0-or-later
// The calls without an address, on streams, datagrams and pings, in every state that they know.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <memory>

#include "support/inet_case.h"
#include "support/kernel_module.h"
#include "support/sys.h"

namespace xt {
namespace {

struct Verb {
    const char* name;
    std::function<long(Scene&)> call;
};

constexpr uint8_t echo_request[16] = {8};

long accept_with(Scene& scene, int flags, void* address, void* length) {
    checked(::fcntl(scene.fd(), F_SETFL, O_NONBLOCK), "F_SETFL");
    return syscall(SYS_accept4, scene.fd(), address, length, flags);
}

long name_with(long (*call)(int, void*, void*), Scene& scene, int room) {
    uint8_t address[64] = {};
    int length = room;
    const long result = call(scene.fd(), address, &length);
    scene.note += std::to_string(length);
    return result;
}

long receive_with(Scene& scene, int flags, size_t size = 64) {
    uint8_t room[64];
    sockaddr_storage from{};
    int length = sizeof(from);
    const long result = sys::recvfrom(scene.fd(), room, size, flags | MSG_DONTWAIT, &from, &length);
    scene.note += std::to_string(length);
    return result;
}

long send_with(Scene& scene, int flags, size_t size = sizeof(echo_request)) {
    return sys::sendto(scene.fd(), echo_request, size, flags | MSG_DONTWAIT | MSG_NOSIGNAL, nullptr,
                       0);
}

long send_control(Scene& scene, int level, int type, size_t size) {
    alignas(cmsghdr) uint8_t room[64] = {};
    auto* control = reinterpret_cast<cmsghdr*>(room);
    *control = {.cmsg_len = size, .cmsg_level = level, .cmsg_type = type};
    iovec part{const_cast<uint8_t*>(echo_request), sizeof(echo_request)};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room;
    message.msg_controllen = size;
    return sys::sendmsg(scene.fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

long control_number(Scene& scene, unsigned long command) {
    int value = -7;
    const long result = ::ioctl(scene.fd(), command, &value);
    scene.note += std::to_string(value);
    return result;
}

long control_interface(Scene& scene, unsigned long command) {
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_addr.sa_family = AF_INET;
    const long result = ::ioctl(scene.fd(), command, &request);
    scene.note.append(reinterpret_cast<const char*>(&request.ifr_addr), sizeof(sockaddr_in));
    return result;
}

long through_pipe(Scene& scene, bool in) {
    int ends[2];
    checked(::pipe(ends), "pipe");
    const Fd reader(ends[0]), writer(ends[1]);
    checked(::fcntl(scene.fd(), F_SETFL, O_NONBLOCK), "F_SETFL");
    if (in)
        return ::splice(scene.fd(), nullptr, writer.get(), nullptr, 64, SPLICE_F_NONBLOCK);
    checked(::write(writer.get(), echo_request, sizeof(echo_request)), "write");
    return ::splice(reader.get(), nullptr, scene.fd(), nullptr, 64, SPLICE_F_NONBLOCK);
}

long send_file(Scene& scene) {
    const Fd file(checked(::memfd_create("text", MFD_CLOEXEC), "memfd"));
    checked(::write(file.get(), echo_request, sizeof(echo_request)), "write");
    off_t offset = 0;
    return ::sendfile(scene.fd(), file.get(), &offset, sizeof(echo_request));
}

long map(Scene& scene) {
    void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, scene.fd(), 0);
    if (memory == MAP_FAILED)
        return -1;
    return ::munmap(memory, 4096);
}

const std::vector<Verb>& verbs() {
    static const std::vector<Verb> table{
        {"listen_5", [](Scene& s) { return ::listen(s.fd(), 5); }},
        {"listen_0", [](Scene& s) { return ::listen(s.fd(), 0); }},
        {"listen_negative", [](Scene& s) { return ::listen(s.fd(), -1); }},
        {"accept", [](Scene& s) { return accept_with(s, 0, nullptr, nullptr); }},
        {"accept_bad_flags", [](Scene& s) { return accept_with(s, 1 << 30, nullptr, nullptr); }},
        {"shutdown_rd", [](Scene& s) { return ::shutdown(s.fd(), SHUT_RD); }},
        {"shutdown_wr", [](Scene& s) { return ::shutdown(s.fd(), SHUT_WR); }},
        {"shutdown_3", [](Scene& s) { return ::shutdown(s.fd(), 3); }},
        {"shutdown_negative", [](Scene& s) { return ::shutdown(s.fd(), -1); }},
        {"getsockname", [](Scene& s) { return name_with(sys::getsockname, s, 64); }},
        {"getsockname_short", [](Scene& s) { return name_with(sys::getsockname, s, 3); }},
        {"getsockname_negative", [](Scene& s) { return name_with(sys::getsockname, s, -1); }},
        {"getpeername", [](Scene& s) { return name_with(sys::getpeername, s, 64); }},
        {"getpeername_short", [](Scene& s) { return name_with(sys::getpeername, s, 0); }},
        {"getsockname_null", [](Scene& s) { return sys::getsockname(s.fd(), nullptr, nullptr); }},
        {"send", [](Scene& s) { return send_with(s, 0); }},
        {"send_nothing", [](Scene& s) { return send_with(s, 0, 0); }},
        {"send_oob", [](Scene& s) { return send_with(s, MSG_OOB); }},
        {"send_more", [](Scene& s) { return send_with(s, MSG_MORE); }},
        {"send_confirm", [](Scene& s) { return send_with(s, MSG_CONFIRM); }},
        {"send_dontroute", [](Scene& s) { return send_with(s, MSG_DONTROUTE); }},
        {"send_zerocopy", [](Scene& s) { return send_with(s, MSG_ZEROCOPY); }},
        {"send_bad_pointer",
         [](Scene& s) {
             return sys::sendto(s.fd(), reinterpret_cast<void*>(8), 16, MSG_DONTWAIT | MSG_NOSIGNAL,
                                nullptr, 0);
         }},
        {"sendmsg_ttl", [](Scene& s) { return send_control(s, SOL_IP, IP_TTL, CMSG_LEN(4)); }},
        {"sendmsg_unknown", [](Scene& s) { return send_control(s, SOL_IP, 999, CMSG_LEN(4)); }},
        {"sendmsg_short", [](Scene& s) { return send_control(s, SOL_IP, IP_TTL, 5); }},
        {"sendmsg_rights",
         [](Scene& s) { return send_control(s, SOL_SOCKET, SCM_RIGHTS, CMSG_LEN(4)); }},
        {"recv", [](Scene& s) { return receive_with(s, 0); }},
        {"recv_nothing", [](Scene& s) { return receive_with(s, 0, 0); }},
        {"recv_oob", [](Scene& s) { return receive_with(s, MSG_OOB); }},
        {"recv_peek", [](Scene& s) { return receive_with(s, MSG_PEEK); }},
        {"recv_trunc", [](Scene& s) { return receive_with(s, MSG_TRUNC); }},
        {"recv_errqueue", [](Scene& s) { return receive_with(s, MSG_ERRQUEUE); }},
        {"read_nothing", [](Scene& s) { return ::read(s.fd(), nullptr, 0); }},
        {"ioctl_inq", [](Scene& s) { return control_number(s, SIOCINQ); }},
        {"ioctl_outq", [](Scene& s) { return control_number(s, SIOCOUTQ); }},
        {"ioctl_outqnsd", [](Scene& s) { return control_number(s, SIOCOUTQNSD); }},
        {"ioctl_atmark", [](Scene& s) { return control_number(s, SIOCATMARK); }},
        {"ioctl_getpgrp", [](Scene& s) { return control_number(s, FIOGETOWN); }},
        {"ioctl_unknown", [](Scene& s) { return control_number(s, 0x89ff); }},
        {"ioctl_ifaddr", [](Scene& s) { return control_interface(s, SIOCGIFADDR); }},
        {"ioctl_ifflags", [](Scene& s) { return control_interface(s, SIOCGIFFLAGS); }},
        {"ioctl_null", [](Scene& s) { return ::ioctl(s.fd(), SIOCINQ, nullptr); }},
        {"splice_in", [](Scene& s) { return through_pipe(s, true); }},
        {"splice_out", [](Scene& s) { return through_pipe(s, false); }},
        {"sendfile", send_file},
        {"mmap", map},
        {"lseek", [](Scene& s) { return ::lseek(s.fd(), 0, SEEK_SET); }},
    };
    return table;
}

// What a broken pipe answers with.
bool ends_in_a_signal(const std::string& verb, State state) {
    return (verb == "splice_out" || verb == "sendfile") && state != State::connected;
}

std::vector<InetCase> call_rows() {
    std::vector<InetCase> rows;
    for (const Transport transport : all_transports)
        for (const State state : states_of(transport))
            for (const Verb& verb : verbs())
                if (transport != Transport::stream || !ends_in_a_signal(verb.name, state))
                    rows.push_back({verb.name, transport, state, verb.call});
    return rows;
}

class InetCall : public testing::TestWithParam<InetCase> {
protected:
    static void SetUpTestSuite() { no_autoload = std::make_unique<NoAutoload>(); }
    static void TearDownTestSuite() { no_autoload.reset(); }

private:
    static inline std::unique_ptr<NoAutoload> no_autoload;
};

TEST_P(InetCall, does_what_it_does_in_pf_inet) {
    expect_same_on_both_sides(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, InetCall, testing::ValuesIn(call_rows()), case_name);

} // namespace
} // namespace xt
