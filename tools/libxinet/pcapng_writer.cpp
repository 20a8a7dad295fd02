// SPDX-License-Identifier: GPL-2.0-or-later
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/ in host byte
// order, which the section header tells. One section. One interface, which is that
// of the statistics; one more for each that packets name. What the kernel told of a
// packet is in custom options: Documentation/pcapng.md.
#include "xinet/capture_writer.h"

#include <linux/if_packet.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace xinet {

namespace {

enum class Block : std::uint32_t {
    section_header = 0x0a0d0d0a,
    interface_description = 1,
    interface_statistics = 5,
    enhanced_packet = 6,
};

/// Option codes are per block type, except for the first.
namespace option {
constexpr std::uint16_t end = 0;
constexpr std::uint16_t comment = 1;
constexpr std::uint16_t custom_binary = 2989; // may be copied to other files
constexpr std::uint16_t section_os = 3;
constexpr std::uint16_t section_application = 4;
constexpr std::uint16_t interface_name = 2;
constexpr std::uint16_t interface_resolution = 9;
constexpr std::uint16_t interface_filter = 11;
constexpr std::uint16_t packet_flags = 2;
constexpr std::uint16_t packet_number = 5; // of the same packet at another interface
constexpr std::uint16_t packet_queue = 6;  // of the interface
constexpr std::uint16_t packet_process = 8;
constexpr std::uint16_t statistics_start = 2;
constexpr std::uint16_t statistics_end = 3;
constexpr std::uint16_t statistics_accepted = 6; // by the filter
constexpr std::uint16_t statistics_os_dropped = 7;
} // namespace option

constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint64_t section_length_unknown = ~std::uint64_t{0};
constexpr std::uint8_t nanosecond_resolution = 9; // a negative power of ten
constexpr std::byte filter_is_text{0};

/// The flags of a packet.
namespace flag {
constexpr std::uint32_t inbound = 1; // bits 0 and 1: direction
constexpr std::uint32_t outbound = 2;
constexpr std::uint32_t unicast = 1U << 2; // bits 2 to 4: how it was received
constexpr std::uint32_t multicast = 2U << 2;
constexpr std::uint32_t broadcast = 3U << 2;
constexpr std::uint32_t promiscuous = 4U << 2;
constexpr std::uint32_t checksum_not_ready = 1U << 9;
constexpr std::uint32_t checksum_valid = 1U << 10;
constexpr std::uint32_t segmentation_offloaded = 1U << 11;
} // namespace flag

/// TP_STATUS_GSO_TCP, which older headers do not have, nor do kernels before 6.2 set it.
constexpr std::uint32_t status_gso_tcp = 1U << 8;

/// What custom options begin with. xinet has no enterprise number; this one is for examples
/// (RFC 5612), and the name makes sure whose option it is.
struct CustomHeader {
    std::uint32_t enterprise = 32473;
    std::array<char, 6> name{'x', 'i', 'n', 'e', 't', 0};
    std::uint8_t kind; ///< as the control message that tells it
    std::uint8_t version = 1;
};
static_assert(sizeof(CustomHeader) == 12);

/// The kind of what is lost, by xinet_drop_reason, in a statistics block.
constexpr std::uint8_t kind_of_reasons = 255;

/// Described besides the first: whoever may make namespaces and devices can make any number. The
/// packets of later ones are of the first.
constexpr std::size_t most_interfaces = 65536;
constexpr std::size_t alignment = 4; // of blocks and options

/// One block, whose two length words are filled in at the end.
class BlockBuilder {
public:
    BlockBuilder& clear() {
        bytes_.clear();
        return *this;
    }

    BlockBuilder& start(Block type) {
        bytes_.clear();
        number(static_cast<std::uint32_t>(type));
        return number(std::uint32_t{0});
    }

    template<class Number>
    BlockBuilder& number(Number value) {
        const auto raw = std::as_bytes(std::span(&value, 1));
        bytes_.insert(bytes_.end(), raw.begin(), raw.end());
        return *this;
    }

    BlockBuilder& padded(std::span<const std::byte> data) {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
        return *this;
    }

    BlockBuilder& option(std::uint16_t code, std::span<const std::byte> value) {
        number(code).number(static_cast<std::uint16_t>(value.size()));
        return padded(value);
    }

    BlockBuilder& option(std::uint16_t code, std::string_view text) {
        return option(code, std::as_bytes(std::span(text)));
    }

    template<class Number>
    BlockBuilder& numeric_option(std::uint16_t code, Number value) {
        return option(code, std::as_bytes(std::span(&value, 1)));
    }

    /// Timestamps are two words, the high one first in either byte order.
    BlockBuilder& time_option(std::uint16_t code, Timestamp time) {
        number(code).number(std::uint16_t{2 * sizeof(std::uint32_t)});
        return timestamp(time);
    }

    BlockBuilder& timestamp(Timestamp time) {
        const auto ticks = static_cast<std::uint64_t>(time.time_since_epoch().count());
        number(static_cast<std::uint32_t>(ticks >> 32));
        return number(static_cast<std::uint32_t>(ticks));
    }

    /// Longer ones are cut: the length of an option has 16 bits.
    BlockBuilder& comment(std::string_view text) {
        constexpr std::size_t most = 0xffff;
        return text.empty() ? *this : option(option::comment, text.substr(0, most));
    }

    /// Nothing, if nothing was told.
    template<class Told>
    BlockBuilder& custom(std::uint8_t kind, std::span<const Told> told) {
        if (told.empty()) {
            return *this;
        }
        const CustomHeader header{.kind = kind};
        number(option::custom_binary);
        number(static_cast<std::uint16_t>(sizeof(header) + told.size_bytes()));
        number(header);
        return padded(std::as_bytes(told));
    }

    template<class Told>
    BlockBuilder& custom(std::uint8_t kind, const Told* told) {
        return custom(kind, std::span(told, told == nullptr ? 0 : 1));
    }

    std::span<const std::byte> bytes() const { return bytes_; }

    BlockBuilder& end_options() { return number(option::end).number(std::uint16_t{0}); }

    std::span<const std::byte> finish() {
        const auto length = static_cast<std::uint32_t>(bytes_.size() + sizeof(std::uint32_t));
        number(length);
        std::memcpy(&bytes_[sizeof(std::uint32_t)], &length, sizeof(length));
        return bytes_;
    }

private:
    std::vector<std::byte> bytes_;
};

/// What comes before the packet, padded, and after it in a block of its own.
struct PacketHeader {
    Block type = Block::enhanced_packet;
    std::uint32_t length;
    std::uint32_t interface_number = 0;
    std::uint32_t time_high;
    std::uint32_t time_low;
    std::uint32_t captured_length;
    std::uint32_t original_length;
};
static_assert(sizeof(PacketHeader) == 28);

/// The options of a packet that nothing more is known of.
struct FlagsOption {
    std::uint16_t code = option::packet_flags;
    std::uint16_t length = sizeof(std::uint32_t);
    std::uint32_t flags;
    std::uint16_t end_code = option::end;
    std::uint16_t end_length = 0;
};
static_assert(sizeof(FlagsOption) == 12);

/// None of a dropped packet: the kernel does not say where it was going.
std::uint32_t direction_flags(const CapturedPacket& packet) {
    if (packet.dropped != nullptr) {
        return 0;
    }
    switch (packet.packet_type) {
    case PACKET_OUTGOING:
        return flag::outbound;
    case PACKET_BROADCAST:
        return flag::inbound | flag::broadcast;
    case PACKET_MULTICAST:
        return flag::inbound | flag::multicast;
    case PACKET_OTHERHOST:
        return flag::inbound | flag::promiscuous;
    default:
        return flag::inbound | flag::unicast;
    }
}

std::uint32_t flags_of(const CapturedPacket& packet) {
    std::uint32_t flags = direction_flags(packet);
    if ((packet.status & TP_STATUS_CSUMNOTREADY) != 0) {
        flags |= flag::checksum_not_ready;
    }
    if ((packet.status & TP_STATUS_CSUM_VALID) != 0) {
        flags |= flag::checksum_valid;
    }
    if ((packet.status & status_gso_tcp) != 0) {
        flags |= flag::segmentation_offloaded;
    }
    return flags;
}

bool only_flags(const CapturedPacket& packet) {
    return packet.owner == nullptr && packet.dropped == nullptr && packet.netns == nullptr &&
           packet.original == nullptr && packet.point == nullptr && packet.queue == nullptr &&
           packet.comment.empty() && packet.process == 0;
}

std::string operating_system() {
    utsname name{};
    if (::uname(&name) != 0) {
        return "Linux";
    }
    return std::string(name.sysname) + " " + name.release;
}

class PcapngWriter final : public CaptureWriter {
public:
    PcapngWriter(OutputFile file, const CaptureDescription& description)
        : file_(std::move(file)), started_(now()) {
        file_.append(block_.start(Block::section_header)
                         .number(byte_order_magic)
                         .number(std::uint16_t{1}) // version 1.0
                         .number(std::uint16_t{0})
                         .number(section_length_unknown)
                         .option(option::section_os, operating_system())
                         .option(option::section_application, description.application)
                         .end_options()
                         .finish());
        describe_interface(description);
        description_ = description;
        file_.flush();
    }

    void write(const CapturedPacket& packet) override {
        const std::uint32_t number = packet.interface_name.empty() ? 0 : number_of(packet);
        const std::size_t padded = (packet.data.size() + alignment - 1) / alignment * alignment;
        const FlagsOption flags{.flags = flags_of(packet)};
        std::span<const std::byte> options = std::as_bytes(std::span(&flags, 1));
        if (!only_flags(packet)) {
            options = describe(packet, flags.flags);
        }
        const auto length = static_cast<std::uint32_t>(sizeof(PacketHeader) + padded +
                                                       options.size() + sizeof(std::uint32_t));
        std::byte* const at = file_.extend(length);
        std::byte* const data = at + sizeof(PacketHeader);
        const auto ticks = static_cast<std::uint64_t>(packet.timestamp.time_since_epoch().count());
        const PacketHeader header{.length = length,
                                  .interface_number = number,
                                  .time_high = static_cast<std::uint32_t>(ticks >> 32),
                                  .time_low = static_cast<std::uint32_t>(ticks),
                                  .captured_length = static_cast<std::uint32_t>(packet.data.size()),
                                  .original_length = packet.original_length};
        // The padding first, as part of a word that header or data then write over.
        std::memset(data + padded - alignment, 0, alignment);
        std::memcpy(at, &header, sizeof(header));
        std::memcpy(data + padded, options.data(), options.size());
        std::memcpy(data + padded + options.size(), &length, sizeof(length));
        // Last, for it is a call. Of pointers: GCC 12 copies spans byte by byte.
        std::copy_n(packet.data.data(), packet.data.size(), data);
    }

    bool describes_packets() const override { return true; }

    void flush() override { file_.flush(); }

    void finish(const CaptureStatistics& statistics) override {
        const Timestamp ended = now();
        file_.append(block_.start(Block::interface_statistics)
                         .number(std::uint32_t{0}) // all of the capture
                         .timestamp(ended)
                         .time_option(option::statistics_start, started_)
                         .time_option(option::statistics_end, ended)
                         .numeric_option(option::statistics_accepted, statistics.received)
                         .numeric_option(option::statistics_os_dropped, statistics.dropped)
                         .custom(kind_of_reasons, std::span(statistics.reasons))
                         .end_options()
                         .finish());
        file_.close();
    }

private:
    /// All that is known of it; valid until the next call.
    std::span<const std::byte> describe(const CapturedPacket& packet, std::uint32_t flags) {
        options_.clear().numeric_option(option::packet_flags, flags);
        if (packet.point != nullptr && packet.point->packet != 0) {
            options_.numeric_option(option::packet_number, packet.point->packet);
        }
        if (packet.queue != nullptr) {
            options_.numeric_option(option::packet_queue, packet.queue->queue);
        }
        if (packet.process != 0) {
            const std::array<std::uint32_t, 2> process_and_thread{packet.process, 0};
            options_.numeric_option(option::packet_process, process_and_thread);
        }
        return options_.comment(packet.comment)
            .custom(XINET_OWNER, packet.owner)
            .custom(XINET_DROPPED, packet.dropped)
            .custom(XINET_NETNS, packet.netns)
            .custom(XINET_ORIGINAL, packet.original)
            .custom(XINET_POINT, packet.point)
            .end_options()
            .bytes();
    }

    /// Of the interface that a packet names; describes it the first time.
    std::uint32_t number_of(const CapturedPacket& packet) {
        const std::tuple key{packet.netns == nullptr ? std::uint64_t{0}
                                                     : std::uint64_t{packet.netns->cookie},
                             packet.interface_index, packet.interface_name};
        const auto known = numbers_.find(key);
        if (known != numbers_.end()) {
            return known->second;
        }
        if (numbers_.size() == most_interfaces) {
            return 0;
        }
        description_.interface_name = packet.interface_name;
        describe_interface(description_);
        const auto number = static_cast<std::uint32_t>(numbers_.size() + 1);
        numbers_.emplace(key, number);
        return number;
    }

    void describe_interface(const CaptureDescription& description) {
        block_.start(Block::interface_description)
            .number(static_cast<std::uint16_t>(description.link_type))
            .number(std::uint16_t{0})
            .number(description.snapshot_length)
            .option(option::interface_name, description.interface_name)
            .numeric_option(option::interface_resolution, nanosecond_resolution);
        if (!description.filter.empty()) {
            std::vector<std::byte> value{filter_is_text};
            const auto text = std::as_bytes(std::span(description.filter));
            value.insert(value.end(), text.begin(), text.end());
            block_.option(option::interface_filter, value);
        }
        file_.append(block_.end_options().finish());
    }

    OutputFile file_;
    BlockBuilder block_;
    BlockBuilder options_; ///< of a packet
    CaptureDescription description_;
    /// By network namespace, index and name; 0 is the one of the description.
    std::map<std::tuple<std::uint64_t, unsigned, std::string>, std::uint32_t, std::less<>> numbers_;
    Timestamp started_;
};

} // namespace

std::unique_ptr<CaptureWriter> make_pcapng_writer(OutputFile file,
                                                  const CaptureDescription& description) {
    return std::make_unique<PcapngWriter>(std::move(file), description);
}

} // namespace xinet
