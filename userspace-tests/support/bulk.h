// SPDX-License-Identifier: GPL-2.0-or-later
// A bulk transfer whose frames kernel and devices merge, cut up and complete at one end, and leave
// alone at the other; and what of it a capture has, to be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fd.h"
#include "frame.h"
#include "inet.h"
#include "netns.h"
#include "told.h"

namespace xt {

inline constexpr uint16_t bulk_port = 4470;
inline constexpr size_t longest_frame = 1514;

// A with offloads, and B whose frames are those of the wire:
//
//   A: far0 10.67.0.1 ---- near0 \                / near1 ---- far1 10.67.0.2 :B
//      cuts nothing up            bridge in middle   cuts up, adds checksums and tags
class BulkBridge {
public:
    BulkBridge();

    // The same addresses in a VLAN, 10.68.0.
    void add_vlan(const std::string& protocol) const;
    static void ethtool(std::vector<std::string> words);
    // From A to B, over TCP: so many bytes. The connection is open as long as the result, so that
    // nothing follows.
    [[nodiscard]] Connection send_bulk(size_t size, const std::string& to = "10.67.0.2") const;

    [[nodiscard]] const NetNs& a() const { return a_; }
    [[nodiscard]] const NetNs& b() const { return b_; }
    [[nodiscard]] const NetNs& middle() const { return middle_; }

private:
    NetNs a_ = NetNs::create();
    NetNs b_ = NetNs::create();
    NetNs middle_ = NetNs::create();
};

// Of a frame, tagged or not: whether it has an IPv4 packet from 10.x.0.`source` to the port.
bool is_of_bulk(const Bytes& frame, uint8_t source);

// What AF_PACKET sees at a device of what A has sent: tags are put back here.
class BulkReference {
public:
    explicit BulkReference(const std::string& device);
    [[nodiscard]] std::vector<Bytes> take() const;

private:
    Fd socket_;
};

// What a capture with XINET_PACKET_ORIGINAL sees of what A has sent.
struct BulkFrames {
    std::vector<Bytes> data;
    uint32_t done = 0; // of any of them
    unsigned most_segments = 0;
};

// Room for some megabytes.
std::unique_ptr<ToldCapture> capture_bulk(const NetNs& where, const std::string& device,
                                          bool lanes);
BulkFrames of_bulk(const std::vector<ToldPacket>& packets);

// In the same order with one CPU. With several, packets overtake each other between two places.
void expect_same_frames(std::vector<Bytes> frames, std::vector<Bytes> wanted);

} // namespace xt
