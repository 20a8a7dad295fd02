// SPDX-License-Identifier: GPL-2.0-or-later
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/ in host byte order,
// which the magic number tells.
#include "xinet/capture_writer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace xinet {

namespace {

constexpr std::uint32_t nanosecond_magic = 0xa1b23c4d;

struct FileHeader {
    std::uint32_t magic = nanosecond_magic;
    std::uint16_t version_major = 2;
    std::uint16_t version_minor = 4;
    std::uint32_t reserved1 = 0;
    std::uint32_t reserved2 = 0;
    std::uint32_t snapshot_length;
    std::uint32_t link_type;
};
static_assert(sizeof(FileHeader) == 24);

struct RecordHeader {
    std::uint32_t seconds;
    std::uint32_t nanoseconds;
    std::uint32_t captured_length;
    std::uint32_t original_length;
};
static_assert(sizeof(RecordHeader) == 16);

template<class Header>
std::span<const std::byte> bytes_of(const Header& header) {
    return std::as_bytes(std::span(&header, 1));
}

class PcapWriter final : public CaptureWriter {
public:
    PcapWriter(OutputFile file, const CaptureDescription& description) : file_(std::move(file)) {
        file_.append(
            bytes_of(FileHeader{.snapshot_length = description.snapshot_length,
                                .link_type = static_cast<std::uint32_t>(description.link_type)}));
        file_.flush();
    }

    void write(const CapturedPacket& packet) override {
        const auto since_epoch = packet.timestamp.time_since_epoch();
        const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
        const RecordHeader header{.seconds = static_cast<std::uint32_t>(seconds.count()),
                                  .nanoseconds =
                                      static_cast<std::uint32_t>((since_epoch - seconds).count()),
                                  .captured_length = static_cast<std::uint32_t>(packet.data.size()),
                                  .original_length = packet.original_length};
        std::byte* const at = file_.extend(sizeof(header) + packet.data.size());
        std::memcpy(at, &header, sizeof(header));
        std::copy_n(packet.data.data(), packet.data.size(), at + sizeof(header));
    }

    void flush() override { file_.flush(); }
    void finish(const CaptureStatistics& /*statistics*/) override { file_.close(); }

private:
    OutputFile file_;
};

} // namespace

std::unique_ptr<CaptureWriter> make_pcap_writer(OutputFile file,
                                                const CaptureDescription& description) {
    return std::make_unique<PcapWriter>(std::move(file), description);
}

} // namespace xinet
