// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/mman.h>

#include <climits>
#include <cstddef>
#include <cstring>
#include <memory>

#include "classes.h"
#include "support/sys.h"

namespace xt::stress {
namespace {

// A number in a request that makes some computation of a size wrap, or nearly so.
void spoil(tpacket_req3& request, Random& random) {
    switch (random.below(5)) {
    case 0: // negative, or more than there is
        request.tp_block_size = random.one_of<unsigned>({0x80000000, 0xfffff000, 0, page - 1});
        break;
    case 1: // frames: their number times the blocks' is that of a small ring, modulo 2^32
        request.tp_block_size = 16 * page;
        request.tp_frame_size = 16;
        request.tp_block_nr = (1U << 20) + 1;
        request.tp_frame_nr = request.tp_block_size / 16 * request.tp_block_nr;
        break;
    case 2:
        request.tp_frame_nr = random.one_of<unsigned>({0, 1U << 31, UINT_MAX});
        break;
    case 3: // smaller than a header, or not aligned
        request.tp_frame_size = random.one_of<unsigned>({0, 1, 16, 15, 0xfffffff0});
        break;
    default:
        request.tp_block_nr = random.one_of<unsigned>({0x80000001, UINT_MAX, 1U << 30});
        break;
    }
}

} // namespace

// CVE-2017-7308 and its kin: block size, frame number, reserve, private area.
void sizes_that_overflow(Race& race) {
    const Target& three = race.targets().all()[0]; // always V3: there is a private area
    const Target& other = race.targets().all()[1];
    const auto refused = [&race](long result, const char* what) {
        race.require(result < 0, std::string("a ring is refused: ") + what);
    };
    race.run({
        [&](Random& random) {
            Geometry ring = good_ring(random);
            spoil(ring.request, random);
            const int option = random.one_of({PACKET_RX_RING, PACKET_TX_RING});
            refused(set_ring(other, option, ring), "wrong sizes");
        },
        [&](Random& random) {
            set(three, PACKET_VERSION, TPACKET_V3);
            Geometry ring = good_ring(random);
            ring.version = TPACKET_V3;
            ring.request.tp_sizeof_priv =
                random.one_of<unsigned>({ring.request.tp_block_size, ring.request.tp_block_size - 8,
                                         0x80000000, 0xffffffd0, 0xfffffff8, UINT_MAX});
            refused(set_ring(three, PACKET_RX_RING, ring), "a private area that fills the block");
        },
        [&](Random& random) {
            set(other, PACKET_RESERVE, random.one_of({0, 4, 65535, INT_MAX, INT_MIN, -1, -64}));
            set(three, PACKET_RESERVE, random.one_of({0, INT_MAX, -1, INT_MAX - 64}));
        },
        [&](Random& random) {
            set(other, PACKET_VERSION, random.between(TPACKET_V1, TPACKET_V3));
            drop_ring(other, PACKET_RX_RING, TPACKET_V1);
        },
        traffic(),
    });
}

// CVE-2016-8655: the version changes while a ring is being made.
void version_against_ring(Race& race) {
    const auto versions = [&race](Random& random) {
        const Target& target = race.any(random);
        for (int i = 0; i < 8; i++)
            set(target, PACKET_VERSION, random.between(TPACKET_V1, TPACKET_V3));
    };
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        const Geometry ring = good_ring(random);
        set_ring(target, PACKET_RX_RING, ring);
        take(target);
        drop_ring(target, PACKET_RX_RING, ring.version);
    };
    race.run({versions, rings, rings, traffic(), [&race](Random& random) {
                  if (random.once_in(8))
                      race.renew(race.any(random), random);
              }});
}

// CVE-2020-14386: room before the frame whose offset does not fit its field.
void offsets_that_wrap(Race& race) {
    constexpr unsigned frame_size = 128 << 10;
    const auto check = [&race](const Target& target, unsigned frames, unsigned reserve) {
        for (unsigned i = 0; i < frames; i++) {
            tpacket2_hdr header;
            std::memcpy(&header, target.region + size_t(i) * frame_size, sizeof(header));
            if (!(header.tp_status & TP_STATUS_USER))
                continue;
            race.require(header.tp_mac >= reserve + sizeof(header), "the reserved room is there");
            race.require(header.tp_net >= header.tp_mac, "the headers are in order");
            race.require(header.tp_mac + header.tp_snaplen <= frame_size, "the frame has room");
        }
    };
    const auto reader = [&](size_t which) {
        return [&, which](Random& random) {
            const Target& target = race.targets().all()[which];
            race.renew(target, random);
            set(target, PACKET_VERSION, TPACKET_V2);
            set(target, PACKET_VNET_HDR, random.between(0, 1));
            const int reserve =
                random.one_of({0, 1, 64, 1000, 65'400, 65'450, 65'470, 65'480, 65'500, 65'535});
            if (set(target, PACKET_RESERVE, reserve) < 0)
                return;
            const Geometry ring{TPACKET_V2,
                                {.tp_block_size = frame_size,
                                 .tp_block_nr = 4,
                                 .tp_frame_size = frame_size,
                                 .tp_frame_nr = 4,
                                 .tp_retire_blk_tov = 0,
                                 .tp_sizeof_priv = 0,
                                 .tp_feature_req_word = 0}};
            if (set_ring(target, PACKET_RX_RING, ring) < 0 || map(target, ring) < 0)
                return;
            traffic()(random);
            check(target, ring.request.tp_frame_nr, unsigned(reserve));
            Targets::unmap(target, 0, Targets::region_size);
        };
    };
    race.run({reader(0), reader(1), traffic(), [&race](Random& random) {
                  // of neither reader: a length that its own requests need not fit
                  set(race.targets().all()[2], PACKET_RESERVE, random.between(0, 70'000));
                  set_ring(race.targets().all()[2], PACKET_RX_RING, good_ring(random));
                  drop_ring(race.targets().all()[2], PACKET_RX_RING, TPACKET_V1);
              }});
}

// A transmit ring goes while its frames are being sent.
void teardown_against_transmit(Race& race) {
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        const Geometry ring = good_ring(random);
        set(target, PACKET_VERSION, ring.version);
        set(target, PACKET_LOSS, random.between(0, 1));
        set(target, PACKET_QDISC_BYPASS, random.between(0, 1));
        if (set_ring(target, PACKET_TX_RING, ring) == 0)
            map(target, ring);
        for (unsigned i = 0; i < ring.request.tp_frame_nr; i++)
            request_sending(target, ring, i, random);
        kick(target);
        Targets::unmap(target, 0, Targets::region_size);
        drop_ring(target, PACKET_TX_RING, ring.version);
    };
    const auto senders = [&race](Random& random) { kick(race.any(random)); };
    const auto bind = [&race](Random& random) {
        sockaddr_ll address = link_address(0x0800, 1); // lo is the first device
        sys::bind(race.any(random).fd, &address, sizeof(address));
        if (random.once_in(8))
            race.renew(race.any(random), random);
    };
    race.run({rings, rings, senders, senders, bind});
}

// CVE-2021-22600: what a ring is made of is freed twice, after one version is taken for another.
void rings_made_and_freed(Race& race) {
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        Geometry ring = good_ring(random);
        const int option = random.one_of({PACKET_RX_RING, PACKET_TX_RING});
        set(target, PACKET_VERSION, ring.version);
        if (random.once_in(4))
            ring.request.tp_feature_req_word = 1; // refused for a transmit ring, late
        set_ring(target, option, ring);
        if (random.once_in(2))
            map(target, ring);
        if (random.once_in(2))
            set_ring(target, option, good_ring(random));
        Targets::unmap(target, 0, Targets::region_size);
        drop_ring(target, option, ring.version);
    };
    race.run({rings, rings, rings, traffic(), [&race](Random& random) {
                  if (random.once_in(4))
                      race.renew(race.any(random), random);
              }});
}

// The other side of a ring writes what it likes where the kernel keeps its notes.
void words_that_userspace_writes(Race& race) {
    const auto rings = [&race](Random& random) {
        const Target& target = race.any(random);
        const Geometry ring = good_ring(random);
        race.renew(target, random);
        set(target, PACKET_VERSION, ring.version);
        if (set_ring(target, random.one_of({PACKET_RX_RING, PACKET_TX_RING}), ring) == 0)
            map(target, ring);
        for (int i = 0; i < 4; i++)
            traffic()(random);
    };
    const auto writers = [&race](Random& random) {
        const Target& target = race.any(random);
        for (int i = 0; i < 64; i++) {
            const size_t unit = random.one_of<size_t>({256, 512, 2048, page, 2 * page, 4 * page});
            const size_t offset = unit * random.below(16) + 4 * random.below(20);
            poke(target, offset,
                 random.once_in(2) ? random.one_of<uint32_t>({0, 1, 2, 4, UINT_MAX, INT_MAX, 48})
                                   : uint32_t(random.next()));
        }
        kick(target);
    };
    race.run({rings, writers, writers, traffic()});
}

} // namespace xt::stress
