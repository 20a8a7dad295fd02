// SPDX-License-Identifier: GPL-2.0-or-later
// A program that captures in every way at once, and is killed: nothing of it is left.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/diag.h"
#include "support/fd.h"
#include "support/forked.h"
#include "support/inet.h"
#include "support/kernel_release.h"
#include "support/lanes.h"
#include "support/leftovers.h"
#include "support/link.h"
#include "support/on_wire.h"
#include "support/points.h"
#include "support/random.h"
#include "support/shared.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

using std::chrono::microseconds;
using Clock = std::chrono::steady_clock;

constexpr uint16_t port = 4494;
constexpr uint16_t closed_port = 4495;

// All namespaces and points do not go together.
std::vector<ToldCapture::Options> everything() {
    const int drops = drops_are_refused() ? 0 : XINET_DROPS_BESIDE;
    const int host = drops != 0 ? drops | XINET_DROPS_HOST : 0;
    const int points = everywhere | (tracepoints_are_refused() ? 0 : of_tracepoints);
    return {
        {.drops = host,
         .lanes = true,
         .owner = true,
         .all_netns = true,
         .original = true,
         .queue = true},
        {.drops = drops,
         .lanes = true,
         .owner = true,
         .original = true,
         .points = points,
         .queue = true},
        {.drops = host,
         .v3_blocks = 64,
         .owner = true,
         .all_netns = true,
         .original = true,
         .queue = true},
        {.drops = drops,
         .v3_blocks = 64,
         .owner = true,
         .original = true,
         .points = points,
         .queue = true},
        {.drops = host, .owner = true, .all_netns = true, .original = true, .queue = true},
        {.drops = drops, .owner = true, .original = true, .points = points, .queue = true},
    };
}

void be_promiscuous(const Fd& socket, int ifindex) {
    const packet_mreq request{
        .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
    checked(
        ::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)),
        "PACKET_ADD_MEMBERSHIP");
}

struct Progress {
    uint64_t packets;
};

// Captures until it is killed, and counts what it reads.
[[noreturn]] void capture_everything(const Shared<Progress>& progress) {
    std::vector<std::unique_ptr<ToldCapture>> captures;
    const Fd epoll(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    for (const auto& options : everything()) {
        captures.push_back(std::make_unique<ToldCapture>(options));
        be_promiscuous(captures.back()->socket(), link::index("xtin"));
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = captures.back().get();
        checked(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, captures.back()->socket().get(), &event),
                "epoll_ctl");
    }
    for (;;) {
        epoll_event ready{};
        if (checked(::epoll_wait(epoll.get(), &ready, 1, -1), "epoll_wait") == 0)
            continue;
        const auto packets = static_cast<ToldCapture*>(ready.data.ptr)->take();
        std::atomic_ref(progress->packets) += packets.size();
    }
}

// A namespace in which packets are dropped, sent, cut up, delivered and read.
class CaptureKilled : public OnWire {
protected:
    void SetUp() override {
        if (lanes_are_refused)
            GTEST_SKIP() << "lanes are for programs of 64 bits";
        OnWire::SetUp();
    }

    void drop_one() const {
        Bytes payload = udp(9, closed_port, repeated("xt-killed", 64));
        payload.at(6) = 0x12; // the checksum: nothing answers
        in(to_here.packet(payload));
    }

    [[noreturn]] void make_traffic() const {
        const Fd datagrams = udp_at("127.0.0.1", port);
        const auto [client, server] = connect_streams(Side::sibling, Side::sibling);
        const Bytes bulk = repeated("xt-killed", 30'000);
        Bytes read(bulk.size());
        for (;; ::usleep(1000)) {
            drop_one();
            send_to(datagrams.get(), repeated("xt-killed", 64), ipv4_address("127.0.0.1", port));
            receive_now(datagrams.get());
            checked(::send(client.get(), bulk.data(), bulk.size(), 0), "send");
            checked(::recv(server.get(), read.data(), read.size(), MSG_WAITALL), "recv");
        }
    }

    // Whether a capture that has been started reads.
    static bool reads(const Shared<Progress>& progress) {
        const auto end = Clock::now() + 3 * deadline;
        while (std::atomic_ref(progress->packets).load() == 0) {
            if (Clock::now() > end)
                return false;
            std::this_thread::sleep_for(microseconds(100));
        }
        return true;
    }
};

int references_of_module() {
    std::ifstream file("/sys/module/xinet/refcnt");
    int count = -1;
    file >> count;
    return count;
}

bool references_fall_to(int count) {
    for (const auto end = Clock::now() + deadline; references_of_module() > count;) {
        if (Clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

// Every second one is killed while it reads, the others as they come there, or before. What takes
// the module away afterwards, and looks for memory, is the guest: see run-in.
TEST_F(CaptureKilled, nothing_is_left_whenever_it_is_killed) {
    here_.run([this] {
        const int kills = is_stock_kernel() ? 100 : 30;
        const long sockets = packet_sockets(Side::xinet);
        const int references = references_of_module();
        Random random(1);
        {
            const Forked traffic([this] { make_traffic(); });
            microseconds until_it_reads{0};
            for (int i = 0; i < kills; i++) {
                const Shared<Progress> progress;
                const auto begin = Clock::now();
                Forked capture([&] { capture_everything(progress); });
                microseconds delay{random.below(20'000)};
                if (i % 2 == 0) {
                    ASSERT_TRUE(reads(progress));
                    until_it_reads = std::chrono::duration_cast<microseconds>(Clock::now() - begin);
                } else {
                    delay = microseconds(random.below(uint64_t(until_it_reads.count())));
                }
                std::this_thread::sleep_for(delay);
                const int status = capture.kill();
                ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
            }
        }
        EXPECT_EQ(all_sockets().size(), 0U);
        EXPECT_TRUE(devices_that_listen_to_all().empty());
        EXPECT_TRUE(packet_sockets_fall_to(sockets)) << packet_sockets(Side::xinet);
        EXPECT_TRUE(references_fall_to(references)) << references_of_module();
    });
}

// The functions of the module that tracepoints call, as the kernel's tracer of functions sees them.
class CallsOfTracepoints {
public:
    CallsOfTracepoints() {
        std::ofstream filter(tracing + "set_ftrace_filter");
        for (const auto& name : names)
            filter << name << std::endl;
        std::ofstream tracer(tracing + "current_tracer");
        traces_ = bool(tracer << "function" << std::endl) && bool(filter);
    }
    ~CallsOfTracepoints() {
        std::ofstream(tracing + "current_tracer") << "nop" << std::endl;
        std::ofstream(tracing + "set_ftrace_filter") << std::endl;
    }
    CallsOfTracepoints(const CallsOfTracepoints&) = delete;
    CallsOfTracepoints& operator=(const CallsOfTracepoints&) = delete;
    explicit operator bool() const { return traces_; }

    // Those called since the last time.
    [[nodiscard]] std::set<std::string> take() const {
        std::set<std::string> called;
        std::ifstream trace(tracing + "trace");
        for (std::string line; std::getline(trace, line);)
            for (const auto& name : names)
                if (line.find(": " + name + " ") != std::string::npos)
                    called.insert(name);
        std::ofstream(tracing + "trace") << std::endl;
        return called;
    }

    static inline const std::set<std::string> names{
        "dropped_probe", "point_queued", "point_started", "point_copied", "point_consumed"};

private:
    static inline const std::string tracing = "/sys/kernel/tracing/";
    bool traces_ = false;
};

// They are called for some seconds more, for the next program.
TEST_F(CaptureKilled, tracepoints_call_nothing_seconds_later) {
    if (drops_are_refused() || patching_is_dangerous())
        GTEST_SKIP() << "tracepoints are not used here, or always";
    const CallsOfTracepoints calls;
    if (!calls)
        GTEST_SKIP() << "this kernel traces no functions";
    here_.run([&] {
        const auto act = [this] {
            drop_one();
            const Fd datagrams = udp_at("127.0.0.1", port);
            send_to(datagrams.get(), repeated("xt-killed", 64), ipv4_address("127.0.0.1", port));
            receive(datagrams.get());
            const auto [client, server] = connect_streams(Side::sibling, Side::sibling);
            char byte = 0;
            checked(::send(client.get(), &byte, 1, 0), "send");
            checked(::recv(server.get(), &byte, 1, 0), "recv");
        };
        const Shared<Progress> progress;
        {
            const Forked traffic([this] { make_traffic(); });
            const Forked capture([&] { capture_everything(progress); });
            ASSERT_TRUE(reads(progress));
        }
        act();
        EXPECT_EQ(calls.take(), CallsOfTracepoints::names) << "the next program needs them again";
        const auto end = Clock::now() + deadline;
        std::set<std::string> called;
        do {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            (void)calls.take();
            act();
            called = calls.take();
        } while (!called.empty() && Clock::now() < end);
        EXPECT_EQ(called, std::set<std::string>{});
    });
}

} // namespace
} // namespace xt
