// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/if_ether.h>
#include <sys/socket.h>

#include <algorithm>

#include "classes.h"
#include "support/link.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt::stress {
namespace {

constexpr int lo_index = 1; // the first device of every namespace
constexpr size_t largest = 4000;

// Frames of one value behind the header: mostly small ones, which wait several to a page.
void send_frames(Random& random) {
    thread_local const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
    for (int i = 0; i < 8; i++) {
        const size_t size = random.once_in(8) ? random.below(largest) : random.below(100);
        send_to(sender.get(), ethernet(nobodys_mac, experimental_ethertype, Bytes(size, 0x78)),
                link_address(0, lo_index), MSG_DONTWAIT);
    }
}

bool is_whole(const uint8_t* frame, size_t length) {
    return length >= ETH_HLEN && length <= ETH_HLEN + largest &&
           std::equal(nobodys_mac.begin(), nobodys_mac.end(), frame) &&
           std::all_of(frame + ETH_HLEN, frame + length, [](uint8_t byte) { return byte == 0x78; });
}

} // namespace

// SO_RCVBUF changes, and large packets fill the buffer, between the questions whether a small one
// has room: what is read is a packet that was sent, all the same.
void receive_buffers_against_delivery(Race& race) {
    const auto reads = [&race](Random&) {
        uint8_t frame[2 * largest];
        const int fd = race.targets().all()[0].fd;
        for (int i = 0; i < 64; i++) {
            const ssize_t length =
                sys::recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT | MSG_TRUNC, nullptr, nullptr);
            if (length < 0)
                break;
            race.require(is_whole(frame, size_t(length)), "what is read has been sent");
        }
    };
    const auto resizes = [&race](Random& random) {
        for (int i = 0; i < 16; i++) {
            const int size = random.one_of({0, 4096, 65536});
            sys::setsockopt(race.targets().all()[0].fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        }
    };
    const auto opens = [&race](const Target& target, Random&) {
        race.targets().renew(target, Kind::packet, ETH_P_ALL);
    };
    race.run({send_frames, send_frames, reads, resizes, reads}, opens);
}

} // namespace xt::stress
