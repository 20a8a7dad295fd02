// SPDX-License-Identifier: GPL-2.0-or-later
// Loading and unloading, in a guest without the module: XINET_KO names the file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/tls.h>
#include <linux/xinet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "support/diag.h"
#include "support/inet.h"
#include "support/kernel_module.h"
#include "support/module_parameter.h"
#include "support/nfqueue.h"
#include "support/outcome.h"
#include "support/program.h"
#include "support/raw_point.h"

namespace xt {
namespace {

constexpr const char* name = "xinet";
constexpr int another_retired_family = 19; // AF_ECONET
constexpr int untaken_family = 13;         // AF_NETBEUI

// 0 or an errno.
int load(const std::string& parameters = "") {
    const char* path = std::getenv("XINET_KO");
    if (!path)
        throw std::runtime_error("XINET_KO does not name the module");
    const Fd file(checked(::open(path, O_RDONLY | O_CLOEXEC), path));
    return syscall(SYS_finit_module, file.get(), parameters.c_str(), 0) ? errno : 0;
}

int unload() {
    return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

bool loaded() {
    return access("/sys/module/xinet/refcnt", F_OK) == 0;
}

// References to the module: sockets hold some. -1 when it is not loaded.
int references() {
    std::ifstream file("/sys/module/xinet/refcnt");
    int count = -1;
    file >> count;
    return count;
}

// Sockets are freed after a grace period; their references go with them.
int unload_when_free(std::chrono::seconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    int error;
    while ((error = unload()) == EAGAIN && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    return error;
}

Fd family_socket(int family) {
    return Fd(::socket(family, SOCK_RAW, IPPROTO_ICMP));
}

std::vector<std::string> lines_of(const char* path, bool first_word_only) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(first_word_only ? line.substr(0, line.find(' ')) : line);
    std::sort(lines.begin(), lines.end());
    return lines;
}

// What a module may leave behind, as seen from userspace.
std::vector<std::vector<std::string>> traces() {
    return {lines_of("/proc/net/protocols", true), lines_of("/proc/net/ptype", false),
            lines_of("/proc/slabinfo", true), lines_of("/proc/modules", true)};
}

// Objects in use, by slab cache. Shrinking makes the counts exact, and lets KASAN give back what
// it keeps for a while.
std::map<std::string, long> objects_in_use() {
    std::error_code none;
    for (const auto& cache : std::filesystem::directory_iterator("/sys/kernel/slab", none))
        if (!cache.is_symlink())
            std::ofstream(cache.path() / "shrink") << 1;
    std::map<std::string, long> result;
    std::ifstream file("/proc/slabinfo");
    std::string line;
    std::getline(file, line); // the version
    std::getline(file, line); // the columns
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::string cache;
        words >> cache >> result[cache];
    }
    return result;
}

class Module : public testing::Test {
protected:
    void SetUp() override { ASSERT_FALSE(loaded()) << "run with --no-module"; }
    void TearDown() override {
        if (loaded())
            unload_when_free();
        EXPECT_FALSE(loaded());
    }
};

TEST_F(Module, load_brings_the_family_and_unload_takes_it_away) {
    const NoAutoload guard; // socket() would bring the module in by its alias
    EXPECT_FALSE(family_socket(PF_XINET));
    EXPECT_EQ(errno, EAFNOSUPPORT);
    ASSERT_EQ(load(), 0);
    EXPECT_EQ(xinet_family(), PF_XINET);
    for (const Kind kind : all_kinds)
        EXPECT_TRUE(open_socket(Side::xinet, kind, 1));
    EXPECT_EQ(unload_when_free(), 0);
    EXPECT_FALSE(family_socket(PF_XINET));
    EXPECT_EQ(errno, EAFNOSUPPORT);
}

TEST_F(Module, loading_twice_is_refused) {
    ASSERT_EQ(load(), 0);
    EXPECT_EQ(load(), EEXIST);
    EXPECT_TRUE(family_socket(PF_XINET));
}

TEST_F(Module, family_parameter_moves_the_family) {
    const NoAutoload guard;
    for (const int family : {another_retired_family, untaken_family}) {
        ASSERT_EQ(load("family=" + std::to_string(family)), 0);
        EXPECT_EQ(xinet_family(), family);
        EXPECT_TRUE(family_socket(family));
        EXPECT_FALSE(family_socket(PF_XINET));
        EXPECT_EQ(unload_when_free(), 0);
    }
}

// Where sysfs is not mounted, libxinet asks the module over generic netlink.
TEST_F(Module, tools_find_a_moved_family_without_sysfs) {
    const NoAutoload guard;
    ASSERT_EQ(load("family=" + std::to_string(another_retired_family)), 0);
    Program ping({"/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                  "mount -t tmpfs none /sys && exec " + in_tree("tools/build/xinet") +
                      " ping -c 1 10.77.0.2"});
    EXPECT_NE(ping.output().find("1 received"), std::string::npos);
    EXPECT_EQ(ping.wait(), 0);
}

TEST_F(Module, taken_family_is_refused_and_nothing_stays) {
    const auto before = traces();
    for (const int family : {PF_UNIX, PF_INET, PF_INET6, PF_NETLINK, PF_PACKET}) {
        SCOPED_TRACE(family);
        // Newer kernels keep EEXIST for "already loaded" and turn a module's own into EBUSY.
        const int error = load("family=" + std::to_string(family));
        EXPECT_TRUE(error == EEXIST || error == EBUSY) << strerrorname_np(error);
        EXPECT_FALSE(loaded());
    }
    EXPECT_EQ(before, traces());
    EXPECT_TRUE(Fd(::socket(PF_INET, SOCK_DGRAM, 0)));
}

TEST_F(Module, family_out_of_range_is_refused_and_nothing_stays) {
    const auto before = traces();
    for (const char* family : {"0", "-1", "46", "4096", "2147483647", "99999999999", "abc", ""}) {
        SCOPED_TRACE(family);
        const int error = load(std::string("family=") + family);
        EXPECT_TRUE(error == EINVAL || error == ERANGE) << strerrorname_np(error);
        EXPECT_FALSE(loaded());
    }
    EXPECT_EQ(before, traces());
}

TEST_F(Module, switches_that_are_neither_0_nor_1_are_refused) {
    for (const char* parameter : {"userns=2", "userns=-1", "userns=y", "engines=2", "engines="}) {
        EXPECT_EQ(load(parameter), EINVAL) << parameter;
        EXPECT_FALSE(loaded());
    }
}

TEST_F(Module, switches_can_be_set_at_load) {
    ASSERT_EQ(load("userns=1 engines=0"), 0);
    EXPECT_EQ(module_parameter("userns"), "1");
    EXPECT_EQ(module_parameter("engines"), "0");
    EXPECT_FALSE(Fd(::socket(PF_XINET, SOCK_STREAM, 0)));
    EXPECT_EQ(errno, EAFNOSUPPORT);
}

TEST_F(Module, open_socket_of_each_kind_keeps_the_module) {
    for (const Kind kind : all_kinds) {
        SCOPED_TRACE(to_string(kind));
        ASSERT_EQ(load(), 0);
        const int idle = references();
        Fd socket = open_socket(Side::xinet, kind, 1);
        EXPECT_GT(references(), idle);
        // delete_module(2): EWOULDBLOCK while there are references
        EXPECT_EQ(unload(), EWOULDBLOCK);
        EXPECT_TRUE(family_socket(PF_XINET)) << "the refused unload changed nothing";
        socket.close();
        EXPECT_EQ(unload_when_free(), 0);
    }
}

// The engines are the kernel's: their socks hold nothing of ours, the sockets must.
TEST_F(Module, open_socket_over_each_engine_keeps_the_module) {
    allow_ping();
    for (const Transport transport : all_transports) {
        SCOPED_TRACE(to_string(transport));
        ASSERT_EQ(load(), 0);
        const int idle = references();
        Fd socket = open_socket(Side::xinet, transport);
        EXPECT_EQ(references(), idle + 1);
        EXPECT_EQ(unload(), EWOULDBLOCK);
        socket.close();
        EXPECT_EQ(references(), idle);
        EXPECT_EQ(unload(), 0);
    }
}

TEST_F(Module, accepted_socket_keeps_the_module) {
    ASSERT_EQ(load(), 0);
    const int idle = references();
    Connection connection = connect_streams(Side::sibling, Side::xinet);
    EXPECT_EQ(references(), idle + 1) << "only the accepted one is open";
    EXPECT_EQ(unload(), EWOULDBLOCK);
    connection.server.close();
    EXPECT_EQ(unload(), 0);
}

// Connections that TCP still finishes after their close know nothing of the module.
TEST_F(Module, closed_connections_do_not_keep_the_module) {
    ASSERT_EQ(load(), 0);
    const std::string text(100'000, 'x');
    Connection connection = connect_streams(Side::xinet, Side::sibling);
    ASSERT_EQ(::send(connection.client.get(), text.data(), text.size(), 0), ssize_t(text.size()));
    connection.client.close();
    EXPECT_EQ(references(), 0);
    EXPECT_EQ(unload(), 0);
    size_t received = 0;
    char room[65'536];
    for (ssize_t size; (size = ::recv(connection.server.get(), room, sizeof(room), 0)) > 0;)
        received += size_t(size);
    EXPECT_EQ(received, text.size());
}

// kTLS builds its proto_ops from those of the first socket that asks, for all that follow.
TEST_F(Module, ktls_takes_nothing_of_ours_to_other_sockets) {
    ASSERT_EQ(load(), 0);
    const int idle = references();
    Connection ours = connect_streams(Side::xinet, Side::xinet);
    if (setsockopt(ours.client.get(), SOL_TCP, TCP_ULP, "tls", 3))
        GTEST_SKIP() << "no kTLS here: " << strerrorname_np(errno);
    ASSERT_EQ(setsockopt(ours.server.get(), SOL_TCP, TCP_ULP, "tls", 3), 0);
    EXPECT_EQ(references(), idle + 2);
    tls12_crypto_info_aes_gcm_128 key{};
    key.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128};
    ASSERT_EQ(setsockopt(ours.client.get(), SOL_TLS, TLS_TX, &key, sizeof(key)), 0);
    ASSERT_EQ(setsockopt(ours.server.get(), SOL_TLS, TLS_RX, &key, sizeof(key)), 0);
    EXPECT_EQ(references(), idle + 2);

    Connection theirs = connect_streams(Side::sibling, Side::sibling);
    ASSERT_EQ(setsockopt(theirs.client.get(), SOL_TCP, TCP_ULP, "tls", 3), 0);
    theirs = {};
    EXPECT_EQ(references(), idle + 2) << "a socket of PF_INET drops no reference of ours";
    ours = {};
    EXPECT_EQ(unload_when_free(), 0) << "TCP may still be finishing them";

    theirs = connect_streams(Side::sibling, Side::sibling);
    ASSERT_EQ(setsockopt(theirs.client.get(), SOL_TCP, TCP_ULP, "tls", 3), 0);
    ASSERT_EQ(setsockopt(theirs.client.get(), SOL_TLS, TLS_TX, &key, sizeof(key)), 0);
    EXPECT_EQ(::send(theirs.client.get(), "text", 4, 0), 4) << "without our module";
}

double seconds_of(const timeval& time) {
    return double(time.tv_sec) + double(time.tv_usec) / 1e6;
}

// CPU time of the programs that have ended.
double seconds_of_programs() {
    rusage usage{};
    checked(::getrusage(RUSAGE_CHILDREN, &usage), "getrusage");
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

bool on_uml() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.find("User Mode Linux") != std::string::npos)
            return true;
    return false;
}

struct Run {
    std::string output;
    double seconds; // of CPU time
};

Run run_xinet(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{in_tree("tools/build/xinet")};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const double before = seconds_of_programs();
    Program program(words);
    std::string output = program.output();
    EXPECT_EQ(program.wait(), 0);
    return {std::move(output), seconds_of_programs() - before};
}

size_t count_by_ss() {
    const std::string text = run_xinet({"ss", "-a", "-n", "-H"}).output;
    return size_t(std::count(text.begin(), text.end(), '\n'));
}

// The best of some rounds: other guests keep this one from its CPU, and its clock goes on.
double best_seconds_of_xinet(const std::vector<std::string>& arguments) {
    double best = run_xinet(arguments).seconds;
    for (int round = 1; round < 3; round++)
        best = std::min(best, run_xinet(arguments).seconds);
    return best;
}

std::vector<Fd> open_mixed_sockets(size_t count) {
    std::vector<Fd> sockets;
    for (size_t i = 0; i < count; i++)
        switch (i % 5) {
        case 0:
            sockets.push_back(open_socket(Side::xinet, Kind::raw, int(1 + i % 250)));
            break;
        case 1:
            sockets.push_back(open_socket(Side::xinet, Kind::packet, 0));
            break;
        default:
            sockets.push_back(open_socket(Side::xinet, all_transports[i % 5 - 2]));
            break;
        }
    return sockets;
}

// Waits until what was in use before, and no more, is in use: memory comes back after grace
// periods. Other programs have some, too; a cache that grows by one object for each tenth socket is
// a leak.
void expect_objects_back(const std::map<std::string, long>& before, long sockets) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const auto leaking = [&] {
        std::string names;
        for (const auto& [cache, objects] : objects_in_use())
            if (before.contains(cache) && objects > before.at(cache) + sockets / 10)
                names += cache + ": " + std::to_string(before.at(cache)) + " and now " +
                         std::to_string(objects) + "\n";
        return names;
    };
    std::string names;
    while (!(names = leaking()).empty() && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_EQ(names, "");
}

void expect_lines(const char* path, const std::vector<std::string>& expected) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (lines_of(path, false) != expected && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_EQ(expected, lines_of(path, false));
}

TEST_F(Module, ten_thousand_sockets_are_listed_in_a_second_and_leave_nothing) {
    constexpr size_t many = 10'000;
    constexpr double limit_on_uml = 1.0;
    const rlimit limit{many + 100, many + 100};
    checked(::setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
    allow_ping();
    ASSERT_EQ(load(), 0);
    ASSERT_EQ(unload_when_free(), 0);
    const auto before = traces();
    const auto in_use = lines_of("/proc/net/sockstat", false);
    ASSERT_EQ(load(), 0);
    auto objects = objects_in_use();

    std::vector<Fd> sockets = open_mixed_sockets(many);
    EXPECT_EQ(count_by_ss(), many);
    // A debug kernel takes half a second to start a program.
    const double start = best_seconds_of_xinet({"--version"});
    const double listing = best_seconds_of_xinet({"ss", "-a", "-n"}) - start;
    std::cout << "listed in " << listing << " s, after a start of " << start << " s\n";
    if (on_uml()) {
        EXPECT_LT(listing, limit_on_uml);
    }
    EXPECT_GE(objects_in_use()["sock_inode_cache"], objects["sock_inode_cache"] + long(many));

    EXPECT_EQ(unload(), EWOULDBLOCK);
    sockets.clear();
    EXPECT_EQ(count_by_ss(), 0U);
    expect_objects_back(objects, many);
    EXPECT_EQ(unload_when_free(std::chrono::minutes(1)), 0);
    EXPECT_EQ(before, traces());
    expect_lines("/proc/net/sockstat", in_use);
}

// Whoever has begun to read a dump is answered by code of the module.
TEST_F(Module, dump_that_is_not_read_to_its_end_keeps_the_module) {
    ASSERT_EQ(load(), 0);
    std::vector<Fd> sockets = open_mixed_sockets(1000);
    Diag diag;
    diag.begin(xinet_request());
    sockets.clear();
    EXPECT_EQ(unload(), EWOULDBLOCK);
    diag = {};
    EXPECT_EQ(unload_when_free(), 0);
}

TEST_F(Module, ss_says_that_there_is_no_module_and_loads_none) {
    Program ss({in_tree("tools/build/xinet"), "ss"});
    EXPECT_NE(ss.error_line().find("module is not loaded"), std::string::npos);
    EXPECT_EQ(ss.wait(), 2);
    EXPECT_FALSE(loaded());
}

TEST_F(Module, refused_socket_calls_keep_no_reference) {
    const NoAutoload guard;
    ASSERT_EQ(load(), 0);
    const int idle = references();
    for (int type = 0; type < 12; type++)
        for (const int protocol : {-1, 300})
            Fd(::socket(PF_XINET, type, protocol)).close();
    without_capabilities(
        [] { return outcome_of([] { return ::socket(PF_XINET, SOCK_RAW, IPPROTO_ICMP); }); });
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (references() != idle && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_EQ(references(), idle);
}

TEST_F(Module, a_hundred_rounds_leave_everything_as_it_was) {
    ASSERT_EQ(load(), 0);
    ASSERT_EQ(unload_when_free(), 0);
    const auto before = traces();
    for (int round = 0; round < 100; round++) {
        ASSERT_EQ(load(), 0) << "round " << round;
        if (round % 10 == 0) {
            const Fd raw = open_socket(Side::xinet, Kind::raw, IPPROTO_ICMP);
            const Fd packet = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        }
        ASSERT_EQ(unload_when_free(), 0) << "round " << round;
    }
    EXPECT_EQ(before, traces());
}

TEST_F(Module, protocols_and_hooks_are_there_only_as_long_as_needed) {
    ASSERT_EQ(load(), 0);
    const auto idle = lines_of("/proc/net/ptype", false);
    Fd packet = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
    Fd raw = open_socket(Side::xinet, Kind::raw, IPPROTO_ICMP);
    EXPECT_GE(lines_of("/proc/net/ptype", false).size(), idle.size() + 2);
    packet.close();
    raw.close();
    EXPECT_EQ(lines_of("/proc/net/ptype", false), idle);
}

// What waits for a verdict of userspace goes with the hooks: in front of ours and behind it.
TEST_F(Module, packet_that_waits_in_a_queue_does_not_keep_the_module) {
    if (!has_nfqueue())
        GTEST_SKIP() << "this kernel has no NFQUEUE";
    constexpr uint16_t number = 7;
    for (const int priority : {0, INT_MAX}) {
        SCOPED_TRACE("chain at " + std::to_string(priority));
        ASSERT_EQ(load(), 0);
        create_loopback_namespace().run([&] {
            queue_input(priority, number);
            Nfqueue queue(number);
            Fd host = open_raw_at(XINET_RAW_POINT_HOST, experimental_protocol);
            const Fd theirs = open_raw(Side::sibling, experimental_protocol);
            const auto send = [&](const char* mark) {
                send_to(theirs.get(), repeated(mark, 64), ipv4_address(loopback_address));
                return queue.await(mark);
            };
            const uint32_t early = send("xt-early");
            host.close();
            EXPECT_EQ(unload_when_free(), 0);
            EXPECT_EQ(queue.accept(early), ENOENT);
            EXPECT_EQ(queue.accept(send("xt-after")), 0);
            EXPECT_TRUE(contains(receive(theirs.get()).data, "xt-after"));
        });
    }
}

TEST_F(Module, socket_call_loads_the_module_by_its_alias) {
    for (int round = 0; round < 2; round++) {
        Fd socket = family_socket(PF_XINET);
        EXPECT_TRUE(socket) << strerrorname_np(errno);
        EXPECT_TRUE(loaded());
        EXPECT_EQ(unload(), EWOULDBLOCK);
        socket.close();
        EXPECT_EQ(unload_when_free(), 0);
    }
}

} // namespace
} // namespace xt
