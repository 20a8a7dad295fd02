// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <cstdlib>
#include <cstring>

#include "classes.h"
#include "support/frame.h"
#include "support/link.h"
#include "support/sys.h"
#include "support/traffic.h"
#include "support/vnet.h"

namespace xt::stress {
namespace {

constexpr const char* below = "sendpeer";
constexpr const char* above = "sendvlan";

// Devices that take the header of the first one they are given: Ethernet or, of a tun, none.
constexpr const char* aggregates[] = {"sendbond", "sendteam"};
constexpr const char* members[] = {"dummy", "tun"};

std::string member_name(const char* aggregate, const char* member) {
    return std::string(aggregate) + member[0];
}

// In the namespace of the race: a VLAN on a veth pair, a bond, and a team where the kernel has it,
// with their members. Made by whoever comes first; the VLAN is the last.
void make_devices() {
    if (::if_nametoindex(above))
        return;
    const std::string name = below;
    std::string words = "exec 2>&-; modprobe -q tun; ip link add " + name +
                        " type veth peer name " + name + "2; ip link set " + name +
                        " up; ip link set " + name +
                        "2 up; ip link add sendbond type bond mode active-backup; "
                        "ip link add sendteam type team; ";
    for (const char* aggregate : aggregates)
        words += "ip link add " + member_name(aggregate, "dummy") + " type dummy; ip tuntap add " +
                 member_name(aggregate, "tun") + " mode tun; ip link set " + aggregate + " up; ";
    std::system((words + "ip link add link " + name + " name " + above +
                 " type vlan id 5; ip link set " + above + " up")
                    .c_str());
}

// Of a device to send through; 0: not here.
int any_device(Random& random) {
    make_devices();
    return int(::if_nametoindex(random.one_of<const char*>({above, aggregates[0], aggregates[1]})));
}

// Gives it a member, of one kind and then the other.
void change_members(const char* aggregate) {
    const int master = int(::if_nametoindex(aggregate));
    for (const char* kind : members) {
        const int member = int(::if_nametoindex(member_name(aggregate, kind).c_str()));
        if (!master || !member)
            return;
        link::set_up(member, false);
        link::set_master(member, master);
        link::set_up(master, true);
        link::set_master(member, 0);
    }
}

// Whether the device below inserts the tag itself: if not, the header of the VLAN is longer.
void let_device_tag(bool on) {
    ethtool_value value{.cmd = ETHTOOL_SFLAGS, .data = on ? uint32_t(ETH_FLAG_TXVLAN) : 0};
    ifreq request{};
    std::strcpy(request.ifr_name, below);
    request.ifr_data = reinterpret_cast<char*>(&value);
    const Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    checked(::ioctl(socket.get(), SIOCETHTOOL, &request), "ETHTOOL_SFLAGS");
}

// A packet socket of link-level frames, which may be cooked or not otherwise.
void renew_with_headers(const Race& race, const Target& target) {
    race.targets().renew(target, Kind::packet, 0);
    set(target, PACKET_VNET_HDR, 1);
}

VnetHeader any_header(Random& random) {
    VnetHeader header{};
    header.flags = uint8_t(random.below(2));
    header.gso_type =
        random.one_of<uint8_t>({0, 0, vnet_gso_tcpv4, vnet_gso_udp, vnet_gso_tcpv6, 77});
    const auto any_word = [&random] {
        return random.one_of<uint16_t>({0, 14, 34, 54, 60, 200, 1500, 0x7fff, 0xffff});
    };
    header.hdr_len = any_word();
    header.gso_size = any_word();
    header.csum_start = any_word();
    header.csum_offset = any_word();
    return header;
}

} // namespace

// The header of a device grows and shrinks (a VLAN whose device stops inserting the tag; a bond or
// a team with another member) between the look at its length and the frame that is made for it.
void header_length_against_send(Race& race) {
    const auto lengths = [](Random&) {
        make_devices();
        for (int i = 0; i < 8; i++)
            let_device_tag(i % 2);
    };
    const auto headers = [](Random& random) {
        make_devices();
        change_members(random.one_of<const char*>({aggregates[0], aggregates[1]}));
    };
    const auto senders = [&race](Random& random) {
        const Target& target = race.any(random);
        const auto to = link_address(ETH_P_IP, any_device(random));
        static const Bytes frame = ethernet(nobodys_mac, ETH_P_IP, Bytes(8000, 0x45));
        for (int i = 0; i < 16; i++) {
            const size_t size =
                random.once_in(2) ? random.below(64) : random.one_of<size_t>({1000, 1514, 1518});
            sys::sendto(target.fd, frame.data(), size, MSG_DONTWAIT, &to, sizeof(to));
        }
        if (random.once_in(16))
            race.renew(target, random);
    };
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        const Geometry ring = good_ring(random);
        set(target, PACKET_VERSION, ring.version);
        set(target, PACKET_LOSS, 1);
        if (set_ring(target, PACKET_TX_RING, ring) == 0)
            map(target, ring);
        for (unsigned i = 0; i < ring.request.tp_frame_nr; i++)
            request_sending(target, ring, i, random);
        const auto to = link_address(ETH_P_IP, any_device(random));
        sys::sendto(target.fd, nullptr, 0, MSG_DONTWAIT, &to, sizeof(to));
        Targets::unmap(target, 0, Targets::region_size);
        drop_ring(target, PACKET_TX_RING, ring.version);
    };
    race.run({lengths, headers, senders, senders, rings});
}

// CVE-2026-31700: what was judged of a virtio-net header is another when it is used.
void virtio_headers_against_send(Race& race) {
    static struct {
        VnetHeader header;
        uint8_t frame[2000];
    } __attribute__((packed)) message;
    static_assert(sizeof(message) == sizeof(VnetHeader) + sizeof(message.frame));
    const Bytes packet = tcp_for_device(nobodys_mac, 1900, "race", crafted_mac);
    std::memcpy(message.frame, packet.data(), std::min(packet.size(), sizeof(message.frame)));

    const auto writers = [&race](Random& random) {
        const Target& target = race.any(random);
        for (int i = 0; i < 64; i++) {
            const VnetHeader header = any_header(random);
            std::memcpy(&message.header, &header, sizeof(header));
            // of a frame in some ring
            const size_t frame = 2048 * random.below(4);
            const size_t word = TPACKET2_HDRLEN - sizeof(sockaddr_ll) + 4 * random.below(3);
            uint32_t value;
            std::memcpy(&value, reinterpret_cast<const uint8_t*>(&header) + 2, sizeof(value));
            poke(target, frame + word, value);
        }
    };
    const auto senders = [&race](Random& random) {
        const Target& target = race.any(random);
        const auto to = link_address(ETH_P_IP, int(::if_nametoindex("lo")));
        set(target, PACKET_VNET_HDR, 1);
        for (int i = 0; i < 16; i++) {
            const size_t size = random.one_of<size_t>({10, 24, 64, 70, 1000, sizeof(message)});
            sys::sendto(target.fd, &message, size, MSG_DONTWAIT, &to, sizeof(to));
        }
    };
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        renew_with_headers(race, target);
        const Geometry ring{TPACKET_V2,
                            {.tp_block_size = 2 * page,
                             .tp_block_nr = 1,
                             .tp_frame_size = 2048,
                             .tp_frame_nr = 4,
                             .tp_retire_blk_tov = 0,
                             .tp_sizeof_priv = 0,
                             .tp_feature_req_word = 0}};
        set(target, PACKET_VERSION, ring.version);
        set(target, PACKET_LOSS, 1);
        if (set_ring(target, PACKET_TX_RING, ring) < 0 || map(target, ring) < 0)
            return;
        const auto to = link_address(ETH_P_IP, int(::if_nametoindex("lo")));
        for (int round = 0; round < 8; round++) {
            for (unsigned i = 0; i < ring.request.tp_frame_nr; i++)
                request_sending(target, ring, i, random);
            sys::sendto(target.fd, nullptr, 0, MSG_DONTWAIT, &to, sizeof(to));
        }
        Targets::unmap(target, 0, Targets::region_size);
    };
    race.run({writers, writers, senders, rings});
}

} // namespace xt::stress
