// SPDX-License-Identifier: GPL-2.0-or-later
// Sockets that come and go: with their processes, threads, namespaces and devices.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/wire.h"

namespace xt {
namespace {

// How many sockets /proc/net/protocols counts for the protocols of a module, in this thread's
// namespace; -1 when there is no such protocol.
int sockets_of_module(const std::string& module) {
    std::ifstream file("/proc/thread-self/net/protocols");
    int count = -1;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string name, size, memory, press, maxhdr, slab, owner;
        int sockets = 0;
        if (!(words >> name >> size >> sockets >> memory >> press >> maxhdr >> slab >> owner))
            continue;
        if (owner == module)
            count = std::max(count, 0) + sockets;
    }
    return count;
}

TEST(Lifecycle, proc_net_protocols_counts_our_sockets) {
    if (self_check())
        GTEST_SKIP() << "needs the module";
    NetNs::create().run([] {
        ASSERT_EQ(sockets_of_module("xinet"), 0) << "no protocol of module xinet";
        std::vector<Fd> sockets;
        for (const Kind kind : all_kinds) {
            sockets.push_back(open_socket(Side::xinet, kind, 1));
            EXPECT_EQ(sockets_of_module("xinet"), int(sockets.size()));
        }
        sockets.clear();
        EXPECT_EQ(sockets_of_module("xinet"), 0);
    });
}

class Lifecycle : public testing::TestWithParam<std::tuple<Side, Kind>> {
protected:
    [[nodiscard]] Side side() const { return std::get<0>(GetParam()); }
    [[nodiscard]] Kind kind() const { return std::get<1>(GetParam()); }
    [[nodiscard]] bool is_raw() const { return kind() == Kind::raw; }
    [[nodiscard]] int protocol() const {
        return is_raw() ? experimental_protocol : experimental_ethertype;
    }
    [[nodiscard]] Fd open() const { return open_socket(side(), kind(), protocol()); }
    // Sends something that every socket of open() gets.
    void send(const char* text) const {
        const Bytes payload = repeated(text, 64);
        wire_.send(is_raw() ? ethernet(here_mac(), ETH_P_IP, Ipv4{}.packet(payload))
                            : ethernet(here_mac(), experimental_ethertype, payload));
    }
    Injector wire_ = Injector::at_peer();
};

TEST_P(Lifecycle, sockets_opened_and_closed_under_traffic_leave_the_others_alone) {
    const Fd steady = open();
    for (int round = 0; round < 5; round++) {
        std::vector<Fd> guests;
        for (int i = 0; i < 40; i++) {
            guests.push_back(open());
            if (i % 8 == 0)
                send("to all  ");
        }
        for (int i = 0; i < 5; i++)
            EXPECT_TRUE(contains(receive(steady.get()).data, "to all  "));
        EXPECT_TRUE(contains(receive(guests.front().get()).data, "to all  "));
        close_together(guests);
        send("after it");
        EXPECT_TRUE(contains(receive(steady.get()).data, "after it"));
    }
}

TEST_P(Lifecycle, socket_lives_until_its_last_process_closes_it) {
    Fd socket = open();
    Fd copy(checked(dup(socket.get()), "dup"));
    socket.close();
    const pid_t child = checked(fork(), "fork");
    if (child == 0)
        _exit(close(copy.get()));
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    send("for two ");
    EXPECT_TRUE(contains(receive(copy.get()).data, "for two "));
}

TEST_P(Lifecycle, process_that_dies_with_sockets_and_packets_leaves_nothing) {
    const Fd witness = open();
    int ends[2];
    checked(pipe(ends), "pipe");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t child = checked(fork(), "fork");
    if (child == 0) {
        std::vector<Fd> held;
        for (int i = 0; i < 10; i++)
            held.push_back(open());
        if (write(writer.get(), "!", 1) == 1)
            pause();
        _exit(0);
    }
    writer.close();
    char byte;
    ASSERT_EQ(read(reader.get(), &byte, 1), 1);
    send("to dead ");
    receive_marked(witness.get(), "to dead ");
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    send("survive ");
    EXPECT_TRUE(contains(receive_marked(witness.get(), "survive ").data, "survive "));
}

TEST_P(Lifecycle, close_does_not_disturb_a_thread_that_waits_in_recv) {
    Fd socket = open();
    const int number = socket.get();
    Fd keeper(checked(dup(number), "dup"));
    long result = 0;
    std::thread reader([&] {
        uint8_t room[2048];
        result = ::recv(keeper.get(), room, sizeof(room), 0);
    });
    socket.close();
    send("wake up ");
    reader.join();
    EXPECT_GT(result, 0);
}

TEST_P(Lifecycle, namespace_goes_when_its_last_socket_is_closed) {
    // Whether the namespace is freed cannot be seen from here; the guest's log and kmemleak see.
    for (int i = 0; i < 3; i++) {
        std::vector<Fd> sockets;
        NetNs::create().run([&] {
            for (int j = 0; j < 4; j++)
                sockets.push_back(open());
        });
        EXPECT_EQ(poll_now(sockets[0].get(), POLLIN), 0);
        if (is_raw()) {
            EXPECT_EQ(send_to(sockets[0].get(), Bytes(8), ipv4_address(peer_address)), -1);
            EXPECT_EQ(errno, ENETUNREACH);
        }
    }
}

TEST_P(Lifecycle, namespace_without_names_keeps_its_traffic_apart) {
    const Fd here = open();
    const Fd there = NetNs::create().run([&] { return open(); });
    send("for here");
    EXPECT_TRUE(contains(receive(here.get()).data, "for here"));
    EXPECT_FALSE(receive_now(there.get()));
}

std::string lifecycle_name(const testing::TestParamInfo<std::tuple<Side, Kind>>& info) {
    return to_string(std::get<0>(info.param)) + "_" + to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(Each, Lifecycle,
                         testing::Combine(testing::ValuesIn(both_sides),
                                          testing::ValuesIn(all_kinds)),
                         lifecycle_name);

// A device that goes while sockets are bound to it; in a namespace of its own.
class DeviceGone : public OfEachKind {
protected:
    // What a socket bound to the device tells at each stage of its end, which `end` is.
    std::string story_of(Side side, const std::function<std::string(int ifindex)>& end) const {
        return NetNs::create().run([&] {
            link::add_dummy("xtgone", nobodys_mac);
            const int ifindex = link::index("xtgone");
            link::set_up(ifindex, true);
            const Fd socket = open_socket(side, kind(), is_raw() ? experimental_protocol : 0);
            bind_to_device(socket, ifindex);
            std::ostringstream story;
            const auto tell = [&](const std::string& stage) {
                story << stage << ": events " << poll_now(socket.get(), POLLIN | POLLOUT) << ", ";
                story << state_of(socket.get(), kind()) << attempts(socket, ifindex) << "\n";
            };
            tell("up");
            link::set_up(ifindex, false);
            tell("down");
            tell("still down");
            link::set_up(ifindex, true);
            tell("up again");
            tell("gone, " + end(ifindex));
            tell("still gone");
            return story.str();
        });
    }

    void expect_equal_stories(const std::function<std::string(int ifindex)>& end) const {
        std::string sibling;
        try {
            sibling = story_of(Side::sibling, end);
        } catch (const std::system_error& error) {
            if (self_check() && error.code().value() == EOPNOTSUPP)
                GTEST_SKIP() << "no dummy devices here";
            throw;
        }
        EXPECT_EQ(sibling, story_of(Side::xinet, end));
    }

    void bind_to_device(const Fd& socket, int ifindex) const {
        if (is_raw()) {
            checked(sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, "xtgone", 6),
                    "SO_BINDTODEVICE");
            return;
        }
        bind_to(socket, link_address(experimental_ethertype, ifindex));
        const packet_mreq promiscuous{
            .mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC, .mr_alen = 0, .mr_address = {}};
        checked(sys::setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                                sizeof(promiscuous)),
                "promiscuous");
    }

    // Results and errnos of what a program would try.
    std::string attempts(const Fd& socket, int ifindex) const {
        std::ostringstream out;
        uint8_t byte;
        const auto note = [&](long result) {
            out << result << "/" << (result < 0 ? strerrorname_np(errno) : "ok") << " ";
        };
        note(::recv(socket.get(), &byte, 1, MSG_DONTWAIT));
        note(::recv(socket.get(), &byte, 1, MSG_DONTWAIT));
        const Bytes frame = ethernet(broadcast_mac, experimental_ethertype, Bytes(64));
        if (is_raw()) {
            note(send_to(socket.get(), Bytes(64), ipv4_address("192.0.2.1")));
        } else {
            note(::send(socket.get(), frame.data(), frame.size(), 0));
            note(send_to(socket.get(), frame, link_address(experimental_ethertype, ifindex)));
        }
        return out.str();
    }
};

TEST_P(DeviceGone, bound_socket_tells_of_it_as_the_sibling_does) {
    expect_equal_stories([](int ifindex) {
        link::remove(ifindex);
        return std::string();
    });
}

TEST_P(DeviceGone, one_that_moves_to_another_namespace_is_given_back_and_gone) {
    expect_equal_stories([](int) {
        const NetNs there = NetNs::create();
        ip("link set xtgone netns /proc/" + std::to_string(getpid()) + "/fd/" +
           std::to_string(there.get()));
        return there.run([] {
            const unsigned promiscuous = link::promiscuity(link::index("xtgone"));
            EXPECT_EQ(promiscuous, 0U);
            return "promiscuous there: " + std::to_string(promiscuous);
        });
    });
}

INSTANTIATE_TEST_SUITE_P(Kinds, DeviceGone, testing::ValuesIn(all_kinds), parameter_name<Kind>);

} // namespace
} // namespace xt
