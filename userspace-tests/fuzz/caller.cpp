// SPDX-License-Identifier: GPL-2.0-or-later
#include "caller.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <linux/xinet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>

#include "churn.h"
#include "support/sys.h"

namespace xt::fuzz {
namespace {

constexpr size_t page = 4096;
constexpr size_t buffer_size = 70'000;

void* const bad_pointers[] = {nullptr, reinterpret_cast<void*>(1), reinterpret_cast<void*>(-4096L),
                              reinterpret_cast<void*>(0x7fffffffe000)};

std::mutex device_lock; // one at a time: who removes a device also puts it back

Fd make_pattern(Values& values) {
    Fd file(checked(::memfd_create("pattern", MFD_CLOEXEC), "memfd_create"));
    const Bytes content = values.memory(2 * page);
    checked(::write(file.get(), content.data(), content.size()), "write");
    return file;
}

} // namespace

const std::array<Caller::Kind, Caller::kinds>& Caller::all_kinds() {
    static constexpr std::array<Kind, kinds> result{{
        {"socket", 4, 4, 0, &Caller::open},
        {"bind", 12, 6, SOCK_PACKET, &Caller::bind},
        {"setsockopt", 40, 20, SOCK_PACKET, &Caller::set_option},
        {"getsockopt", 20, 14, SOCK_PACKET, &Caller::get_option},
        {"mmap", 6, 10, SOCK_PACKET, &Caller::map},
        {"mmap lanes", 4, 6, SOCK_PACKET, &Caller::map_lanes},
        {"munmap", 5, 3, SOCK_PACKET, &Caller::unmap},
        {"scribble", 30, 12, SOCK_PACKET, &Caller::scribble},
        {"send", 25, 14, 0, &Caller::send},
        {"kick", 12, 8, SOCK_PACKET, &Caller::kick},
        {"recvmsg", 30, 30, 0, &Caller::receive},
        {"poll", 12, 8, 0, &Caller::poll},
        {"ioctl", 8, 6, 0, &Caller::ioctl},
        {"getsockname", 4, 6, 0, &Caller::name},
        {"other calls", 4, 6, 0, &Caller::other},
        {"traffic", 30, 30, 0, &Caller::traffic},
        {"device", 1, 0, 0, &Caller::device},
        {"any setsockopt", 0, 40, 0, &Caller::set_any_option},
        {"bind inet", 0, 14, 0, &Caller::bind_inet},
        {"connect", 0, 16, SOCK_STREAM, &Caller::connect},
        {"listen", 0, 5, SOCK_STREAM, &Caller::listen},
        {"accept", 0, 10, SOCK_STREAM, &Caller::accept},
        {"sendmsg", 0, 30, 0, &Caller::send_message},
        {"sendmmsg", 0, 5, 0, &Caller::send_messages},
        {"recvmmsg", 0, 5, 0, &Caller::receive_messages},
        {"splice", 0, 5, SOCK_STREAM, &Caller::splice},
        {"epoll", 0, 5, 0, &Caller::watch},
        {"pass", 0, 2, 0, &Caller::pass},
        {"read /proc", 0, 1, 0, &Caller::read_proc},
        {"sock_diag", 0, 2, 0, &Caller::ask_diag},
        {"fork", 0, 1, 0, &Caller::fork},
        {"connection", 0, 2, 0, &Caller::make_connection},
        {"io_uring", 0, 12, 0, &Caller::batch},
    }};
    return result;
}

Room::Room(const Targets& all, bool every_kind, bool with_faults)
    : targets(all), all_kinds(every_kind), faults(with_faults),
      frames(open_socket(Side::sibling, xt::Kind::packet, 0)),
      packets(open_socket(Side::sibling, xt::Kind::raw, IPPROTO_RAW)) {
    int ends[2];
    checked(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), "pair");
    for (size_t end = 0; end < std::size(passing); end++)
        passing[end] = Fd(ends[end]);
}

Caller::Caller(const Room& room, Values values)
    : room_(room), targets_(room.targets), values_(std::move(values)),
      own_faults_allowed_(room.faults), pattern_(make_pattern(values_)), buffer_(buffer_size),
      events_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      diag_(
          checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG),
                  "netlink")) {
    int ends[2];
    checked(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), "pipe");
    for (size_t end = 0; end < std::size(pipe_); end++)
        pipe_[end] = Fd(ends[end]);
}

size_t Caller::choose() {
    const auto weight_of = [this](const Kind& kind) {
        return room_.all_kinds ? kind.all_weight : kind.weight;
    };
    unsigned total = 0;
    for (const auto& kind : all_kinds())
        total += weight_of(kind);
    uint64_t left = random().below(total);
    size_t result = 0;
    while (left >= weight_of(all_kinds()[result]))
        left -= weight_of(all_kinds()[result++]);
    return result;
}

// One that the call suits, mostly.
const Target& Caller::choose_target(int type) {
    constexpr int tries = 8;
    const Target* target = &random().any(targets_.all());
    for (int i = 0; room_.all_kinds && type && i < tries && home_type(*target) != type; i++)
        target = &random().any(targets_.all());
    return *target;
}

uint64_t Caller::call_once() {
    const size_t kind = choose();
    const Target& target = choose_target(all_kinds()[kind].type);
    const bool failing = own_faults_allowed_ && random().once_in(4);
    bool success = false;

    current_.store(kind, std::memory_order_relaxed);
    calls_made_ = 1;
    if (failing)
        own_faults_.fail_nth(unsigned(random().between(1, 16)));
    try {
        success = (this->*all_kinds()[kind].call)(target) >= 0;
    } catch (const std::system_error&) {
        // no memory or no family: a call that did not succeed
    } catch (const std::bad_alloc&) {
    }
    if (failing)
        own_faults_.stop();
    tallies_[kind].calls += calls_made_;
    tallies_[kind].successes += success;
    return calls_made_;
}

long Caller::open(const Target& target) {
    if (room_.all_kinds)
        return open_any(target);
    const auto kind = random().one_of({xt::Kind::packet, xt::Kind::packet, xt::Kind::cooked});
    return targets_.renew(target, kind, values_.ethertype());
}

long Caller::bind(const Target& target) {
    const sockaddr_ll address = values_.address();
    const long length = random().once_in(8) ? values_.number() : long(sizeof(address));
    return sys::bind(target.fd, random().once_in(64) ? random().any(bad_pointers) : &address,
                     std::min<long>(length, sizeof(address)));
}

long Caller::set_option(const Target& target) {
    const auto option = values_.option();
    const void* value = random().once_in(64) ? random().any(bad_pointers) : option.value.data();
    const long result =
        sys::setsockopt(target.fd, option.level, option.name, value, long(option.value.size()));
    if (result == 0 && option.level == SOL_PACKET &&
        (option.name == PACKET_RX_RING || option.name == PACKET_TX_RING)) {
        tpacket_req request;
        std::memcpy(&request, option.value.data(), sizeof(request));
        (*target.rings)[option.name == PACKET_TX_RING] =
            request.tp_block_size * request.tp_block_nr;
    }
    return result;
}

long Caller::get_option(const Target& target) {
    const auto option = values_.option();
    int length = random().once_in(2) ? int(option.value.size()) : values_.number();
    length = std::min<int>(length, buffer_size);
    void* value = random().once_in(64) ? random().any(bad_pointers) : buffer_.data();
    return sys::getsockopt(target.fd, option.level, option.name, value, &length);
}

// A mapping that fails leaves a hole. What else the kernel chooses an address for would get into
// it, and be mapped over next time.
long Caller::map_at(const Target& target, size_t size, int protection, off_t offset) {
    const std::lock_guard alone(room_.mapping);
    const void* result =
        ::mmap(target.region, size, protection, MAP_SHARED | MAP_FIXED, target.fd, offset);
    if (result != MAP_FAILED)
        return 0;
    const int saved = errno;
    while (Targets::unmap(target, 0, size) < 0)
        continue;
    errno = saved;
    return -1;
}

long Caller::map(const Target& target) {
    size_t size = (*target.rings)[0] + (*target.rings)[1];
    if (size == 0 || size > Targets::region_size || random().once_in(8))
        size = page * size_t(random().between(1, 256));
    const int protection = random().one_of({PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE});
    const off_t offset = random().once_in(8) ? off_t(page) * random().between(1, 16) : 0;
    return map_at(target, size, protection, offset);
}

long Caller::map_lanes(const Target& target) {
    xinet_rx_ring_info info{};
    int length = sizeof(info);
    if (sys::getsockopt(target.fd, SOL_XINET, XINET_RX_RING, &info, &length) < 0)
        return -1;
    const bool positions = random().once_in(2);
    size_t size = positions ? info.positions_length : info.length;
    if (size > Targets::region_size || random().once_in(8))
        size = page * size_t(random().between(1, 256));
    const int protection = random().one_of({PROT_READ | PROT_WRITE, PROT_READ, PROT_WRITE});
    const auto offset = (positions ? XINET_RX_RING_POSITIONS : 0) +
                        (random().once_in(8) ? page * random().below(16) : 0);
    return map_at(target, size, protection, off_t(offset));
}

long Caller::unmap(const Target& target) {
    const bool part = random().once_in(8);
    return Targets::unmap(target, part ? page * random().below(8) : 0,
                          part ? page : Targets::region_size);
}

// Into the ring if there is one: over whole headers, over single words.
long Caller::scribble(const Target& target) {
    const size_t frame = random().one_of<size_t>({128, 256, 512, 2048, 4096});
    const size_t field = random().once_in(2) ? 0 : sizeof(int) * random().below(16);
    const size_t size = random().one_of<size_t>({4, 4, 8, 32, 128});
    const off_t from = off_t(sizeof(int)) * off_t(random().below(page / sizeof(int)));
    uint8_t* to = target.region + frame * random().below(64) + field;
    const int wanted = TP_STATUS_SEND_REQUEST;
    if (random().once_in(2))
        return ::pread(pattern_.get(), to, size, from);
    // through the kernel, which returns an error where there is no mapping
    checked(::pwrite(pattern_.get(), &wanted, sizeof(wanted), 2 * page), "pwrite");
    return ::pread(pattern_.get(), to, sizeof(wanted), 2 * page);
}

long Caller::send(const Target& target) {
    const Bytes frame = values_.frame();
    const sockaddr_ll to = values_.address();
    const long length = random().one_of<long>({0, sizeof(to), sizeof(to), 12, 4});
    const void* data = random().once_in(64) ? random().any(bad_pointers) : frame.data();
    return sys::sendto(target.fd, data, frame.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                       length ? &to : nullptr, length);
}

long Caller::kick(const Target& target) {
    return sys::sendto(target.fd, nullptr, 0, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
}

long Caller::receive(const Target& target) {
    sockaddr_ll from;
    alignas(cmsghdr) uint8_t control[512];
    iovec part{buffer_.data(), size_t(values_.number()) % buffer_size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = random().once_in(16) ? 0 : 1;
    message.msg_name = random().once_in(2) ? &from : nullptr;
    message.msg_namelen = sizeof(from);
    message.msg_control = control;
    message.msg_controllen = random().below(sizeof(control) + 1);
    if (random().once_in(64))
        part.iov_base = random().any(bad_pointers);
    const int flags = random().one_of({0, 0, int(MSG_PEEK), int(MSG_TRUNC), int(MSG_ERRQUEUE),
                                       int(MSG_OOB), int(MSG_CMSG_CLOEXEC)});
    return sys::recvmsg(target.fd, &message, flags | MSG_DONTWAIT);
}

long Caller::poll(const Target& target) {
    pollfd entries[] = {{target.fd, POLLIN | POLLOUT, 0},
                        {random().any(targets_.all()).fd, POLLIN | POLLERR | POLLPRI, 0}};
    return ::poll(entries, std::size(entries), 0);
}

long Caller::ioctl(const Target& target) {
    // none that makes the kernel look for a module named by what the buffer holds
    const auto request = random().one_of<unsigned long>(
        {SIOCINQ, SIOCOUTQ, SIOCGSTAMP_OLD, SIOCGSTAMPNS_OLD, FIONREAD, 0x4711});
    return ::ioctl(target.fd, request, buffer_.data());
}

long Caller::name(const Target& target) {
    int length = values_.number();
    length = std::min<int>(length, sizeof(sockaddr_storage));
    return random().once_in(2) ? sys::getsockname(target.fd, buffer_.data(), &length)
                               : sys::getpeername(target.fd, buffer_.data(), &length);
}

long Caller::other(const Target& target) {
    const sockaddr_ll address = values_.address();
    if (room_.all_kinds)
        return ::shutdown(target.fd, random().between(-1, 3));
    switch (random().below(4)) {
    case 0:
        return ::shutdown(target.fd, random().between(-1, 3));
    case 1:
        return ::listen(target.fd, 1);
    case 2:
        return sys::connect(target.fd, &address, sizeof(address));
    default:
        return ::accept4(target.fd, nullptr, nullptr, SOCK_NONBLOCK);
    }
}

// A frame for the sockets to receive. PF_PACKET sends it, which may hang for ever in a bond that
// goes meanwhile (family/gone_device_test.cpp).
long Caller::traffic(const Target&) {
    if (room_.all_kinds && random().once_in(2))
        return ip_traffic();
    const int ifindex = values_.device();
    const sockaddr_ll to = link_address(0, is_churned(ifindex) ? dummy_index : ifindex);
    const auto frame =
        ethernet(broadcast_mac, uint16_t(random().one_of({ETH_P_IP, ETH_P_8021Q, 0x88b5})),
                 Bytes(random().once_in(32) ? 9000 : random().below(1500), 0x78));
    return sys::sendto(room_.frames.get(), frame.data(), frame.size(), MSG_DONTWAIT, &to,
                       sizeof(to));
}

long Caller::device(const Target&) {
    if (!random().once_in(16))
        return -1;
    own_faults_.stop(); // what is taken away has to come back
    const std::lock_guard alone(device_lock);
    const int ifindex = random().any(values_.devices());
    if (ifindex == dummy_index && random().once_in(2)) {
        link::remove(ifindex);
        link::add_dummy(dummy_name, crafted_mac, ifindex);
    } else if (ifindex > 0) {
        link::set_up(ifindex, false);
    }
    if (ifindex > 0)
        link::set_up(ifindex, true);
    return 0;
}

} // namespace xt::fuzz
