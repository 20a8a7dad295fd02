// SPDX-License-Identifier: GPL-2.0-or-later
// What the fuzzer hands to the kernel: sound values, so that calls get somewhere, and hostile ones.
#pragma once

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <netinet/in.h>

#include "support/fd.h"
#include "support/frame.h"
#include "support/random.h"

namespace xt::fuzz {

class Values {
public:
    Values(uint64_t seed, const std::vector<int>& devices);

    Random& random() { return random_; }
    [[nodiscard]] const std::vector<int>& devices() const { return devices_; }
    int number();
    int ethertype();
    int device();
    // Memory of `size` bytes: zeroes, ones, numbers of the kind above, noise.
    Bytes memory(size_t size);
    sockaddr_ll address();
    tpacket_req3 ring();
    xinet_owner_filter owner_filter();
    xinet_rx_ring_req lanes();
    // A frame, sometimes behind a struct virtio_net_hdr, of any size up to 70,000 bytes.
    Bytes frame();

    // An option of `level`, and a value for it.
    struct Option {
        int level;
        int name;
        Bytes value;
    };
    Option option();
    // One of those that sockets over IP have.
    Option inet_option();
    // Any option of any level, for any kind of socket.
    Option any_option();
    sockaddr_in inet_address();
    // Control messages for sendmsg().
    Bytes control();
    // An IPv4 packet with its header, for local addresses mostly.
    Bytes ip_packet();

private:
    Option ip_option();
    Option tcp_option();
    Option tls_option();
    Option common_option();
    Option packet_option();
    Option xinet_option();
    Option socket_option();
    Bytes fanout();
    Bytes filter();
    Bytes membership();

    Random random_;
    std::vector<int> devices_;
    std::vector<sock_filter> code_; // that filter() points to
    Fd program_;                    // an eBPF socket filter
};

} // namespace xt::fuzz
