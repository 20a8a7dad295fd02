// SPDX-License-Identifier: GPL-2.0-or-later
// Calls of 32-bit programs, whose structures are other ones: made by a 64-bit program through the
// gate of the 32-bit ones, on both families.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <fstream>

#include "support/inet_case.h"
#include "support/lanes.h"
#include "support/traffic.h"

namespace xt {
namespace {

#ifdef __x86_64__

// Numbers of <asm/unistd_32.h>, which a 64-bit program cannot include.
enum class Call : long {
    getpid = 20,
    ioctl = 54,
    mmap = 90,
    sendmmsg = 345,
    getsockopt = 365,
    setsockopt = 366,
    sendmsg = 370,
    recvmsg = 372,
};

long call32(Call number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    long result = long(number);
    asm volatile("int $0x80"
                 : "+a"(result)
                 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                 : "memory", "r8", "r9", "r10", "r11");
    result = int(result);
    if (result >= 0)
        return result;
    errno = int(-result);
    return -1;
}

// A kernel without it kills who tries; User Mode Linux takes it for one of its own calls.
bool kernel_has_it() {
    if (!std::ifstream("/proc/sys/abi/vsyscall32"))
        return false;
    const pid_t child = ::fork();
    if (child == 0)
        _exit(call32(Call::getpid) == ::getpid() ? 0 : 1);
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

#else

enum class Call : long { getpid, ioctl, mmap, sendmmsg, getsockopt, setsockopt, sendmsg, recvmsg };
long call32(Call, long = 0, long = 0, long = 0, long = 0, long = 0) {
    return -1;
}
bool kernel_has_it() {
    return false;
}

#endif

// Memory that 32 bits can name, for one row.
class Low {
public:
    Low()
        : base_(::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
                           | MAP_32BIT
#endif
                       ,
                       -1, 0)) {
        if (base_ == MAP_FAILED)
            throw std::bad_alloc();
    }
    ~Low() {
        ::munmap(base_, size);
    }
    Low(const Low&) = delete;
    Low& operator=(const Low&) = delete;

    template<typename T>
    T* put(const T& value) {
        used_ = (used_ + 7) & ~size_t(7);
        char* const place = static_cast<char*>(base_) + used_;
        used_ += sizeof(T);
        std::memcpy(place, &value, sizeof(T));
        return reinterpret_cast<T*>(place);
    }

private:
    static constexpr size_t size = 65'536;
    void* base_;
    size_t used_ = 0;
};

uint32_t low(const void* pointer) {
    return uint32_t(reinterpret_cast<uintptr_t>(pointer));
}

// --- as a 32-bit program has them ---

struct Time32 {
    int32_t seconds, microseconds;
};
struct Iovec32 {
    uint32_t base, length;
};
struct Message32 {
    uint32_t name;
    int32_t name_length;
    uint32_t parts, part_count, control, control_length, flags;
};
struct Many32 {
    Message32 message;
    uint32_t length;
};
struct Control32 {
    uint32_t length;
    int32_t level, type;
    int32_t value;
};
struct Interfaces32 {
    int32_t length;
    uint32_t buffer;
};
struct Interface32 {
    char name[16];
    int32_t value[4];
};
struct Program32 {
    uint16_t length;
    uint16_t hole;
    uint32_t instructions;
};
struct Group32 {
    uint32_t interface;
    sockaddr_in group;
    char rest[sizeof(sockaddr_storage) - sizeof(sockaddr_in)];
};

long set32(int fd, int level, int name, void* value, long length) {
    return call32(Call::setsockopt, fd, level, name, low(value), length);
}

// What the kernel says the option is, and how long.
std::string get32(int fd, int level, int name, Low& memory) {
    auto* const value = memory.put(Time32{-1, -1});
    auto* const length = memory.put(uint32_t{sizeof(Time32)});
    const long result = call32(Call::getsockopt, fd, level, name, low(value), low(length));
    return std::to_string(result) + ": " + std::to_string(*length) + " bytes, " +
           std::to_string(value->seconds) + " " + std::to_string(value->microseconds);
}

// An echo request for a ping socket, and a text for the others.
struct Text {
    char bytes[16];
};
constexpr Text text{{8, 0, 0, 0, 0, 0, 0, 1, 't', 'e', 'x', 't'}};

Message32 message_of(Low& memory, Text* room) {
    return {.name = 0,
            .name_length = 0,
            .parts = low(memory.put(Iovec32{low(room), sizeof(*room)})),
            .part_count = 1,
            .control = 0,
            .control_length = 0,
            .flags = 0};
}

// What recvmsg() brings: the length and the kinds of the control messages.
std::string receive32(int fd, Low& memory) {
    struct Controls {
        char bytes[256];
    };
    if (!wait_readable(fd))
        return "nothing to receive";
    Message32 message = message_of(memory, memory.put(Text{}));
    auto* const controls = memory.put(Controls{});
    message.control = low(controls);
    message.control_length = sizeof(*controls);
    auto* const where = memory.put(message);
    const long result = call32(Call::recvmsg, fd, low(where), 0);
    std::string told = std::to_string(result) + " bytes, flags " + std::to_string(where->flags) +
                       ", " + std::to_string(where->control_length) + " of controls:";
    for (uint32_t at = 0; at + 12 <= where->control_length;) {
        Control32 control{};
        std::memcpy(&control, controls->bytes + at, 12);
        told += " " + std::to_string(control.level) + "/" + std::to_string(control.type) + "/" +
                std::to_string(control.length);
        at += std::max(12u, (control.length + 3) & ~3u);
    }
    return told;
}

// Who hears what the subject sends. Whether and when a ping is answered is not its own affair.
int listener_of(const Scene& scene) {
    if (scene.transport == Transport::ping)
        return -1;
    return scene.transport == Transport::stream ? scene.accepted.get() : scene.other.get();
}

using Action = std::function<long(Scene&, Low&)>;

struct Named {
    const char* name;
    Action action;
};

const Named actions[] = {
    {"receive_timeout",
     [](Scene& scene, Low& memory) {
         const long result = set32(scene.fd(), SOL_SOCKET, SO_RCVTIMEO,
                                   memory.put(Time32{3, 500'000}), sizeof(Time32));
         timeval native{};
         socklen_t length = sizeof(native);
         ::getsockopt(scene.fd(), SOL_SOCKET, SO_RCVTIMEO, &native, &length);
         scene.note = std::to_string(native.tv_sec) + " " + std::to_string(native.tv_usec) + "; " +
                      get32(scene.fd(), SOL_SOCKET, SO_RCVTIMEO, memory);
         return result;
     }},
    {"short_receive_timeout",
     [](Scene& scene, Low& memory) {
         return set32(scene.fd(), SOL_SOCKET, SO_RCVTIMEO, memory.put(Time32{3, 0}), 4);
     }},
    {"filter",
     [](Scene& scene, Low& memory) {
         auto* const code = memory.put(sock_filter{BPF_RET | BPF_K, 0, 0, UINT32_MAX});
         return set32(scene.fd(), SOL_SOCKET, SO_ATTACH_FILTER,
                      memory.put(Program32{1, 0, low(code)}), sizeof(Program32));
     }},
    {"native_filter",
     [](Scene& scene, Low& memory) {
         return set32(scene.fd(), SOL_SOCKET, SO_ATTACH_FILTER, memory.put(sock_fprog{}),
                      sizeof(sock_fprog));
     }},
    {"join_group",
     [](Scene& scene, Low& memory) {
         return set32(scene.fd(), SOL_IP, MCAST_JOIN_GROUP,
                      memory.put(Group32{1, ipv4_address("239.1.2.3"), {}}), sizeof(Group32));
     }},
    {"ttl",
     [](Scene& scene, Low& memory) {
         const long result = set32(scene.fd(), SOL_IP, IP_TTL, memory.put(int32_t{9}), 4);
         scene.note = get32(scene.fd(), SOL_IP, IP_TTL, memory);
         return result;
     }},
    {"queue_lengths",
     [](Scene& scene, Low& memory) {
         auto* const size = memory.put(int32_t{-1});
         for (const unsigned request : {SIOCINQ, SIOCOUTQ}) {
             const long result = call32(Call::ioctl, scene.fd(), request, low(size));
             scene.note += std::to_string(result) + ": " + std::to_string(*size) + "; ";
         }
         return 0L;
     }},
    {"time_of_nothing",
     [](Scene& scene, Low& memory) {
         return call32(Call::ioctl, scene.fd(), 0x8906, low(memory.put(Time32{})));
     }},
    {"interface_list",
     [](Scene& scene, Low& memory) {
         auto* const buffer = memory.put(std::array<Interface32, 4>{});
         auto* const list = memory.put(Interfaces32{sizeof(*buffer), low(buffer)});
         const long result = call32(Call::ioctl, scene.fd(), SIOCGIFCONF, low(list));
         scene.note = std::to_string(list->length) + " " + (*buffer)[0].name;
         return result;
     }},
    {"interface_index",
     [](Scene& scene, Low& memory) {
         auto* const which = memory.put(Interface32{"lo", {}});
         const long result = call32(Call::ioctl, scene.fd(), SIOCGIFINDEX, low(which));
         scene.note = std::to_string(which->value[0]);
         return result;
     }},
    {"interface_address",
     [](Scene& scene, Low& memory) {
         auto* const which = memory.put(Interface32{"lo", {}});
         const long result = call32(Call::ioctl, scene.fd(), SIOCGIFADDR, low(which));
         scene.note = std::to_string(which->value[1]);
         return result;
     }},
    {"route_to_nowhere",
     [](Scene& scene, Low& memory) {
         // A struct rtentry of 32 bits is within this; its zeroes are no route.
         return call32(Call::ioctl, scene.fd(), SIOCADDRT,
                       low(memory.put(std::array<char, 128>{})));
     }},
    {"unknown_ioctl",
     [](Scene& scene, Low& memory) {
         return call32(Call::ioctl, scene.fd(), SIOCPROTOPRIVATE, low(memory.put(int32_t{})));
     }},
    {"message_with_controls",
     [](Scene& scene, Low& memory) {
         for (const int name : {IP_RECVTTL, IP_RECVTOS, IP_PKTINFO}) {
             const int on = 1;
             ::setsockopt(listener_of(scene), SOL_IP, name, &on, sizeof(on));
         }
         // Whether a segment has one depends on who else has asked, and when.
         const int stamped = scene.transport == Transport::datagram;
         ::setsockopt(listener_of(scene), SOL_SOCKET, SO_TIMESTAMP, &stamped, sizeof(stamped));
         Message32 message = message_of(memory, memory.put(text));
         message.control = low(memory.put(Control32{sizeof(Control32), SOL_IP, IP_TTL, 7}));
         message.control_length = sizeof(Control32);
         const long result = call32(Call::sendmsg, scene.fd(), low(memory.put(message)), 0);
         if (result > 0 && scene.transport != Transport::ping)
             scene.note = receive32(listener_of(scene), memory);
         return result;
     }},
    {"message_with_native_controls",
     [](Scene& scene, Low& memory) {
         struct { // struct cmsghdr of 64 bits: to 32 bits, a level of zero
             uint64_t length = 20;
             int32_t level = SOL_IP, type = IP_TTL, value = 7, hole = 0;
         } native;
         Message32 message = message_of(memory, memory.put(text));
         message.control = low(memory.put(native));
         message.control_length = 20;
         return call32(Call::sendmsg, scene.fd(), low(memory.put(message)), 0);
     }},
    {"two_messages",
     [](Scene& scene, Low& memory) {
         const Many32 one{message_of(memory, memory.put(text)), 0};
         auto* const both = memory.put(std::array<Many32, 2>{one, one});
         const long result = call32(Call::sendmmsg, scene.fd(), low(both), 2, 0);
         scene.note = std::to_string((*both)[0].length) + " " + std::to_string((*both)[1].length);
         return result;
     }},
};

std::vector<InetCase> compat_cases() {
    std::vector<InetCase> cases;
    for (const Transport transport : all_transports)
        for (const Named& named : actions)
            cases.push_back({named.name, transport, State::connected, [&named](Scene& scene) {
                                 Low memory;
                                 return named.action(scene, memory);
                             }});
    return cases;
}

class InetCompat : public testing::TestWithParam<InetCase> {};

TEST_P(InetCompat, call_does_the_same_on_both_sides) {
    if (!kernel_has_it())
        GTEST_SKIP() << "this kernel runs no 32-bit programs";
    expect_same_on_both_sides(GetParam());
}

INSTANTIATE_TEST_SUITE_P(, InetCompat, testing::ValuesIn(compat_cases()), case_name);

// Its words have 64 bits, which such a program reads and writes in halves.
TEST(PacketCompat, lanes_are_refused) {
    if (self_check() || !kernel_has_it())
        GTEST_SKIP() << "no 32-bit programs here";
    struct Map32 {
        uint32_t address, length, protection, flags, fd, offset;
    };
    const auto error_of = [](long result) { return result < 0 ? errno : 0; };
    Low memory;
    const Fd maker = open_socket(Side::xinet, Kind::packet, 0);
    const Fd reader = open_socket(Side::xinet, Kind::packet, 0);
    auto* const request = memory.put(lanes_request());
    auto* const other = memory.put(maker.get());
    EXPECT_EQ(error_of(set32(maker.get(), SOL_XINET, XINET_RX_RING, request, sizeof(*request))),
              EOPNOTSUPP);
    ASSERT_EQ(set_lanes(maker.get(), *request), 0);
    EXPECT_EQ(error_of(set32(reader.get(), SOL_XINET, XINET_RX_RING_ATTACH, other, sizeof(*other))),
              EOPNOTSUPP);
    const auto length = uint32_t(lanes_info(maker.get()).length);
    auto* const map = memory.put(Map32{0, length, PROT_READ, MAP_SHARED, uint32_t(maker.get()), 0});
    EXPECT_EQ(error_of(call32(Call::mmap, low(map))), EOPNOTSUPP);
}

} // namespace
} // namespace xt
