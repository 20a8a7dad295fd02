// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/socket_source.h"

#include "libxinet/framing.h"
#include "xinet/diag.h"
#include "xinet/error.h"

#include <linux/if_ether.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace xinet {

namespace {

constexpr std::size_t batch_packets = 32;
constexpr int queue_bytes = 8 << 20;
constexpr std::uint32_t ring_bytes = 64 << 20;
constexpr std::uint32_t longest_lane = 16 << 20;
constexpr std::uint32_t shortest_lane = 1 << 20;
/// Wakes the reader when packets of 2 KiB fill an eighth of a lane.
constexpr std::uint32_t lane_bytes_per_wake_packet = 8 * 2048;

/// What a filter evaluated here must see: all that any device delivers.
constexpr std::uint32_t whole_packet = 262144;

/// Whether a program says yes to every packet and cuts none.
bool takes_whole_packets(const std::vector<sock_filter>& program) {
    return program.size() == 1 && program[0].code == (BPF_RET | BPF_K) &&
           program[0].k >= whole_packet;
}

/// Whether packets come from elsewhere than where packet sockets receive: then they may be of
/// another device than the socket is bound to.
bool sees_ways(const SocketSourceOptions& options) {
    return (options.points & ~std::uint32_t{XINET_POINT_TAP}) != 0;
}

LinkType link_type_for(const SocketSourceOptions& options) {
    return options.interface && !sees_ways(options) ? link_type_of(options.interface->hardware_type)
                                                    : LinkType::linux_sll2;
}

/// Of the device where each packet is seen as it goes out and as it comes in; 0: both are wanted.
unsigned loopback_index(const SocketSourceOptions& options) {
    if (sees_ways(options)) {
        return 0;
    }
    if (options.interface) {
        return options.interface->loopback ? options.interface->index : 0;
    }
    const auto interfaces = list_interfaces();
    const auto found = std::ranges::find_if(interfaces, &Interface::loopback);
    return found == interfaces.end() ? 0 : found->index;
}

std::vector<sock_filter> prefix(const SocketSourceOptions& options) {
    return direction_prefix(options.direction, loopback_index(options));
}

/// Of the direction.
std::vector<sock_filter> every_packet(const SocketSourceOptions& options) {
    std::vector<sock_filter> program = prefix(options);
    std::ranges::copy(accept_all(whole_packet), std::back_inserter(program));
    return program;
}

FilterProgram make_filter(const SocketSourceOptions& options, LinkType type) {
    if (options.expression.empty() || type == LinkType::linux_sll2) {
        return {options.expression, type, options.snapshot_length};
    }
    return {options.expression, type, options.snapshot_length, options.interface->name};
}

/// As large a ring as there is memory for.
std::optional<RxRing> make_ring(const PacketSocket& socket, std::uint32_t snapshot_length) {
    const auto cpus = static_cast<std::uint32_t>(std::max(::sysconf(_SC_NPROCESSORS_CONF), 1L));
    RxRingOptions options{.lane_bytes = std::bit_floor(ring_bytes / cpus),
                          .snapshot_length = snapshot_length};
    options.lane_bytes = std::clamp(options.lane_bytes, shortest_lane, longest_lane);
    for (; options.lane_bytes >= shortest_lane; options.lane_bytes /= 2) {
        options.wake_packets = options.lane_bytes / lane_bytes_per_wake_packet;
        if (auto ring = RxRing::make(socket, options)) {
            return ring;
        }
    }
    return std::nullopt;
}

} // namespace

SocketSource::SocketSource(const SocketSourceOptions& options)
    : engine_(options.engine), name_(options.interface ? options.interface->name : "any"),
      link_type_(link_type_for(options)), snapshot_length_(options.snapshot_length),
      socket_(options.engine,
              link_type_ == LinkType::linux_sll2 ? PacketMode::cooked : PacketMode::link_level),
      filter_(make_filter(options, link_type_)), program_(filter_.instructions(prefix(options))),
      batch_(batch_packets, framing_headroom, bytes_to_read()) {
    if (options.owners) {
        socket_.request_owners();
    }
    socket_.request_drops(options.drops, options.all_namespaces);
    if (options.all_namespaces) {
        socket_.request_all_namespaces();
    }
    if (options.original) {
        socket_.request_original();
    }
    if (options.points != 0) {
        socket_.request_points(options.points);
    }
    if (options.queues) {
        socket_.request_queues();
    }
    attach_filter(options);
    if (options.engine == Engine::xinet) {
        ring_ = make_ring(socket_, bytes_to_read());
    }
    if (!ring_) {
        batch_ = PacketBatch(batch_packets, framing_headroom, bytes_to_read());
        socket_.request_details();
        socket_.request_buffer(queue_bytes);
    }
    const unsigned index = options.interface ? options.interface->index : 0;
    socket_.bind(index, ETH_P_ALL);
    if (options.promiscuous && options.interface) {
        socket_.join_promiscuous(index);
    }
}

/// Some programs are refused by the kernel, for what they cost or for loops.
void SocketSource::attach_filter(const SocketSourceOptions& options) {
    const auto attach = [this](const std::vector<sock_filter>& program) {
        // Without a program the kernel has a shorter way to a socket.
        if (!takes_whole_packets(program)) {
            socket_.attach_filter(program);
        }
    };
    try {
        if (program_) {
            return attach(*program_);
        }
    } catch (const Error& error) {
        if (link_type_ != LinkType::linux_sll2 ||
            (error.code() != EINVAL && error.code() != ENOMEM)) {
            throw;
        }
        program_.reset();
    }
    attach(every_packet(options));
}

/// A filter that runs here may look at all of a packet.
std::uint32_t SocketSource::bytes_to_read() const {
    return program_ ? std::min(snapshot_length_, whole_packet) : whole_packet;
}

/// The packet as the file will hold it, or nothing when the filter, evaluated
/// here, rejects it.
std::optional<CapturedPacket> SocketSource::prepare(const ReceivedPacket& packet) {
    std::span<const std::byte> frame = packet.data;
    if (link_type_ == LinkType::linux_sll2) {
        frame = prepend_sll2(packet);
    } else if (link_type_ == LinkType::ethernet) {
        frame = restore_vlan_tag(packet);
    }
    const auto grown = static_cast<std::uint32_t>(frame.size() - packet.data.size());
    const std::uint32_t original_length = packet.original_length + grown;

    std::size_t keep = snapshot_length_;
    if (!program_) {
        keep = filter_.evaluate(frame, original_length);
        if (keep == 0) {
            return std::nullopt;
        }
        ++totals_.received;
    }
    return CapturedPacket{.data = frame.first(std::min(keep, frame.size())),
                          .original_length = original_length,
                          .timestamp = packet.timestamp,
                          .interface_index = static_cast<unsigned>(packet.address.sll_ifindex),
                          .packet_type = packet.address.sll_pkttype,
                          .status = packet.status,
                          .owner = packet.owner ? &*packet.owner : nullptr,
                          .dropped = packet.dropped ? &*packet.dropped : nullptr,
                          .netns = packet.netns ? &*packet.netns : nullptr,
                          .original = packet.original ? &*packet.original : nullptr,
                          .point = packet.point ? &*packet.point : nullptr,
                          .queue = packet.queue ? &*packet.queue : nullptr};
}

std::optional<CapturedPacket> SocketSource::prepare(const xinet_rx_record& record,
                                                    std::span<const std::byte> data) {
    copy_.resize(framing_headroom + data.size());
    const auto packet = std::span(copy_).subspan(framing_headroom);
    std::copy_n(data.data(), data.size(), packet.data());
    auto captured = prepare(received_packet(record, packet));
    if (captured) {
        captured->owner = owner_of(record);
        captured->dropped = dropped_of(record);
        captured->netns = netns_of(record);
        captured->original = original_of(record);
        captured->point = point_of(record);
        captured->queue = queue_of(record);
    }
    return captured;
}

void SocketSource::flush() {
    if (ring_) {
        ring_->flush();
    }
}

/// Whether the kernel says so of the interface.
bool SocketSource::is_gone(const Error& error) {
    return error.code() == ENETDOWN || error.code() == ENODEV || error.code() == ENXIO;
}

Error SocketSource::gone() const {
    return {"go on capturing on", name_, ENETDOWN, "the interface went down or was removed"};
}

CaptureStatistics SocketSource::statistics() {
    const PacketStatistics recent = socket_.statistics();
    totals_.dropped += recent.dropped;
    if (program_) {
        totals_.received += recent.received;
    }
    totals_.reasons = drop_reasons();
    return totals_;
}

/// What sock_diag says of the socket; empty if it cannot be asked, as of PF_PACKET.
std::vector<std::uint64_t> SocketSource::drop_reasons() const {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof(cookie);
    std::vector<std::uint64_t> reasons;
    if (engine_ != Engine::xinet ||
        ::getsockopt(socket_.descriptor(), SOL_SOCKET, SO_COOKIE, &cookie, &length) != 0) {
        return reasons;
    }
    try {
        const SocketQuery query{.kinds = 1U << XINET_DIAG_PACKET, .show = XINET_DIAG_SHOW_INFO};
        SocketLister().list(query, [&](const SocketRecord& socket) {
            if (socket.cookie() == cookie) {
                reasons = socket.drop_reasons;
            }
        });
    } catch (const Error&) {
        // a kernel, or a sandbox, without sock_diag
        reasons.clear();
    }
    return reasons;
}

} // namespace xinet
