// SPDX-License-Identifier: GPL-2.0-or-later
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/ in host byte
// order, which the section header tells. One section. One interface, which is that
// of the statistics; with packets of all network namespaces one more for each device.
#include "xinet/capture_writer.h"

#include <linux/if_packet.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cstring>
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
constexpr std::uint16_t section_os = 3;
constexpr std::uint16_t section_application = 4;
constexpr std::uint16_t interface_name = 2;
constexpr std::uint16_t interface_resolution = 9;
constexpr std::uint16_t interface_filter = 11;
constexpr std::uint16_t packet_flags = 2;
constexpr std::uint16_t statistics_start = 2;
constexpr std::uint16_t statistics_end = 3;
constexpr std::uint16_t statistics_received = 4;
constexpr std::uint16_t statistics_os_dropped = 7;
} // namespace option

constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint64_t section_length_unknown = ~std::uint64_t{0};
constexpr std::uint8_t nanosecond_resolution = 9; // a negative power of ten
constexpr std::byte filter_is_text{0};
constexpr std::uint32_t outbound = 2; // direction, in bits 0 and 1 of the flags
/// Described of other network namespaces: whoever may make namespaces can make any number. The
/// packets of later ones are of the capture's own.
constexpr std::size_t most_interfaces = 65536;
constexpr std::size_t alignment = 4; // of blocks and options

/// One block, whose two length words are filled in at the end.
class BlockBuilder {
public:
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

/// The options of a packet that went out. One that came in has none: most do, and
/// what has no direction is taken to have come in.
struct OutgoingOptions {
    std::uint16_t flags_code = option::packet_flags;
    std::uint16_t flags_length = sizeof(std::uint32_t);
    std::uint32_t flags = outbound;
    std::uint16_t end_code = option::end;
    std::uint16_t end_length = 0;
};
static_assert(sizeof(OutgoingOptions) == 12);

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
        const std::uint32_t number = packet.netns == nullptr ? 0 : number_of(packet);
        const std::size_t padded = (packet.data.size() + alignment - 1) / alignment * alignment;
        const bool outgoing = packet.packet_type == PACKET_OUTGOING;
        const std::size_t options = outgoing ? sizeof(OutgoingOptions) : 0;
        const auto length = static_cast<std::uint32_t>(sizeof(PacketHeader) + padded + options +
                                                       sizeof(std::uint32_t));
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
        if (outgoing) {
            constexpr OutgoingOptions said;
            std::memcpy(data + padded, &said, sizeof(said));
        }
        std::memcpy(data + padded + options, &length, sizeof(length));
        // Last, for it is a call. Of pointers: GCC 12 copies spans byte by byte.
        std::copy_n(packet.data.data(), packet.data.size(), data);
    }

    bool names_interfaces() const override { return true; }

    void flush() override { file_.flush(); }

    void finish(const CaptureStatistics& statistics) override {
        const Timestamp ended = now();
        file_.append(block_.start(Block::interface_statistics)
                         .number(std::uint32_t{0}) // all of the capture
                         .timestamp(ended)
                         .time_option(option::statistics_start, started_)
                         .time_option(option::statistics_end, ended)
                         .numeric_option(option::statistics_received, statistics.received)
                         .numeric_option(option::statistics_os_dropped, statistics.dropped)
                         .end_options()
                         .finish());
        file_.flush();
    }

private:
    /// Of the interface of a packet that has a network namespace; describes it the first time.
    std::uint32_t number_of(const CapturedPacket& packet) {
        const std::tuple key{packet.netns->cookie, packet.interface_index,
                             std::string(packet.netns->device)};
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
    CaptureDescription description_;
    /// By network namespace, index and name; 0 is the one of the description.
    std::map<std::tuple<std::uint64_t, unsigned, std::string>, std::uint32_t> numbers_;
    Timestamp started_;
};

} // namespace

std::unique_ptr<CaptureWriter> make_pcapng_writer(OutputFile file,
                                                  const CaptureDescription& description) {
    return std::make_unique<PcapngWriter>(std::move(file), description);
}

} // namespace xinet
