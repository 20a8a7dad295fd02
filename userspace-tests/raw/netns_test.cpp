// SPDX-License-Identifier: GPL-2.0-or-later
// Raw sockets and network namespaces: many at once, a device that moves from one to the other, one
// that ends with its last socket, and what root of a user namespace may do.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <sys/wait.h>

#include <cstdlib>
#include <sstream>
#include <thread>

#include "support/compare.h"
#include "support/module_parameter.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/wire.h"

namespace xt {
namespace {

class RawNetns : public OnEachSide {};

TEST_P(RawNetns, every_one_of_many_namespaces_has_its_own_traffic) {
    constexpr int count = 12;
    struct Room {
        NetNs netns;
        Fd socket;
        Fd sender;
        std::string mark;
    };
    std::vector<Room> rooms;
    for (int i = 0; i < count; i++) {
        NetNs netns = NetNs::create();
        netns.run([] { link::set_up(link::index("lo"), true); });
        Fd socket = netns.run([this] { return raw(experimental_protocol); });
        Fd sender = netns.run([] { return open_raw(Side::sibling, experimental_protocol); });
        rooms.push_back({std::move(netns), std::move(socket), std::move(sender),
                         "netns " + std::to_string(10 + i)});
    }
    for (const auto& room : rooms)
        checked(send_to(room.sender.get(), repeated(room.mark, 64), ipv4_address("127.0.0.1")),
                "send");
    for (const auto& room : rooms) {
        EXPECT_TRUE(contains(receive(room.socket.get()).data, room.mark));
        EXPECT_FALSE(receive_now(room.socket.get()));
    }
}

TEST_P(RawNetns, namespace_ends_with_its_last_socket) {
    NetNs::create().run([this] {
        Fd socket;
        {
            const NetNs inner = NetNs::create();
            ip("link add xtouter type veth peer name xtinner netns /proc/" +
               std::to_string(getpid()) + "/fd/" + std::to_string(inner.get()));
            inner.run([&] {
                ip("addr add 10.77.0.1/24 dev xtinner", "link set xtinner up");
                socket = raw(experimental_protocol);
            });
            link::set_up(link::index("xtouter"), true);
            const Mac to = inner.run([] { return link::mac("xtinner"); });
            const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
            for (int i = 0; i < 4; i++)
                send_to(sender.get(),
                        ethernet(to, ETH_P_IP, Ipv4{}.packet(repeated("to inner", 64))),
                        link_address(0, link::index("xtouter")));
            receive_marked(socket.get(), "to inner");
        }
        EXPECT_NO_THROW(link::index("xtouter")) << "the socket holds the namespace";
        socket.close();
        // its devices go with the namespace, and their other ends with them
        bool gone = false;
        for (auto patience = 12 * deadline; !gone && patience.count() > 0;
             patience -= std::chrono::milliseconds(10)) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            try {
                link::index("xtouter");
            } catch (const std::system_error&) {
                gone = true;
            }
        }
        EXPECT_TRUE(gone) << "the namespace is still there";
    });
}

INSTANTIATE_TEST_SUITE_P(Sides, RawNetns, testing::ValuesIn(both_sides), parameter_name<Side>);

// What sockets of two namespaces receive while a device moves from one to the other and back.
TEST(RawNetnsBoth, device_that_moves_takes_its_packets_along) {
    NetNs::create().run([] {
        const OnOneCpu one_cpu;
        const NetNs first = NetNs::create();
        const NetNs second = NetNs::create();
        const auto path = [](const NetNs& netns) {
            return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(netns.get());
        };
        // xtout is set up last: it then sends at once
        const auto arrive = [](const NetNs& netns) {
            netns.run([] { ip("addr add 10.77.0.1/24 dev xtin", "link set xtin up"); });
            link::set_up(link::index("xtout"), true);
        };
        const auto move = [&](const NetNs& from, const NetNs& to) {
            link::set_up(link::index("xtout"), false);
            from.run([&] { link::move(link::index("xtin"), to.get()); });
            arrive(to);
        };
        ip("link add xtout type veth peer name xtin netns " + path(first));
        arrive(first);

        struct Listener {
            std::string name;
            Fd sibling;
            Fd xinet;
        };
        std::vector<Listener> listeners;
        const auto listen = [&](const NetNs& netns, const std::string& name, bool bound) {
            netns.run([&] {
                Listener one{name, open_raw(Side::sibling, experimental_protocol),
                             open_raw(Side::xinet, experimental_protocol)};
                for (const Fd* socket : {&one.sibling, &one.xinet})
                    if (bound)
                        checked(
                            sys::setsockopt(socket->get(), SOL_SOCKET, SO_BINDTODEVICE, "xtin", 5),
                            "SO_BINDTODEVICE");
                listeners.push_back(std::move(one));
            });
        };
        listen(first, "first", false);
        listen(first, "first, bound", true);
        listen(second, "second", false);

        const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        const auto send_and_compare = [&](const NetNs& where, const char* stage) {
            const Mac to = where.run([] { return link::mac("xtin"); });
            const Fd monitor =
                where.run([] { return open_socket(Side::sibling, Kind::packet, ETH_P_ALL); });
            const auto out = link_address(0, link::index("xtout"));
            for (int i = 0; i < 2; i++)
                checked(send_to(sender.get(),
                                ethernet(to, ETH_P_IP, Ipv4{}.packet(repeated("xt-moves", 64))),
                                out),
                        "send");
            checked(send_to(sender.get(),
                            ethernet(to, experimental_ethertype, repeated("xt-fence", 64)), out),
                    "send");
            receive_marked(monitor.get(), "xt-fence");
            std::string who;
            for (const auto& one : listeners)
                for (int i = 0; i < 2; i++) {
                    const auto theirs = receive_now(one.sibling.get());
                    EXPECT_EQ(theirs, receive_now(one.xinet.get())) << stage << ": " << one.name;
                    who += theirs ? "1" : "0";
                }
            return who;
        };
        EXPECT_EQ(send_and_compare(first, "at first").substr(4), "00");
        move(first, second);
        EXPECT_EQ(send_and_compare(second, "moved"), "000011");
        move(second, first);
        EXPECT_EQ(send_and_compare(first, "back").substr(4), "00");
    });
}

// What root of a new user namespace is told, first in the namespace it came from.
std::string story_of_user_root(Side side) {
    int ends[2];
    checked(pipe(ends), "pipe");
    const Fd reader(ends[0]);
    Fd writer(ends[1]);
    const pid_t child = checked(fork(), "fork");
    if (child == 0) {
        std::ostringstream story;
        const auto note = [&](const char* what, long result) {
            story << what << " " << (result < 0 ? strerrorname_np(errno) : "ok") << "\n";
        };
        const auto tell = [&] {
            const Fd socket(try_socket(side, Kind::raw, IPPROTO_ICMP));
            note("socket", socket.get());
            const auto to = ipv4_address("127.0.0.1");
            const Bytes echo = icmp(8, 0, 1, 1, Bytes(8));
            note("send", sys::sendto(socket.get(), echo.data(), echo.size(), MSG_DONTWAIT, &to,
                                     sizeof(to)));
            const auto set = [&](const char* name, int level, int option, int value) {
                note(name, sys::setsockopt(socket.get(), level, option, &value, sizeof(value)));
            };
            set("IP_HDRINCL", SOL_IP, IP_HDRINCL, 1);
            set("IP_TRANSPARENT", SOL_IP, IP_TRANSPARENT, 1);
            set("SO_MARK", SOL_SOCKET, SO_MARK, 1);
            set("SO_RCVBUFFORCE", SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
            set("SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 7);
            note("SO_BINDTODEVICE",
                 sys::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
        };
        note("new user", ::unshare(CLONE_NEWUSER));
        tell();
        note("new net", ::unshare(CLONE_NEWNET));
        tell();
        const std::string text = story.str();
        _exit(::write(writer.get(), text.data(), text.size()) == ssize_t(text.size()) ? 0 : 1);
    }
    writer.close();
    std::string story(4096, '\0');
    story.resize(size_t(checked(::read(reader.get(), story.data(), story.size()), "read")));
    int status = -1;
    checked(waitpid(child, &status, 0), "waitpid");
    return story + "exit " + std::to_string(status);
}

TEST(RawNetnsBoth, root_of_a_user_namespace_may_use_them_in_its_own_only) {
    const ModuleParameter userns("userns", 1);
    const std::string theirs = story_of_user_root(Side::sibling);
    EXPECT_EQ(theirs, story_of_user_root(Side::xinet));
    EXPECT_NE(theirs.find("new user ok\nsocket EPERM"), std::string::npos) << theirs;
    EXPECT_NE(theirs.find("new net ok\nsocket ok"), std::string::npos) << theirs;
}

} // namespace
} // namespace xt
