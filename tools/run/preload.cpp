// SPDX-License-Identifier: GPL-2.0-or-later
// libxinet-run.so: socket() of the program it is loaded into, over PF_XINET.
//
// `xinet run` puts it in LD_PRELOAD after checking that the family is there.
// It lives in programs that know nothing of it: it throws nothing, allocates
// nothing, leaves errno alone on success, and needs no C++ run time.
#include <dlfcn.h>
#include <linux/xinet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

using SocketFunction = int (*)(int, int, int);

constexpr int type_flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

SocketFunction next_socket() {
    static const auto function = reinterpret_cast<SocketFunction>(::dlsym(RTLD_NEXT, "socket"));
    return function;
}

int family_number() {
    static const int number = [] {
        const char* text = std::getenv("XINET_RUN_FAMILY");
        const long value = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
        return value > 0 && value < AF_MAX ? static_cast<int>(value) : AF_XINET;
    }();
    return number;
}

bool verbose() {
    static const bool on = [] {
        const char* text = std::getenv("XINET_RUN_VERBOSE");
        return text != nullptr && *text != '\0' && *text != '0';
    }();
    return on;
}

const char* type_name(int type) {
    switch (type) {
    case SOCK_STREAM:
        return "SOCK_STREAM";
    case SOCK_DGRAM:
        return "SOCK_DGRAM";
    case SOCK_RAW:
        return "SOCK_RAW";
    default:
        return "type";
    }
}

struct Request {
    int family;
    int type;
    int protocol;

    int kind() const { return type & ~type_flags; }
    int flags() const { return type & type_flags; }
};

/// @param descriptor the result; -1 with errno set is told as a failure
void tell(const Request& request, const char* outcome, int descriptor) {
    if (!verbose()) {
        return;
    }
    const int saved = errno;
    const char* family = request.family == AF_PACKET ? "PF_PACKET" : "PF_INET";
    const int protocol = request.family == AF_PACKET
                             ? ntohs(static_cast<uint16_t>(request.protocol))
                             : request.protocol;
    if (descriptor >= 0) {
        ::dprintf(STDERR_FILENO, "xinet run[%d]: socket(%s, %s, 0x%x) -> %s, fd %d\n",
                  static_cast<int>(::getpid()), family, type_name(request.kind()),
                  static_cast<unsigned>(protocol), outcome, descriptor);
    } else {
        ::dprintf(STDERR_FILENO, "xinet run[%d]: socket(%s, %s, 0x%x) -> %s failed: errno %d\n",
                  static_cast<int>(::getpid()), family, type_name(request.kind()),
                  static_cast<unsigned>(protocol), outcome, saved);
    }
    errno = saved;
}

int open_packet(const Request& request) {
    const int descriptor =
        next_socket()(family_number(), SOCK_PACKET | request.flags(), request.protocol);
    if (descriptor >= 0 && request.kind() == SOCK_DGRAM) {
        const int cooked = 1;
        if (::setsockopt(descriptor, SOL_XINET, XINET_PACKET_COOKED, &cooked, sizeof(cooked)) !=
            0) {
            const int code = errno;
            ::close(descriptor);
            errno = code;
            tell(request, "PF_XINET cooked packet", -1);
            return -1;
        }
    }
    tell(request, request.kind() == SOCK_DGRAM ? "PF_XINET cooked packet" : "PF_XINET packet",
         descriptor);
    return descriptor;
}

/// The program expects what PF_INET's raw sockets receive, which is what the host
/// gets: behind the firewall. A socket that cannot have that stays where it is.
int open_raw(const Request& request) {
    const int descriptor = next_socket()(family_number(), request.type, request.protocol);
    const char* outcome = "PF_XINET raw";
    if (descriptor >= 0) {
        const int saved = errno;
        const int point = XINET_RAW_POINT_HOST;
        if (::setsockopt(descriptor, SOL_XINET, XINET_RAW_POINT, &point, sizeof(point)) != 0) {
            outcome = "PF_XINET raw, receiving before the firewall";
        }
        errno = saved;
    }
    tell(request, outcome, descriptor);
    return descriptor;
}

/// Streams and datagrams: over PF_XINET where the loaded module has them.
int open_transport(const Request& request) {
    const int saved = errno;
    const int descriptor = next_socket()(family_number(), request.type, request.protocol);
    const bool absent = descriptor < 0 && (errno == ESOCKTNOSUPPORT || errno == EPROTONOSUPPORT);
    if (!absent) {
        tell(request, "PF_XINET", descriptor);
        return descriptor;
    }
    errno = saved;
    const int fallback = next_socket()(request.family, request.type, request.protocol);
    tell(request, "left as it is: the module does not offer it", fallback);
    return fallback;
}

int redirect(const Request& request) {
    const int kind = request.kind();
    if (request.family == AF_PACKET && (kind == SOCK_RAW || kind == SOCK_DGRAM)) {
        return open_packet(request);
    }
    if (request.family == AF_INET && kind == SOCK_RAW) {
        return open_raw(request);
    }
    if (request.family == AF_INET && (kind == SOCK_STREAM || kind == SOCK_DGRAM)) {
        return open_transport(request);
    }
    return next_socket()(request.family, request.type, request.protocol);
}

} // namespace

extern "C" {

// The names and the linkage are those of libc; __socket is what its own
// companion libraries call.
[[gnu::visibility("default")]] int socket(int family, int type, int protocol) noexcept {
    return redirect({.family = family, .type = type, .protocol = protocol});
}

[[gnu::visibility("default")]] int private_socket(int family, int type, int protocol) noexcept
    asm("__socket");

int private_socket(int family, int type, int protocol) noexcept {
    return redirect({.family = family, .type = type, .protocol = protocol});
}
}
