// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/xinet.h>
#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "classes.h"
#include "support/lanes.h"

namespace xt::stress {
namespace {

xinet_rx_ring_req good_lanes(Random& random) {
    xinet_rx_ring_req request{};
    request.lane_size = XINET_RX_RING_LANE_MIN << random.below(2);
    request.flags = random.one_of<uint32_t>({0, XINET_RX_RING_OVERWRITE});
    request.snaplen = random.one_of<uint32_t>({0, 0, 96, 1 << 20});
    request.wake_packets = random.one_of<uint32_t>({1, 1, 7});
    request.wake_usec = random.one_of<uint32_t>({0, 50});
    return request;
}

// Everything in the namespace is of traffic(): bytes of one value behind the header.
bool is_whole(const LanePacket& packet) {
    const auto& record = packet.record;
    if (record.mac != sizeof(record) || record.mac + record.snaplen > record.len ||
        record.snaplen > record.pkt_len || record.net < record.mac || record.tstamp == 0)
        return false;
    const size_t headers = std::min<size_t>(record.net - record.mac, packet.data.size());
    return std::all_of(packet.data.begin() + long(headers), packet.data.end(),
                       [](uint8_t byte) { return byte == 0x78; });
}

} // namespace

// Readers of a ring come and go, write what they like as their positions, and freeze it, while its
// maker reads as he should: he gets whole packets, or knows how many he has lost.
void readers_that_mislead(Race& race) {
    const auto honest = [&race](Random& random) {
        const Target& owner = race.targets().all()[0];
        race.renew(owner, random);
        if (set_lanes(owner.fd, good_lanes(random)) < 0)
            return;
        LaneReader reader(owner.fd);
        for (int i = 0; i < 32; i++) {
            traffic()(random);
            for (const auto& packet : reader.take())
                race.require(is_whole(packet), "a packet is whole");
            command_lanes(owner.fd, XINET_RX_RING_FREEZE, 0);
        }
        race.require(reader.lost() <= reader.packets(), "no more is lost than there was");
    };
    const auto misleading = [&race](size_t which) {
        return [&race, which](Random& random) {
            const Target& target = race.targets().all()[which];
            race.renew(target, random);
            if (attach_lanes(target.fd, race.any(random).fd) < 0)
                return;
            const auto info = lanes_info(target.fd);
            checked(::mmap(target.region, info.positions_length, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_FIXED, target.fd, XINET_RX_RING_POSITIONS) == MAP_FAILED
                        ? -1
                        : 0,
                    "mmap");
            for (int i = 0; i < 256; i++) {
                // plausible or not, of any lane
                const size_t offset = sizeof(uint32_t) * random.below(2UL * info.nr_lanes);
                poke(target, offset,
                     random.once_in(2) ? uint32_t(random.below(1 << 20)) & ~7U
                                       : random.one_of<uint32_t>({0, 1, UINT32_MAX, 1U << 31}));
                if (random.once_in(16))
                    traffic()(random);
            }
            command_lanes(target.fd, XINET_RX_RING_FLUSH, 1);
            // its own ring's, if it has made one; and the maker's
            for (const int fd : {target.fd, race.targets().all()[0].fd})
                command_lanes(fd, XINET_RX_RING_FREEZE, random.between(0, 1));
            if (random.once_in(2)) // the mapping outlives the socket, or not
                Targets::unmap(target, 0, Targets::region_size);
        };
    };
    race.run({honest, misleading(1), misleading(2), traffic()});
}

} // namespace xt::stress
