// SPDX-License-Identifier: GPL-2.0-or-later
// Topologies in which the host does not get what comes in: a container on ipvlan, NAT, IPsec,
// several uplinks and their marks. Real stacks answer at the far end; at XINET_RAW_POINT_HOST a
// socket must receive what PF_INET's does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#include <optional>
#include <stdexcept>

#include "support/inet.h"
#include "support/kernel_module.h"
#include "support/module_parameter.h"
#include "support/outcome.h"
#include "support/raw_point.h"
#include "support/sys.h"
#include "support/wire.h"

namespace xt {
namespace {

using Marks = std::vector<std::string>;

std::string mac_text(const Mac& mac) {
    char text[18];
    std::snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                  mac[3], mac[4], mac[5]);
    return text;
}

// Devices come up one after the other, and a neighbour's answer takes a moment: the first packet
// is repeated until it comes through.
void ping_until_answered(const char* to) {
    const Fd socket = open_raw(Side::sibling, IPPROTO_ICMP);
    for (auto patience = deadline; patience.count() > 0;
         patience -= std::chrono::milliseconds(200)) {
        send_to(socket.get(), echo_request("xt-probe"), ipv4_address(to));
        if (wait_for(socket.get(), POLLIN, std::chrono::milliseconds(200)))
            return;
    }
    FAIL() << to << " does not answer";
}

// Each socket asks once; returns when all have had all answers.
void ping_from_each(const Ears& ears, const char* to) {
    ping(ears.sibling, "xt-inet-", to);
    ears.await("xt-inet-");
    ping(ears.host, "xt-host-", to);
    ears.await("xt-host-");
    ping(ears.wire, "xt-wire-", to);
    ears.await("xt-wire-");
}

const Marks all_answers{"xt-inet-", "xt-host-", "xt-wire-"};

// --- a container on ipvlan ----------------------------------------------------------------------
//
//   container: xtiv 10.2.0.50  --ipvlan-->  host: xtm  <------------>  far: xtfar 10.2.0.2

struct IpvlanCase {
    const char* name;
    const char* mode;
    bool sockets_first;                    // they were there before the device, and what it hooks
    const char* mode_under_them = nullptr; // set once everything is there
};

void PrintTo(const IpvlanCase& c, std::ostream* out) {
    *out << c.name;
}

class RawPointIpvlan : public testing::TestWithParam<IpvlanCase> {};

TEST_P(RawPointIpvlan, container_receives_as_over_pf_inet) {
    const NetNs host = NetNs::create(), container = NetNs::create(), far = NetNs::create();
    Ears ears;
    const auto open = [&] { container.run([&] { ears = Ears(IPPROTO_ICMP); }); };
    if (GetParam().sockets_first)
        open();
    host.run([&] {
        ip("link add xtm type veth peer name xtfar netns " + path_of(far), "link set xtm up",
           "link add link xtm name xtiv netns " + path_of(container) + " type ipvlan mode " +
               GetParam().mode);
    });
    // in the l3 modes nobody asks who has an address, or answers
    const std::string near = mac_text(host.run([] { return link::mac("xtm"); }));
    const std::string there = mac_text(far.run([] { return link::mac("xtfar"); }));
    far.run([&] {
        ip("addr add 10.2.0.2/24 dev xtfar", "link set xtfar up",
           "neigh replace 10.2.0.50 lladdr " + near + " dev xtfar nud permanent");
    });
    host.run([&] { ip("neigh replace 10.2.0.2 lladdr " + there + " dev xtm nud permanent"); });
    container.run([&] {
        ip("link set lo up", "addr add 10.2.0.50/24 dev xtiv", "link set xtiv up",
           "route replace default dev xtiv");
        ping_until_answered("10.2.0.2");
        if (!GetParam().sockets_first)
            open();
        if (GetParam().mode_under_them)
            ip("link set xtiv type ipvlan mode " + std::string(GetParam().mode_under_them));
        ping_from_each(ears, "10.2.0.2");
    });
    ears.expect_equal(all_answers);
}

INSTANTIATE_TEST_SUITE_P(Modes, RawPointIpvlan,
                         testing::Values(IpvlanCase{"l2", "l2", false},
                                         IpvlanCase{"l3", "l3", false},
                                         IpvlanCase{"l3s", "l3s", false},
                                         IpvlanCase{"l3s_after_the_sockets", "l3s", true},
                                         IpvlanCase{"l3s_under_the_sockets", "l2", false, "l3s"}),
                         [](const auto& info) { return std::string(info.param.name); });

// --- two hosts on one wire ----------------------------------------------------------------------
//
//   here: xtin 10.3.0.1  <------------>  far: xtout 10.3.0.2

class RawPointHosts : public testing::Test {
protected:
    void SetUp() override {
        here_.run([this] {
            ip("link add xtin type veth peer name xtout netns " + path_of(far_), "link set lo up",
               "addr add 10.3.0.1/24 dev xtin", "link set xtin up");
        });
        far_.run([] {
            ip("link set lo up", "addr add 10.3.0.2/24 dev xtout", "link set xtout up");
            set_sysctl("icmp_ratelimit", "0");
        });
        here_.run([] { ping_until_answered("10.3.0.2"); });
    }

    NetNs here_ = NetNs::create();
    NetNs far_ = NetNs::create();
};

class RawPointNat : public RawPointHosts {
protected:
    void SetUp() override {
        if (!has_nat())
            GTEST_SKIP() << "this kernel has no NAT";
        RawPointHosts::SetUp();
        here_.run([] {
            ip("link add xtd type dummy", "addr add 10.4.0.1/24 dev xtd", "link set xtd up",
               "route add 10.96.0.0/16 via 10.3.0.2");
            nft("table ip xtfw {"
                " chain xo { type nat hook output priority -100; ip daddr 10.96.0.1 dnat to "
                "10.3.0.2; };"
                " chain xp { type nat hook postrouting priority 100;"
                " ip saddr 10.4.0.1 oif xtin masquerade; }; }");
        });
    }
};

// A service address, which this host translates on the way out.
TEST_F(RawPointNat, answer_of_a_service_address_has_that_address) {
    here_.run([] {
        Ears ears(IPPROTO_ICMP);
        ping_from_each(ears, "10.96.0.1");
        const auto from = receive(ears.host.get(), any_size, MSG_PEEK).from_as<sockaddr_in>();
        EXPECT_EQ(from.sin_addr.s_addr, ipv4_address("10.96.0.1").sin_addr.s_addr);
        ears.expect_equal(all_answers);
    });
}

TEST_F(RawPointNat, connected_socket_hears_the_service_it_is_connected_to) {
    here_.run([] {
        Ears ears(IPPROTO_ICMP);
        for (const Fd* socket : ears.all())
            connect_to(*socket, ipv4_address("10.96.0.1"));
        ping_from_each(ears, "10.96.0.1");
        ears.expect_equal(all_answers);
    });
}

TEST_F(RawPointNat, bound_socket_hears_answers_to_its_masqueraded_address) {
    here_.run([] {
        Ears ears(IPPROTO_ICMP);
        for (const Fd* socket : ears.all())
            bind_to(*socket, ipv4_address("10.4.0.1"));
        ping_from_each(ears, "10.3.0.2");
        ears.expect_equal(all_answers);
    });
}

// An error behind the firewall quotes what the socket has sent.
TEST_F(RawPointNat, connected_socket_learns_of_errors_about_what_was_translated) {
    here_.run([] {
        Ears ears(experimental_protocol);
        for (const Fd* socket : ears.all()) {
            set_option(*socket, SOL_IP, IP_RECVERR, 1);
            connect_to(*socket, ipv4_address("10.96.0.1"));
        }
        ears.monitor = open_raw(Side::sibling, IPPROTO_ICMP);
        send_to(ears.sibling.get(), repeated("xt-error", 64), ipv4_address("10.96.0.1"));
        ears.await("xt-error");
        const auto reported = [](const Fd& socket) {
            const int error = get_option(socket, SOL_SOCKET, SO_ERROR);
            return std::pair(error, receive_now(socket.get(), any_size, MSG_ERRQUEUE));
        };
        const auto theirs = reported(ears.sibling);
        EXPECT_EQ(theirs.first, ENOPROTOOPT);
        EXPECT_EQ(reported(ears.host), theirs);
        EXPECT_EQ(reported(ears.wire), theirs);
    });
}

// What a masquerading host forwards to those behind it is not for the host.
TEST_F(RawPointNat, host_that_masquerades_for_others_hears_its_own_answers) {
    const NetNs client = NetNs::create();
    here_.run([&] {
        ip("link add xtlan type veth peer name xtcl netns " + path_of(client),
           "addr add 10.5.0.1/24 dev xtlan", "link set xtlan up");
        set_sysctl("ip_forward", "1");
        nft("add rule ip xtfw xp ip saddr 10.5.0.0/24 oif xtin masquerade");
    });
    client.run([] {
        ip("addr add 10.5.0.2/24 dev xtcl", "link set xtcl up", "route add default via 10.5.0.1");
        ping_until_answered("10.3.0.2");
    });
    here_.run([&] {
        Ears ears(IPPROTO_ICMP);
        client.run([] {
            const Ears theirs(IPPROTO_ICMP);
            ping(theirs.sibling, "xt-lan--", "10.3.0.2");
            theirs.await("xt-lan--");
        });
        ping_from_each(ears, "10.3.0.2");
        if (!self_check()) {
            EXPECT_EQ(marks_of(ears.wire), (Marks{"xt-lan--", "xt-inet-", "xt-host-", "xt-wire-"}));
        }
        ears.expect_equal(all_answers);
    });
}

// What PREROUTING sends elsewhere on this host.
TEST_F(RawPointNat, address_that_is_redirected_is_the_one_that_is_heard) {
    here_.run([&] {
        nft("table ip xtfw { chain xr { type nat hook prerouting priority -100;"
            " ip daddr 10.4.0.9 dnat to 10.3.0.1; }; }");
        far_.run([] { ip("route add 10.4.0.0/24 via 10.3.0.1"); });
        Ears ears(experimental_protocol);
        const Fd sender = far_.run([] { return open_raw(Side::sibling, experimental_protocol); });
        send_to(sender.get(), repeated("xt-redir", 64), ipv4_address("10.4.0.9"));
        ears.await("xt-redir");
        ears.expect_equal({"xt-redir"});
    });
}

// --- IPsec in transport mode --------------------------------------------------------------------

class RawPointIpsec : public RawPointHosts {
protected:
    void SetUp() override {
        static const bool there = NetNs::create().run([] { return try_ip("xfrm state flush"); });
        if (!there)
            GTEST_SKIP() << "this kernel has no IPsec";
        RawPointHosts::SetUp();
        here_.run([] { protect("10.3.0.1", "10.3.0.2"); });
        far_.run([] { protect("10.3.0.2", "10.3.0.1"); });
    }

    // Everything between the two addresses, this host being `own`.
    static void protect(const std::string& own, const std::string& other) {
        const auto state = [](const std::string& ends) {
            return "xfrm state add " + ends +
                   " proto esp spi 0x7874 mode transport aead "
                   "\"rfc4106(gcm(aes))\" 0x0123456789abcdef0123456789abcdef01234567 128";
        };
        const auto policy = [](const std::string& ends, const char* direction) {
            return "xfrm policy add " + ends + " dir " + direction + " tmpl " + ends +
                   " proto esp mode transport";
        };
        const std::string out = "src " + own + " dst " + other;
        const std::string in = "src " + other + " dst " + own;
        ip(state(out), policy(out, "out"), state(in), policy(in, "in"));
    }
};

TEST_F(RawPointIpsec, what_was_encrypted_is_received_in_clear) {
    here_.run([] {
        Ears ears(IPPROTO_ICMP);
        ping_from_each(ears, "10.3.0.2");
        ears.expect_equal(all_answers);
    });
}

TEST_F(RawPointIpsec, what_should_have_been_encrypted_is_not_received) {
    here_.run([this] {
        Ears ears(experimental_protocol);
        const Fd sender = far_.run([] { return open_raw(Side::sibling, experimental_protocol); });
        far_.run([] { ip("xfrm policy flush", "xfrm state flush"); });
        send_to(sender.get(), repeated("xt-clear", 64), ipv4_address("10.3.0.1"));
        far_.run([] { protect("10.3.0.2", "10.3.0.1"); });
        send_to(sender.get(), repeated("xt-crypt", 64), ipv4_address("10.3.0.1"));
        ears.await("xt-crypt");
        EXPECT_EQ(marks_of(ears.sibling), Marks{"xt-crypt"});
        EXPECT_EQ(marks_of(ears.host), Marks{"xt-crypt"});
    });
}

// Raw sockets that a user has opened who is root of namespaces of his own only; a process holds
// them.
class UsersSockets {
public:
    explicit UsersSockets(int protocol) {
        int up[2], down[2];
        checked(::pipe2(up, O_CLOEXEC), "pipe");
        checked(::pipe2(down, O_CLOEXEC), "pipe");
        const Fd ready(up[0]), tells(up[1]);
        Fd waits(down[0]);
        quit_ = Fd(down[1]);
        const ModuleParameter userns("userns", 1);
        user_ = checked(::fork(), "fork");
        if (user_ == 0) {
            quit_.close();
            hold(protocol, tells.get(), waits.get());
        }
        char opened = 0;
        if (::read(ready.get(), &opened, 1) != 1 || !opened)
            throw std::runtime_error("the user has no socket");
    }
    ~UsersSockets() { close(); }
    UsersSockets(const UsersSockets&) = delete;
    UsersSockets& operator=(const UsersSockets&) = delete;

    void close() {
        quit_.close();
        if (user_ > 0)
            ::waitpid(std::exchange(user_, -1), nullptr, 0);
    }

private:
    [[noreturn]] static void hold(int protocol, int tells, int waits) {
        constexpr uid_t nobody = 65534;
        const bool became = ::setresgid(nobody, nobody, nobody) == 0 &&
                            ::setresuid(nobody, nobody, nobody) == 0 &&
                            ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
        const Fd socket(try_socket(Side::xinet, Kind::raw, protocol));
        char opened = became && socket;
        if (::write(tells, &opened, 1) == 1)
            (void)!::read(waits, &opened, 1); // until the other end goes
        _exit(0);
    }

    Fd quit_;
    pid_t user_ = -1;
};

// What raw sockets of ESP had left in the kernel's tables would be in the way of esp4, and of
// ip_vti, which puts itself in front of it.
class RawPointIpsecModules : public RawPointIpsec {
protected:
    void SetUp() override {
        for (const char* name : {"esp4", "ip_vti"}) {
            if (form_of_module(name) != ModuleForm::file)
                GTEST_SKIP() << "this kernel has no module " << name;
            ASSERT_TRUE(remove_module(name));
        }
        sockets_.emplace(IPPROTO_ESP);
        EXPECT_FALSE(module_is_loaded("esp4"));
        RawPointIpsec::SetUp(); // the first state asks for esp4
    }
    void ping_encrypted() {
        here_.run([] { ping_until_answered("10.3.0.2"); });
    }

    std::optional<UsersSockets> sockets_;
};

TEST_F(RawPointIpsecModules, come_and_go_beside_a_users_sockets_and_after_them) {
    EXPECT_TRUE(module_is_loaded("esp4"));
    ping_encrypted();
    sockets_->close();
    ping_encrypted();
    for (int round = 0; round < 2; round++) {
        EXPECT_TRUE(modprobe({"ip_vti"}));
        ping_encrypted();
        EXPECT_TRUE(remove_module("ip_vti"));
        ping_encrypted();
        for (const NetNs* end : {&here_, &far_})
            end->run([] { ip("xfrm policy flush", "xfrm state flush"); });
        EXPECT_TRUE(remove_module("esp4"));
        here_.run([] { protect("10.3.0.1", "10.3.0.2"); });
        far_.run([] { protect("10.3.0.2", "10.3.0.1"); });
    }
}

// --- several uplinks ----------------------------------------------------------------------------
//
//   here: xta 10.1.0.1  <------------>  far: xtfa 10.1.0.2, and 192.0.2.1 behind both
//         xtb 10.2.0.1  <------------>       xtfb 10.2.0.2

class RawPointUplinks : public testing::Test {
protected:
    void SetUp() override {
        here_.run([this] {
            ip("link add xta type veth peer name xtfa netns " + path_of(far_),
               "link add xtb type veth peer name xtfb netns " + path_of(far_));
            for (const char* name : {"all", "default", "xta", "xtb"}) {
                set_sysctl("conf/" + std::string(name) + "/rp_filter", "1");
                set_sysctl("conf/" + std::string(name) + "/src_valid_mark", "1");
            }
            ip("addr add 10.1.0.1/24 dev xta", "addr add 10.2.0.1/24 dev xtb", "link set lo up",
               "link set xta up", "link set xtb up");
        });
        far_.run([] {
            for (const char* name : {"all", "xtfa", "xtfb"})
                set_sysctl("conf/" + std::string(name) + "/rp_filter", "0");
            ip("addr add 10.1.0.2/24 dev xtfa", "addr add 10.2.0.2/24 dev xtfb",
               "addr add 192.0.2.1/32 dev lo", "link set lo up", "link set xtfa up",
               "link set xtfb up");
        });
        here_.run([] {
            ip("route add default via 10.1.0.2", "route add default via 10.2.0.2 table 200");
            ping_until_answered("10.1.0.2");
            ping_until_answered("10.2.0.2");
        });
    }

    NetNs here_ = NetNs::create();
    NetNs far_ = NetNs::create();
};

// Not every kernel keeps marks of connections.
bool has_connection_marks() {
    return NetNs::create().run([] {
        return try_nft("table ip xtfw { chain xc { type filter hook input priority 0; "
                       "ct mark set meta mark; }; }");
    });
}

// As mwan3 does: a connection remembers the uplink it went by, and what comes in is marked with
// it before its route, and that back, is looked up.
TEST_F(RawPointUplinks, marks_that_the_firewall_restores_count) {
    if (!has_connection_marks())
        GTEST_SKIP() << "this kernel has no marks of connections";
    here_.run([] {
        ip("rule add fwmark 2 lookup 200");
        nft("table ip xtfw {"
            " chain xpre { type filter hook prerouting priority -150; meta mark set ct mark; };"
            " chain xout { type filter hook output priority -150; ct mark set meta mark; }; }");
        Ears ears(IPPROTO_ICMP);
        for (const Fd* socket : ears.all())
            set_option(*socket, SOL_SOCKET, SO_MARK, 2);
        ping_from_each(ears, "192.0.2.1");
        ears.expect_equal(all_answers);
    });
}

// As Tailscale does: what comes in by one device is marked.
TEST_F(RawPointUplinks, marks_that_the_firewall_sets_count) {
    here_.run([] {
        ip("rule add fwmark 0x40000/0xff0000 lookup 200");
        nft("table ip xtfw { chain xpre { type filter hook prerouting priority -150;"
            " iif xtb meta mark set 0x40000; }; }");
        Ears ears(IPPROTO_ICMP);
        for (const Fd* socket : ears.all())
            set_option(*socket, SOL_SOCKET, SO_MARK, 0x40000);
        ping_from_each(ears, "192.0.2.1");
        ears.expect_equal(all_answers);
    });
}

TEST_F(RawPointUplinks, rules_by_address_count) {
    here_.run([] {
        ip("rule add from 10.2.0.1 lookup 200");
        Ears ears(IPPROTO_ICMP);
        for (const Fd* socket : ears.all())
            bind_to(*socket, ipv4_address("10.2.0.1"));
        ping_from_each(ears, "192.0.2.1");
        if (!self_check()) {
            EXPECT_EQ(marks_of(ears.wire), all_answers);
        }
        ears.expect_equal(all_answers);
    });
}

// Without a mark the way back is another one, and strict source validation drops the packet.
TEST_F(RawPointUplinks, strict_source_validation_counts) {
    here_.run([this] {
        Ears ears(experimental_protocol);
        far_.run([] {
            const Fd sender = open_raw(Side::sibling, experimental_protocol);
            bind_to(sender, ipv4_address("192.0.2.1"));
            send_to(sender.get(), repeated("xt-wrong", 64), ipv4_address("10.2.0.1"));
            send_to(sender.get(), repeated("xt-right", 64), ipv4_address("10.1.0.1"));
        });
        ears.await("xt-right");
        ears.expect_equal({"xt-right"});
    });
}

} // namespace
} // namespace xt
