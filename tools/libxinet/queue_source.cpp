// SPDX-License-Identifier: GPL-2.0-or-later
#include "libxinet/queue_source.h"

#include "libxinet/error.h"
#include "libxinet/framing.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <cerrno>

namespace xinet {

namespace {

constexpr std::size_t batch_packets = 32;
constexpr int queue_bytes = 8 << 20;

/// What a filter evaluated here must see: all that any device delivers.
constexpr std::uint32_t whole_packet = 262144;

LinkType link_type_for(const QueueSourceOptions& options) {
    return options.interface ? link_type_of(options.interface->hardware_type)
                             : LinkType::linux_sll2;
}

unsigned loopback_index(const QueueSourceOptions& options) {
    if (options.interface) {
        return options.interface->loopback ? options.interface->index : 0;
    }
    const auto interfaces = list_interfaces();
    const auto found = std::ranges::find_if(interfaces, &Interface::loopback);
    return found == interfaces.end() ? 0 : found->index;
}

} // namespace

QueueSource::QueueSource(const QueueSourceOptions& options)
    : name_(options.interface ? options.interface->name : "any"),
      link_type_(link_type_for(options)),
      filter_here_(link_type_ == LinkType::linux_sll2 || asks_for_vlan(options.expression)),
      snapshot_length_(options.snapshot_length),
      filter_(options.expression, link_type_, options.snapshot_length),
      socket_(options.engine,
              link_type_ == LinkType::linux_sll2 ? PacketMode::cooked : PacketMode::link_level),
      batch_(batch_packets, framing_headroom,
             filter_here_ ? whole_packet : std::min(snapshot_length_, whole_packet)) {
    ready_.reserve(batch_packets);
    socket_.request_buffer(queue_bytes);
    socket_.attach_filter(kernel_filter(options));
    const unsigned index = options.interface ? options.interface->index : 0;
    socket_.bind(index, ETH_P_ALL);
    if (options.promiscuous && options.interface) {
        socket_.join_promiscuous(index);
    }
}

std::vector<sock_filter> QueueSource::kernel_filter(const QueueSourceOptions& options) const {
    std::vector<sock_filter> program = direction_prefix(options.direction, loopback_index(options));
    if (!filter_here_) {
        return filter_.instructions(program);
    }
    std::ranges::copy(accept_all(whole_packet), std::back_inserter(program));
    return program;
}

/// The packet as the file will hold it, or nothing when the filter, evaluated
/// here, rejects it.
std::optional<CapturedPacket> QueueSource::prepare(const ReceivedPacket& packet) const {
    std::span<const std::byte> frame = packet.data;
    if (link_type_ == LinkType::linux_sll2) {
        frame = prepend_sll2(packet);
    } else if (link_type_ == LinkType::ethernet) {
        frame = restore_vlan_tag(packet);
    }
    const auto grown = static_cast<std::uint32_t>(frame.size() - packet.data.size());
    const std::uint32_t original_length = packet.original_length + grown;

    std::size_t keep = snapshot_length_;
    if (filter_here_) {
        keep = filter_.evaluate(frame, original_length);
        if (keep == 0) {
            return std::nullopt;
        }
    }
    return CapturedPacket{.data = frame.first(std::min(keep, frame.size())),
                          .original_length = original_length,
                          .timestamp = packet.timestamp,
                          .interface_index = static_cast<unsigned>(packet.address.sll_ifindex),
                          .packet_type = packet.address.sll_pkttype};
}

std::span<const CapturedPacket> QueueSource::next_batch() {
    ready_.clear();
    try {
        for (const ReceivedPacket& packet : socket_.receive(batch_)) {
            if (const auto captured = prepare(packet)) {
                ready_.push_back(*captured);
            }
        }
    } catch (const Error& error) {
        if (error.code() != ENETDOWN && error.code() != ENODEV && error.code() != ENXIO) {
            throw;
        }
        throw Error("go on capturing on", name_, ENETDOWN,
                    "the interface went down or was removed");
    }
    if (filter_here_) {
        totals_.received += ready_.size();
    }
    return ready_;
}

CaptureStatistics QueueSource::statistics() {
    const PacketStatistics recent = socket_.statistics();
    totals_.dropped += recent.dropped;
    if (!filter_here_) {
        totals_.received += recent.received;
    }
    return totals_;
}

} // namespace xinet
