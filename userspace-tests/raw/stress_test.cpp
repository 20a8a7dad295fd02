// SPDX-License-Identifier: GPL-2.0-or-later
// Several threads at one raw socket at once: sending while IP_HDRINCL flips, binding, connecting,
// setting options, receiving, closing and opening again, while packets and ICMP errors arrive. No
// result matters here; a debug kernel is the judge. XINET_STRESS_SECONDS says for how long.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/xinet.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "support/family.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

std::chrono::seconds duration() {
    constexpr std::chrono::seconds usual{3};
    const char* value = std::getenv("XINET_STRESS_SECONDS");
    return value ? std::chrono::seconds(std::atol(value)) : usual;
}

// The socket that all work on. It is closed and opened again under their hands, so a call may fail
// with EBADF, or meet the next one.
class Shared {
public:
    explicit Shared(int protocol) : protocol_(protocol) { reopen(); }
    ~Shared() { ::close(fd_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;

    [[nodiscard]] int fd() const { return fd_.load(std::memory_order_relaxed); }
    // Only one thread does this.
    void reopen() {
        const int next = try_socket(Side::xinet, Kind::raw, protocol_);
        if (next >= 0)
            ::close(fd_.exchange(next));
    }

private:
    int protocol_;
    std::atomic<int> fd_ = -1;
};

using Random = std::minstd_rand;

template<typename T>
const T& any_of(const std::vector<T>& choices, Random& random) {
    return choices[random() % choices.size()];
}

void send(int fd, Random& random) {
    static const std::vector<size_t> sizes{0, 8, 20, 64, 1480, 1481, 4000, 60000};
    static const std::vector<int> flags{0, 0, MSG_MORE, MSG_DONTROUTE, MSG_CONFIRM};
    static const std::vector<const char*> addresses{peer_address, here_address, "127.0.0.1",
                                                    group_address};
    Bytes data(any_of(sizes, random), 0x45);
    const auto to = ipv4_address(any_of(addresses, random));
    const bool named = random() % 4 != 0;
    sys::sendto(fd, data.data(), data.size(), any_of(flags, random) | MSG_DONTWAIT | MSG_NOSIGNAL,
                named ? &to : nullptr, named ? sizeof(to) : 0);
}

void set_options(int fd, Random& random) {
    static const std::vector<std::pair<int, int>> flags{
        {SOL_IP, IP_RECVERR},      {SOL_IP, IP_PKTINFO},       {SOL_IP, IP_MTU_DISCOVER},
        {SOL_IP, IP_FREEBIND},     {SOL_SOCKET, SO_BROADCAST}, {SOL_SOCKET, SO_TIMESTAMP},
        {SOL_RAW, ICMP_FILTER},    {SOL_IP, IP_MULTICAST_ALL}, {SOL_SOCKET, SO_TIMESTAMPING},
        {SOL_IP, IP_MULTICAST_TTL}};
    const auto& [level, name] = any_of(flags, random);
    const int value = int(random() % 3);
    sys::setsockopt(fd, level, name, &value, sizeof(value));

    static const Bytes record_route{7, 7, 4, 0, 0, 0, 0, 0};
    sys::setsockopt(fd, SOL_IP, IP_OPTIONS, record_route.data(), random() % 2 ? 8 : 0);
    const ip_mreq group{ipv4_address(group_address).sin_addr, ipv4_address(here_address).sin_addr};
    sys::setsockopt(fd, SOL_IP, random() % 2 ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &group,
                    sizeof(group));
    sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, 40)};
    const sock_fprog filter{1, code};
    sys::setsockopt(fd, SOL_SOCKET, random() % 2 ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &filter,
                    sizeof(filter));
    sys::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, here_device, random() % 2 ? 4 : 0);
}

void flip_header(int fd, Random& random) {
    const int value = int(random() % 2);
    sys::setsockopt(fd, SOL_IP, IP_HDRINCL, &value, sizeof(value));
}

void bind_and_connect(int fd, Random& random) {
    static const std::vector<const char*> addresses{"0.0.0.0", here_address, "127.0.0.1",
                                                    group_address};
    const auto local = ipv4_address(any_of(addresses, random));
    sys::bind(fd, &local, sizeof(local));
    auto remote = ipv4_address(random() % 2 ? peer_address : "127.0.0.1");
    if (random() % 2)
        remote.sin_family = AF_UNSPEC;
    sys::connect(fd, &remote, sizeof(remote));
}

void receive_all(int fd, Random& random) {
    uint8_t data[2000];
    sys::recvfrom(fd, data, sizeof(data), MSG_DONTWAIT | (random() % 2 ? MSG_ERRQUEUE : 0), nullptr,
                  nullptr);
    int value = 0;
    socklen_t length = sizeof(value);
    sys::getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length);
}

void ask_for_identifier(int fd, Random& random) {
    const int value = int(random() % 3);
    // Rarely: it lasts until the socket is closed.
    if (random() % 64 == 0)
        sys::setsockopt(fd, SOL_XINET, XINET_RAW_ICMP_ID, &value, sizeof(value));
}

void change_point(int fd, Random& random) {
    const int value = int(random() % 2);
    sys::setsockopt(fd, SOL_XINET, XINET_RAW_POINT, &value, sizeof(value));
}

class RawStress : public testing::TestWithParam<int> {};

TEST_P(RawStress, one_socket_survives_all_calls_at_once) {
    const int protocol = GetParam();
    Shared shared(protocol);
    const auto end = std::chrono::steady_clock::now() + duration();
    std::atomic<unsigned long> calls = 0;
    std::vector<std::jthread> threads;
    unsigned seed = 1;
    for (const auto& work : std::vector<std::function<void(int, Random&)>>{
             send, send, flip_header, set_options, bind_and_connect, receive_all,
             ask_for_identifier, change_point})
        threads.emplace_back([&, work, own = seed++] {
            Random random(own);
            while (std::chrono::steady_clock::now() < end) {
                work(shared.fd(), random);
                calls++;
            }
        });
    threads.emplace_back([&] {
        while (std::chrono::steady_clock::now() < end) {
            shared.reopen();
            std::this_thread::yield();
        }
    });

    // What arrives meanwhile, and errors about what seems to have been sent.
    const Injector wire = Injector::at_peer();
    const Mac to = here_mac();
    const auto body =
        protocol == IPPROTO_ICMP ? icmp(ICMP_ECHOREPLY, 0, 1, 1, Bytes(32)) : Bytes(40);
    const Ipv4 in{.protocol = uint8_t(protocol)};
    const Ipv4 out{.from = here_address, .to = peer_address, .protocol = uint8_t(protocol)};
    const auto packet = in.packet(body);
    const auto error = Ipv4{.protocol = IPPROTO_ICMP}.packet(
        icmp(ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0, 0, out.packet(body)));
    while (std::chrono::steady_clock::now() < end) {
        try {
            wire.send(ethernet(to, ETH_P_IP, packet));
            wire.send(ethernet(to, ETH_P_IP, error));
        } catch (const std::system_error&) {
            // The other end's queue is full; so be it.
        }
        std::this_thread::yield();
    }
    threads.clear();
    EXPECT_GT(calls, 0U);
}

INSTANTIATE_TEST_SUITE_P(, RawStress, testing::Values(IPPROTO_ICMP, experimental_protocol),
                         [](const auto& info) {
                             return info.param == IPPROTO_ICMP ? "icmp" : "experimental";
                         });

} // namespace
} // namespace xt
