// SPDX-License-Identifier: GPL-2.0-or-later
// A send ring under everything that a hostile program can do to it at once. What must hold is that
// the kernel's log stays silent, that the device goes away afterwards, and that sending still
// works. XINET_STRESS_SECONDS says how long (default 5).
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "support/family.h"
#include "support/link.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/tx_ring.h"
#include "support/vnet.h"

namespace xt {
namespace {

constexpr const char* device = "xtstress";

std::chrono::seconds duration() {
    const char* seconds = getenv("XINET_STRESS_SECONDS");
    return std::chrono::seconds(seconds ? std::max(1, atoi(seconds)) : 5);
}

int device_index() {
    try {
        return link::index(device);
    } catch (const std::exception&) {
        return 0; // gone for the moment
    }
}

// A socket with a ring, open as long as somebody works on it.
struct Subject {
    Fd socket;
    std::unique_ptr<TxRing> ring;
};

class PacketTxRingStress : public testing::Test {
protected:
    using Random = std::minstd_rand;

    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "the host may have no dummy devices";
        link::add_dummy(device, nobodys_mac);
        link::set_up(link::index(device), true);
        renew(random_);
    }
    void TearDown() override {
        if (const int ifindex = device_index())
            link::remove(ifindex);
    }

    static std::shared_ptr<Subject> make(Random& random) {
        constexpr int versions[] = {TPACKET_V1, TPACKET_V2, TPACKET_V3};
        auto subject = std::make_shared<Subject>();
        const Kind kind = random() % 4 ? Kind::packet : Kind::cooked;
        subject->socket = open_socket(Side::xinet, kind, 0);
        const auto& socket = subject->socket;
        const timeval moment{.tv_sec = 0, .tv_usec = 20'000};
        checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment)),
                "SO_SNDTIMEO");
        set_option(socket, SOL_PACKET, PACKET_LOSS, int(random() % 2));
        set_option(socket, SOL_PACKET, PACKET_TX_HAS_OFF, int(random() % 2));
        set_option(socket, SOL_PACKET, PACKET_QDISC_BYPASS, int(random() % 2));
        set_option(socket, SOL_PACKET, PACKET_TIMESTAMP, int(random() % 128));
        if (kind == Kind::packet)
            ask_for_vnet(socket, random() % 3 ? 0 : sizeof(VnetHeader));
        subject->ring = std::make_unique<TxRing>(
            socket.get(), versions[random() % 3],
            TxShape{.frame_size = 1024U << (random() % 3), .block_size = 8192, .blocks = 4});
        return subject;
    }
    void renew(Random& random) {
        auto fresh = make(random);
        const std::lock_guard lock(mutex_);
        subject_.swap(fresh);
    }
    std::shared_ptr<Subject> subject() {
        const std::lock_guard lock(mutex_);
        return subject_;
    }

    // Runs `step` over and over until the time is up.
    template<typename F>
    std::jthread worker(unsigned seed, F step) {
        return std::jthread([this, seed, step] {
            Random random(seed);
            while (!stop_)
                step(random);
        });
    }

    void send(Random& random) {
        const auto now = subject();
        const auto to = link_address(random() % 2 ? ETH_P_IP : 0, device_index());
        const int flags = random() % 2 ? MSG_DONTWAIT : 0;
        if (send_to(now->socket.get(), {}, to, flags) > 0)
            sent_++;
    }
    // What a program should write, mostly; then anything, anywhere.
    void scribble(Random& random) {
        const auto now = subject();
        for (int i = 0; i < 64; i++) {
            const size_t index = random() % now->ring->frames();
            TxFrame frame{.data = ethernet(nobodys_mac, ETH_P_IP, repeated("stress!!", 64))};
            if (random() % 4 == 0)
                frame.length = uint32_t(random());
            if (random() % 4 == 0)
                frame.mac = frame.net = uint16_t(random());
            if (random() % 8 == 0)
                frame.next = uint32_t(random());
            now->ring->put(index, frame);
            if (random() % 2 == 0)
                std::atomic_ref(now->ring->frame(index)[random() % 128]).store(uint8_t(random()));
            if (random() % 8 == 0)
                now->ring->set_status(index, uint32_t(random() % 8));
        }
    }
    // A ring taken away and asked for while another thread sends from it.
    static void tear(Random& random) {
        auto own = make(random);
        for (size_t i = 0; i < own->ring->frames(); i++)
            own->ring->put(i, {.data = ethernet(nobodys_mac, ETH_P_IP, repeated("stress!!", 64))});
        own->ring->unmap();
        const std::jthread sender([&] {
            const auto to = link_address(ETH_P_IP, device_index());
            for (int i = 0; i < 4; i++)
                send_to(own->socket.get(), {}, to, MSG_DONTWAIT);
        });
        for (int i = 0; i < 4; i++)
            own->ring->request(i % 2 ? 4 : 0);
    }
    static void shake_device(Random& random) {
        const int ifindex = device_index();
        if (ifindex && random() % 16 == 0) {
            link::remove(ifindex);
            link::add_dummy(device, nobodys_mac);
        } else if (ifindex) {
            link::set_up(ifindex, random() % 4 != 0);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }

    Random random_{1};
    std::mutex mutex_;
    std::shared_ptr<Subject> subject_;
    std::atomic<bool> stop_ = false;
    std::atomic<unsigned long> sent_ = 0;
};

TEST_F(PacketTxRingStress, nothing_that_a_program_does_breaks_the_kernel) {
    {
        std::vector<std::jthread> workers;
        workers.push_back(worker(2, [this](Random& random) { send(random); }));
        workers.push_back(worker(3, [this](Random& random) { send(random); }));
        workers.push_back(worker(4, [this](Random& random) { scribble(random); }));
        workers.push_back(worker(5, [](Random& random) { tear(random); }));
        workers.push_back(worker(6, [](Random& random) { shake_device(random); }));
        workers.push_back(worker(7, [this](Random& random) {
            renew(random);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }));
        std::this_thread::sleep_for(duration());
        stop_ = true;
    }
    EXPECT_GT(sent_, 0U);

    link::set_up(link::index(device), true);
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    const TxRing ring(socket.get(), TPACKET_V2);
    const Bytes frame = ethernet(nobodys_mac, ETH_P_IP, repeated("stress!!", 64));
    ring.put(0, {.data = frame});
    EXPECT_EQ(send_to(socket.get(), {}, link_address(ETH_P_IP, link::index(device))),
              long(frame.size()));
    EXPECT_EQ(ring.status(0), uint32_t(TP_STATUS_AVAILABLE));
}

// One that looks at every lock, and at every access to memory, has no time for 2 GiB.
bool is_debug_kernel() {
    return ::access("/proc/lockdep_stats", F_OK) == 0;
}

// A program that hands over frames as fast as they are sent has one call send for as long as it
// likes. What that returns stays a number of bytes, and is none of an errno (CVE-2026-98850).
TEST_F(PacketTxRingStress, count_of_bytes_stays_positive) {
    if (std::thread::hardware_concurrency() < 2)
        GTEST_SKIP() << "needs a CPU that sends and one that hands over";
    // so many frames that the call finds one even when the other CPU has been elsewhere
    constexpr TxShape shape{.frame_size = 1 << 16, .block_size = 1 << 18, .blocks = 128};
    constexpr long length = 65'000;
    constexpr std::chrono::seconds patience{120};
    link::set_mtu(device_index(), length);
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    const TxRing ring(socket.get(), TPACKET_V2, shape);
    for (size_t i = 0; i < ring.frames(); i++)
        ring.put(i, {.data = ethernet(nobodys_mac, ETH_P_IP, Bytes(length - 14))});
    const std::jthread hands_over([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            for (size_t i = 0; i < ring.frames(); i++)
                ring.set_status(i, TP_STATUS_SEND_REQUEST);
    });
    long most = 0;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (most <= INT_MAX - length && std::chrono::steady_clock::now() < end) {
        const long sent = send_to(socket.get(), {}, link_address(ETH_P_IP, device_index()));
        ASSERT_GE(sent, 0) << strerrorname_np(errno);
        ASSERT_LE(sent, INT_MAX);
        most = std::max(most, sent);
    }
    if (most <= INT_MAX - length && is_debug_kernel())
        GTEST_SKIP() << "too slow here: no call has sent more than " << most << " bytes";
    EXPECT_GT(most, INT_MAX - length);
}

} // namespace
} // namespace xt
