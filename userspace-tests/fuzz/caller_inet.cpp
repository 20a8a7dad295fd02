// SPDX-License-Identifier: GPL-2.0-or-later
// Calls that only sockets of every kind together have: see Caller::all_kinds().
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/xinet_diag.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "caller.h"
#include "support/sys.h"

namespace xt::fuzz {
namespace {

struct Home {
    int type;
    int protocol; // an ethertype for SOCK_PACKET, in host byte order
};

// What a target is most of the time, by its place among them.
constexpr Home homes[] = {
    {SOCK_STREAM, 0},         {SOCK_RAW, IPPROTO_ICMP},
    {SOCK_PACKET, ETH_P_ALL}, {SOCK_STREAM, 0},
    {SOCK_DGRAM, 0},          {SOCK_PACKET, ETH_P_IP},
    {SOCK_RAW, 253},          {SOCK_DGRAM, IPPROTO_ICMP},
    {SOCK_STREAM, 0},         {SOCK_PACKET, 0},
    {SOCK_DGRAM, 253},        {SOCK_DGRAM, 0},
};

const char* const files[] = {
    "/proc/thread-self/net/xinet/protosw", "/proc/thread-self/net/xinet/sockets",
    "/proc/thread-self/net/xinet/snmp",    "/proc/thread-self/net/xinet/raw",
    "/proc/thread-self/net/xinet/packet",  "/proc/thread-self/net/protocols",
    "/proc/thread-self/net/ptype",         "/proc/thread-self/net/tcp",
};

} // namespace

int Caller::home_type(const Target& target) {
    return homes[size_t(target.fd - Targets::first_fd) % std::size(homes)].type;
}

long Caller::open_any(const Target& target) {
    constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    Home home = random().once_in(8)
                    ? random().any(homes)
                    : homes[size_t(target.fd - Targets::first_fd) % std::size(homes)];
    if (random().once_in(16))
        home.protocol = random().one_of({0, 6, 17, 50, 132, 254, 255, 256, 262, values_.number()});
    if (home.type == SOCK_PACKET) {
        if (random().once_in(3)) {
            const Fd cooked =
                open_socket(Side::xinet, xt::Kind::cooked, home.protocol & 0xffff, flags);
            return Targets::replace(target, cooked);
        }
        home.protocol = htons(uint16_t(random().once_in(4) ? values_.ethertype() : home.protocol));
    }
    const bool sibling = home.type != SOCK_PACKET && random().once_in(12);
    const Fd fresh(::socket(sibling ? PF_INET : family_, home.type | flags, home.protocol));
    if (!fresh)
        return -1;
    return Targets::replace(target, fresh);
}

long Caller::set_any_option(const Target& target) {
    const auto option = values_.any_option();
    const void* value = random().once_in(64) ? nullptr : option.value.data();
    if (random().once_in(8)) {
        int length = int(option.value.size());
        return sys::getsockopt(target.fd, option.level, option.name, buffer_.data(), &length);
    }
    return sys::setsockopt(target.fd, option.level, option.name, value, long(option.value.size()));
}

long Caller::bind_inet(const Target& target) {
    const sockaddr_in address = values_.inet_address();
    const int on = 1;
    if (!random().once_in(4))
        sys::setsockopt(target.fd, SOL_SOCKET, random().one_of({SO_REUSEADDR, SO_REUSEPORT}), &on,
                        sizeof(on));
    return sys::bind(target.fd, &address, random().once_in(16) ? 8 : long(sizeof(address)));
}

long Caller::connect(const Target& target) {
    const sockaddr_in address = values_.inet_address();
    return sys::connect(target.fd, &address, random().once_in(16) ? 2 : long(sizeof(address)));
}

long Caller::listen(const Target& target) {
    return ::listen(target.fd, random().between(0, 8));
}

// What comes replaces another target: the next accept() finds this one again.
long Caller::accept(const Target& target) {
    sockaddr_storage from;
    socklen_t length = sizeof(from);
    const Fd child(::accept4(target.fd, reinterpret_cast<sockaddr*>(&from), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!child)
        return -1;
    return Targets::replace(random().any(targets_.all()), child);
}

// Two that are connected, and who took the one for the other: all three become targets.
long Caller::make_connection(const Target& target) {
    constexpr int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    constexpr int on = 1;
    calls_made_ = 7;
    const Fd listener(::socket(random().once_in(4) ? PF_INET : family_, type, 0));
    const Fd client(::socket(random().once_in(4) ? PF_INET : family_, type, 0));
    const sockaddr_in address = ipv4_address("127.0.0.1", uint16_t(5000 + random().below(4)));
    sys::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (sys::bind(listener.get(), &address, sizeof(address)) < 0 || ::listen(listener.get(), 4) < 0)
        return -1;
    sys::connect(client.get(), &address, sizeof(address)); // EINPROGRESS, or whatever it may be
    const Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    Targets::replace(target, listener);
    Targets::replace(choose_target(SOCK_STREAM), client);
    return server ? Targets::replace(choose_target(SOCK_STREAM), server) : -1;
}

long Caller::send_message(const Target& target) {
    const sockaddr_in inet = values_.inet_address();
    const sockaddr_ll link = values_.address();
    Bytes control = values_.control();
    const Bytes data =
        random().once_in(3) ? values_.ip_packet() : values_.memory(random().below(64));
    const size_t size = random().once_in(4) ? random().below(buffer_.size()) : random().below(1400);
    iovec parts[] = {{const_cast<uint8_t*>(data.data()), data.size()},
                     {buffer_.data(), random().once_in(2) ? size : 0}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = random().below(3);
    if (random().once_in(2)) {
        const bool to_link = random().once_in(4);
        message.msg_name = const_cast<void*>(to_link ? static_cast<const void*>(&link) : &inet);
        message.msg_namelen = to_link ? sizeof(link) : sizeof(inet);
    }
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const int flags = random().one_of({0, 0, 0, int(MSG_MORE), int(MSG_MORE), int(MSG_ZEROCOPY),
                                       int(MSG_OOB), int(MSG_DONTROUTE), int(MSG_CONFIRM),
                                       int(MSG_PROXY), int(MSG_FASTOPEN), int(MSG_EOR)});
    return sys::sendmsg(target.fd, &message, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

long Caller::send_messages(const Target& target) {
    constexpr size_t count = 8;
    const sockaddr_in to = values_.inet_address();
    const Bytes packet = values_.ip_packet();
    iovec part{const_cast<uint8_t*>(packet.data()), packet.size()};
    mmsghdr messages[count]{};
    for (auto& message : messages) {
        message.msg_hdr.msg_iov = &part;
        message.msg_hdr.msg_iovlen = 1;
        message.msg_hdr.msg_name = const_cast<sockaddr_in*>(&to);
        message.msg_hdr.msg_namelen = random().once_in(2) ? sizeof(to) : 0;
    }
    return ::sendmmsg(target.fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

long Caller::receive_messages(const Target& target) {
    constexpr size_t count = 8;
    iovec part{buffer_.data(), size_t(random().below(2000))};
    mmsghdr messages[count]{};
    for (auto& message : messages) {
        message.msg_hdr.msg_iov = &part;
        message.msg_hdr.msg_iovlen = 1;
    }
    return ::recvmmsg(target.fd, messages, count,
                      MSG_DONTWAIT | random().one_of({0, 0, int(MSG_PEEK), int(MSG_ERRQUEUE)}),
                      nullptr);
}

long Caller::splice(const Target& target) {
    constexpr unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
    const size_t size = random().below(4096);
    off_t offset = 0;
    switch (random().below(4)) {
    case 0:
        return ::sendfile(target.fd, pattern_.get(), &offset, size);
    case 1:
        return ::splice(target.fd, nullptr, pipe_[1].get(), nullptr, size, flags);
    case 2:
        return ::splice(pipe_[0].get(), nullptr, target.fd, nullptr, size,
                        flags | (random().once_in(2) ? SPLICE_F_MORE : 0));
    default:
        return ::read(pipe_[0].get(), buffer_.data(), buffer_.size());
    }
}

long Caller::watch(const Target& target) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | (random().once_in(2) ? uint32_t(EPOLLET) : 0U);
    epoll_event found[8];
    if (random().once_in(3))
        return ::epoll_wait(events_.get(), found, std::size(found), 0);
    return ::epoll_ctl(events_.get(),
                       random().one_of({EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD}), target.fd,
                       &event);
}

// To whichever thread takes it out, in flight meanwhile.
long Caller::pass(const Target& target) {
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    if (random().once_in(2)) {
        cmsghdr header{};
        header.cmsg_level = SOL_SOCKET;
        header.cmsg_type = SCM_RIGHTS;
        header.cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(control, &header, sizeof(header));
        std::memcpy(control + CMSG_LEN(0), &target.fd, sizeof(target.fd));
        return sys::sendmsg(room_.passing[0].get(), &message, MSG_DONTWAIT);
    }
    if (sys::recvmsg(room_.passing[1].get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
        return -1;
    cmsghdr header;
    std::memcpy(&header, control, sizeof(header));
    if (message.msg_controllen < CMSG_LEN(sizeof(int)) || header.cmsg_type != SCM_RIGHTS)
        return -1;
    int received;
    std::memcpy(&received, control + CMSG_LEN(0), sizeof(received));
    return Targets::replace(target, Fd(received));
}

long Caller::read_proc(const Target&) {
    const Fd file(::open(random().any(files), O_RDONLY | O_CLOEXEC));
    return file ? ::read(file.get(), buffer_.data(), random().below(buffer_.size())) : -1;
}

long Caller::ask_diag(const Target&) {
    struct {
        nlmsghdr header;
        xinet_diag_req request;
    } message{};
    message.header.nlmsg_len = sizeof(message);
    message.header.nlmsg_type = random().one_of({int(SOCK_DIAG_BY_FAMILY), int(SOCK_DESTROY)});
    message.header.nlmsg_flags = uint16_t(NLM_F_REQUEST | (random().once_in(4) ? 0 : NLM_F_DUMP));
    message.request.sdiag_family = uint8_t(family_);
    message.request.show = uint32_t(random().below(32));
    message.request.kinds = random().once_in(4) ? uint32_t(random().below(64)) : 0;
    sys::sendto(diag_.get(), &message, sizeof(message), MSG_DONTWAIT, nullptr, 0);
    long result = 0;
    for (int reads = 0; reads < 8; reads++) {
        const long size = sys::recvfrom(diag_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT,
                                        nullptr, nullptr);
        if (size <= 0)
            return result ? result : size;
        result += size;
    }
    return result;
}

// Many calls by one system call: sends and receives of several sockets. None of them waits,
// so all are done when it returns.
long Caller::batch(const Target&) {
    constexpr unsigned count = 32;
    if (!uring_) {
        const std::lock_guard alone(room_.mapping);
        uring_ = std::make_unique<Uring>(count);
    }
    const Bytes packet = values_.ip_packet();
    const sockaddr_in to = values_.inet_address();
    iovec part{const_cast<uint8_t*>(packet.data()), packet.size()};
    iovec room{buffer_.data(), size_t(random().below(4096))};
    msghdr out{}, in{};
    out.msg_iov = &part;
    out.msg_iovlen = 1;
    out.msg_name = const_cast<sockaddr_in*>(&to);
    out.msg_namelen = sizeof(to);
    in.msg_iov = &room;
    in.msg_iovlen = 1;
    for (unsigned i = 0; i < count; i++) {
        io_uring_sqe request{};
        request.fd = random().any(targets_.all()).fd;
        request.opcode =
            random().one_of<uint8_t>({IORING_OP_SEND, IORING_OP_RECV, IORING_OP_RECV,
                                      IORING_OP_SENDMSG, IORING_OP_RECVMSG, IORING_OP_RECVMSG});
        const bool sends = request.opcode == IORING_OP_SEND || request.opcode == IORING_OP_SENDMSG;
        if (request.opcode == IORING_OP_SENDMSG || request.opcode == IORING_OP_RECVMSG) {
            request.addr = uint64_t(reinterpret_cast<uintptr_t>(sends ? &out : &in));
            request.len = 1;
        } else {
            request.addr =
                uint64_t(reinterpret_cast<uintptr_t>(sends ? part.iov_base : room.iov_base));
            request.len = uint32_t(sends ? part.iov_len : room.iov_len);
        }
        request.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
                            uint32_t(random().one_of({0, 0, int(sends ? MSG_MORE : MSG_PEEK)}));
        uring_->queue(request);
    }
    const long taken = uring_->enter(count);
    const int saved = errno;
    calls_made_ = uint64_t(std::max(taken, 1L));
    long successes = 0;
    while (const auto result = uring_->take())
        successes += *result >= 0;
    if (taken != long(count))
        uring_.reset(); // what it has not taken stays in it, and is of no use any more
    errno = saved;
    return successes ? successes : -1;
}

// Every descriptor is there twice for a moment: a costly one. Not every mapping: User Mode
// Linux 7.2 loses count of the pages of a large folio when a mapping of it is copied, PF_PACKET's
// as well.
long Caller::fork(const Target& target) {
    if (!random().once_in(24))
        return name(target);
    const pid_t child = ::vfork();
    if (child == 0)
        _exit(0);
    return child < 0 ? -1 : ::waitpid(child, nullptr, 0);
}

long Caller::ip_traffic() {
    const Bytes packet = values_.ip_packet();
    sockaddr_in to = ipv4_address("127.0.0.1");
    std::memcpy(&to.sin_addr, packet.data() + 16, sizeof(to.sin_addr)); // its destination
    return sys::sendto(room_.packets.get(), packet.data(), packet.size(), MSG_DONTWAIT, &to,
                       sizeof(to));
}

} // namespace xt::fuzz
