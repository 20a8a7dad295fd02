// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <linux/if_ether.h>

#include "classes.h"
#include "support/faults.h"
#include "support/frame.h"
#include "support/lanes.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt::stress {
namespace {

constexpr int lo_index = 1; // the first device of every namespace
constexpr int guest_index = 4000;

long join(const Target& target, Random& random) {
    const int mode = random.one_of({PACKET_FANOUT_HASH, PACKET_FANOUT_LB, PACKET_FANOUT_CPU,
                                    PACKET_FANOUT_ROLLOVER, PACKET_FANOUT_RND, PACKET_FANOUT_QM});
    const int flags = random.one_of({0, 0, PACKET_FANOUT_FLAG_ROLLOVER, PACKET_FANOUT_FLAG_UNIQUEID,
                                     PACKET_FANOUT_FLAG_DEFRAG});
    return set(target, PACKET_FANOUT, int(random.below(2)) | (mode | flags) << 16);
}

long bind(const Target& target, int ethertype, int ifindex) {
    const sockaddr_ll address = link_address(uint16_t(ethertype), ifindex);
    return sys::bind(target.fd, &address, sizeof(address));
}

// A device that comes, carries a few frames and goes.
void visit(Random& random) {
    link::add_dummy("guest", crafted_mac, guest_index);
    link::set_up(guest_index, true);
    const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
    for (int i = 0; i < 8; i++)
        send_to(sender.get(), ethernet(nobodys_mac, ETH_P_IP, Bytes(random.below(1500), 0x78)),
                link_address(0, guest_index), MSG_DONTWAIT);
    if (random.once_in(2))
        link::set_up(guest_index, false);
}

// The same, and it goes even when something failed.
void come_and_go(Random& random) {
    try {
        visit(random);
    } catch (const std::system_error&) {
        // an allocation that failed
    }
    OwnFaults().stop();
    link::remove(guest_index);
}

} // namespace

// CVE-2017-15649: a socket joins a group while it is bound anew.
void fanout_against_bind(Race& race) {
    const auto joins = [&race](Random& random) {
        const Target& target = race.any(random);
        join(target, random);
        take(target);
    };
    const auto binds = [&race](Random& random) {
        for (int i = 0; i < 4; i++)
            bind(race.any(random), random.one_of({0, ETH_P_ALL, ETH_P_IP}),
                 random.one_of({0, lo_index}));
    };
    const auto renews = [&race](Random& random) { race.renew(race.any(random), random); };
    race.run({joins, joins, binds, binds, renews, traffic()});
}

// CVE-2017-6346 and its kin: a group's device goes.
void fanout_against_unregister(Race& race) {
    const auto joins = [&race](Random& random) {
        const Target& target = race.any(random);
        race.renew(target, random);
        bind(target, random.one_of({ETH_P_ALL, ETH_P_IP}), guest_index);
        join(target, random);
        take(target);
    };
    race.run({come_and_go, joins, joins, [&race](Random& random) {
                  bind(race.any(random), ETH_P_ALL, random.one_of({0, lo_index, guest_index}));
              }});
}

// CVE-2026-31504, CVE-2025-38617: a group's device comes up, or goes to another namespace and back,
// while its members close and change what they receive into.
void fanout_against_device_moves(Race& race) {
    const NetNs elsewhere = create_namespace();
    const auto travels = [&elsewhere](Random& random) {
        const Fd home(checked(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "ns/net"));
        try {
            visit(random);
            link::move(guest_index, elsewhere.get());
            elsewhere.run([&] {
                if (random.once_in(2))
                    link::set_up(guest_index, true);
                if (random.once_in(4))
                    link::remove(guest_index);
                else
                    link::move(guest_index, home.get());
            });
            link::set_up(guest_index, true);
        } catch (const std::system_error&) {
            // an allocation that failed
        }
        OwnFaults().stop();
        try {
            link::remove(guest_index);
        } catch (const std::system_error&) {
            elsewhere.run([] { link::remove(guest_index); });
        }
    };
    const auto ups = [](Random& random) { link::set_up(guest_index, random.once_in(2)); };
    const auto joins = [&race](Random& random) {
        const Target& target = race.any(random);
        race.renew(target, random);
        bind(target, random.one_of({ETH_P_ALL, ETH_P_IP}), guest_index);
        if (random.once_in(2))
            join(target, random);
        if (random.once_in(4))
            set_lanes(target.fd, lanes_request());
        else if (random.once_in(2))
            set_ring(target, PACKET_RX_RING, good_ring(random));
        join(target, random);
        take(target);
    };
    race.run({travels, ups, joins, joins});
}

// What a socket asked of a device is taken back once, whoever goes first.
void memberships_against_unregister(Race& race) {
    const auto members = [&race](Random& random) {
        packet_mreq membership{};
        membership.mr_ifindex = random.one_of({lo_index, guest_index});
        membership.mr_type = random.one_of<uint16_t>(
            {PACKET_MR_MULTICAST, PACKET_MR_PROMISC, PACKET_MR_ALLMULTI, PACKET_MR_UNICAST});
        membership.mr_alen = 6;
        membership.mr_address[0] = random.one_of<uint8_t>({1, 2});
        sys::setsockopt(race.any(random).fd, SOL_PACKET,
                        random.one_of({PACKET_ADD_MEMBERSHIP, PACKET_DROP_MEMBERSHIP}), &membership,
                        sizeof(membership));
        if (random.once_in(8))
            race.renew(race.any(random), random);
    };
    race.run({come_and_go, members, members});
}

// CVE-2025-38617: a ring is made or goes while its device comes up, goes down, or goes.
void rings_against_devices(Race& race) {
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        const Geometry ring = good_ring(random);
        const int option = random.one_of({PACKET_RX_RING, PACKET_TX_RING});
        race.renew(target, random);
        set(target, PACKET_VERSION, ring.version);
        bind(target, random.one_of({ETH_P_ALL, ETH_P_IP}), guest_index);
        if (set_ring(target, option, ring) == 0)
            map(target, ring);
        kick(target);
        take(target);
        Targets::unmap(target, 0, Targets::region_size);
        drop_ring(target, option, ring.version);
    };
    const auto binds = [&race](Random& random) {
        bind(race.any(random), random.one_of({0, ETH_P_ALL, ETH_P_IP}),
             random.one_of({0, lo_index, guest_index}));
    };
    const auto toggles = [](Random& random) { link::set_up(guest_index, random.once_in(2)); };
    race.run({come_and_go, toggles, rings, rings, binds});
}

const std::vector<Class>& all_classes() {
    static const std::vector<Class> result{
        {"sizes_that_overflow", sizes_that_overflow},
        {"version_against_ring", version_against_ring},
        {"offsets_that_wrap", offsets_that_wrap},
        {"teardown_against_transmit", teardown_against_transmit},
        {"rings_made_and_freed", rings_made_and_freed},
        {"words_that_userspace_writes", words_that_userspace_writes},
        {"header_length_against_send", header_length_against_send},
        {"virtio_headers_against_send", virtio_headers_against_send},
        {"receive_buffers_against_delivery", receive_buffers_against_delivery},
        {"readers_that_mislead", readers_that_mislead},
        {"fanout_against_bind", fanout_against_bind},
        {"fanout_against_unregister", fanout_against_unregister},
        {"fanout_against_device_moves", fanout_against_device_moves},
        {"memberships_against_unregister", memberships_against_unregister},
        {"rings_against_devices", rings_against_devices},
        {"raw_header_against_send", raw_header_against_send},
        {"raw_binds_against_delivery", raw_binds_against_delivery},
        {"raw_memberships_against_delivery", raw_memberships_against_delivery},
        {"raw_corks_against_options", raw_corks_against_options},
        {"raw_errors_against_close", raw_errors_against_close},
    };
    return result;
}

} // namespace xt::stress
