// SPDX-License-Identifier: GPL-2.0-or-later
// Calls that no sane program makes. Each is made alike on the sibling and on PF_XINET; the result,
// the errno and what can be read of the socket afterwards must be equal, whatever they are.
#include <gtest/gtest.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <stdexcept>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

// 254: a socket at the peer keeps it from answering while states are being compared.
constexpr int protocol = 254;

// Two pages of which the second is not there.
class HalfMapped {
public:
    HalfMapped() {
        map_ = mmap(nullptr, 2 * size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (map_ == MAP_FAILED || mprotect(end(), size_, PROT_NONE))
            throw std::system_error(errno, std::generic_category(), "mmap");
    }
    ~HalfMapped() { munmap(map_, 2 * size_); }
    HalfMapped(const HalfMapped&) = delete;
    HalfMapped& operator=(const HalfMapped&) = delete;

    // The first address that is not there.
    [[nodiscard]] uint8_t* end() const { return static_cast<uint8_t*>(map_) + size_; }

private:
    size_t size_ = size_t(sysconf(_SC_PAGESIZE));
    void* map_;
};

struct BadPointer {
    const char* name;
    uint8_t* address;
};

std::vector<BadPointer> bad_pointers(const HalfMapped& memory) {
    return {{"NULL", nullptr},
            {"unmapped", memory.end()},
            {"half mapped", memory.end() - 4},
            {"kernel's", reinterpret_cast<uint8_t*>(uintptr_t(-4096))}};
}

long send_bytes(int fd, const Bytes& bytes, const Bytes& to) {
    return sys::sendto(fd, bytes.data(), bytes.size(), 0, to.data(), long(to.size()));
}

class BadInput : public OfEachKind {
protected:
    void compare(const std::vector<Row>& rows) {
        ASSERT_FALSE(rows.empty());
        expect_equal_outcomes(kind(), is_raw() ? protocol : 0, rows);
        expect_equal_outcomes(kind(), is_raw() ? protocol : 0, rows,
                              [&](const Fd& socket) { prepare(socket); });
    }

    // The second time each call meets a socket that has an address and a packet.
    void prepare(const Fd& socket) const {
        if (is_raw()) {
            const auto peer = ipv4_address(peer_address, 1);
            bind_to(socket, ipv4_address(here_address));
            checked(sys::connect(socket.get(), &peer, sizeof(peer)), "connect");
            send_to(peer_.get(), repeated("payload ", 64), ipv4_address(here_address));
        } else {
            bind_to(socket, link_address(experimental_ethertype, ifindex_));
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("payload ", 64)));
        }
        if (!wait_readable(socket.get()))
            throw std::runtime_error("nothing to receive");
    }

    // A valid address of the kind, as bytes.
    [[nodiscard]] Bytes address(const char* ip = peer_address) const {
        const auto in = ipv4_address(ip);
        auto ll = link_address(experimental_ethertype, ifindex_);
        ll.sll_halen = 6;
        std::copy(nobodys_mac.begin(), nobodys_mac.end(), ll.sll_addr);
        const auto* bytes = is_raw() ? reinterpret_cast<const uint8_t*>(&in)
                                     : reinterpret_cast<const uint8_t*>(&ll);
        return {bytes, bytes + (is_raw() ? sizeof(in) : sizeof(ll))};
    }
    // Room to be read over the end of an address.
    [[nodiscard]] Bytes padded(Bytes bytes) const {
        bytes.resize(512);
        return bytes;
    }
    [[nodiscard]] Bytes data() const {
        const Bytes payload = repeated("payload ", 64);
        return kind() == Kind::packet ? ethernet(nobodys_mac, experimental_ethertype, payload)
                                      : payload;
    }

    int ifindex_ = link::index(here_device);
    Injector wire_ = Injector::at_peer();
    Fd peer_ = in_peer([] { return open_raw(Side::sibling, protocol); });
    HalfMapped half_;
};

constexpr long address_lengths[] = {LONG_MIN, INT_MIN, -1, 0,  1,  2,  8,   11,  12,  15,     16,
                                    17,       18,      19, 20, 21, 64, 127, 128, 129, INT_MAX};

TEST_P(BadInput, address_of_each_length) {
    std::vector<Row> rows;
    for (const long length : address_lengths) {
        const std::string suffix = " with an address of " + std::to_string(length) + " bytes";
        const Bytes local = padded(address(here_address));
        const Bytes remote = padded(address());
        const Bytes bytes = data();
        rows.push_back(
            {"bind" + suffix, [=](int fd) { return sys::bind(fd, local.data(), length); }});
        rows.push_back(
            {"connect" + suffix, [=](int fd) { return sys::connect(fd, remote.data(), length); }});
        rows.push_back({"sendto" + suffix, [=](int fd) {
                            return sys::sendto(fd, bytes.data(), bytes.size(), 0, remote.data(),
                                               length);
                        }});
        rows.push_back({"sendmsg" + suffix, [=](int fd) {
                            iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
                            msghdr message{};
                            message.msg_name = const_cast<uint8_t*>(remote.data());
                            message.msg_namelen = socklen_t(length);
                            message.msg_iov = &part;
                            message.msg_iovlen = 1;
                            return sys::sendmsg(fd, &message, 0);
                        }});
    }
    compare(rows);
}

TEST_P(BadInput, address_of_another_family) {
    std::vector<Row> rows;
    for (const int family : {0, 1, 2, 3, 10, 16, 17, 38, 255, 65535}) {
        if (family == (is_raw() ? AF_INET : AF_PACKET))
            continue;
        const std::string suffix = " with family " + std::to_string(family);
        const auto with_family = [&](Bytes bytes) {
            bytes[0] = uint8_t(family);
            bytes[1] = uint8_t(family >> 8);
            return bytes;
        };
        const Bytes local = with_family(address(here_address));
        const Bytes remote = with_family(address());
        const Bytes bytes = data();
        rows.push_back({"bind" + suffix,
                        [=](int fd) { return sys::bind(fd, local.data(), long(local.size())); }});
        rows.push_back({"connect" + suffix, [=](int fd) {
                            return sys::connect(fd, remote.data(), long(remote.size()));
                        }});
        rows.push_back({"sendto" + suffix, [=](int fd) { return send_bytes(fd, bytes, remote); }});
    }
    compare(rows);
}

TEST_P(BadInput, pointer_to_nowhere) {
    std::vector<Row> rows;
    const Bytes to = address();
    const Bytes bytes = data();
    const auto add = [&](const char* name, const BadPointer& bad,
                         const std::function<long(int, uint8_t*)>& call) {
        uint8_t* pointer = bad.address;
        rows.push_back({std::string(bad.name) + " pointer to " + name,
                        [=](int fd) { return call(fd, pointer); }});
    };
    for (const auto& bad : bad_pointers(half_)) {
        add("bind", bad, [=](int fd, uint8_t* p) { return sys::bind(fd, p, long(to.size())); });
        add("connect", bad,
            [=](int fd, uint8_t* p) { return sys::connect(fd, p, long(to.size())); });
        add("sendto, data", bad, [=](int fd, uint8_t* p) {
            return sys::sendto(fd, p, 64, 0, to.data(), long(to.size()));
        });
        add("sendto, address", bad, [=](int fd, uint8_t* p) {
            return sys::sendto(fd, bytes.data(), bytes.size(), 0, p, long(to.size()));
        });
        add("sendmsg", bad, [](int fd, uint8_t* p) { return sys::sendmsg(fd, p, 0); });
        add("sendmsg, parts", bad, [](int fd, uint8_t* p) {
            msghdr message{};
            message.msg_iov = reinterpret_cast<iovec*>(p);
            message.msg_iovlen = 1;
            return sys::sendmsg(fd, &message, 0);
        });
        add("sendmsg, control", bad, [=](int fd, uint8_t* p) {
            iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
            msghdr message{};
            message.msg_name = const_cast<uint8_t*>(to.data());
            message.msg_namelen = socklen_t(to.size());
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            message.msg_control = p;
            message.msg_controllen = 64;
            return sys::sendmsg(fd, &message, 0);
        });
        add("recvmsg", bad, [](int fd, uint8_t* p) { return sys::recvmsg(fd, p, MSG_DONTWAIT); });
        add("recvfrom, data", bad, [](int fd, uint8_t* p) {
            return sys::recvfrom(fd, p, 64, MSG_DONTWAIT, nullptr, nullptr);
        });
        add("recvfrom, address", bad, [](int fd, uint8_t* p) {
            uint8_t room[256];
            socklen_t length = sizeof(sockaddr_storage);
            return sys::recvfrom(fd, room, sizeof(room), MSG_DONTWAIT, p, &length);
        });
        add("recvfrom, address length", bad, [](int fd, uint8_t* p) {
            uint8_t room[256];
            sockaddr_storage from;
            return sys::recvfrom(fd, room, sizeof(room), MSG_DONTWAIT, &from, p);
        });
        add("getsockname", bad, [](int fd, uint8_t* p) {
            socklen_t length = sizeof(sockaddr_storage);
            return sys::getsockname(fd, p, &length);
        });
        add("getsockname, length", bad, [](int fd, uint8_t* p) {
            sockaddr_storage name;
            return sys::getsockname(fd, &name, p + 1);
        });
        add("getpeername", bad, [](int fd, uint8_t* p) {
            socklen_t length = sizeof(sockaddr_storage);
            return sys::getpeername(fd, p, &length);
        });
    }
    compare(rows);
}

struct KnownOption {
    const char* name;
    int level;
    int number;
};

std::vector<KnownOption> known_options(Kind kind) {
    std::vector<KnownOption> result{{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
                                    {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST},
                                    {"SO_ATTACH_FILTER", SOL_SOCKET, SO_ATTACH_FILTER},
                                    {"SO_DETACH_FILTER", SOL_SOCKET, SO_DETACH_FILTER},
                                    {"SO_BINDTODEVICE", SOL_SOCKET, SO_BINDTODEVICE},
                                    {"SO_RCVTIMEO", SOL_SOCKET, SO_RCVTIMEO},
                                    {"unknown at SOL_SOCKET", SOL_SOCKET, 999},
                                    {"unknown level", 4321, 1},
                                    {"level -1", -1, 1}};
    if (kind == Kind::raw) {
        result.insert(result.end(), {{"IP_HDRINCL", SOL_IP, IP_HDRINCL},
                                     {"IP_TTL", SOL_IP, IP_TTL},
                                     {"IP_OPTIONS", SOL_IP, IP_OPTIONS},
                                     {"IP_ADD_MEMBERSHIP", SOL_IP, IP_ADD_MEMBERSHIP},
                                     {"IP_MULTICAST_IF", SOL_IP, IP_MULTICAST_IF},
                                     {"unknown at SOL_IP", SOL_IP, 222},
                                     {"ICMP_FILTER", SOL_RAW, ICMP_FILTER},
                                     {"unknown at SOL_RAW", SOL_RAW, 99},
                                     {"SOL_PACKET", SOL_PACKET, PACKET_STATISTICS}});
    } else {
        result.insert(result.end(), {{"PACKET_ADD_MEMBERSHIP", SOL_PACKET, PACKET_ADD_MEMBERSHIP},
                                     {"PACKET_DROP_MEMBERSHIP", SOL_PACKET, PACKET_DROP_MEMBERSHIP},
                                     {"PACKET_AUXDATA", SOL_PACKET, PACKET_AUXDATA},
                                     {"PACKET_VNET_HDR", SOL_PACKET, PACKET_VNET_HDR},
                                     {"PACKET_ORIGDEV", SOL_PACKET, PACKET_ORIGDEV},
                                     {"PACKET_STATISTICS", SOL_PACKET, PACKET_STATISTICS},
                                     {"unknown at SOL_PACKET", SOL_PACKET, 99},
                                     {"SOL_IP", SOL_IP, IP_TTL},
                                     {"SOL_RAW", SOL_RAW, ICMP_FILTER}});
    }
    return result;
}

TEST_P(BadInput, option_of_each_size) {
    std::vector<Row> rows;
    for (const auto& option : known_options(kind()))
        for (const long size :
             {-1L, 0L, 1L, 2L, 3L, 4L, 5L, 8L, 15L, 16L, 64L, long(INT_MAX), long(INT_MIN)}) {
            const std::string name =
                std::string(option.name) + " of " + std::to_string(size) + " bytes";
            rows.push_back({"setsockopt " + name, [=](int fd) {
                                const uint8_t value[64] = {};
                                return sys::setsockopt(fd, option.level, option.number, value,
                                                       size);
                            }});
            rows.push_back({"getsockopt " + name, [=](int fd) {
                                uint8_t value[64] = {};
                                int length = int(size);
                                const long result = sys::getsockopt(fd, option.level, option.number,
                                                                    value, &length);
                                return result < 0 ? result : length;
                            }});
        }
    expect_equal_outcomes(kind(), is_raw() ? protocol : 0, rows);
}

TEST_P(BadInput, option_at_nowhere) {
    std::vector<Row> rows;
    for (const auto& option : known_options(kind()))
        for (const auto& bad : bad_pointers(half_)) {
            uint8_t* pointer = bad.address;
            const std::string name = std::string(option.name) + ", " + bad.name;
            rows.push_back({"setsockopt " + name, [=](int fd) {
                                return sys::setsockopt(fd, option.level, option.number, pointer,
                                                       16);
                            }});
            rows.push_back({"getsockopt " + name + " value", [=](int fd) {
                                socklen_t length = 16;
                                return sys::getsockopt(fd, option.level, option.number, pointer,
                                                       &length);
                            }});
            rows.push_back({"getsockopt " + name + " length", [=](int fd) {
                                uint8_t value[64];
                                return sys::getsockopt(fd, option.level, option.number, value,
                                                       pointer ? pointer + 1 : pointer);
                            }});
        }
    expect_equal_outcomes(kind(), is_raw() ? protocol : 0, rows);
}

TEST_P(BadInput, data_of_each_length) {
    std::vector<Row> rows;
    const Bytes to = address();
    for (const size_t size : {size_t(0), size_t(1), size_t(65535), size_t(65536), size_t(1) << 20,
                              size_t(INT_MAX), size_t(INT_MAX) + 1, SIZE_MAX}) {
        const size_t real = std::min(size, size_t(1) << 20);
        rows.push_back({"sendto " + std::to_string(size) + " bytes", [=](int fd) {
                            const Bytes bytes(real);
                            return sys::sendto(fd, bytes.data(), size, 0, to.data(),
                                               long(to.size()));
                        }});
        rows.push_back({"recvfrom " + std::to_string(size) + " bytes", [=](int fd) {
                            Bytes bytes(real);
                            return sys::recvfrom(fd, bytes.data(), size, MSG_DONTWAIT, nullptr,
                                                 nullptr);
                        }});
    }
    compare(rows);
}

TEST_P(BadInput, parts_that_are_too_many_or_too_long) {
    std::vector<Row> rows;
    const Bytes to = address();
    const auto add = [&](const char* name, size_t count, size_t length) {
        const auto message_of = [=](std::vector<iovec>& parts, std::vector<uint8_t>& room) {
            room.resize(1 << 16);
            parts.assign(std::min<size_t>(count, 2048), iovec{room.data(), length});
            msghdr message{};
            message.msg_name = const_cast<uint8_t*>(to.data());
            message.msg_namelen = socklen_t(to.size());
            message.msg_iov = parts.data();
            message.msg_iovlen = count;
            return message;
        };
        rows.push_back({std::string("sendmsg of ") + name, [=](int fd) {
                            std::vector<iovec> parts;
                            std::vector<uint8_t> room;
                            const msghdr message = message_of(parts, room);
                            return sys::sendmsg(fd, &message, 0);
                        }});
        rows.push_back({std::string("recvmsg into ") + name, [=](int fd) {
                            std::vector<iovec> parts;
                            std::vector<uint8_t> room;
                            msghdr message = message_of(parts, room);
                            message.msg_name = nullptr;
                            return sys::recvmsg(fd, &message, MSG_DONTWAIT);
                        }});
    };
    add("no part", 0, 0);
    add("one empty part", 1, 0);
    add("1024 empty parts", 1024, 0);
    add("1024 parts of one byte", 1024, 1);
    add("1025 parts", 1025, 1);
    add("SIZE_MAX parts", SIZE_MAX, 1);
    add("two parts of INT_MAX", 2, INT_MAX);
    add("one negative part", 1, SIZE_MAX);
    add("1024 parts of 64 KiB", 1024, 1 << 16);
    compare(rows);
}

TEST_P(BadInput, control_data_that_is_none) {
    std::vector<Row> rows;
    const Bytes to = address();
    const Bytes bytes = data();
    const auto add = [&](const std::string& name, size_t length, size_t first, int level,
                         int type) {
        rows.push_back({name, [=](int fd) {
                            alignas(cmsghdr) uint8_t control[64] = {};
                            auto* header = reinterpret_cast<cmsghdr*>(control);
                            header->cmsg_len = first;
                            header->cmsg_level = level;
                            header->cmsg_type = type;
                            iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
                            msghdr message{};
                            message.msg_name = const_cast<uint8_t*>(to.data());
                            message.msg_namelen = socklen_t(to.size());
                            message.msg_iov = &part;
                            message.msg_iovlen = 1;
                            message.msg_control = control;
                            message.msg_controllen = length;
                            return sys::sendmsg(fd, &message, 0);
                        }});
    };
    for (const size_t length :
         std::initializer_list<size_t>{0, 1, 11, 12, 15, 16, 20, 24, 63, INT_MAX, SIZE_MAX})
        add("control data of " + std::to_string(length) + " bytes", length, CMSG_LEN(4), SOL_IP,
            IP_TTL);
    for (const size_t length :
         std::initializer_list<size_t>{0, 1, 11, 12, 15, 16, 17, 19, 65, SIZE_MAX})
        add("control message of " + std::to_string(length) + " bytes", 64, length, SOL_IP, IP_TTL);
    for (const int level : {-1, 0, 1, 255, 263, 318, 4321})
        add("control message of level " + std::to_string(level), 64, CMSG_LEN(4), level, 77);
    compare(rows);
}

TEST_P(BadInput, flag_of_each_bit) {
    std::vector<Row> rows;
    const Bytes to = address();
    const Bytes bytes = data();
    for (unsigned bit = 0; bit < 32; bit++) {
        const int flag = int(1U << bit);
        const std::string name = "flag " + std::to_string(bit);
        // Zero copy pins pages; its completions are a topic of their own.
        if (flag != MSG_ZEROCOPY)
            rows.push_back({"sendto, " + name, [=](int fd) {
                                return sys::sendto(fd, bytes.data(), bytes.size(),
                                                   flag | MSG_NOSIGNAL, to.data(), long(to.size()));
                            }});
        rows.push_back({"recvmsg, " + name, [=](int fd) {
                            uint8_t room[16];
                            iovec part{room, sizeof(room)};
                            msghdr message{};
                            message.msg_iov = &part;
                            message.msg_iovlen = 1;
                            const long result = sys::recvmsg(fd, &message, flag | MSG_DONTWAIT);
                            return result < 0 ? result : result | long(message.msg_flags) << 16;
                        }});
    }
    compare(rows);
}

TEST_P(BadInput, calls_that_are_not_for_such_sockets) {
    compare({{"listen", [](int fd) { return long(::listen(fd, 1)); }},
             {"accept",
              [](int fd) { return syscall(SYS_accept4, fd, nullptr, nullptr, SOCK_NONBLOCK); }},
             {"mmap",
              [](int fd) {
                  void* map = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
                  return map == MAP_FAILED ? -1L : 0L;
              }},
             {"lseek", [](int fd) { return long(lseek(fd, 0, SEEK_SET)); }},
             {"ftruncate", [](int fd) { return long(ftruncate(fd, 0)); }},
             {"unknown ioctl", [](int fd) { return long(ioctl(fd, 0x12345678, 0)); }},
             {"FIONREAD nowhere", [](int fd) { return long(ioctl(fd, FIONREAD, 8)); }},
             {"TIOCOUTQ nowhere", [](int fd) { return long(ioctl(fd, TIOCOUTQ, 8)); }},
             {"device ioctl nowhere", [](int fd) { return long(ioctl(fd, 0x8933, 8)); }}});
}

// A child process without capabilities that has inherited a socket: what is it still allowed?
TEST_P(BadInput, inherited_socket_without_capabilities) {
    const packet_mreq promiscuous{
        .mr_ifindex = ifindex_, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
    const Bytes to = address();
    const Bytes local = address(here_address);
    const Bytes bytes = data();
    const int on = 1;
    const std::vector<Row> rows{
        {"bind", [=](int fd) { return sys::bind(fd, local.data(), long(local.size())); }},
        {"connect", [=](int fd) { return sys::connect(fd, to.data(), long(to.size())); }},
        {"sendto", [=](int fd) { return send_bytes(fd, bytes, to); }},
        {"promiscuous",
         [=](int fd) {
             return sys::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                                    sizeof(promiscuous));
         }},
        {"SO_MARK",
         [=](int fd) { return sys::setsockopt(fd, SOL_SOCKET, SO_MARK, &on, sizeof(on)); }},
        {"SO_RCVBUFFORCE",
         [=](int fd) { return sys::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &on, sizeof(on)); }},
        {"SO_BINDTODEVICE",
         [=](int fd) { return sys::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, here_device, 5); }},
        {"IP_TRANSPARENT",
         [=](int fd) { return sys::setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on)); }},
        {"IP_HDRINCL",
         [=](int fd) { return sys::setsockopt(fd, SOL_IP, IP_HDRINCL, &on, sizeof(on)); }},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(to_string(kind()) + ": " + row.name);
        Outcome outcomes[2];
        for (const Side side : both_sides) {
            const Fd socket = open_socket(side, kind(), is_raw() ? protocol : 0);
            outcomes[side == Side::xinet] = without_capabilities([&] {
                Outcome outcome = outcome_of([&] { return row.call(socket.get()); });
                outcome.state = state_of(socket.get(), kind());
                return outcome;
            });
        }
        EXPECT_EQ(outcomes[0], outcomes[1]) << "above: the sibling, below: PF_XINET";
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, BadInput, testing::ValuesIn(all_kinds), parameter_name<Kind>);

} // namespace
} // namespace xt
