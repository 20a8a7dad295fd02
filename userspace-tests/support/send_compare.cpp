// SPDX-License-Identifier: GPL-2.0-or-later
#include "send_compare.h"

#include <linux/if_ether.h>

#include "netns.h"

namespace xt {

sockaddr_ll to_peer(uint16_t ethertype) {
    auto address = link_address(ethertype, link::index(here_device));
    const Mac mac = peer_mac();
    address.sll_halen = mac.size();
    std::copy(mac.begin(), mac.end(), address.sll_addr);
    return address;
}

Bytes frame_to_peer(size_t payload, uint16_t ethertype) {
    return ethernet(peer_mac(), ethertype, repeated(sent_mark, payload), here_mac());
}

void SendComparison::SetUp() {
    int peer_index = 0;
    monitor_ = in_peer([&] {
        Fd socket = open_socket(Side::sibling, Kind::packet, 0);
        peer_index = link::index(peer_device);
        bind_to(socket, link_address(ETH_P_ALL, peer_index));
        return socket;
    });
    // some NICs filter VLAN tags otherwise
    receive_everything(monitor_, peer_index, Injector::here());
}

SendComparison::Sent SendComparison::send(Side side, Kind kind, const Row& row,
                                          const Prepare& prepare) {
    constexpr size_t most_open = 64;
    if (used_.size() >= most_open)
        close_together(used_);
    const Fd& socket = used_.emplace_back(open_socket(side, kind, 0));
    if (prepare)
        prepare(socket);
    Sent sent{outcome_of([&] { return row.call(socket.get()); }), {}};
    sent.outcome.state = state_of(socket.get(), kind);
    // The fence follows on the same way; what is ours and comes before it has been sent.
    fence_.send(ethernet(peer_mac(), experimental_ethertype, repeated("fence!!!", 64)));
    for (;;) {
        auto message = receive(monitor_.get());
        if (contains(message.data, "fence!!!"))
            return sent;
        if (contains(message.data, sent_mark))
            sent.frames.push_back(message);
    }
}

size_t SendComparison::expect_equal(Kind kind, const std::vector<Row>& rows,
                                    const Prepare& prepare) {
    size_t frames = 0;
    for (const auto& row : rows) {
        SCOPED_TRACE(to_string(kind) + ": " + row.name);
        const Sent ours = send(Side::xinet, kind, row, prepare);
        EXPECT_EQ(send(Side::sibling, kind, row, prepare), ours);
        frames += ours.frames.size();
    }
    return frames;
}

Row SendComparison::frame(const std::string& name, const Bytes& bytes, const sockaddr_ll& to) {
    return {name, [=](int fd) { return send_to(fd, bytes, to); }};
}

void SendComparison::bind_here(const Fd& socket) {
    bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
}

} // namespace xt
