// SPDX-License-Identifier: GPL-2.0-or-later
// Raw sockets. Each race sends to, and receives from, addresses of lo; close and open again
// (renew) is a racer of every one of them.
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <linux/xinet.h>
#include <netinet/ip.h>

#include "classes.h"
#include "support/frame.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt::stress {
namespace {

constexpr const char* own_address = "127.0.0.1";
constexpr const char* other_address = "127.0.0.2";
constexpr const char* nobodys_address = "192.0.2.1";
constexpr int identifiers = 4; // of echo requests, from 0

long set_number(const Target& target, int level, int option, int value) {
    return sys::setsockopt(target.fd, level, option, &value, sizeof(value));
}

void renew_raw(Race& race, const Target& target, Random& random) {
    race.targets().renew(target, Kind::raw,
                         random.one_of<int>({IPPROTO_ICMP, experimental_protocol}));
}

// Runs raw sockets through the racers, and one that closes and opens them.
void run_raw(Race& race, std::vector<Race::Racer> racers) {
    racers.emplace_back([&race](Random& random) { renew_raw(race, race.any(random), random); });
    race.run(racers,
             [&race](const Target& target, Random& random) { renew_raw(race, target, random); });
}

void send(const Target& target, Random& random, int flags = 0) {
    Bytes data(random.one_of<size_t>({0, 8, 19, 20, 64, 1480, 4000, 60000}), 0x45);
    if (random.once_in(2)) {
        // also a packet that IP_HDRINCL lets pass
        const Bytes packet =
            Ipv4{.from = own_address, .to = own_address}.packet(Bytes(random.below(2000)));
        data = packet;
    }
    const auto to = ipv4_address(
        random.one_of({own_address, own_address, other_address, nobodys_address, group_address}));
    const bool named = !random.once_in(4);
    sys::sendto(target.fd, data.data(), data.size(), flags | MSG_DONTWAIT | MSG_NOSIGNAL,
                named ? &to : nullptr, named ? sizeof(to) : 0);
}

void flip_header(const Target& target, Random& random) {
    set_number(target, SOL_IP, IP_HDRINCL, int(random.below(2)));
}

void bind_raw(const Target& target, Random& random) {
    const auto local =
        ipv4_address(random.one_of({"0.0.0.0", own_address, other_address, group_address}));
    sys::bind(target.fd, &local, sizeof(local));
}

void connect_raw(const Target& target, Random& random) {
    auto remote = ipv4_address(random.one_of({own_address, other_address}));
    if (random.once_in(2))
        remote.sin_family = AF_UNSPEC;
    sys::connect(target.fd, &remote, sizeof(remote));
}

void bind_device(const Target& target, Random& random) {
    sys::setsockopt(target.fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", random.once_in(2) ? 3 : 0);
}

void set_filter(const Target& target, Random& random) {
    sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, uint32_t(random.one_of({0, 20, 40, 65535})))};
    const sock_fprog filter{1, code};
    sys::setsockopt(target.fd, SOL_SOCKET, random.once_in(2) ? SO_ATTACH_FILTER : SO_DETACH_FILTER,
                    &filter, sizeof(filter));
    set_number(target, SOL_RAW, ICMP_FILTER, int(random.one_of({0, 1, -1})));
}

void ask_for_identifier(const Target& target, Random& random) {
    set_number(target, SOL_XINET, XINET_RAW_ICMP_ID, int(random.below(identifiers)));
}

// To go back to a point takes a grace period.
void change_point(const Target& target, Random& random) {
    set_number(target, SOL_XINET, XINET_RAW_POINT, int(random.below(2)));
}

void set_ip_options(const Target& target, Random& random) {
    static const Bytes record_route{7, 7, 4, 0, 0, 0, 0, 0};
    sys::setsockopt(target.fd, SOL_IP, IP_OPTIONS, record_route.data(),
                    random.one_of<socklen_t>({0, 8}));
    const int option = random.one_of(
        {IP_MTU_DISCOVER, IP_TOS, IP_TTL, IP_NODEFRAG, IP_PKTINFO, IP_RECVOPTS, IP_MULTICAST_LOOP});
    set_number(target, SOL_IP, option, int(random.below(4)));
}

void join_or_leave(const Target& target, Random& random) {
    const in_addr group = ipv4_address(group_address).sin_addr;
    const in_addr own = ipv4_address(own_address).sin_addr;
    if (random.once_in(2)) {
        const ip_mreq request{group, own};
        sys::setsockopt(target.fd, SOL_IP, random.one_of({IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP}),
                        &request, sizeof(request));
        return;
    }
    const ip_mreq_source request{
        group, own, ipv4_address(random.one_of({own_address, other_address})).sin_addr};
    sys::setsockopt(target.fd, SOL_IP,
                    random.one_of({IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP,
                                   IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE}),
                    &request, sizeof(request));
}

void take_all(const Target& target, Random& random) {
    uint8_t buffer[2048];
    sys::recvfrom(target.fd, buffer, sizeof(buffer),
                  MSG_DONTWAIT | random.one_of<int>({0, 0, MSG_ERRQUEUE, MSG_PEEK}), nullptr,
                  nullptr);
    int value = 0;
    socklen_t length = sizeof(value);
    sys::getsockopt(target.fd, SOL_SOCKET, SO_ERROR, &value, &length);
}

// What raw sockets receive: whole and in pieces, to one and to the group, echo replies, and errors
// about what they seem to have sent.
Race::Racer ip_traffic() {
    return [](Random& random) {
        thread_local const Fd sender = open_raw(Side::sibling, IPPROTO_RAW);
        const auto id = uint16_t(random.below(identifiers));
        const auto protocol = uint8_t(random.one_of<int>({IPPROTO_ICMP, experimental_protocol}));
        const Ipv4 header{.from = own_address,
                          .to = random.one_of({own_address, own_address, other_address}),
                          .protocol = protocol,
                          .id = uint16_t(random.next())};
        const Bytes body = protocol == IPPROTO_ICMP
                               ? icmp(ICMP_ECHOREPLY, 0, id, 1, Bytes(random.below(3000)))
                               : Bytes(random.below(3000));
        std::vector<Bytes> packets{header.packet(body)};
        if (random.once_in(3))
            packets = fragments(header, body, 520);
        const Bytes request = icmp(ICMP_ECHO, 0, id, 1, Bytes(8));
        packets.push_back(
            Ipv4{.from = own_address, .to = own_address, .protocol = IPPROTO_ICMP}.packet(
                icmp(random.one_of<uint8_t>({ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED}),
                     random.one_of<uint8_t>({ICMP_PROT_UNREACH, ICMP_FRAG_NEEDED}), 0, 600,
                     Ipv4{.from = own_address, .to = own_address, .protocol = protocol}.packet(
                         request))));
        for (const auto& packet : packets)
            send_to(sender.get(), packet, ipv4_address(header.to.data()), MSG_DONTWAIT);
        send_to(sender.get(),
                Ipv4{.from = own_address, .to = group_address}.packet(Bytes(random.below(100))),
                ipv4_address(group_address), MSG_DONTWAIT);
    };
}

} // namespace

// CVE-2017-17712: IP_HDRINCL changes between two looks of one sendmsg().
void raw_header_against_send(Race& race) {
    const auto sends = [&race](Random& random) { send(race.any(random), random); };
    const auto flips = [&race](Random& random) {
        for (int i = 0; i < 8; i++)
            flip_header(race.any(random), random);
    };
    const auto sets = [&race](Random& random) { set_ip_options(race.any(random), random); };
    run_raw(race, {sends, sends, flips, sets});
}

// Everything that decides whether a socket gets a packet changes while packets come.
void raw_binds_against_delivery(Race& race) {
    const auto binds = [&race](Random& random) {
        bind_raw(race.any(random), random);
        connect_raw(race.any(random), random);
        bind_device(race.any(random), random);
    };
    const auto filters = [&race](Random& random) {
        set_filter(race.any(random), random);
        if (random.once_in(4))
            change_point(race.any(random), random);
        if (random.once_in(8)) // it lasts until the socket is closed
            ask_for_identifier(race.any(random), random);
    };
    const auto takes = [&race](Random& random) { take_all(race.any(random), random); };
    run_raw(race, {binds, filters, takes, ip_traffic()});
}

// CVE-2017-8890 is of this kind: memberships freed twice, or while somebody reads them.
void raw_memberships_against_delivery(Race& race) {
    const auto joins = [&race](Random& random) { join_or_leave(race.any(random), random); };
    const auto takes = [&race](Random& random) { take_all(race.any(random), random); };
    run_raw(race, {joins, joins, takes, ip_traffic()});
}

// CVE-2017-1000112: what MSG_MORE began goes on under other options.
void raw_corks_against_options(Race& race) {
    const auto corks = [&race](Random& random) {
        const Target& target = race.any(random);
        for (int i = 0; i < 4; i++)
            send(target, random, random.one_of<int>({MSG_MORE, MSG_MORE, 0}));
    };
    const auto sets = [&race](Random& random) {
        set_ip_options(race.any(random), random);
        connect_raw(race.any(random), random);
        flip_header(race.any(random), random);
    };
    run_raw(race, {corks, corks, sets});
}

// The error queue is filled, read and freed at the same time.
void raw_errors_against_close(Race& race) {
    const auto asks = [&race](Random& random) {
        const Target& target = race.any(random);
        set_number(target, SOL_IP, IP_RECVERR, int(random.below(2)));
        set_number(target, SOL_SOCKET, SO_ZEROCOPY, int(random.below(2)));
        set_number(target, SOL_SOCKET, SO_TIMESTAMPING,
                   random.one_of<int>({0, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                                              SOF_TIMESTAMPING_OPT_ID}));
        send(target, random, random.one_of<int>({0, MSG_ZEROCOPY}));
    };
    const auto takes = [&race](Random& random) { take_all(race.any(random), random); };
    run_raw(race, {asks, takes, takes, ip_traffic()});
}

} // namespace xt::stress
